"""The line shapes of the core against their formulas, with mpmath."""

import numpy as np
import pytest
from lineshape_formulas import cases, draw, exact, mp, points

from fitcore import lineshapes

CASES = cases()
IDS = [name + "".join("-" + v for v in form.values()) for name, form in CASES]
every_shape = pytest.mark.parametrize(("name", "form"), CASES, ids=IDS)


@every_shape
def test_a_shape_is_its_formula_to_1e_13_of_what_its_argument_conditions(name, form):
    rng = np.random.default_rng(2)
    for _ in range(12):
        params = draw(name, rng)
        variables = points(name, rng, 4)
        got = getattr(lineshapes, name)(**variables, **params, **form)
        for i, value in enumerate(got):
            at = {k: float(v[i]) for k, v in variables.items()}
            wanted = exact(name, at, params, form)
            # what a change of each argument by half a unit in its last place does
            moves = 0.0
            for key in (*at, *params):
                given = {**at, **params}
                given[key] = float(np.nextafter(given[key], np.inf))
                moved = exact(name, {k: given[k] for k in at}, {k: given[k] for k in params}, form)
                moves += float(abs(moved - wanted))
            assert abs(float(mp.mpf(float(value)) - wanted)) <= (
                1e-13 * abs(float(wanted)) + 4 * moves
            ), (at, params)
