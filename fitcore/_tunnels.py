"""Adaptive memory programming for global optimization: local minima, and tunnels between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from fitcore._arguments import is_whole, read_whole
from fitcore._extras import extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Gradient", "Outcome", "Search", "Settings", "ampgo"]

LOCAL = ("L-BFGS-B", "Nelder-Mead", "Powell", "TNC", "SLSQP")
GRADIENT = ("L-BFGS-B", "TNC", "SLSQP")
STRATEGIES = ("farthest", "oldest")

Function = Callable[["FloatArray"], float]
Gradient = Callable[["FloatArray"], "FloatArray"]


class Search(Protocol):
    """What is searched: a function with its start and bounds, and its gradient if it has one."""

    x0: FloatArray
    value_there: float

    @property
    def lower(self) -> FloatArray: ...

    @property
    def upper(self) -> FloatArray: ...

    @property
    def gradient(self) -> Gradient | None: ...

    def __call__(self, x: FloatArray) -> float: ...


@dataclass(frozen=True)
class Settings:
    """How a search goes.

    Attributes
    ----------
    local : {'L-BFGS-B', 'Nelder-Mead', 'Powell', 'TNC', 'SLSQP'}
        The local method; those besides the first need SciPy.
    local_opts : dict, optional
        Its options.
    totaliter, maxiter : int
        Numbers of rounds, and of tunnels to look for in each.
    glbtol : float
        By how much the objective must be lower, relative to 1 + its size, to count.
    eps1, eps2 : float
        Aspiration, and the length of the step at which a tunnel begins.
    tabulistsize : int
        Length of the tabu list.
    tabustrategy : {'farthest', 'oldest'}
        Which point leaves it when it is full.
    seed : optional
        For :func:`numpy.random.default_rng`.

    Raises
    ------
    ValueError
        For an unknown `local` or `tabustrategy`, or a number that is too small.
    """

    local: str = "L-BFGS-B"
    local_opts: dict[str, Any] | None = None
    totaliter: int = 20
    maxiter: int = 5
    glbtol: float = 1e-5
    eps1: float = 0.02
    eps2: float = 0.1
    tabulistsize: int = 5
    tabustrategy: str = "farthest"
    seed: Any = None

    def __post_init__(self) -> None:
        for short, name, known in (
            ("local solver selected", "local", LOCAL),
            ("tabustrategy specified", "tabustrategy", STRATEGIES),
        ):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(
                    f"Invalid {short}: {name} must be one of {', '.join(map(repr, known))}; got "
                    f"{value!r:.80}"
                )
        if not is_whole(self.tabulistsize, 1):
            raise ValueError(
                "Invalid tabulistsize specified: tabulistsize must be a whole number of at least "
                f"1, got {self.tabulistsize!r:.80}"
            )
        read_whole(self.totaliter, "totaliter", 1)
        read_whole(self.maxiter, "maxiter", 1)


class Outcome(NamedTuple):
    """What a run has found.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The lowest point.
    value : float
        The objective there.
    message : str
        How the run ended.
    tunnels : tuple of int
        Number of tunnels that were looked for, and of those that led lower.
    """

    x: FloatArray
    value: float
    message: str
    tunnels: tuple[int, int]


def ampgo(objective: Search, settings: Settings) -> Outcome:
    r"""Look for the global minimum.

    From a local minimum :math:`x^*` points are looked for that are lower by

    .. math:: a = f(x^*) - \epsilon_1 (1 + |f(x^*)|),

    where the tunneling function has its zero,

    .. math:: T(x) = (f(x) - a)^2 / \prod_s \|x - s\|^2,

    whose poles at the points :math:`s` of the tabu list push the search away from what is known
    [1]_. Distances are in units of the ranges of the variables, or of their values.

    Parameters
    ----------
    objective : Search
        By the values of the variables; its `value_there` is the value at the point of the last
        gradient.
    settings : Settings

    References
    ----------
    .. [1] L. Lasdon, A. Duarte, F. Glover, M. Laguna, R. Martí, "Adaptive memory programming for
       constrained global optimization", Computers & Operations Research 37, 1500-1509 (2010).
    """
    rng = np.random.default_rng(settings.seed)
    low, high = objective.lower, objective.upper
    units = _units(objective.x0, low, high)

    def descend(function: Function, gradient: Gradient | None, start: FloatArray) -> FloatArray:
        return _minimum(function, gradient, start, low, high, units, settings)

    best = descend(objective, objective.gradient, np.clip(objective.x0, low, high))
    lowest = objective(best)
    tabu = [best]
    tried = succeeded = 0
    for _ in range(settings.totaliter):
        improved = False
        for _ in range(settings.maxiter):
            tried += 1
            direction = rng.uniform(-1, 1, best.size)
            length = max(float(np.linalg.norm(direction)), 1e-3)
            size = 1 + float(np.linalg.norm(best / units))
            start = np.clip(best + units * settings.eps2 * size * direction / length, low, high)
            aspiration = lowest - settings.eps1 * (1 + abs(lowest))
            tunnel = _Tunnel(objective, tabu, aspiration, units)
            end = descend(tunnel, tunnel.gradient if objective.gradient else None, start)
            found = descend(objective, objective.gradient, end)
            value = objective(found)
            _remember(tabu, found, best, units, settings)
            if value < lowest - settings.glbtol * (1 + abs(lowest)):
                best, lowest, improved = found, value, True
                succeeded += 1
                break
            if value < lowest:
                best, lowest = found, value
        if not improved and tried >= settings.totaliter * settings.maxiter:
            break
    message = (
        f"Requested number of global iterations exceeded: {tried} tunnels were looked for, "
        f"{succeeded} led to a lower minimum."
    )
    return Outcome(best, lowest, message, (tried, succeeded))


class _Tunnel:
    """The tunneling function and its gradient."""

    def __init__(
        self, objective: Search, tabu: list[FloatArray], aspiration: float, units: FloatArray
    ) -> None:
        self.objective, self.tabu = objective, list(tabu)
        self.aspiration, self.units = aspiration, units

    def __call__(self, x: FloatArray) -> float:
        return self._of(x, self.objective(x))

    def _of(self, x: FloatArray, value: float) -> float:
        return (value - self.aspiration) ** 2 / math.prod(self._distances(x))

    def _distances(self, x: FloatArray) -> list[float]:
        return [max(float(np.sum(((x - s) / self.units) ** 2)), 1e-12) for s in self.tabu]

    def gradient(self, x: FloatArray) -> FloatArray:
        assert self.objective.gradient is not None
        slope = self.objective.gradient(x)
        value = self.objective.value_there
        if math.isnan(value):
            value = self.objective(x)
        here = self._of(x, value)
        gradient = 2 * (value - self.aspiration) * slope / math.prod(self._distances(x))
        for s, distance in zip(self.tabu, self._distances(x), strict=True):
            gradient -= here * 2 * (x - s) / self.units**2 / distance
        return gradient


def _minimum(
    function: Function,
    gradient: Gradient | None,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    units: FloatArray,
    settings: Settings,
) -> FloatArray:
    """A local minimum, by the local method, in units of the variables."""
    local, options = settings.local, dict(settings.local_opts or {})

    def scaled(z: FloatArray) -> float:
        return function(np.clip(z * units, low, high))

    def slope(z: FloatArray) -> FloatArray:
        assert gradient is not None
        return gradient(np.clip(z * units, low, high)) * units

    bounds = np.column_stack([low / units, high / units])
    jac = slope if local in GRADIENT and gradient is not None else None
    if local == "L-BFGS-B":
        from fitcore.optimize import lbfgsb

        found: Any = lbfgsb(scaled, start / units, jac=jac, bounds=bounds, **options)
    else:
        optimize = extra("scipy.optimize", f"local={local!r} of method 'ampgo'")
        found = optimize.minimize(
            scaled, start / units, method=local, jac=jac, bounds=bounds, options=options
        )
    return np.clip(np.asarray(found.x, dtype=np.float64) * units, low, high)


def _units(x: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        width = high - low
    sizes = np.where(x != 0, np.abs(x), 1.0)
    return np.where(np.isfinite(width) & (width > 0), width, sizes)


def _remember(
    tabu: list[FloatArray],
    point: FloatArray,
    best: FloatArray,
    units: FloatArray,
    settings: Settings,
) -> None:
    """Put a point on the tabu list; one leaves it when it is full."""
    tabu.append(point)
    if len(tabu) > settings.tabulistsize:
        leaves = 0
        if settings.tabustrategy == "farthest":
            distances = [float(np.linalg.norm((s - best) / units)) for s in tabu[:-1]]
            leaves = int(np.argmax(distances))
        del tabu[leaves]
