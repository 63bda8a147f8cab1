"""Drop-in functions for those of :mod:`scipy.optimize` that began as MINPACK-1 and L-BFGS-B.

Same names, arguments, defaults and returns; numpy is all they need.
"""

from fitcore.optimize._leastsq import leastsq

__all__ = ["leastsq"]
