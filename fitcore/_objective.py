"""The objective of methods other than Levenberg-Marquardt: one number, with its best point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._fit import AbortFitException, ParameterResidual, twins
from fitcore._leastsq_start import check_range, leave_bounds, without_bounds
from fitcore._native import NativeCall
from fitcore._native_fit import residual_of
from fitcore._stops import ResidualsChanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer
    from fitcore.parameter import Parameter
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["FELT", "Objective", "reducer", "steps_of"]

# Relative steps of differences in the values; as for leastsq, wide enough for models computed to
# single precision or so. Central ones, from the values of a scalar, take its power 2/3.
FORWARD = 1e-6
CENTRAL = 1e-4
# Error of doubles to the power 1/3, for central differences of a scalar.
CENTRAL_SCALAR = 6e-6
# A step changes the residuals by more than this part, or it is too short.
FELT = 1e-11


def steps_of(central: bool, squares: bool) -> float:
    """The relative step of differences, of a sum of squares or of another scalar."""
    return (CENTRAL if squares else CENTRAL_SCALAR) if central else FORWARD


def negentropy(r: FloatArray) -> float:
    """Negative entropy of normal distributed residuals, sum of p log p, p their densities."""
    density = np.exp(-r * r / 2) / math.sqrt(2 * math.pi)
    return float(np.sum(density * np.log(density + 1e-300)))


def neglogcauchy(r: FloatArray) -> float:
    """Negative logarithm of the likelihood of residuals that follow Cauchy's distribution."""
    return float(np.sum(np.log(math.pi * (1 + r * r))))


def reducer(reduce_fcn: Any) -> Callable[[FloatArray], Any] | None:
    """The argument `reduce_fcn` as a function; None for the sum of squares."""
    if reduce_fcn is None:
        return None
    if callable(reduce_fcn):
        function: Callable[[FloatArray], Any] = reduce_fcn
        return function
    if isinstance(reduce_fcn, str):
        for stem, found in (("neglogc", neglogcauchy), ("negent", negentropy)):
            if reduce_fcn.startswith(stem):
                return found
    raise ValueError(
        "reduce_fcn must be a callable, None for the sum of squares, 'negentropy' or "
        f"'neglogcauchy'; got {reduce_fcn!r:.80}"
    )


