"""`fmin_l_bfgs_b` on the original `setulb`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._originals import Setulb
from fitcore.lbfgsb import (
    LBFGSB,
    STOP_CALLBACK,
    STOP_EVALUATIONS,
    STOP_ITERATIONS,
    as_gradient,
    as_scalar,
)
from fitcore.optimize._lbfgsb import _Run, minimum
from fitcore.optimize._lbfgsb_print import level

Array = NDArray[np.float64]

_MAXLS = 20


def fmin_l_bfgs_b(
    func: Callable[..., Any],
    x0: ArrayLike,
    fprime: Callable[..., ArrayLike] | None = None,
    args: Any = (),
    approx_grad: Any = 0,
    bounds: Any = None,
    m: int = 10,
    factr: float = 1e7,
    pgtol: float = 1e-5,
    epsilon: ArrayLike = 1e-8,
    iprint: int = -1,
    maxfun: int = 15000,
    maxiter: int = 15000,
    disp: int | None = None,
    callback: Callable[..., object] | None = None,
    maxls: int = 20,
) -> tuple[Array, float, dict[str, Any]]:
    """Minimize a function under bounds by the original L-BFGS-B 3.0.

    Parameters
    ----------
    func, x0, fprime, args, approx_grad, bounds, m, factr, pgtol, epsilon, maxfun, maxiter, callback
        As for :func:`fitcore.optimize.fmin_l_bfgs_b`.
    iprint, disp : int, optional
        How much the Fortran prints. It does so by itself, to its unit 6: the standard output of the
        process, which what replaces ``sys.stdout`` does not catch. Nothing for -1, but for a line
        about an ascent direction. Other than Debian's build, some write a file iterate.dat for
        ``iprint >= 1``.
    maxls : int, default 20
        Must be 20: the original has no other.

    Returns
    -------
    x, f, d
        As from :func:`fitcore.optimize.fmin_l_bfgs_b`.

    Raises
    ------
    ValueError
        If `maxls` is not 20, the problem is too large for 32-bit integers, an argument is out of
        its range, f is not one number, or the gradient has a shape other than that of x.
    TypeError
        If an argument, f or the gradient is not of the kind it must be.
    Exception
        Whatever `func`, `fprime` or `callback` raises, unchanged.

    Notes
    -----
    Unlike fitcore's own implementation, the original goes on with NaN and infinity, and may end
    with them or report convergence.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.originals import fmin_l_bfgs_b
    >>> def func(x):
    ...     return ((x - 3) ** 4).sum(), 4 * (x - 3) ** 3
    >>> x, f, d = fmin_l_bfgs_b(func, [0.0, 5.0], bounds=[(0, 2), (0, None)])
    >>> x.round(1), d["task"]
    (array([2., 3.]), 'CONVERGENCE: NORM_OF_PROJECTED_GRADIENT_<=_PGTOL')
    """
    return minimum(
        _OriginalRun, func, x0, fprime, args, approx_grad, bounds, m, factr, pgtol, epsilon,
        level(iprint, disp), maxfun, maxiter, callback, maxls,
    )  # fmt: skip


class _OriginalRun(_Run):
    """One run: fitcore's own solver checks the arguments, the original takes the steps."""

    def __init__(self, *args: Any, maxls: int, iprint: int, **kws: Any) -> None:
        if maxls != _MAXLS:
            raise ValueError(
                f"maxls={maxls!r}: the original L-BFGS-B has {_MAXLS} evaluations in a line search "
                "built in; leave maxls out, or use fitcore.optimize.fmin_l_bfgs_b"
            )
        self.factr, self.pgtol = float(kws["factr"]), float(kws["pgtol"])
        super().__init__(*args, maxls=maxls, iprint=iprint, **kws)

    def drive(
        self,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        jac: Any,
        start: Array,
        iprint: int,
        callback: Callable[[Any], None] | None,
    ) -> None:
        solver = _Solver(self.solver, start, self.factr, self.pgtol, iprint)
        # What reads the outcome reads it from here on from the original.
        self.solver = solver  # type: ignore[assignment]
        solver.run(fun, args, jac, callback, self.maxiter, self.maxfun)


class _Solver:
    """The original with as much of the face of `LBFGSB` as reads its outcome."""

    def __init__(
        self, checked: LBFGSB, start: Array, factr: float, pgtol: float, iprint: int
    ) -> None:
        lower, upper = checked.lower, checked.upper
        below, above = np.isfinite(lower), np.isfinite(upper)
        # 0 none, 1 lower, 2 both, 3 upper
        nbd = np.array([[0, 3], [1, 2]])[below.astype(int), above.astype(int)]
        self.setulb = Setulb(
            start, np.where(below, lower, 0.0), np.where(above, upper, 0.0), nbd, checked.m,
            factr, pgtol, max(-1, min(iprint, 2**31 - 1)),
        )  # fmt: skip
        self.loud = iprint >= 0
        self.message = ""
        self.nit = self.nfev = 0

    @property
    def x(self) -> Array:
        return self.setulb.x.copy()

    @property
    def g(self) -> Array:
        return self.setulb.g.copy()

    @property
    def f(self) -> float:
        return self.setulb.f

    @property
    def success(self) -> bool:
        return self.message.startswith("CONVERGENCE")

    def stop(self, message: str) -> None:
        """End the run after this iteration."""
        self.message = message

    def run(
        self,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        jac: Any,
        callback: Callable[[Any], None] | None,
        maxiter: int | None,
        maxfun: int | None,
    ) -> None:
        setulb = self.setulb
        if self.loud:
            sys.stdout.flush()  # what was printed before comes before
        while not self.message:
            task = setulb.step()
            if task.startswith("FG"):
                self.nfev += 1
                setulb.f, setulb.g[:] = self._evaluate(fun, args, jac)
            elif task.startswith("NEW_X"):
                self.nit += 1
                try:
                    if callback is not None:
                        callback(self)
                except StopIteration:
                    self.message = STOP_CALLBACK
                if self.message:
                    return
                if maxiter is not None and self.nit >= maxiter:
                    self.message = STOP_ITERATIONS
                elif maxfun is not None and self.nfev > maxfun:
                    self.message = STOP_EVALUATIONS
            else:
                self.message = task

    def _evaluate(
        self, fun: Callable[..., Any], args: tuple[Any, ...], jac: Any
    ) -> tuple[float, Array]:
        n = self.setulb.x.size
        value = fun(self.setulb.x.copy(), *args)
        if jac is not True:
            return as_scalar(value), as_gradient(jac(self.setulb.x.copy(), *args), n)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise TypeError(f"func must return the pair (f, g), got {value!r:.80}")
        return as_scalar(value[0]), as_gradient(value[1], n)
