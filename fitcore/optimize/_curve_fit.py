"""`curve_fit` with SciPy's signature, on the compiled Levenberg-Marquardt cores."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._bounded_lm import BoundedLevenbergMarquardt
from fitcore._curve import CurveResidual
from fitcore._extras import extra
from fitcore.minpack import LevenbergMarquardt
from fitcore.native import NativeFunction
from fitcore.optimize._curve_data import (
    UNBOUNDED,
    box,
    data,
    errors_of,
    inside,
    parameter_count,
    starting_point,
)
from fitcore.optimize._result import optimize_warning

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
_SCHEMES = ("2-point", "3-point", "cs")
_LM_OPTIONS = ("ftol", "xtol", "gtol", "epsfcn", "factor", "diag")
#: Options of SciPy's least_squares, with the values that leave them without effect.
_SCIPY_OPTIONS: dict[str, tuple[Any, ...]] = {
    "loss": ("linear",), "f_scale": (1.0,), "diff_step": (None,), "tr_solver": (None,),
    "tr_options": (None, {}), "jac_sparsity": (None,), "verbose": (0,), "callback": (None,),
    "workers": (None,),
}  # fmt: skip
# `status` of least_squares and its words, for each outcome of the solver
_STATUS = {1: 2, 2: 3, 3: 4, 4: 1, 6: 2, 7: 3, 8: 1, 5: 0}
_MESSAGES = {
    0: "The maximum number of function evaluations is exceeded.",
    1: "`gtol` termination condition is satisfied.",
    2: "`ftol` termination condition is satisfied.",
    3: "`xtol` termination condition is satisfied.",
    4: "Both `ftol` and `xtol` termination conditions are satisfied.",
}


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: ArrayLike,
    p0: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = UNBOUNDED,
    method: str | None = None,
    jac: Callable[..., ArrayLike] | str | None = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    **kwargs: Any,
) -> tuple[Any, ...]:
    r"""Fit a function to data by least squares, within bounds of its parameters.

    Minimizes the sum of the squares of ``(f(xdata, *popt) - ydata) / sigma``.

    Parameters
    ----------
    f : callable or fitcore.NativeFunction
        The model, ``f(xdata, p1, p2, ...)``. Returns an array of the shape of `ydata`. A native
        function, of kind 'model', is called without the GIL, for its derivatives too if it has
        them and `jac` is None; `xdata` is then of shape (m,) or (nx, m).
    xdata : array_like or object
        Whatever the model takes as its first argument. Lists, tuples and arrays reach it as arrays
        of doubles, anything else as it is.
    ydata : array_like, shape (m,)
        The data. Wherever `f` returns its values in some other shape, make it flat.
    p0 : array_like, shape (n,), optional
        Starting point. Default: 1 for each parameter that the signature of `f` names, the middle
        between two bounds, or 1 away from the only bound.
    sigma : None, scalar, array_like of shape (m,) or (m, m), optional
        Standard deviations of the data, or their covariance matrix, of which the lower triangle is
        read; the sum of squares is then :math:`r^T \Sigma^{-1} r`. Default: 1.
    absolute_sigma : bool, default False
        Whether `sigma` is meant in the units of the data. If not, `pcov` is multiplied by the
        reduced chi-square, so that only the ratios of the errors matter.
    check_finite : bool, optional
        Whether NaN and infinity in `xdata` and `ydata` are an error. Default: True, but False if
        `nan_policy` is given.
    bounds : pair of array_like, or object with lb and ub, default (-inf, inf)
        Lower and upper bounds, scalar or shape (n,). The model is never evaluated outside of them.
    method : {'lm', 'trf', 'dogbox'}, optional
        'lm', the default without bounds, is MINPACK's Levenberg-Marquardt method. With bounds, and
        for 'trf' and 'dogbox', it is a Levenberg-Marquardt method that keeps the parameters
        within them, `fitcore._bounded_lm`; SciPy's algorithms of these names run only for
        options that nothing else has, see `kwargs`.
    jac : callable or {'2-point', '3-point', 'cs'}, optional
        ``jac(xdata, p1, p2, ...)`` returns the derivatives of `f`, shape (m, n); or a way to form
        them by differences: forward (the default), central, or complex steps.
    full_output : bool, default False
        Whether to return more than `popt` and `pcov`.
    nan_policy : {'raise', 'omit'}, optional
        What to do with NaN in the data: an error, or leave out those points.
    **kwargs
        For 'lm' those of `leastsq`: ``ftol``, ``xtol``, ``gtol``, ``maxfev``, ``epsfcn``,
        ``factor``, ``diag``, ``col_deriv``. Otherwise those of SciPy's ``least_squares``: ``ftol``,
        ``xtol``, ``gtol`` (1e-8 by default; `gtol` is the cosine between the residuals and a column
        of the Jacobian), ``x_scale`` and ``max_nfev`` (default 100 n; evaluations for differences
        do not count). ``maxfev`` and ``max_nfev`` mean the same. With ``loss``, ``f_scale``,
        ``tr_solver``, ``tr_options``, ``diff_step``, ``jac_sparsity``, ``verbose``, ``callback``
        or ``workers`` the fit is handed to SciPy, which must be installed: the extra
        ``fitcore[scipy]``.

    Returns
    -------
    popt : ndarray, shape (n,)
        The parameters.
    pcov : ndarray, shape (n, n)
        Their covariance, from the linear approximation at the solution. Where the Jacobian is
        singular all infinite with 'lm', and otherwise by the pseudo-inverse; all infinite too when
        there are no more points than parameters and `absolute_sigma` is false. A parameter at a
        bound is treated as if it were free.
    infodict : dict
        ``nfev`` and ``fvec``, the residuals; with 'lm' also ``fjac``, ``ipvt``, ``qtf`` as from
        `leastsq`. Only with `full_output`, as the following two.
    mesg : str
        Why the fit has ended.
    ier : int
        With 'lm' 1 to 4 as from `leastsq`; otherwise 1 `gtol`, 2 `ftol`, 3 `xtol`, 4 both of them.

    Raises
    ------
    ValueError
        If an argument is out of its range, the start is outside of the bounds, the residuals
        there are not finite (with bounds), or the number of parameters cannot be told.
    TypeError
        If an argument is of the wrong kind, an option is not known, or there are fewer points
        than parameters with 'lm'.
    RuntimeError
        If the fit does not converge, or meets nothing but NaN or infinity.
    ImportError
        If an option asks for SciPy, and SciPy is not installed.
    Exception
        Whatever `f` or `jac` raises, unchanged.

    Warns
    -----
    OptimizeWarning
        If the covariance could not be estimated. Where SciPy is imported it is SciPy's class too.

    See Also
    --------
    leastsq : the solver without bounds, for residuals of any kind.
    fitcore.minimize : fits with named, bounded, constrained parameters and a report.

    References
    ----------
    .. [1] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture
       Notes in Mathematics 630, 105-116 (1978).
    .. [2] C. Kanzow, N. Yamashita, M. Fukushima, "Levenberg-Marquardt methods with strong local
       convergence properties for solving nonlinear equations with convex constraints", J. Comput.
       Appl. Math. 172, 375-397 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import curve_fit
    >>> def decay(t, a, b, c):
    ...     return a * np.exp(-b * t) + c
    >>> t = np.linspace(0, 4, 50)
    >>> y = decay(t, 2.5, 1.3, 0.5) + 0.1 * np.cos(9 * t)
    >>> popt, pcov = curve_fit(decay, t, y)
    >>> popt.round(2), np.sqrt(np.diag(pcov)).round(2)
    (array([2.53, 1.32, 0.5 ]), array([0.04, 0.05, 0.02]))
    >>> popt, pcov = curve_fit(decay, t, y, bounds=(0, [3, 1, 0.5]))
    >>> popt.round(2)
    array([2.43, 1.  , 0.38])
    """
    if not callable(f):
        raise TypeError(f"f must be callable, got {f!r:.80}")
    if isinstance(f, NativeFunction):
        if f.kind != "model":
            raise TypeError(f"f must be a NativeFunction of kind 'model', got kind {f.kind!r}")
        if jac is None and f.has_derivatives:
            jac = f.jacobian
    if p0 is None:
        n = parameter_count(f)
        limits = box(bounds, n)
        start = inside(limits, n)
    else:
        start = starting_point(p0)
        limits = box(bounds, start.size)
    chosen = ("lm" if limits is None else "trf") if method is None else method
    if chosen not in ("lm", "trf", "dogbox"):
        raise ValueError(f"`method` must be 'trf', 'dogbox' or 'lm', got {method!r:.80}")
    if chosen == "lm" and limits is not None:
        raise ValueError(
            "Method 'lm' only works for unconstrained problems. Use 'trf' or 'dogbox' instead."
        )
    if limits is not None and not ((limits[0] <= start) & (start <= limits[1])).all():
        raise ValueError(
            f"Initial guess is outside of provided bounds: {start} is not within "
            f"{limits[0]} and {limits[1]}"
        )
    x, y, kept = data(xdata, ydata, check_finite, nan_policy)
    if "args" in kwargs:
        raise ValueError("'args' is not a supported keyword argument.")
    if chosen != "lm" and _wants_scipy(kwargs):
        return _scipys(
            f, xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, chosen, jac,
            full_output=full_output, nan_policy=nan_policy, **kwargs,
        )  # fmt: skip
    weights, correlated = errors_of(sigma, y, kept)
    col_deriv = bool(kwargs.pop("col_deriv", False)) if chosen == "lm" else False
    scheme, derivative = _derivatives(jac)
    least = 0 if chosen == "lm" else start.size
    if chosen == "lm" and start.size > y.size != 1:
        raise TypeError(
            f"The number of func parameters={start.size} must not exceed the number of data "
            f"points={y.size}"
        )
    residual = CurveResidual(f, x, y, weights, correlated, derivative, col_deriv, least)
    if (
        isinstance(f, NativeFunction)
        and not correlated
        and y.size >= least
        and scheme != "cs"
        and derivative in (None, f.jacobian)
    ):
        residual.use_native(f.residual(x, y, weights), scheme)
    solve = _unbounded if chosen == "lm" else _bounded
    popt, pcov, info, message, ier = solve(residual, start, limits, scheme, kwargs)

    if pcov is not None and not absolute_sigma:
        free = info["fvec"].size - start.size
        pcov = pcov * (float(info["fvec"] @ info["fvec"]) / free) if free > 0 else None
    if pcov is None or np.isnan(pcov).any():
        pcov = np.full((start.size, start.size), np.inf)
        warnings.warn(
            "Covariance of the parameters could not be estimated",
            category=optimize_warning(),
            stacklevel=2,
        )
    if full_output:
        return popt, pcov, info, message, ier
    return popt, pcov


_Outcome = tuple[Array, Array | None, dict[str, Any], str, int]


def _unbounded(
    residual: CurveResidual, start: Array, limits: Any, scheme: str, kwargs: dict[str, Any]
) -> _Outcome:
    """MINPACK's fit."""
    options = {name: kwargs.pop(name) for name in _LM_OPTIONS if name in kwargs}
    maxfev = _renamed(kwargs, "maxfev", "max_nfev")
    _refuse(kwargs, "lm", (*_LM_OPTIONS, "maxfev", "col_deriv"))
    if isinstance(maxfev, int) and maxfev < 0:
        maxfev = 0
    solver = LevenbergMarquardt(
        start, jac=scheme, maxfev=0 if maxfev is None else maxfev, **options
    )
    residual.fit(solver)
    if not solver.success:
        raise RuntimeError("Optimal parameters not found: " + solver.message)
    pcov = solver.covariance() if solver.njev > 0 else None
    popt, fvec, fjac, qtf, ipvt = solver._give_up()
    info: dict[str, Any] = {"fvec": fvec, "nfev": solver.nfev}
    if scheme == "analytic":
        info["njev"] = solver.njev
    info.update(fjac=fjac, ipvt=ipvt, qtf=qtf)
    return popt, pcov, info, solver.message, solver.info


