"""A record of what a solver does, iteration by iteration."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["IterationTrace"]


class IterationTrace:
    """Records a fit while it runs; an instance is a callback for all solvers of fitcore.

    As ``iter_cb`` of `minimize`, `Minimizer` and `Model.fit` it records each evaluation, and as
    ``callback`` of their methods leastsq and lbfgsb, or of the solvers in `fitcore.minpack` and
    `fitcore.lbfgsb`, each iteration, with the gradient. For `fitcore.optimize` its method
    :meth:`callback` is what to give. Solvers are not influenced by it.

    Attributes
    ----------
    objective : list of float
        Chi-square, or what else was minimized.
    gradient : list of float
        Norm of the projected gradient, for L-BFGS-B, or of MINPACK's gtol, the largest cosine
        between the residuals and a column of the Jacobian; NaN where it is not known.
    nfev : list of int
        Evaluations until then; of SciPy's methods, iterations.
    values : list of dict of str to float
        The parameters by name; without names they are x0, x1, ...
    unit : {'evaluation', 'iteration'}
        What the entries are of.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import IterationTrace, Parameters, minimize
    >>> t = np.linspace(0, 5, 20)
    >>> params = Parameters()
    >>> params.add("rate", value=3.0)
    >>> trace = IterationTrace()
    >>> result = minimize(
    ...     lambda p: np.exp(-p["rate"] * t) - np.exp(-t / 2), params, callback=trace
    ... )
    >>> trace.unit, trace.objective[-1] < 1e-12 < trace.objective[0]
    ('iteration', True)
    """

    def __init__(self) -> None:
        self.objective: list[float] = []
        self.gradient: list[float] = []
        self.nfev: list[int] = []
        self.values: list[dict[str, float]] = []
        self.unit = "evaluation"

    def __len__(self) -> int:
        return len(self.objective)

    def __repr__(self) -> str:
        return f"<IterationTrace of {len(self)} {self.unit}s>"

    def __call__(self, *args: Any, **kws: Any) -> None:
        """Record where a solver is; it is called as an `iter_cb` or a callback.

        Parameters
        ----------
        *args, **kws
            ``(params, nfev, residual, ...)``, ``(params, solver)`` or ``(solver)``; the solver may
            be an intermediate result of SciPy's methods.

        Raises
        ------
        TypeError
            If it is called by something else.
        """
        if len(args) >= 3 and hasattr(args[0], "valuesdict"):
            self._evaluation(args[0], int(args[1]), args[2])
        elif len(args) == 2 and hasattr(args[0], "valuesdict"):
            self._iteration(args[1], args[0].valuesdict())
        elif len(args) == 1 and hasattr(args[0], "nfev") and hasattr(args[0], "x"):
            self._iteration(args[0], _named(args[0].x))
        else:
            raise TypeError(
                "an IterationTrace is called by a solver with (params, nfev, residual, ...), "
                f"(params, solver) or (solver); got ({', '.join(type(a).__name__ for a in args)}). "
                "For fitcore.optimize give callback=trace.callback"
            )

    def callback(self, intermediate_result: Any) -> None:
        """Record an iteration of `fitcore.optimize.minimize` or `fmin_l_bfgs_b`.

        Parameters
        ----------
        intermediate_result : OptimizeResult
        """
        self._iteration(intermediate_result, _named(intermediate_result.x))

    def _evaluation(self, params: Any, nfev: int, residual: Any) -> None:
        left = np.asarray(residual)
        value = float(left) if left.ndim == 0 else float(np.vdot(left, left).real)
        self._add(value, np.nan, nfev, params.valuesdict(), "evaluation")

    def _iteration(self, solver: Any, values: dict[str, float]) -> None:
        if hasattr(solver, "projected_gradient_norm"):
            value, slope = solver.f, solver.projected_gradient_norm
        elif hasattr(solver, "fnorm"):  # of a system of equations no gradient is known
            value, slope = float(solver.fnorm) ** 2, getattr(solver, "gnorm", np.nan)
        elif hasattr(solver, "fun"):  # a result of SciPy's kind
            value, slope = solver.fun, np.nan
        else:
            raise TypeError(
                "this method tells a callback nothing of the objective: give iter_cb=trace"
            )
        count = getattr(solver, "nfev", len(self) + 1)
        self._add(float(value), float(slope), int(count), values, "iteration")

    def _add(
        self, objective: float, gradient: float, nfev: int, values: dict[str, float], unit: str
    ) -> None:
        self.objective.append(objective)
        self.gradient.append(gradient)
        self.nfev.append(nfev)
        self.values.append(dict(values))
        self.unit = unit


def _named(x: Any) -> dict[str, float]:
    return {f"x{i}": float(value) for i, value in enumerate(np.ravel(x))}
