"""`minimize` with SciPy's signature, for the methods that fitcore has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import ArrayLike

from fitcore.optimize._lbfgsb import lbfgsb
from fitcore.optimize._result import OptimizeResult

_OTHERS = (
    "nelder-mead", "powell", "cg", "bfgs", "newton-cg", "tnc", "cobyla", "cobyqa", "slsqp",
    "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov",
)  # fmt: skip


def minimize(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., object] | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResult:
    r"""Minimize a function of several variables, under bounds.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns a number, or the pair (f, g) with ``jac=True``. Its `x` is a new
        array each time, shape (n,).
    x0 : array_like, shape (n,)
        Starting point; it is projected into the bounds.
    args : tuple, optional
        Further arguments of `fun` and `jac`.
    method : {'L-BFGS-B'} or callable, optional
        The method; None means L-BFGS-B. A callable is called as SciPy does.
    jac : callable, True, {'2-point', '3-point', 'cs'}, or None, optional
        ``jac(x, *args)`` returns the gradient, shape (n,); True when `fun` returns it; forward or
        central differences or the complex step with the option `finite_diff_rel_step`; None for
        forward differences with the option `eps`.
    hess, hessp
        Not used by L-BFGS-B.
    bounds : sequence of (min, max), array_like of shape (n, 2), or object with lb and ub, optional
        Bounds of the variables. None, -inf and inf mean no bound on that side; equal bounds fix a
        variable.
    constraints
        Must be empty.
    tol : float, optional
        Value of the options `ftol` and `gtol` where they are not given.
    callback : callable, optional
        ``callback(xk)`` after each iteration, with a copy of the iterate; or, when its one
        argument is called so, ``callback(intermediate_result)`` with an `OptimizeResult` that has
        ``x`` and ``fun``. StopIteration ends the run with status 99.
    options : dict, optional
        disp : int, optional
            0: print nothing. Another number takes the place of `iprint`.
        maxcor : int, default 10
            Number of corrections of the limited memory matrix.
        ftol : float, default 2.2204460492503131e-09
            The run ends when :math:`(f_k - f_{k+1}) / \max(|f_k|, |f_{k+1}|, 1)` is at most this.
        gtol : float, default 1e-5
            The run ends when no element of the projected gradient is greater than this.
        eps : float or array_like of shape (n,), default 1e-8
            Absolute step of the forward differences when `jac` is None.
        maxfun : int, default 15000
            Limit on evaluations of `fun`, looked at after each iteration.
        maxiter : int, default 15000
            Limit on iterations.
        iprint : int, default -1
            How much to print to ``sys.stdout``, see `fmin_l_bfgs_b`.
        maxls : int, default 20
            Limit on evaluations in one line search.
        finite_diff_rel_step : float or array_like of shape (n,), optional
            Step of the differences when `jac` names a scheme:
            :math:`h = r\,\mathrm{sign}(x) \max(1, |x|)`, turned round or shortened where it would
            leave the bounds. With '3-point' its sign does not matter.

    Returns
    -------
    OptimizeResult
        ``x`` the minimum, ``fun`` the value there, ``jac`` the gradient, NaN for a variable with
        equal bounds whose derivative was not formed, ``success``, ``status`` (0 converged, 1 too
        many evaluations or iterations, 2 another reason, 99 stopped by `callback`), ``message``,
        ``nit`` iterations, ``nfev`` evaluations of `fun` and ``njev`` gradients, and ``hess_inv``
        the inverse Hessian, a `LbfgsInvHessProduct`.

    Raises
    ------
    ValueError
        If an argument is out of its range, f is not one number, the gradient has a shape other
        than that of x, or `method` is unknown.
    NotImplementedError
        If `method` is one of SciPy's that fitcore does not have.
    TypeError
        If an argument, f or the gradient is not of the kind it must be.
    Exception
        Whatever `fun`, `jac` or `callback` raises, unchanged.

    See Also
    --------
    fmin_l_bfgs_b : the older signature.
    fitcore.lbfgsb.LBFGSB : the solver, for asking and telling.
    fitcore.minimize : fits with named parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import minimize
    >>> def rosenbrock(x):
    ...     return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    >>> result = minimize(rosenbrock, np.zeros(4), jac="3-point", bounds=[(None, 0.5)] * 4)
    >>> result.x.round(4), result.success
    (array([0.5   , 0.2622, 0.078 , 0.0061]), True)
    """
    chosen = dict(options or {})
    if callable(method):
        if tol is not None:
            chosen.setdefault("tol", tol)
        return method(  # type: ignore[no-any-return]
            fun, x0, args=args, jac=jac, hess=hess, hessp=hessp, bounds=bounds,
            constraints=constraints, callback=callback, **chosen,
        )  # fmt: skip
    if method is not None:
        name = method.lower() if isinstance(method, str) else None
        if name in _OTHERS:
            raise NotImplementedError(
                f"method={method!r} is not in fitcore.optimize, which has 'L-BFGS-B'; "
                "scipy.optimize.minimize has it"
            )
        if name != "l-bfgs-b":
            raise ValueError(f"method={method!r} is unknown; there is 'L-BFGS-B'")
    taken = {"fun", "x0", "args", "jac", "hess", "hessp", "bounds", "constraints", "callback"}
    if wrong := taken.intersection(chosen):
        raise ValueError(f"options must not hold arguments of minimize, got {sorted(wrong)}")
    if "tol" in chosen:
        warnings.warn("the option tol is not known; use ftol and gtol", stacklevel=2)
        chosen.pop("tol")
    return lbfgsb(
        fun, x0, args, jac, hess, hessp, bounds, constraints, tol, callback, **chosen
    )  # fmt: skip