class Objective:
    """The function to minimize, by values of the variables or by internal ones.

    Parameters
    ----------
    fitter : Minimizer
        With the user's function, its arguments and the settings.
    prepared : MinimizerResult
        A prepared fit.
    limit : int or float
        The fit is stopped before an evaluation beyond this number.
    mapped : bool
        Whether points are internal values, which know no bounds, and not values within them.
    jac : callable, optional
        Gradient of the scalar, shape (n,), or Jacobian of the residuals, shape (N, n), by the
        values; called like the function.
    inside : bool, default False
        Whether a start on a bound is moved inside although nothing is mapped.

    Attributes
    ----------
    x0 : ndarray, shape (n,)
        The start.
    lower, upper : ndarray, shape (n,)
        Bounds of the points; infinite when they are mapped.
    best_x, best_value, best_residual
        The best point so far, the function and the residuals there.
    """

    def __init__(
        self,
        fitter: Minimizer,
        prepared: MinimizerResult,
        limit: float,
        *,
        mapped: bool,
        jac: Callable[..., Any] | None = None,
        inside: bool = False,
    ) -> None:
        self.fitter, self.mapped, self.jac = fitter, mapped, jac
        self.function = fitter._function()
        if isinstance(self.function, NativeCall) and self.function.has_derivatives and jac is None:
            self.jac = self.function
        self.reduce = reducer(fitter.reduce_fcn)
        self.params = prepared.params
        self.names = prepared.var_names
        self.varying: list[Parameter] = [self.params[name] for name in self.names]
        self.limits: list[Parameter] = twins(self.varying)
        self.moved: dict[str, float] = {}
        self.points = twins(self.varying)
        if mapped:
            check_range(self.points)
            self.moved = leave_bounds(self.points)
        else:
            if inside:
                self.moved = leave_bounds(self.points)
            self.points = without_bounds(self.points)
        self.evaluator = self.another(self.points, limit, fitter.iter_cb)
        self.x0: FloatArray = self.evaluator.internal()
        self.best_x: FloatArray | None = None
        self.best_value = math.inf
        self.best_residual: FloatArray = np.empty(0)
        self.scalar = False
        # What the user's function has raised.
        self.raised: BaseException | None = None
        # The last point and its residuals.
        self.at: FloatArray | None = None
        self.residual: FloatArray = np.empty(0)
        # The value at the point of the last derivatives.
        self.value_there = math.nan

    def another(
        self,
        points: list[Any],
        limit: float,
        iter_cb: Callable[..., Any] | None = None,
        varying: list[Parameter] | None = None,
    ) -> ParameterResidual:
        """An evaluator of the user's function in other coordinates, or by some variables."""
        fitter = self.fitter
        made = residual_of(
            self.function,
            self.params,
            self.varying if varying is None else varying,
            points,
            fitter.userargs,
            fitter.userkws,
            fitter.nan_policy,
            min(int(min(limit, 2.0**60)), 2**60),
            iter_cb,
            jac=self.jac if self.has_slopes else None,
        )
        made.scalars = True
        return made

    @property
    def has_slopes(self) -> bool:
        """Whether the function is native and gives the derivatives that are used."""
        return self.jac is not None and self.jac is self.function

    def by_values(self) -> ParameterResidual:
        """An evaluator whose points are the values themselves; it stops nowhere."""
        return self.another(without_bounds(self.varying), math.inf)

    def place(self, values: FloatArray) -> None:
        """Set the parameters to values of the variables."""
        self.by_values().place(values)

    def call_back(self, callback: Callable[..., Any], values: FloatArray, state: Any) -> None:
        """Tell the user of an iteration; AbortFitException if that is enough for him."""
        self.place(values)
        try:
            enough = callback(self.params, state)
        except (StopIteration, AbortFitException):
            enough = True
        if enough:
            self.evaluator.stopped = "callback"
            raise AbortFitException

    @property
    def lower(self) -> FloatArray:
        """Lower bounds of the points."""
        return np.array([-math.inf if self.mapped else p.min for p in self.limits])

    @property
    def upper(self) -> FloatArray:
        """Upper bounds of the points."""
        return np.array([math.inf if self.mapped else p.max for p in self.limits])

    def __call__(self, x: Any) -> float:
        """The value at a point; NaN counts as infinity."""
        x = np.ascontiguousarray(x, dtype=np.float64).reshape(-1)
        self.at = None
        try:
            self.residual = self.evaluator.residuals(x)
        except AbortFitException:
            # The evaluation after which iter_cb has stopped the fit is one like any other.
            last = self.evaluator.last
            if last is not None and self.evaluator.last_u is not None:
                self.residual = last
                self._note(x)
            raise
        except ResidualsChanged as exc:
            if self.best_x is None:
                self.raised = exc
                raise
            # A place to retreat from: with fewer residuals the sum would be lower for no reason.
            self.residual = np.full(np.shape(self.best_residual), math.inf)
            return math.inf
        except BaseException as exc:
            self.raised = exc
            raise
        return self._note(x)

    def _note(self, x: FloatArray) -> float:
        """The value of the last residuals, which are those at x; kept if it is the best."""
        self.at = x.copy()
        value = self._reduced(self.residual)
        if value < self.best_value or self.best_x is None:
            self.best_x, self.best_value = x.copy(), value
            self.best_residual = np.array(self.residual)
        return value

    def _reduced(self, residual: FloatArray) -> float:
        self.scalar = self.evaluator.scalar
        if self.scalar:
            value = float(residual[0])
        elif self.reduce is None:
            with np.errstate(over="ignore", invalid="ignore"):
                value = float(residual @ residual)
        else:
            value = float(self.reduce(residual))
        return math.inf if math.isnan(value) else value

    @property
    def squares(self) -> bool:
        """Whether it is a sum of squares, of which residuals tell more."""
        return self.reduce is None and not self.scalar

    def external(self, x: FloatArray) -> FloatArray:
        """Values of the variables at a point."""
        values: FloatArray = self.evaluator.external(x)[0]
        return values

    def slopes(self, x: FloatArray) -> FloatArray:
        """Derivatives of the values by the coordinates of the points."""
        slopes: FloatArray = self.evaluator.external(x)[1]
        return slopes

    def internal(self, values: Any) -> FloatArray:
        """The point at which the variables have these values."""
        if not self.mapped:
            return np.array(values, dtype=np.float64)
        u = np.empty(len(self.points))
        for i, (item, value) in enumerate(zip(self.points, values, strict=True)):
            item.value = float(value)
            u[i] = item._setup()
        return u

    def gradient(self, x: Any, *, central: bool = False) -> FloatArray:
        """The gradient at a point; by the user's `jac`, or differences within the bounds.

        Of a sum of squares it is 2 J^T r with differences of the residuals, which do not cancel
        as those of the sum do.
        """
        return self.derivatives(x, central=central, keep=False)[0]

    def derivatives(
        self, x: Any, *, central: bool = False, keep: bool = True
    ) -> tuple[FloatArray, FloatArray | None]:
        """The gradient, and with `keep` the Jacobian of residuals, shape (n, N), if it has one."""
        x = np.ascontiguousarray(x, dtype=np.float64).reshape(-1)
        if self.jac is not None:
            return self._given(x)
        value = self.value_there = self(x)
        residual = np.array(self.residual)
        squares = self.squares
        columns = np.empty((x.size, residual.size)) if squares and keep else None
        gradient = np.empty(x.size)
        for j in range(x.size):
            column, gradient[j] = self._difference(x, j, value, residual, central or not squares)
            if squares:
                gradient[j] = 2 * float(np.dot(column, residual)) if np.ndim(column) else 0.0
            if columns is not None:
                columns[j] = column
        return gradient, columns

    def _difference(
        self, x: FloatArray, j: int, value: float, residual: FloatArray, central: bool
    ) -> tuple[FloatArray | float, float]:
        """Column j of the Jacobian and the derivative of the value, within the bounds."""
        low, high = self.limits_of(j)
        h, most = self._step(j, x[j], central)
        at = x.copy()
        while True:
            up, down = min(x[j] + h, high), max(x[j] - h, low)
            if not central:  # towards the side with room
                up, down = (up, x[j]) if up - x[j] >= min(h, x[j] - down) else (x[j], down)
            if up == down:  # fixed by its bounds
                return 0.0, 0.0
            ends = []
            for end in (up, down):
                if end == x[j]:
                    ends.append((value, residual))
                    continue
                at[j] = end
                there = self(at)
                if self.residual.shape != residual.shape:
                    raise ValueError(
                        "The array returned by a function changed size between calls: "
                        f"{residual.size} residuals before, {self.residual.size} now"
                    )
                ends.append((there, np.array(self.residual)))
            with np.errstate(invalid="ignore"):  # infinite on both sides
                change = ends[0][1] - ends[1][1] if self.squares else 0.0
            if h >= most or self._felt(change, residual, value, ends):
                return change / (up - down), (ends[0][0] - ends[1][0]) / (up - down)
            # A value next to zero says nothing of its size: the step was too short to be felt.
            h = min(1000 * h, most)

    def _felt(self, change: Any, residual: FloatArray, value: float, ends: list[Any]) -> bool:
        """Whether a difference stands out of rounding."""
        if self.squares:
            return bool(np.linalg.norm(change) > FELT * np.linalg.norm(residual))
        return bool(max(abs(there - value) for there, _ in ends) > 1e-3 * FELT * abs(value))

    def limits_of(self, j: int) -> tuple[float, float]:
        """Bounds of coordinate j of the points."""
        if self.mapped:
            return -math.inf, math.inf
        return float(self.limits[j].min), float(self.limits[j].max)

    def _step(self, j: int, x: float, central: bool) -> tuple[float, float]:
        """The step to begin with, and the longest."""
        relative = steps_of(central, self.squares)
        size = abs(x)
        bounded = self.limits[j].min > -math.inf or self.limits[j].max < math.inf
        if self.mapped and bounded:
            size = max(size, 1.0)
        low, high = self.limits_of(j)
        most = max(size, min(1.0, high - low))
        return relative * (size or most), relative * most

    def _given(self, x: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Derivatives by the user's function."""
        if self.has_slopes:
            return self._native(x)
        fitter, jac = self.fitter, self.jac
        assert jac is not None
        # Known from the evaluation just before, often; copied, for jac may use the same memory.
        again = self.at is None or not np.array_equal(self.at, x)
        residual = np.array(self.residual)
        self.evaluator.place(x)
        given = np.asarray(jac(self.params, *fitter.userargs, **fitter.userkws), dtype=np.float64)
        n = x.size
        slopes = self.slopes(x)
        name = getattr(jac, "__name__", "jac")
        if given.ndim == 2 and given.shape[1] == n:
            if again:
                self(x)
                residual = self.residual
            if not self.squares or given.shape[0] != residual.size:
                raise ValueError(
                    f"the Jacobian returned by {name} has shape {given.shape}, wanted "
                    f"({residual.size}, {n}) for the residuals of a sum of squares, or the "
                    f"gradient of the objective, shape ({n},)"
                )
            columns = np.ascontiguousarray(given.T * slopes[:, np.newaxis])
            self.value_there = self._reduced(residual)
            return 2 * (columns @ residual), columns
        if given.shape != (n,):
            raise ValueError(
                f"{name} returns shape {given.shape}, wanted ({n},), the gradient of the "
                f"objective, or (N, {n}), the Jacobian of the residuals"
            )
        self.value_there = math.nan if again else self._reduced(residual)
        return given * slopes, None

    def count_columns(self, jac: Callable[..., Any]) -> None:
        """Count what the Jacobian of a model stands for: see `residual_jacobian`."""
        evaluator = self.evaluator
        columns = getattr(jac, "columns", 0)
        evaluator.nfev = min(evaluator.max_nfev, evaluator.nfev + columns)

    def _native(self, x: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Derivatives by the native function itself."""
        self.value_there = self(x)
        columns: FloatArray = self.evaluator.columns(x)  # type: ignore[attr-defined]
        if self.squares:
            return 2 * (columns @ self.residual), columns
        if self.scalar:
            return columns[0 : x.size, 0].copy(), None
        raise TypeError(
            "the derivatives of a native function of kind 'residual' are those of its residuals, "
            "not of what reduce_fcn makes of them: make it without derivatives"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # For workers in other processes: what has been counted and found stays behind.
        return _restore, (self.fitter, self.params, self.mapped, self.jac)


def _restore(fitter: Minimizer, params: Any, mapped: bool, jac: Any) -> Objective:
    return Objective(fitter, fitter.prepare_fit(params), math.inf, mapped=mapped, jac=jac)
