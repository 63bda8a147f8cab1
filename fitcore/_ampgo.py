"""AMPGO for plain functions, as scripts call lmfit's module of this name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore import _tunnels
from fitcore._arguments import read_whole
from fitcore._tunnels import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["ampgo", "tunnel"]

Bounds = Sequence[tuple[float | None, float | None]]


class _LimitReached(Exception):
    """No more evaluations are allowed."""


class _Plain:
    """A function of an array with its start and bounds; gradients are the local method's."""

    gradient: _tunnels.Gradient | None = None
    value_there = math.nan

    def __init__(
        self,
        function: Callable[..., Any],
        x0: FloatArray,
        args: tuple[Any, ...],
        box: FloatArray,
        limit: float,
    ) -> None:
        self.function, self.args, self.limit = function, args, limit
        self.lower, self.upper = box[:, 0], box[:, 1]
        self.x0 = np.clip(x0, self.lower, self.upper)
        self.calls = 0
        self.best: tuple[FloatArray, float] = self.x0, math.inf

    def __call__(self, x: FloatArray) -> float:
        if self.calls >= self.limit:
            raise _LimitReached
        self.calls += 1
        value = float(self.function(np.array(x), *self.args))
        value = math.inf if math.isnan(value) else value
        if value < self.best[1]:
            self.best = np.array(x), value
        return value


def ampgo(
    objfun: Callable[..., Any],
    x0: Any,
    args: Iterable[Any] = (),
    local: str = Settings.local,
    local_opts: dict[str, Any] | None = None,
    bounds: Bounds | None = None,
    maxfunevals: int | None = None,
    totaliter: int = Settings.totaliter,
    maxiter: int = Settings.maxiter,
    glbtol: float = Settings.glbtol,
    eps1: float = Settings.eps1,
    eps2: float = Settings.eps2,
    tabulistsize: int = Settings.tabulistsize,
    tabustrategy: str = Settings.tabustrategy,
    disp: bool = False,
    *,
    seed: Any = None,
) -> tuple[FloatArray, float, int, str, tuple[int, int]]:
    """Look for the global minimum of a function by adaptive memory programming.

    :meth:`fitcore.Minimizer.ampgo` does so for an objective of Parameters. See there for the
    method, its source, and the settings that are not told below.

    Parameters
    ----------
    objfun : callable
        ``objfun(x, *args)`` returns a number; `x` is an array of shape (n,). NaN counts as
        infinity.
    x0 : array_like, shape (n,)
        Where to start.
    args : iterable, optional
        Further arguments of `objfun`.
    bounds : sequence of (min, max), optional
        For each variable; None is no bound.
    maxfunevals : int, optional
        Limit on evaluations; default none.
    disp : bool, default False
        Whether to print how the search ended.
    local, local_opts, totaliter, maxiter, glbtol, eps1, eps2, tabulistsize, tabustrategy, seed
        Settings of the search.

    Returns
    -------
    x : ndarray, shape (n,)
        The lowest point.
    value : float
        The function there.
    evaluations : int
    message : str
    tunnels : tuple of int
        Number of tunnels that were looked for, and of those that led lower.

    Raises
    ------
    ValueError
        For bounds of another number than `x0` has, or out of order; for an unknown `local` or
        `tabustrategy`.
    Exception
        Whatever `objfun` raises.

    Examples
    --------
    >>> from fitcore._ampgo import ampgo
    >>> def well(x):
    ...     return (x[0] ** 2 - 4) ** 2 + x[0]
    >>> x, value, *_ = ampgo(well, [1.5], bounds=[(-4, 4)], seed=1)
    >>> round(float(x[0]), 3)
    -2.031
    """
    if not callable(objfun):
        raise TypeError(f"objfun must be callable, got {objfun!r:.80}")
    start = np.atleast_1d(np.array(x0, dtype=np.float64))
    if start.ndim != 1 or not start.size or not np.isfinite(start).all():
        raise ValueError(f"x0 must be a sequence of finite numbers, got {x0!r:.80}")
    if maxfunevals is not None and maxfunevals != math.inf:
        read_whole(maxfunevals, "maxfunevals", 1)
    limit = math.inf if maxfunevals is None else float(maxfunevals)
    settings = Settings(
        local, local_opts, totaliter, maxiter, glbtol, eps1, eps2, tabulistsize, tabustrategy, seed
    )
    search = _Plain(objfun, start, tuple(args), _box(start, bounds), limit)
    try:
        found = _tunnels.ampgo(search, settings)
    except _LimitReached:
        found = _tunnels.Outcome(
            *search.best, "Maximum number of function evaluations exceeded", (0, 0)
        )
    if disp:
        print(f"ampgo: {found.message}")  # noqa: T201
    return found.x, found.value, search.calls, found.message, found.tunnels


def _box(x0: FloatArray, bounds: Bounds | None) -> FloatArray:
    """Bounds as an array of shape (n, 2)."""
    if bounds is None:
        return np.column_stack([np.full(x0.size, -math.inf), np.full(x0.size, math.inf)])
    if len(bounds) != x0.size:
        raise ValueError(
            f"length of x0 != length of bounds: {x0.size} variables, {len(bounds)} pairs"
        )
    box = np.array(
        [[-math.inf if a is None else a, math.inf if b is None else b] for a, b in bounds],
        dtype=np.float64,
    )
    if not (box[:, 0] <= box[:, 1]).all():
        raise ValueError(f"bounds must be pairs of min <= max, got {bounds!r:.200}")
    return box


def tunnel(x0: Any, *args: Any) -> float:
    r"""The tunneling function of a plain function at a point.

    .. math:: T(x) = (f(x) - a)^2 / \prod_s \|x - s\|

    Parameters
    ----------
    x0 : array_like, shape (n,)
        The point.
    *args
        The function f, the aspiration a, the list of points s, and further arguments of f.

    Returns
    -------
    float
        Infinite at the points of the list.

    Examples
    --------
    >>> from fitcore._ampgo import tunnel
    >>> float(tunnel([3.0], lambda x: x[0] ** 2, 1.0, [[1.0]]))
    32.0
    """
    if len(args) < 3:
        raise TypeError(
            "tunnel takes a point, a function, an aspiration and a list of points; "
            f"got {len(args) + 1} arguments"
        )
    function, aspiration, points, *more = args
    x = np.asarray(x0, dtype=np.float64)
    distances = math.prod(float(np.linalg.norm(np.atleast_1d(x - s))) for s in points)
    value = (float(function(x0, *more)) - aspiration) ** 2
    return value / distances if distances else math.inf