def _bounded(
    residual: CurveResidual, start: Array, limits: Any, scheme: str, kwargs: dict[str, Any]
) -> _Outcome:
    """A fit within a box."""
    tolerances: dict[str, Any] = {}
    for name in ("ftol", "xtol", "gtol"):
        value = kwargs.pop(name, 1e-8)
        tolerances[name] = 0.0 if value is None else value
    limit = _renamed(kwargs, "max_nfev", "maxfev")
    scale = kwargs.pop("x_scale", None)
    for name in _SCIPY_OPTIONS:
        kwargs.pop(name, None)
    _refuse(kwargs, "trf", ("ftol", "xtol", "gtol", "x_scale", "max_nfev", *_SCIPY_OPTIONS))
    n = start.size
    if limit is None:
        limit = 100 * n
    elif not limit > 0:
        raise ValueError(f"`max_nfev` must be None or positive integer, got {limit!r}")
    lower, upper = limits if limits is not None else UNBOUNDED
    solver = BoundedLevenbergMarquardt(
        start, lower, upper, jac=scheme, maxfev=limit, diag=_diag(scale, n),
        count_differences=False, **tolerances,
    )  # fmt: skip
    residual.fit(solver)
    if solver.info not in _STATUS:
        if solver.nit == 0 and not np.isfinite(solver.fvec).all():
            raise ValueError("Residuals are not finite in the initial point.")
        raise RuntimeError("Optimal parameters not found: " + solver.message)
    status = _STATUS[solver.info]
    if status == 0:
        raise RuntimeError("Optimal parameters not found: " + _MESSAGES[0])
    residual.jacobian_at_end(solver, scheme)
    popt, fvec, fjac, *_ = solver._give_up()
    m = residual.size
    pcov = solver.covariance()
    diagonal = np.abs(fjac.diagonal())
    if pcov is None or not diagonal.min() > 1e-6 * diagonal.max():
        pcov = _pseudo_inverse(fjac, solver.ipvt, max(m, n))
    info = {"nfev": solver.nfev, "fvec": fvec[:m] if fvec.size > m else fvec}
    return popt, pcov, info, _MESSAGES[status], status


