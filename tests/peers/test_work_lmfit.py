"""How much Python runs in a fit, beside lmfit: calls of functions, which no machine changes."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from originals import require_peer

import fitcore

lmfit = require_peer("lmfit")

X = np.linspace(0, 10, 101)
DATA = 5 * np.exp(-X / 3) + 0.5 + 0.02 * np.cos(40 * X)


def model(p: Any) -> Any:
    return p["a"].value * np.exp(-X / p["t"].value) + p["c"].value - DATA


def start(library: Any) -> Any:
    return library.create_params(a={"value": 3, "min": 0}, t={"value": 1, "min": 0.1}, c=0.0)


def calls(run: Callable[[], Any]) -> int:
    """Number of calls of functions while it runs."""
    count = 0

    def each(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(each)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def test_a_fit_makes_a_fourth_of_lmfits_calls_for_each_evaluation() -> None:
    spent = []
    for library in (fitcore, lmfit):
        params = start(library)
        nfev = library.minimize(model, params.copy()).nfev
        spent.append(calls(lambda a=library, p=params: a.minimize(model, p)) / nfev)
    assert spent[0] < spent[1] / 4


def test_parameters_are_made_with_a_fifth_and_copied_with_a_hundredth_of_lmfits_calls() -> None:
    made = [calls(lambda a=a: start(a)) for a in (fitcore, lmfit)]
    copied = [calls(start(a).copy) for a in (fitcore, lmfit)]
    assert made[0] < made[1] / 5
    assert copied[0] < copied[1] / 100


def test_intervals_make_an_eighth_of_lmfits_calls() -> None:
    mini = lmfit.Minimizer(model, start(lmfit))
    theirs = mini.leastsq()
    ours = fitcore.minimize(model, start(fitcore))
    spent = [
        calls(lambda: fitcore.conf_interval(ours)),
        calls(lambda: lmfit.conf_interval(mini, theirs)),
    ]
    assert spent[0] < spent[1] / 8
