"""Catalogue of the test problems of Moré, Garbow and Hillstrom.

J. J. Moré, B. S. Garbow, K. E. Hillstrom, Testing unconstrained optimization software,
ACM Transactions on Mathematical Software 7(1), 1981, pp. 17-41. All 35 problems, which are all
sums of squares, in the dimensions that MINPACK's test programs use, or small ones for the rest.
"""

from __future__ import annotations

from . import curves, discretized, linear, small, variable
from .problem import FACTORS, Case, Problem

PROBLEMS: tuple[Problem, ...] = (
    # In the order of MINPACK's test programs for lmdif and lmder: 28 problems, 53 runs.
    linear.full_rank(5, 10),
    linear.full_rank(5, 50),
    linear.rank_1(5, 10),
    linear.rank_1(5, 50),
    linear.rank_1_with_zeros(5, 10),
    linear.rank_1_with_zeros(5, 50),
    small.rosenbrock(),
    small.helical_valley(),
    small.powell_singular(),
    small.freudenstein_roth(),
    curves.bard(),
    curves.kowalik_osborne(),
    curves.meyer(),
    variable.watson(6, minpack_starts=3),
    variable.watson(9, minpack_starts=3),
    variable.watson(12, minpack_starts=3),
    curves.box_3d(),
    curves.jennrich_sampson(),
    curves.brown_dennis(),
    variable.chebyquad(1, 8, minpack_starts=3),
    variable.chebyquad(8, minpack_starts=1),
    variable.chebyquad(9, minpack_starts=1),
    variable.chebyquad(10, minpack_starts=1),
    variable.brown_almost_linear(10, minpack_starts=3),
    variable.brown_almost_linear(30, minpack_starts=1),
    variable.brown_almost_linear(40, minpack_starts=1),
    curves.osborne_1(),
    curves.osborne_2(),
    # The paper's other problems.
    small.powell_badly_scaled(),
    small.brown_badly_scaled(),
    small.beale(),
    curves.gaussian(),
    curves.gulf(),
    small.wood(),
    curves.biggs_exp6(),
    variable.extended_rosenbrock(10),
    variable.extended_powell(12),
    variable.penalty_1(4),
    variable.penalty_1(10),
    variable.penalty_2(4),
    variable.penalty_2(10),
    variable.variably_dimensioned(10),
    variable.trigonometric(10),
    discretized.boundary_value(10),
    discretized.integral_equation(10),
    discretized.broyden_tridiagonal(10),
    discretized.broyden_banded(10),
)

CASES: tuple[Case, ...] = tuple(Case(p, factor) for p in PROBLEMS for factor in FACTORS)
"""Every problem from x0, 10 x0 and 100 x0."""

MINPACK_CASES: tuple[Case, ...] = tuple(case for case in CASES if case.in_minpack)
"""The runs of MINPACK's own test programs for lmdif and lmder."""

SYSTEMS: tuple[Problem, ...] = tuple(p for p in PROBLEMS if p.system)
"""The paper's 14 nonlinear systems, some in several dimensions."""


def problem(name: str) -> Problem:
    """The problem of that name; ValueError that lists the names if there is none."""
    for candidate in PROBLEMS:
        if candidate.name == name:
            return candidate
    raise ValueError(f"name is {name!r}; known: {', '.join(p.name for p in PROBLEMS)}")