def _pseudo_inverse(fjac: Array, ipvt: NDArray[np.int64], size: int) -> Array:
    """The pseudo-inverse of J^T J from the triangle of J, whose small singular values are zero."""
    n = ipvt.size
    _, s, vt = np.linalg.svd(np.triu(fjac[:, :n].T))
    vt = vt[s > _EPS * size * s[0]]
    s = s[: len(vt)]
    pcov = np.empty((n, n))
    pcov[np.ix_(ipvt, ipvt)] = (vt.T / s**2) @ vt
    return pcov


def _derivatives(jac: Any) -> tuple[str, Callable[..., Any] | None]:
    """How the solver gets the Jacobian, and the user's function for it."""
    if jac is None:
        return "2-point", None
    if callable(jac):
        return "analytic", jac
    if isinstance(jac, str) and jac in _SCHEMES:
        return jac, None
    raise (ValueError if isinstance(jac, str) else TypeError)(
        f"`jac` must be '2-point', '3-point', 'cs' or callable, got {jac!r:.80}"
    )


def _renamed(kwargs: dict[str, Any], name: str, other: str) -> Any:
    if name in kwargs and other in kwargs:
        raise TypeError(f"{name} and {other} mean the same: give one of them")
    return kwargs.pop(name, kwargs.pop(other, None))


