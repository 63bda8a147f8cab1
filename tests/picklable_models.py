"""Models whose functions worker processes can import."""

import numpy as np

from fitcore import Model


def peak(x, amp, cen=0.0, wid=1.0):
    return amp * np.exp(-((x - cen) ** 2) / wid)


def line(x, a, b):
    return a * x + b


def fit_peak(scale):
    """A fit as a worker does it."""
    x = np.linspace(-3, 3, 31)
    return Model(peak).fit(scale * peak(x, 2.0, 0.5, 1.5), x=x, amp=1)
