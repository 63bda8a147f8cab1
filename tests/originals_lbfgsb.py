"""The original L-BFGS-B 3.0 with a record of its points: what the tests hold the core against.

`fitcore.originals.Setulb` calls it. C. Zhu, R. H. Byrd, P. Lu, J. Nocedal, Algorithm 778, ACM
Transactions on Mathematical Software 23(4), 1997, pp. 550-560, documents the interface, and
J. L. Morales, J. Nocedal, same journal 38(1), 2011, article 7, version 3.0.

Of the saved arrays these entries are used, numbered from 1 as in that documentation:

=========== ========================================================================
isave(26)   BFGS updates skipped, all told
isave(30)   iterations; an abnormal end counts the iteration it gave up
isave(31)   BFGS updates since the last restart
isave(34)   evaluations of f and g; an abnormal end may leave the last one uncounted
isave(36)   evaluations in the current iteration
isave(38)   free variables at the last generalized Cauchy point
isave(39)   active constraints at the last generalized Cauchy point
dsave(1)    theta, the scale of the initial matrix
dsave(13)   infinity norm of the projected gradient
lsave(1)    whether the start was outside the bounds, and was projected
=========== ========================================================================
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import originals
from numpy.typing import ArrayLike, NDArray
from originals import require

with contextlib.suppress(ImportError):  # require() tells of it
    from fitcore.originals import Dcsrch, Setulb

__all__ = ["require"]

Array = NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]
"""x (n,) -> f, and its gradient (n,)."""
Counts = tuple[Any, ...]
Run = Callable[[Objective, Array], Counts]


@dataclass
class Restart:
    """The memory of the approximation was thrown away, to go on along the steepest descent."""

    nit: int
    """Iterations completed before."""
    cause: str
    """``"line search"`` that failed after evaluations; ``"direction"`` that was not found, because
    a factorization failed, or does not descend: then the original prints a line, at any iprint."""


@dataclass
class Result:
    """What setulb left in its arguments, and what it asked for on the way."""

    x: Array
    f: float
    g: Array
    task: str
    """Message: ``"CONVERGENCE: ..."``, ``"ABNORMAL_TERMINATION_IN_LNSRCH"``, ``"ERROR: ..."``,
    ``"WARNING: ..."``, or this driver's ``"STOP: ..."``."""
    nit: int
    """Iterations completed, each of which returned a new iterate."""
    points: list[Array] = field(repr=False)
    """Every x at which f and g were asked for, in order."""
    f_values: list[float] = field(repr=False)
    """f at ``points``."""
    iterates: list[Array] = field(repr=False)
    """The x of each completed iteration; the start is ``points[0]``."""
    restarts: list[Restart]
    isave: NDArray[np.int32] = field(repr=False)
    """(44,), indices from 0."""
    dsave: Array = field(repr=False)
    """(29,), indices from 0."""
    lsave: NDArray[np.int32] = field(repr=False)
    """(4,), indices from 0."""

    @property
    def nfev(self) -> int:
        """Evaluations asked for."""
        return len(self.points)

    @property
    def nfev_without_repeats(self) -> int:
        """Evaluations, but for those at the very point before them: what SciPy counts.

        A failing line search shrinks its step until x stays the same to the last bit.
        """
        pairs = zip(self.points, self.points[1:], strict=False)
        return self.nfev - sum(np.array_equal(a, b) for a, b in pairs)

    @property
    def nskip(self) -> int:
        """Updates skipped because the curvature along the step was not positive."""
        return int(self.isave[25])

    @property
    def nact(self) -> int:
        """Active constraints at the last generalized Cauchy point."""
        return int(self.isave[38])

    @property
    def projected_gradient(self) -> float:
        """Infinity norm of the last projected gradient."""
        return float(self.dsave[12])

    @property
    def projected(self) -> bool:
        """Whether the start was outside the bounds."""
        return bool(self.lsave[0])

    @property
    def abnormal(self) -> bool:
        """Whether the line search failed along the steepest descent too."""
        return self.task.startswith("ABNORMAL")

    @property
    def counts(self) -> tuple[int, int, str]:
        """(nit, nfev, task), what a port must reproduce."""
        return self.nit, self.nfev, self.task


