"""Confidence intervals and regions, by the profile of chi-square."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fitcore._arguments import read_bool
from fitcore._confidence_arguments import (
    by_name,
    check_name,
    read_axis,
    read_levels,
    scale_of,
    signature,
)
from fitcore._executor import check_executor, run_tasks
from fitcore._interval import IntervalTask, find_interval
from fitcore._probability import NewFit, Statistic, f_compare
from fitcore._profile import Fitted, Remarks
from fitcore._region import RowTask, fit_row, spine
from fitcore.minimizer import Minimizer
from fitcore.result import MinimizerResult

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import ArrayLike, NDArray

    from fitcore.parameter import Parameters

    FloatArray = NDArray[np.float64]
    Fit = Minimizer | MinimizerResult
    ProbFunc = Callable[[Any, Any], float]
    Method = Literal["F", "log-likelihood"]
    Intervals = dict[str, list[tuple[float, float]]]
    Region = tuple[FloatArray, FloatArray, FloatArray]

__all__ = [
    "NewFit",
    "conf_interval",
    "conf_interval2d",
    "copy_vals",
    "f_compare",
    "restore_vals",
]
__dir__ = __all__.copy


# One signature for each order of arguments. With a trace it returns a tuple, which Any stands for:
# an overload that requires trace=True could not take it by position.
@overload
def conf_interval(
    minimizer: Fit,
    result: MinimizerResult,
    p_names: Sequence[str] | None = None,
    sigmas: ArrayLike | None = None,
    trace: Literal[False] = False,
    maxiter: int = 200,
    verbose: bool = False,
    prob_func: ProbFunc | None = None,
    min_rel_change: float = 1e-5,
    *,
    method: Method = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Intervals: ...
@overload
def conf_interval(
    minimizer: Fit,
    result: MinimizerResult,
    p_names: Sequence[str] | None = None,
    sigmas: ArrayLike | None = None,
    trace: bool = False,
    maxiter: int = 200,
    verbose: bool = False,
    prob_func: ProbFunc | None = None,
    min_rel_change: float = 1e-5,
    *,
    method: Method = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Any: ...
@overload
def conf_interval(
    minimizer: Fit,
    p_names: Sequence[str] | None = None,
    sigmas: ArrayLike | None = None,
    trace: Literal[False] = False,
    maxiter: int = 200,
    verbose: bool = False,
    prob_func: ProbFunc | None = None,
    min_rel_change: float = 1e-5,
    *,
    method: Method = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Intervals: ...
@overload
def conf_interval(
    minimizer: Fit,
    p_names: Sequence[str] | None = None,
    sigmas: ArrayLike | None = None,
    trace: bool = False,
    maxiter: int = 200,
    verbose: bool = False,
    prob_func: ProbFunc | None = None,
    min_rel_change: float = 1e-5,
    *,
    method: Method = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Any: ...
def conf_interval(minimizer: Any, *args: Any, **kws: Any) -> Any:
    """Confidence intervals of parameters, by the profile of chi-square.

    One parameter is held at different values while the others are fitted again, until chi-square
    is so much higher as corresponds to the probability. It can be called in two ways, which the
    second argument tells apart::

        conf_interval(minimizer, result, p_names=None, sigmas=(1, 2, 3), trace=False,
                      maxiter=200, verbose=False, prob_func=None, min_rel_change=1e-5)
        conf_interval(minimizer, p_names=None, sigmas=(0.674, 0.95, 0.997), trace=False,
                      maxiter=200, verbose=False, prob_func=None)

    of lmfit 1.x, and of the manual of lmfit 0.7.1. The fit is not changed by it.

    Parameters
    ----------
    minimizer : Minimizer or MinimizerResult
        What has been fitted, or what :func:`fitcore.minimize` has returned.
    result : MinimizerResult
        The best fit. Default: the last one of `minimizer`.
    p_names : list of str, optional
        Names of the variables; default all. One that the fit left on a bound is released for its
        own interval, which is one-sided: its end beyond the bound is infinite.
    sigmas : list of float, optional
        Probabilities, if below 1, or numbers of standard deviations of a normal distribution.
    trace : bool, default False
        Whether to return all points that were looked at, too.
    maxiter : int, default 200
        Limit on the steps for each end.
    verbose : bool, default False
        Whether to print each step.
    prob_func : callable, optional
        ``prob_func(best_fit, new_fit)`` returns the probability, instead of :func:`f_compare`.
    min_rel_change : float, default 1e-5
        An end counts as infinite when a step outwards raises the root of delta chi-square by less
        than this part.
    method : {'F', 'log-likelihood'}, default 'F'
        Keyword only. ``'F'`` takes ``(chisqr/chisqr_best - 1) (N - P)`` as distributed as F(1, N -
        P). ``'log-likelihood'`` takes twice the difference in the logarithm of the likelihood as
        distributed as chi-square with one degree of freedom: ``N ln(chisqr/chisqr_best)``, or
        ``chisqr - chisqr_best`` if the errors of the data are known (``scale_covar=False``).
    executor : concurrent.futures.Executor, optional
        Keyword only. Runs one task for each parameter, with the same results to the last bit as
        without. A ThreadPoolExecutor takes any objective function that is thread-safe; a
        ProcessPoolExecutor one that can be pickled, with its arguments. When a task raises, those
        not begun are cancelled, and those that run are not waited for.
    progress : bool, default False
        Keyword only. Whether to show a bar that counts parameters, by tqdm.

    Returns
    -------
    output : dict of str to list of (float, float)
        For each name pairs of probability and value, from the lowest value to the highest; the
        best value has probability 0. An end that is not reached is infinite, with a warning.
    trace_dict : dict of str to dict of str to ndarray
        Only with `trace`: for the name of the one that is held the values of all parameters by
        name, and ``'prob'``, at all points.

    Raises
    ------
    MinimizerException
        If there is no fit, no standard error to start from, or no degree of freedom.
    ValueError, TypeError
        For names that are no variables, or arguments out of range.
    ImportError
        If `progress` is wanted and tqdm is missing.
    Exception
        What the objective function raises, unchanged.

    Warns
    -----
    UserWarning
        Of ends that are not reached, of jumps of chi-square, of fits of the others that ran out of
        evaluations, and if chi-square is found lower than at the best fit.

    References
    ----------
    .. [1] D. M. Bates, D. G. Watts, "Nonlinear Regression Analysis and Its Applications" (Wiley
       1988), section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Parameters, conf_interval, minimize
    >>> t = np.arange(10.0)
    >>> y = 3 * np.exp(-t / 4) + 0.1 * np.cos(5 * t)
    >>> params = Parameters()
    >>> params.add_many(("amp", 1.0), ("tau", 1.0))
    >>> best = minimize(lambda p: p["amp"] * np.exp(-t / p["tau"]) - y, params)
    >>> ci = conf_interval(best, ["tau"], sigmas=[0.95])
    >>> [(prob, round(float(value), 3)) for prob, value in ci["tau"]]
    [(0.95, 3.583), (0.0, 3.877), (0.95, 4.203)]
    """
    given = by_name("conf_interval", minimizer, args, kws)
    return _conf_interval(**given)


def _conf_interval(
    minimizer: Minimizer,
    result: MinimizerResult,
    sigmas: Any,
    p_names: Sequence[str] | None = None,
    trace: bool = False,
    maxiter: int = 200,
    verbose: bool = False,
    prob_func: ProbFunc | None = None,
    min_rel_change: float = 1e-5,
    method: str = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Any:
    trace, verbose = read_bool(trace, "trace"), read_bool(verbose, "verbose")
    if maxiter < 1:
        raise ValueError(f"maxiter must be at least 1, got {maxiter}")
    levels = read_levels(sigmas)
    fit = Fitted.of(minimizer, result)
    statistic = Statistic(fit, 1, prob_func, method)
    if isinstance(p_names, str):
        p_names = [p_names]
    names = list(result.var_names if p_names is None else p_names)
    scales = {check_name(result, name, "p_names"): scale_of(fit, name) for name in names}
    tasks = [
        IntervalTask(fit, name, scale, levels, statistic, maxiter, min_rel_change, trace, verbose)
        for name, scale in scales.items()
    ]
    progress = read_bool(progress, "progress")
    found = run_tasks(find_interval, tasks, check_executor(executor), progress, "parameter")
    for _, _, remarks in found:
        for message in remarks.warnings(result.chisqr):
            warnings.warn(message, stacklevel=3)
    output = {name: pairs for name, (pairs, _, _) in zip(scales, found, strict=True)}
    if not trace:
        return output
    traces = {
        name: dict(zip([*result.params, "prob"], np.array(rows).T, strict=True))
        for name, (_, rows, _) in zip(scales, found, strict=True)
    }
    return output, traces


@overload
def conf_interval2d(
    minimizer: Fit,
    result: MinimizerResult,
    x_name: str,
    y_name: str,
    nx: int = 10,
    ny: int = 10,
    limits: Sequence[Sequence[float]] | None = None,
    prob_func: ProbFunc | None = None,
    nsigma: float = 5,
    chi2_out: bool = False,
    *,
    method: Method = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Region: ...
@overload
def conf_interval2d(
    minimizer: Fit,
    x_name: str,
    y_name: str,
    nx: int = 10,
    ny: int = 10,
    limits: Sequence[Sequence[float]] | None = None,
    prob_func: ProbFunc | None = None,
    nsigma: float = 5,
    chi2_out: bool = False,
    *,
    method: Method = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Region: ...
def conf_interval2d(minimizer: Any, *args: Any, **kws: Any) -> Region:
    """Confidence region of two parameters: a grid on which the others are fitted again.

    It can be called in two ways, which the second argument tells apart::

        conf_interval2d(minimizer, result, x_name, y_name, nx=10, ny=10, limits=None,
                        prob_func=None, nsigma=5, chi2_out=False)
        conf_interval2d(minimizer, x_name, y_name, nx=10, ny=10, limits=None, prob_func=None)

    of lmfit 1.x, and of the manual of lmfit 0.7.1. The fit is not changed by it.

    Parameters
    ----------
    minimizer : Minimizer or MinimizerResult
        What has been fitted, or what :func:`fitcore.minimize` has returned.
    result : MinimizerResult
        The best fit. Default: the last one of `minimizer`.
    x_name, y_name : str
        Two variables.
    nx, ny : int, default 10
        Numbers of points.
    limits : tuple, optional
        ``((x_upper, x_lower), (y_upper, y_lower))``; default `nsigma` standard errors on each
        side, within the bounds.
    prob_func : callable, optional
        ``prob_func(best_fit, new_fit)`` returns the probability, instead of :func:`f_compare`.
    nsigma : float, default 5
        See `limits`.
    chi2_out : bool, default False
        Whether the grid is to hold chi-square itself.
    method : {'F', 'log-likelihood'}, default 'F'
        Keyword only: how probabilities are computed, as for :func:`conf_interval` with two degrees
        of freedom.
    executor : concurrent.futures.Executor, optional
        Keyword only. Runs one task for each row of the grid, as for :func:`conf_interval`. Before
        them the column nearest to the best fit is done here.
    progress : bool, default False
        Keyword only. Whether to show a bar that counts rows, by tqdm.

    Returns
    -------
    x : ndarray, shape (nx,)
    y : ndarray, shape (ny,)
    grid : ndarray, shape (ny, nx)
        With `result` given, ``sqrt((chisqr - chisqr_best) / redchi)``; in the manual's way, and
        with a `prob_func`, probabilities.

    Raises
    ------
    MinimizerException
        If there is no fit, or no standard error and no `limits`.
    ValueError, TypeError
        For names that are no variables, or arguments out of range.
    ImportError
        If `progress` is wanted and tqdm is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Parameters, conf_interval2d, minimize
    >>> t = np.arange(10.0)
    >>> y = 3 * np.exp(-t / 4) + 0.1 * np.cos(5 * t)
    >>> params = Parameters()
    >>> params.add_many(("amp", 1.0), ("tau", 1.0))
    >>> best = minimize(lambda p: p["amp"] * np.exp(-t / p["tau"]) - y, params)
    >>> x, y, grid = conf_interval2d(best, "amp", "tau", 4, 3)
    >>> grid.shape
    (3, 4)
    """
    return _conf_interval2d(**by_name("conf_interval2d", minimizer, args, kws))


def _conf_interval2d(
    minimizer: Minimizer,
    result: MinimizerResult,
    x_name: str,
    y_name: str,
    sigma_units: bool,
    nx: int = 10,
    ny: int = 10,
    limits: Any = None,
    prob_func: ProbFunc | None = None,
    nsigma: float = 5,
    chi2_out: bool = False,
    method: str = "F",
    executor: Executor | None = None,
    progress: bool = False,
) -> Region:
    fit = Fitted.of(minimizer, result)
    statistic = Statistic(fit, 2, prob_func, method)
    names = [check_name(result, x_name, "x_name"), check_name(result, y_name, "y_name")]
    if x_name == y_name:
        raise ValueError(f"x_name and y_name must be two variables, got {x_name!r} twice")
    for what, count in (("nx", nx), ("ny", ny)):
        if count < 1:
            raise ValueError(f"{what} must be at least 1, got {count}")
    x, y = (
        read_axis(fit, name, count, None if limits is None else limits[i], nsigma)
        for i, (name, count) in enumerate(zip(names, (nx, ny), strict=True))
    )
    executor, progress = check_executor(executor), read_bool(progress, "progress")
    column, points, remarks = spine(fit, names, x, y)
    tasks = [RowTask(fit, names, x, column, point) for point in points]
    found = run_tasks(fit_row, tasks, executor, progress, "row")
    chisqr = np.array([row for row, _ in found])
    for message in reduce(Remarks.merged, (more for _, more in found), remarks).warnings(
        result.chisqr
    ):
        warnings.warn(message, stacklevel=3)
    if chi2_out:
        return x, y, chisqr
    if sigma_units:
        return x, y, np.sqrt(np.maximum(chisqr - result.chisqr, 0) / result.redchi)
    return x, y, np.vectorize(statistic.probability, otypes=[float])(chisqr)


def copy_vals(params: Parameters) -> dict[str, tuple[float, float | None]]:
    """Values and standard errors of parameters, for :func:`restore_vals`.

    Parameters
    ----------
    params : Parameters

    Returns
    -------
    dict of str to (float, float or None)
    """
    return {name: (par.value, par.stderr) for name, par in params.items()}


def restore_vals(tmp_params: Mapping[str, tuple[float, float | None]], params: Parameters) -> None:
    """Give parameters the values and standard errors that :func:`copy_vals` has kept.

    Parameters
    ----------
    tmp_params : dict of str to (float, float or None)
    params : Parameters
        Changed in place; expressions stay.

    Examples
    --------
    >>> from fitcore import create_params
    >>> from fitcore.confidence import copy_vals, restore_vals
    >>> params = create_params(a=1, b={"expr": "2*a"})
    >>> kept = copy_vals(params)
    >>> params["a"].value = 5
    >>> restore_vals(kept, params)
    >>> params.valuesdict()
    {'a': 1, 'b': 2.0}
    """
    for name, (value, stderr) in tmp_params.items():
        par = params[name]
        if par.expr is None:
            par.value = value
        par.stderr = stderr


conf_interval.__signature__ = signature("conf_interval")  # type: ignore[attr-defined]
conf_interval2d.__signature__ = signature("conf_interval2d")  # type: ignore[attr-defined]
