"""The line shapes beside lmfit's."""

import inspect

import numpy as np
import pytest
from lineshape_formulas import cases, draw, points
from originals import require_peer

from fitcore import lineshapes

theirs = require_peer("lmfit").lineshapes

CASES = cases()


def test_names_arguments_defaults_and_constants_are_lmfits():
    assert lineshapes.functions == theirs.functions
    for name in (*theirs.functions, "not_zero"):
        ours = inspect.signature(getattr(lineshapes, name)).parameters.values()
        wanted = inspect.signature(getattr(theirs, name)).parameters.values()
        assert [(p.name, p.default, p.kind) for p in ours] == [
            (p.name, p.default, p.kind) for p in wanted
        ]
    for name in ("tiny", "s2pi", "s2", "log2"):
        assert getattr(lineshapes, name) == getattr(theirs, name)
    for value in (0, 0.0, -0.0, 1e-20, -1e-20, 5, -5.0):
        assert repr(lineshapes.not_zero(value)) == repr(theirs.not_zero(value))


@pytest.mark.parametrize(("name", "form"), CASES)
def test_values_are_lmfits_where_its_own_formula_keeps_its_digits(name, form):
    rng = np.random.default_rng(5)
    for _ in range(40):
        params = draw(name, rng)
        variables = points(name, rng, 20)
        with np.errstate(all="ignore"):
            wanted = getattr(theirs, name)(
                **{k: v.copy() for k, v in variables.items()}, **params, **form
            )
        got = getattr(lineshapes, name)(**variables, **params, **form)
        assert np.isfinite(got).all()
        # lmfit overflows in the tails of expgaussian, and of the gamma function
        fine = np.isfinite(wanted)
        scale = np.max(np.abs(wanted[fine]), initial=0.0)
        if name == "rectangle":  # lmfit takes a difference of numbers of this size
            scale = max(scale, abs(params["amplitude"]))
        np.testing.assert_allclose(got[fine], wanted[fine], rtol=1e-11, atol=1e-13 * scale)


@pytest.mark.parametrize(("name", "form"), CASES)
@pytest.mark.parametrize("value", [0.0, -1.5, 1e-18, -1e-18])
def test_widths_that_are_zero_or_negative_do_what_they_do_in_lmfit(name, form, value):
    if name == "students_t":
        pytest.skip("allowed: lmfit divides by 0 there; ours goes on as from tiny")
    x = np.array([0.05, 0.3, 1.0, 2.5, 7.0])
    widths = [
        p
        for p in inspect.signature(getattr(theirs, name)).parameters
        if p.startswith("sigma") or p in ("kt", "decay", "beta", "gamma")
    ]
    for p in widths:
        given = {p: value}
        if name in ("voigt", "skewed_voigt") and p == "sigma":
            given["gamma"] = 0.7
        with np.errstate(all="ignore"):
            wanted = getattr(theirs, name)(x=x.copy(), **given, **form)
        got = getattr(lineshapes, name)(x=x, **given, **form)
        fine = np.isfinite(wanted)
        np.testing.assert_allclose(
            got[fine],
            wanted[fine],
            rtol=1e-10,
            atol=1e-15 * min(1.0, abs(wanted[fine]).max(initial=0)),
        )