def lbfgsb(
    fun: Objective,
    x0: ArrayLike,
    l: ArrayLike | None = None,  # noqa: E741  the paper's name
    u: ArrayLike | None = None,
    m: int = 10,
    factr: float = 1e7,
    pgtol: float = 1e-5,
    maxfun: int = 15000,
    maxiter: int = 15000,
) -> Result:
    """Original L-BFGS-B 3.0, silent.

    Parameters
    ----------
    fun : callable
        x (n,) -> f, gradient (n,). What it raises leaves this function unchanged.
    x0 : array_like, shape (n,)
        Start; the original projects it onto the bounds.
    l, u : array_like, shape (n,), optional
        Bounds; -inf and inf stand for none. A scalar holds for every variable.
    m, factr, pgtol
        As in Algorithm 778.
    maxfun, maxiter : int
        The original leaves limits to its caller. As SciPy does, they are looked at after each
        iteration: the run ends when nit >= maxiter, or else nfev > maxfun. So a line search
        is always finished.
    """
    x = np.array(x0, dtype=np.float64, ndmin=1)
    n = x.size
    lower = np.full(n, -np.inf) if l is None else np.array(np.broadcast_to(l, n), dtype=np.float64)
    upper = np.full(n, np.inf) if u is None else np.array(np.broadcast_to(u, n), dtype=np.float64)
    below, above = np.isfinite(lower), np.isfinite(upper)
    # 0 none, 1 lower, 2 both, 3 upper: indexed by whether there is a lower and an upper bound.
    nbd = np.array([[0, 3], [1, 2]], dtype=np.int32)[below.astype(int), above.astype(int)]
    lower[~below] = upper[~above] = 0.0
    setulb = Setulb(x, lower, upper, nbd, m, factr, pgtol)

    points: list[Array] = []
    f_values: list[float] = []
    iterates: list[Array] = []
    restarts: list[Restart] = []
    new_iterate = False
    while True:
        updates = setulb.isave[30]
        message = setulb.step()
        if setulb.isave[30] < updates:
            # The original tells no one. A direction is sought when an iteration begins; a line
            # search fails between two evaluations of one iteration.
            cause = "direction" if new_iterate else "line search"
            restarts.append(Restart(len(iterates), cause))
        new_iterate = message.startswith("NEW_X")
        if message.startswith("FG"):
            points.append(setulb.x.copy())
            value, gradient = fun(setulb.x.copy())
            gradient = np.asarray(gradient, dtype=np.float64)
            if gradient.shape != (n,):
                raise ValueError(f"fun returned a gradient of shape {gradient.shape}, not ({n},)")
            setulb.f = float(value)
            f_values.append(setulb.f)
            setulb.g[:] = gradient
        elif new_iterate:
            iterates.append(setulb.x.copy())
            if len(iterates) >= maxiter:
                message = "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"
                break
            if len(points) > maxfun:
                message = "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT"
                break
        else:
            break
    return Result(
        setulb.x, setulb.f, setulb.g, message, len(iterates), points, f_values, iterates, restarts,
        setulb.isave, setulb.dsave, setulb.lsave,
    )  # fmt: skip


@dataclass
class LineSearch:
    """What dcsrch left in its arguments, and what it asked for on the way."""

    stp: float
    f: float
    g: float
    task: str
    """``"CONVERGENCE"``, ``"WARNING: ..."``, ``"ERROR: ..."``, or ``"FG"`` if `maxfun` ended it."""
    steps: list[float]
    """Every step at which f and g were asked for, in order; the start at 0 is not among them."""


def dcsrch(
    phi: Callable[[float], tuple[float, float]],
    stp: float,
    ftol: float = 1e-3,
    gtol: float = 0.9,
    xtol: float = 0.1,
    stpmin: float = 0.0,
    stpmax: float = 1e10,
    maxfun: int = 100,
) -> LineSearch:
    """Original Moré-Thuente line search, from the first step ``stp``.

    ``phi``: step -> value, slope along the line. The default tolerances are those L-BFGS-B uses.
    J. J. Moré, D. J. Thuente, Line search algorithms with guaranteed sufficient decrease,
    ACM Transactions on Mathematical Software 20(3), 1994, pp. 286-307.
    """
    value, slope = phi(0.0)
    search = Dcsrch(value, slope, stp, ftol, gtol, xtol, stpmin, stpmax)
    steps: list[float] = []
    while True:
        message = search.step()
        if not message.startswith("FG") or len(steps) >= maxfun:
            return LineSearch(search.stp, search.f, search.g, message, steps)
        steps.append(search.stp)
        search.f, search.g = phi(search.stp)


