"""Derivatives of the line shapes of the core by their parameters."""

import numpy as np
import pytest
from lineshape_formulas import cases, draw, exact, exact_slope, points

from fitcore import lineshapes
from fitcore._compiled_model import shape_of
from fitcore._lineshapes import derivatives

CASES = cases()
IDS = [name + "".join("-" + v for v in form.values()) for name, form in CASES]
every_shape = pytest.mark.parametrize(("name", "form"), CASES, ids=IDS)


def slopes(name, form, params, variables):
    core, number, roots = shape_of(getattr(lineshapes, name), form)
    values, found = derivatives(
        core, number, variables["x"], tuple(params[r] for r in roots), variables.get("y")
    )
    return roots, values, found


@every_shape
def test_derivatives_by_all_parameters_are_those_of_the_formula(name, form):
    rng = np.random.default_rng(8)
    for _ in range(6):
        params, variables = draw(name, rng), points(name, rng, 3)
        if form == {"form": "maxwell"}:
            # where the denominator is near `tiny` its guard counts
            variables["x"] = params["center"] + params["kt"] * rng.uniform(-3, 8, 3)
        roots, values, found = slopes(name, form, params, variables)
        np.testing.assert_allclose(
            values, getattr(lineshapes, name)(**variables, **params, **form), rtol=1e-14
        )
        for i in range(3):
            at = {k: float(v[i]) for k, v in variables.items()}
            value = abs(float(exact(name, at, params, form)))
            for j, by in enumerate(roots):
                wanted = float(exact_slope(name, at, params, form, by))
                # what is small as the difference of larger terms keeps the digits of these
                scale = abs(wanted) + 1e-3 * value / max(abs(params[by]), 1e-3)
                assert found[j, i] == pytest.approx(wanted, rel=0, abs=5e-13 * scale + 1e-300), (
                    by, at, params,
                )  # fmt: skip


@every_shape
def test_derivatives_are_finite_where_widths_are_zero_and_zero_where_they_are_held(name, form):
    rng = np.random.default_rng(9)
    widths = ("sigma", "sigma_r", "sigmax", "sigmay", "sigma1", "sigma2", "kt", "decay")
    variables = {k: abs(v) + 0.01 for k, v in points(name, rng, 20).items()}
    for width in widths:
        params = draw(name, rng)
        if width in params and (name, width) not in {
            ("expsine", "decay"),
            ("breit_wigner", "sigma"),
        }:
            params[width] = 0.0
            roots, _, found = slopes(name, form, params, variables)
            held = found[roots.index(width)]
            # the damping of an oscillator is not held, and 0 is a value like others
            if name not in ("damped_oscillator", "dho", "exponential") and width != "kt":
                assert not held.any(), width
            if name not in ("exponential", "thermal_distribution"):
                assert np.isfinite(found).all(), width


@every_shape
def test_a_derivative_has_the_same_bits_in_an_array_of_any_length(name, form):
    rng = np.random.default_rng(10)
    params, variables = draw(name, rng), points(name, rng, 100)
    _, values, whole = slopes(name, form, params, variables)
    for n in (1, 31, 32, 33, 64):
        part = {k: v[:n] for k, v in variables.items()}
        _, short, found = slopes(name, form, params, part)
        np.testing.assert_array_equal(found, whole[:, :n])
        np.testing.assert_array_equal(short, values[:n])
