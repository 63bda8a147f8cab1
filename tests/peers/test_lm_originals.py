"""Our Levenberg-Marquardt takes the steps of the original lmdif, lmder and lmstr.

Rounding differs (sums in another order), so a problem on which rounding decides cannot be held to
equal counts. Whether it does is asked of the original alone: it runs again from a start moved by
1e-15, on residuals moved by one last bit, and on a Jacobian whose columns are moved by the backward
error of any stable QR factorization, and is `Family` of results then disagrees with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import originals
import originals_rows
import pytest
from problems import CASES, Case, problem

from fitcore.minpack import LevenbergMarquardt, StreamingLM

EPS = float(np.finfo(float).eps)
TOL = float(np.sqrt(EPS))
KINDS = ("lmdif", "lmder", "lmstr")
# Of 141 runs each; 100, 116 and 131 with gfortran 12 on x86-64. Elsewhere the original's own counts
# depend on its last bits, and which of those runs agree by luck depends on the machine.
LEAST_EQUAL = {"lmdif": 95, "lmder": 110, "lmstr": 125}
# How much farther than its few perturbed runs the original may go astray.
SLACK = 30.0

pytestmark = pytest.mark.usefixtures("_minpack")
Function = Callable[[np.ndarray], np.ndarray]


@pytest.fixture
def _minpack() -> None:
    originals.require()


@dataclass
class Family:
    """The original on one case, and on the same with perturbations of the size of rounding."""

    case: Case
    kind: str
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.result = self.run(self.case.start)
        self._more = self._perturbed()
        self._known: list[originals.Result] = []

    def run(
        self, start: np.ndarray, func: Function | None = None, jac: Function | None = None
    ) -> originals.Result:
        p = self.case.problem
        func, jac = func or p.residual, jac or p.jacobian
        options = {"ftol": TOL, "xtol": TOL, "gtol": 0.0, **self.options}
        if options.get("diag") is not None:
            options["mode"] = 2
        if self.kind == "lmdif":
            options = {"epsfcn": 0.0, "maxfev": 200 * (p.n + 1), **options}
            return originals.lmdif(func, start, p.m, **options)
        options = {"maxfev": 100 * (p.n + 1), **options}
        original = originals.lmder if self.kind == "lmder" else originals_rows.lmstr
        return original(func, jac, start, p.m, **options)

    def _perturbed(self) -> Iterator[originals.Result]:
        p, start = self.case.problem, self.case.start
        for func in originals.last_bit_changes(p.residual):
            yield self.run(start, func=func)
        if self.kind != "lmdif":
            for jac in originals.column_changes(p.jacobian):
                yield self.run(start, jac=jac)
        for point in originals.neighbours(start):
            yield self.run(point)

    def perturbed(self) -> Iterator[originals.Result]:
        """The perturbed runs, made as they are asked for and kept."""
        yield from self._known
        for result in self._more:
            self._known.append(result)
            yield result

    def rounding_decides(self) -> bool:
        """Whether the original's own counts change."""
        return any(result.counts != self.result.counts for result in self.perturbed())

    def drifts_as_far(self, distance: np.ndarray) -> bool:
        """Whether a path that far from the original's, point by point, is one more of the family.

        Either within 1e-6 of it everywhere, or nowhere farther than 30 times what the worst of
        the perturbed runs had reached by then.
        """
        reached = np.full(distance.size, 1e-6 / SLACK)
        if np.all(distance <= SLACK * reached):
            return True
        for result in self.perturbed():
            own = separation(result.points, self.result.points)
            k = min(own.size, reached.size)
            reached[:k] = np.maximum(reached[:k], own[:k])
            reached[k:] = max(reached[:k].max(), *reached[k:], 0.0)
            if np.all(distance <= SLACK * np.maximum.accumulate(reached)):
                return True
        return False

    def ends_as_low(self, value: float) -> bool:
        """Whether |f| at the end is the original's, or no farther from it than the family's."""
        mine, reached = abs(value - fnorm(self.result)), 1e-9 * fnorm(self.result) + 1e-15
        if mine <= reached:
            return True
        reached = max(abs(fnorm(r) - fnorm(self.result)) for r in self.perturbed())
        return mine <= SLACK * reached


