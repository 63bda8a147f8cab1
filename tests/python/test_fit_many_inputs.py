"""fit_many: what does not fit together is refused by name and axis."""

from typing import Any

import numpy as np
import pytest
from batch_models import X, line, peak, peak_params, peaks

from fitcore import Parameters, fit_many

Y, _ = peaks(6)


@pytest.mark.parametrize(
    ("kws", "words"),
    [
        ({"y": Y[0]}, r"y must have an axis of fits and one of points.*\(50,\).*y\[None, :\]"),
        ({"y": [[1.0, 2.0], [1.0]]}, "y must have data sets of the same number of points"),
        ({"x": X[:-1]}, "x has length 49 along its last axis, the points; y has 50"),
        ({"x": {"x": X[:-1]}}, r"x\['x'\] has length 49"),
        ({"x": np.ones((5, 50))}, "x has shape .*axis 0 has length 5, not 6"),
        ({"weights": np.ones(49)}, "weights has length 49 along its last axis"),
        ({"weights": np.ones((7, 50))}, "weights .*axis 0 has length 7, not 6"),
        ({"y": Y.reshape(2, 3, 50), "weights": np.ones((2, 4, 50))},
         "axis 1 has length 4, not 3"),
        ({"y": Y.reshape(2, 3, 50), "weights": np.ones((2, 1, 3, 50))}, "the axes of fits"),
        ({"mask": np.ones((6, 2), dtype=bool)}, "mask has length 2 along its last axis"),
        ({"starts": {"amp": np.ones(5)}}, r"starts\['amp'\] .*axis 0 has length 5, not 6"),
        ({"starts": {"height": 1.0}}, "starts: 'height' is no parameter"),
        ({"starts": "guess"}, "'guess' for a Model"),
        ({"nan_policy": "drop"}, "nan_policy must be one of 'raise', 'propagate', 'omit'"),
        ({"kind": "objective"}, "kind must be 'function' or 'residual'"),
        ({"workers": 0}, "workers must be a whole number of at least 1, got 0"),
        ({"chunk_size": 0}, "chunk_size must be a whole number of at least 1"),
        ({"method": "newton-magic"}, "newton-magic"),
        ({"resume": True}, "resume=True goes on with the file of `save`"),
        ({"y": iter([Y, Y[:, :-1]])}, "chunk 1 has 49 points along its last axis"),
        ({"y": iter([Y[0]])}, "chunk 0 must have an axis of fits"),
        ({"y": iter([Y, Y]), "weights": np.ones((9, 50))},
         "weights has length 9 along axis 0, the fits; y has at least 12"),
        ({"y": iter([Y, Y]), "weights": iter([Y, Y[:3]])},
         r"weights: the chunk for fits 6 to 11 has shape \(3, 50\); y has 6 fits"),
    ],
)  # fmt: skip
def test_what_does_not_match_is_named(kws: dict[str, Any], words: str) -> None:
    arguments = {"y": Y, "params": peak_params(), "x": X, "workers": 1, **kws}
    if "workers" in kws or "chunk_size" in kws:
        arguments.update(kws)
    with pytest.raises(ValueError, match=words):
        fit_many(peak, **arguments)


@pytest.mark.parametrize(
    ("kws", "words"),
    [
        ({"y": np.array([["a", "b"]])}, "y must hold numbers"),
        ({"y": [[None, 1.0]]}, "y must hold numbers"),
        ({"y": 3.0}, "y must have an axis of fits"),
        ({"model": 3}, "model must be a Model or a function, got 3"),
        ({"params": None}, "params must be given"),
        ({"executor": 4}, "executor must be a concurrent.futures.Executor or None"),
        ({"progress": "yes"}, "progress must be True or False"),
        ({"starts": 3.0}, "starts must be a dict of arrays"),
        ({"weights": iter([Y])}, "weights comes in chunks, but y does not"),
        ({"x": {1: X}}, "x: names of variables must be strings"),
        ({"fit_kws": 3}, "kws must be a dict"),
    ],
)
def test_what_has_the_wrong_type_is_named(kws: dict[str, Any], words: str) -> None:
    arguments = {"model": peak, "y": Y, "params": peak_params(), "x": X, "workers": 1, **kws}
    with pytest.raises((TypeError, ValueError), match=words):
        fit_many(**arguments)


def test_parameters_must_be_those_of_the_function() -> None:
    params = Parameters()
    params.add("slope", value=1.0)
    with pytest.raises(ValueError, match="params lacks what the model takes: offset"):
        fit_many(line, Y, params, X)
    with pytest.raises(ValueError, match="takes none of the parameters slope"):
        fit_many(lambda x, a=1, b=2: a * x + b, Y, params, X)
    params["slope"].vary = False
    with pytest.raises(ValueError, match="no parameter that varies"):
        fit_many(lambda x, slope: slope * x, Y, params, X)


def test_expressions_that_cannot_be_evaluated_are_refused_before_any_fit() -> None:
    params = peak_params()
    params.add("one", expr="two")
    params.add("two", expr="one")
    with pytest.raises(ValueError, match="circle"):
        fit_many(peak, Y, params, X)


def test_a_missing_package_names_its_extra(monkeypatch: Any) -> None:
    import sys

    result = fit_many(peak, Y, peak_params(), X, workers=1)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"fitcore\[pandas\]"):
        result.to_dataframe()
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"fitcore\[progress\]"):
        fit_many(peak, Y, peak_params(), X, progress=True)


def test_the_number_of_a_fit_is_checked() -> None:
    result = fit_many(peak, Y.reshape(2, 3, 50), peak_params(), X, workers=1)
    assert result.params(-1) == result.params((1, 2))
    wrong: list[Any] = [6, (2, 0), (0,), "a", 1.5]
    for index in wrong:
        with pytest.raises(IndexError, match="below 6"):
            result.params(index)
    with pytest.raises(KeyError, match="'height' is none of amp"):
        result["height"]
    with pytest.raises(ValueError, match="what must be"):
        result.map("amp", "value")