def _refuse(left: dict[str, Any], method: str, known: tuple[str, ...]) -> None:
    if left:
        raise TypeError(
            f"curve_fit() got an unexpected keyword argument {next(iter(left))!r} for "
            f"method={method!r}, which takes {', '.join(known)}"
        )


def _diag(x_scale: Any, n: int) -> Array | None:
    """Scale factors of the variables for `x_scale` of least_squares; None for the Jacobian's."""
    if x_scale is None or (isinstance(x_scale, str) and x_scale == "jac"):
        return None
    try:
        scale = np.asarray(x_scale, dtype=np.float64)
    except (TypeError, ValueError):
        scale = np.zeros(1)
    if scale.shape not in ((), (n,)) or not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError(
            f"`x_scale` must be 'jac' or array_like with positive numbers, got {x_scale!r:.80}"
        )
    return np.array(np.broadcast_to(1 / scale, (n,)))


def _wants_scipy(kwargs: dict[str, Any]) -> bool:
    """Whether an option is given that only SciPy's least_squares can serve."""
    for name, idle in _SCIPY_OPTIONS.items():
        value = kwargs.get(name, idle[0])
        if not any(value is option or (np.ndim(value) == 0 and value == option) for option in idle):
            return True
    return False


def _scipys(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    given = ", ".join(name for name in _SCIPY_OPTIONS if name in kwargs)
    theirs = extra("scipy.optimize", f"curve_fit with {given}")
    outcome: tuple[Any, ...] = theirs.curve_fit(*args, **kwargs)
    return outcome