def separation(path: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
    """Relative distance of two sequences of points over their common length, element by element.

    A point with an infinite component is at no distance from one with the same.
    """
    k = min(len(path), len(other))
    a, b = np.array(path[:k]), np.array(other[:k])
    with np.errstate(all="ignore"):
        scale = np.abs(b).max(axis=1, initial=1e-300)
        gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        return np.nan_to_num(gap.max(axis=1) / scale, nan=np.inf, posinf=np.inf)


@cache
def family(case_id: str, kind: str) -> Family:
    return Family(next(c for c in CASES if c.id == case_id), kind)


@dataclass
class Ours:
    solver: LevenbergMarquardt | StreamingLM
    points: list[np.ndarray]

    @property
    def counts(self) -> tuple[int, int]:
        return self.solver.info, self.solver.nfev


def ours(case: Case, kind: str, **options: Any) -> Ours:
    p, points = case.problem, []

    def func(x: np.ndarray) -> np.ndarray:
        points.append(x.copy())
        return p.residual(x)

    options = {"ftol": TOL, "xtol": TOL, **options}
    if kind == "lmstr":
        rowwise = StreamingLM(case.start, p.m, **options)
        rowwise.run(lambda x: [(p.residual(x), p.jacobian(x))], lambda x: [func(x)])
        return Ours(rowwise, points)
    jac = "2-point" if kind == "lmdif" else "analytic"
    solver = LevenbergMarquardt(case.start, jac=jac, **options)
    solver.run(func, jac=p.jacobian if kind == "lmder" else None)
    return Ours(solver, points)


@cache
def ours_by_default(case_id: str, kind: str) -> Ours:
    return ours(next(c for c in CASES if c.id == case_id), kind)


def fnorm(result: originals.Result) -> float:
    return originals.enorm(result.fvec)


every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@every_case
def test_info_and_nfev_are_the_originals_unless_rounding_decides_them(case: Case, kind: str):
    mine, original = ours_by_default(case.id, kind), family(case.id, kind)
    assert len(mine.points) == mine.solver.nfev
    if kind != "lmstr":
        np.testing.assert_array_equal(mine.solver.fvec, case.problem.residual(mine.solver.x))
    value = originals.enorm(case.problem.residual(mine.solver.x))
    assert mine.solver.fnorm == pytest.approx(value, rel=1e-14, abs=5e-324)
    if mine.counts != original.result.counts:
        assert original.rounding_decides(), (mine.counts, original.result.counts)


@each_kind
@every_case
def test_points_and_solution_are_the_originals_or_as_good(case: Case, kind: str):
    mine, original = ours_by_default(case.id, kind), family(case.id, kind)
    if mine.counts == original.result.counts:
        assert original.drifts_as_far(separation(mine.points, original.result.points))
        assert original.ends_as_low(mine.solver.fnorm)
        if kind != "lmdif" and mine.solver.njev != original.result.njev:
            assert any(r.njev != original.result.njev for r in original.perturbed())
        return
    results = [original.result, *original.perturbed()]
    start = originals.enorm(case.problem.residual(case.start))
    # to a relative 1e-6, and to zero where the original too reaches zero to working precision
    worst = max(fnorm(r) for r in results)
    assert mine.solver.fnorm <= worst * (1.0 + 1e-6) + EPS * min(1.0, start)
    if all(r.info in (1, 2, 3, 4, 8) for r in results):
        assert mine.solver.info in (1, 2, 3, 4, 8)


@each_kind
def test_counts_are_equal_in_nearly_all_runs(kind: str):
    equal, excepted = [], []
    for case in CASES:
        same = ours_by_default(case.id, kind).counts == family(case.id, kind).result.counts
        (equal if same else excepted).append(case.id)
    print(f"{kind}: {len(equal)} of {len(CASES)} equal; excepted: {', '.join(excepted)}")
    assert len(equal) >= LEAST_EQUAL[kind]


# Options -----------------------------------------------------------------------------------------

WELL_BEHAVED = (
    "rosenbrock", "helical-valley", "freudenstein-roth", "bard", "kowalik-osborne", "box-3d",
    "jennrich-sampson", "beale", "gaussian", "wood", "osborne-1", "boundary-value-10",
    "broyden-banded-10", "extended-rosenbrock-10",
)  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "diag of ones": {"diag": 1.0},
    "diag of many sizes": {"diag": 10.0},
    "factor 0.1": {"factor": 0.1},
    "factor 1": {"factor": 1.0},
    "factor 10 with diag": {"factor": 10.0, "diag": 0.5},
    "gtol 0.5": {"gtol": 0.5},
    "gtol 1e-4": {"gtol": 1e-4},
    "ftol 1e-3": {"ftol": 1e-3},
    "xtol 1e-2": {"xtol": 1e-2},
    "maxfev 1": {"maxfev": 1},
    "maxfev 12": {"maxfev": 12},
    "ftol and xtol 0": {"ftol": 0.0, "xtol": 0.0},
    "epsfcn 1e-10": {"epsfcn": 1e-10},
    "epsfcn 1e-4": {"epsfcn": 1e-4},
}