def last_bit_changes(fun: Objective, trials: int = 4) -> Iterator[Objective]:
    """Functions that return ``fun``'s f and g, each nonzero number of them moved by one last bit.

    Up or down is drawn from a generator seeded with the trial and the bits of x, so each function
    is deterministic.
    """

    def moved(value: Any, generator: np.random.Generator) -> Any:
        value = np.asarray(value, dtype=np.float64)
        up = generator.integers(0, 2, value.shape, dtype=bool)
        with np.errstate(all="ignore"):
            change = np.nextafter(value, np.where(up, np.inf, -np.inf))
        return np.where(value == 0.0, value, change)

    for trial in range(trials):

        def changed(x: Array, trial: int = trial) -> tuple[float, Array]:
            f, g = fun(x)
            seed = int(np.bitwise_xor.reduce(np.ascontiguousarray(x).view(np.uint64)))
            generator = np.random.default_rng([trial, seed])
            return float(moved(f, generator)), moved(g, generator)

        yield changed


def nearby(
    fun: Objective, start: ArrayLike, last_bits: bool = True
) -> Iterator[tuple[Objective, Array]]:
    """``fun`` with each of the start's `originals.neighbours`; then each of `last_bit_changes`.

    The start should be within the bounds: of one outside, the neighbours are projected to the same
    point.
    """
    x0 = np.array(start, dtype=np.float64, ndmin=1)
    for point in originals.neighbours(x0):
        yield fun, point
    if last_bits:
        for changed in last_bit_changes(fun):
            yield changed, x0


def sensitive(fun: Objective, start: ArrayLike, run: Run, last_bits: bool = True) -> bool:
    """Whether rounding decides what ``run`` returns, e.g. the original's (nit, nfev).

    It does if a relative move of the start by 1e-15 changes it, or, with ``last_bits``, a move of
    f and g by one last bit, which starts at zero need. Then no other implementation can be
    expected to reproduce the original's.
    """
    first = run(fun, np.array(start, dtype=np.float64, ndmin=1))
    return any(run(*changed) != first for changed in nearby(fun, start, last_bits))


def distances(a: Sequence[Array], b: Sequence[Array]) -> Array:
    """For each k both have, the largest |a_k - b_k| in units of max(1, |b_k|)."""
    return np.array(
        [
            np.max(np.abs(p - q) / np.maximum(1.0, np.abs(q)), initial=0.0)
            for p, q in zip(a, b, strict=False)
        ]
    )


@dataclass
class Family:
    """The original's run, and how far rounding takes it from itself."""

    result: Result
    counts: list[tuple[int, int, str]]
    """Of the run first, then of those from `nearby` starts and with last bits changed."""
    deviation: Array
    """(nfev,): up to evaluation k, the largest of the `distances` of the others' points."""

    @property
    def sensitive(self) -> bool:
        """Whether rounding decides nit or nfev."""
        return len({counts[:2] for counts in self.counts}) > 1

    @property
    def points_sensitive(self) -> bool:
        """Whether rounding moves some evaluated point by more than 1e-9."""
        return bool(self.deviation.max(initial=0.0) > 1e-9)


def family(
    fun: Objective,
    x0: ArrayLike,
    l: ArrayLike | None = None,  # noqa: E741
    u: ArrayLike | None = None,
    **options: Any,
) -> Family:
    """`lbfgsb` with these arguments, and what rounding makes of it: 12 more runs."""
    result = lbfgsb(fun, x0, l, u, **options)
    counts, deviation = [result.counts], np.zeros(result.nfev)
    low, high = (-np.inf if l is None else l), (np.inf if u is None else u)
    for changed, start in nearby(fun, np.clip(np.asarray(x0, dtype=np.float64), low, high)):
        other = lbfgsb(changed, start, l, u, **options)
        counts.append(other.counts)
        apart = distances(other.points, result.points)
        deviation[: apart.size] = np.maximum(deviation[: apart.size], apart)
    return Family(result, counts, np.maximum.accumulate(deviation))