@pytest.mark.parametrize("name", WELL_BEHAVED)
@pytest.mark.parametrize(
    ("kind", "option"),
    [(k, o) for k in KINDS for o in OPTIONS if k == "lmdif" or "epsfcn" not in o],
)
def test_options_mean_what_they_mean_in_the_originals(name: str, kind: str, option: str):
    case = Case(problem(name), 1.0)
    options = dict(OPTIONS[option])
    if "diag" in options:
        options["diag"] = options["diag"] ** np.arange(case.problem.n)
    mine, original = ours(case, kind, **options), Family(case, kind, options)
    if mine.counts != original.result.counts:
        assert original.rounding_decides(), (mine.counts, original.result.counts)
        return
    assert original.drifts_as_far(separation(mine.points, original.result.points))
    assert original.ends_as_low(mine.solver.fnorm)


@each_kind
def test_options_leave_the_counts_equal_in_nearly_all_runs(kind: str):
    equal = total = 0
    for name in WELL_BEHAVED:
        for option, given in OPTIONS.items():
            if kind != "lmdif" and "epsfcn" in option:
                continue
            case, options = Case(problem(name), 1.0), dict(given)
            if "diag" in options:
                options["diag"] = options["diag"] ** np.arange(case.problem.n)
            total += 1
            equal += ours(case, kind, **options).counts == Family(case, kind, options).result.counts
    print(f"{kind} with options: {equal} of {total} equal")
    assert equal >= 0.9 * total


def test_every_info_of_minpack_is_reached_as_the_original_reaches_it():
    """Improper input is an exception here, so info 0 is not."""
    reached = {}
    for name in WELL_BEHAVED:
        for kind in KINDS:
            for options in (
                {"ftol": 1e-3}, {"xtol": 1e-2, "ftol": 0.0}, {"gtol": 0.5}, {"maxfev": 3},
                {"ftol": 0.0, "xtol": 0.0}, {"ftol": 1e-15, "xtol": 0.0}, {},
                {"ftol": 1e-6, "xtol": 1e-3},
            ):  # fmt: skip
                mine = ours(Case(problem(name), 1.0), kind, **options)
                original = Family(Case(problem(name), 1.0), kind, options)
                if mine.counts == original.result.counts:
                    reached[mine.solver.info] = name
    # powell-singular ends orthogonal to machine precision
    case = Case(problem("extended-powell-12"), 100.0)
    mine, original = ours(case, "lmder"), family(case.id, "lmder")
    if mine.solver.info == 8 and any(r.info == 8 for r in original.perturbed()):
        reached[8] = case.id
    assert set(range(1, 9)) <= set(reached), reached
