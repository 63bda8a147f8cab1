"""Confidence intervals and regions, by the profile of chi-square."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fitcore._arguments import read_bool
from fitcore._distributions import chi2_sf, f_isf, f_sf, normal_two_sided, two_sided_level
from fitcore._interval import Side
from fitcore._profile import Point, Profile
from fitcore.minimizer import Minimizer, MinimizerException
from fitcore.result import MinimizerResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["NewFit", "conf_interval", "conf_interval2d", "f_compare"]

METHODS = ("F", "log-likelihood")
OLD_SIGMAS = (0.674, 0.95, 0.997)


class NewFit(NamedTuple):
    """A fit with variables held, as `prob_func` gets it.

    Attributes
    ----------
    chisqr, redchi : float
        Chi-square, and over the degrees of freedom.
    nvarys, nfree, ndata : int
        Numbers of variables, of degrees of freedom and of residuals.
    """

    chisqr: float
    redchi: float
    nvarys: int
    nfree: int
    ndata: int


def f_compare(best_fit: Any, new_fit: Any) -> float:
    """Probability, by the F test, that a fit with fewer variables is worse than the best fit.

    ``F(P_fix, N - P) = (chisqr_new / chisqr_best - 1) (N - P) / P_fix``.

    Parameters
    ----------
    best_fit : MinimizerResult
        The best fit, of N data by P variables.
    new_fit : MinimizerResult
        One with `P_fix` of the variables fixed.

    Returns
    -------
    float
        Between 0 and 1; 0 if chi-square is not above that of the best fit.

    Raises
    ------
    ValueError
        If `new_fit` has not fewer variables, or there are no degrees of freedom.

    Examples
    --------
    >>> from types import SimpleNamespace as Fit
    >>> from fitcore import f_compare
    >>> best = Fit(chisqr=10.0, nvarys=2, nfree=10)
    >>> round(f_compare(best, Fit(chisqr=11.0, nvarys=1, nfree=11)), 6)
    0.659107
    """
    nfix = best_fit.nvarys - new_fit.nvarys
    if nfix < 1:
        raise ValueError(
            f"new_fit must have fewer variables than best_fit, got {new_fit.nvarys} and "
            f"{best_fit.nvarys}"
        )
    if best_fit.nfree < 1:
        raise ValueError(f"best_fit has no degrees of freedom: nfree={best_fit.nfree}")
    ratio = (new_fit.chisqr / best_fit.chisqr - 1) * best_fit.nfree / nfix
    return 1 - f_sf(ratio, nfix, best_fit.nfree)


class _Statistic:
    """How chi-square is turned into probabilities."""

    def __init__(
        self,
        minimizer: Minimizer,
        result: MinimizerResult,
        nfix: int,
        prob_func: Callable[[Any, Any], float] | None,
        method: str,
    ) -> None:
        if not isinstance(method, str) or method not in METHODS:
            raise ValueError(f"method must be 'F' or 'log-likelihood', got {method!r:.80}")
        if prob_func is not None and not callable(prob_func):
            raise TypeError(f"prob_func must be callable or None, got {prob_func!r:.80}")
        self.result, self.nfix, self.prob_func, self.method = result, nfix, prob_func, method
        self.known_errors = not minimizer.scale_covar

    def probability(self, chisqr: float) -> float:
        """Of a point."""
        result = self.result
        if not math.isfinite(chisqr):
            return 1.0
        if self.prob_func is not None or self.method == "F":
            nvarys, nfree = result.nvarys - self.nfix, result.nfree + self.nfix
            new = NewFit(chisqr, chisqr / nfree, nvarys, nfree, result.ndata)
            return float((self.prob_func or f_compare)(result, new))
        if self.known_errors:
            return 1 - chi2_sf(chisqr - result.chisqr, self.nfix)
        return 1 - chi2_sf(result.ndata * math.log(chisqr / result.chisqr), self.nfix)

    def height(self, point: Point) -> float:
        """What the root finder works on, nearly proportional to the distance."""
        if self.prob_func is not None:
            return normal_two_sided(1 - self.probability(point.chisqr))
        excess = point.chisqr / self.result.chisqr - 1
        return math.sqrt(excess) if excess > 0 else (0.0 if excess <= 0 else math.nan)

    def wanted(self, outside: float) -> float:
        """The height beyond which the probability is `outside`."""
        if self.prob_func is not None:
            return normal_two_sided(outside)
        if self.method == "F":
            return math.sqrt(f_isf(outside, 1, self.result.nfree) / self.result.nfree)
        square = normal_two_sided(outside) ** 2
        if self.known_errors:
            return math.sqrt(square / self.result.chisqr)
        return math.sqrt(math.expm1(square / self.result.ndata))

    def unit(self) -> float:
        """The height at one standard error, of a linear model."""
        if self.prob_func is not None:
            return 1.0
        return math.sqrt((1 / self.result.chisqr) if self.known_errors else 1 / self.result.nfree)


def conf_interval(minimizer: Minimizer | MinimizerResult, *args: Any, **kws: Any) -> Any:
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
        Names of the variables; default all.
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
    Exception
        What the objective function raises, unchanged.

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
    given = _arguments("conf_interval", minimizer, args, kws)
    return _conf_interval(**given)


def _arguments(
    who: str, minimizer: Any, args: tuple[Any, ...], kws: dict[str, Any]
) -> dict[str, Any]:
    """Arguments by name, whichever signature they were given in."""
    two = who == "conf_interval2d"
    names = ["x_name", "y_name", "nx", "ny", "limits"] if two else ["p_names", "sigmas", "trace"]
    names += ["prob_func"] if two else ["maxiter", "verbose", "prob_func"]
    newer = ["nsigma", "chi2_out"] if two else ["min_rel_change"]
    new = "result" in kws or bool(args and isinstance(args[0], MinimizerResult))
    order = ["result", *names, *newer] if new else [*names, *newer]
    if len(args) > len(order):
        raise TypeError(f"{who} takes {', '.join(order)} after minimizer; got {len(args)} more")
    given = dict(zip(order, args, strict=False))
    for name, value in kws.items():
        if name in given:
            raise TypeError(f"{who} got multiple values for argument {name!r}")
        if name not in [*order, "method"]:
            raise TypeError(f"{who} got an unexpected keyword argument {name!r}")
        given[name] = value
    if not two and given.get("sigmas") is None:
        given["sigmas"] = (1, 2, 3) if new else OLD_SIGMAS
    if two:
        missing = [name for name in ("x_name", "y_name") if name not in given]
        if missing:
            raise TypeError(f"{who} misses {' and '.join(missing)}")
        given["sigma_units"] = new and given.get("prob_func") is None
    result = given.pop("result", None)
    given["minimizer"], given["result"] = _fit_of(who, minimizer, result)
    return given


def _fit_of(who: str, minimizer: Any, result: Any) -> tuple[Minimizer, MinimizerResult]:
    if isinstance(minimizer, MinimizerResult):
        result = minimizer if result is None else result
        minimizer = minimizer._fitter()
    if not isinstance(minimizer, Minimizer):
        raise TypeError(
            f"minimizer must be a Minimizer or what minimize() returned, got {minimizer!r:.80}"
        )
    result = minimizer.result if result is None else result
    if result is None or "chisqr" not in result.__dict__:
        raise MinimizerException(f"{who} needs a fit: call leastsq() of the minimizer first")
    if minimizer.userfcn is None:
        raise MinimizerException("userfcn is missing: the others cannot be fitted again")
    if result.nfree < 1:
        raise MinimizerException(
            f"{who} needs more data than variables, got {result.ndata} and {result.nvarys}"
        )
    if not (math.isfinite(result.chisqr) and result.chisqr > 0):
        raise MinimizerException(f"{who} needs a finite chi-square, got {result.chisqr}")
    return minimizer, result


def _stderr(result: MinimizerResult, name: str) -> float:
    """The standard error, from which the steps are taken."""
    stderr = result.params[name].stderr
    if stderr is None or not (math.isfinite(stderr) and stderr > 0):
        raise MinimizerException(
            f"parameter {name!r} has no sensible standard error (stderr is {stderr}) to start "
            f"from: set result.params[{name!r}].stderr to an estimate, or leave it out by p_names"
        )
    return float(stderr)


def _check_name(result: MinimizerResult, name: Any, what: str) -> str:
    if name not in result.var_names:
        raise ValueError(
            f"{what}: {name!r} is no variable of the fit; those are {', '.join(result.var_names)}"
        )
    return str(name)


def _levels(sigmas: Any) -> list[tuple[float, float]]:
    """Probabilities inside and outside, in increasing order."""
    levels = []
    for sigma in np.atleast_1d(np.asarray(sigmas, dtype=np.float64)).tolist():
        if not (math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"sigmas must be positive and finite, got {sigma}")
        inside, outside = two_sided_level(sigma) if sigma >= 1 else (sigma, 1 - sigma)
        if outside < 1e-250:
            raise ValueError(f"sigmas: {sigma} standard deviations are beyond all probability")
        levels.append((inside, outside))
    return sorted(levels, key=lambda level: -level[1])


def _conf_interval(
    minimizer: Minimizer,
    result: MinimizerResult,
    sigmas: Any,
    p_names: Sequence[str] | None = None,
    trace: bool = False,
    maxiter: int = 200,
    verbose: bool = False,
    prob_func: Callable[[Any, Any], float] | None = None,
    min_rel_change: float = 1e-5,
    method: str = "F",
) -> Any:
    trace, verbose = read_bool(trace, "trace"), read_bool(verbose, "verbose")
    if maxiter < 1:
        raise ValueError(f"maxiter must be at least 1, got {maxiter}")
    levels = _levels(sigmas)
    statistic = _Statistic(minimizer, result, 1, prob_func, method)
    wanted = [statistic.wanted(outside) for _, outside in levels]
    if isinstance(p_names, str):
        p_names = [p_names]
    names = list(result.var_names if p_names is None else p_names)
    scales = {_check_name(result, name, "p_names"): _stderr(result, name) for name in names}
    output: dict[str, list[tuple[float, float]]] = {}
    traces: dict[str, dict[str, Any]] = {}
    for name, scale in scales.items():
        profile = Profile(minimizer, result, [name])
        rows = [[*profile.values(), 0.0]]

        def seen(
            point: Point, height: float, name: str = name, rows: Any = rows, of: Any = profile
        ) -> None:
            if trace or verbose:
                prob = statistic.probability(point.chisqr)
                rows.append([*of.values(), prob])
                if verbose:
                    shown = f"{name} = {point.at[0]:.10g}: chi-square {point.chisqr:.10g}"
                    print(f"{shown}, probability {prob:.6g}")  # noqa: T201

        ends = {}
        for sign in (-1, 1):
            side = Side(
                profile,
                statistic.height,
                sign,
                scale,
                statistic.unit(),
                maxiter,
                min_rel_change,
                seen,
            )
            ends[sign] = list(zip([inside for inside, _ in levels], side.ends(wanted), strict=True))
        output[name] = [*ends[-1][::-1], (0.0, profile.best.at[0]), *ends[1]]
        if trace:
            columns = np.array(rows).T
            traces[name] = dict(zip([*result.params, "prob"], columns, strict=True))
    return (output, traces) if trace else output


def conf_interval2d(
    minimizer: Minimizer | MinimizerResult, *args: Any, **kws: Any
) -> tuple[FloatArray, FloatArray, FloatArray]:
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
    return _conf_interval2d(**_arguments("conf_interval2d", minimizer, args, kws))


def _conf_interval2d(
    minimizer: Minimizer,
    result: MinimizerResult,
    x_name: str,
    y_name: str,
    sigma_units: bool,
    nx: int = 10,
    ny: int = 10,
    limits: Any = None,
    prob_func: Callable[[Any, Any], float] | None = None,
    nsigma: float = 5,
    chi2_out: bool = False,
    method: str = "F",
) -> tuple[FloatArray, FloatArray, FloatArray]:
    statistic = _Statistic(minimizer, result, 2, prob_func, method)
    names = [_check_name(result, x_name, "x_name"), _check_name(result, y_name, "y_name")]
    if x_name == y_name:
        raise ValueError(f"x_name and y_name must be two variables, got {x_name!r} twice")
    for what, count in (("nx", nx), ("ny", ny)):
        if count < 1:
            raise ValueError(f"{what} must be at least 1, got {count}")
    x, y = (
        _axis(result, name, count, None if limits is None else limits[i], nsigma)
        for i, (name, count) in enumerate(zip(names, (nx, ny), strict=True))
    )
    profile = Profile(minimizer, result, names)
    chisqr = np.empty((ny, nx))
    below: list[Point] = []
    for j, y_value in enumerate(y.tolist()):
        row: list[Point] = []
        for i, x_value in enumerate(x.tolist()):
            at = (x_value, y_value)
            row.append(profile.probe(at, _start(profile, at, row, below, i)))
            chisqr[j, i] = row[-1].chisqr
        below = row
    if chi2_out:
        return x, y, chisqr
    if sigma_units:
        return x, y, np.sqrt(np.maximum(chisqr - result.chisqr, 0) / result.redchi)
    return x, y, np.vectorize(statistic.probability, otypes=[float])(chisqr)


def _start(
    profile: Profile, at: tuple[float, ...], row: list[Point], below: list[Point], i: int
) -> FloatArray:
    """The others at a point of the grid, from its neighbours: a parallelogram, or the tangent."""
    if row and below:
        start = row[-1].u + below[i].u - below[i - 1].u
    elif len(row) > 1:
        start = 2 * row[-1].u - row[-2].u
    elif below:
        start = below[i].u
    else:
        return profile.tangent(at)
    return start if np.isfinite(start).all() else profile.best.u


def _axis(result: MinimizerResult, name: str, count: int, limits: Any, nsigma: float) -> FloatArray:
    item = result.params[name]
    least, most = float(item.min), float(item.max)
    if limits is None:
        reach = nsigma * _stderr(result, name)
        value = float(item.value)
        lower, upper = max(value - reach, least), min(value + reach, most)
    else:
        upper, lower = (float(limit) for limit in limits)
        if not least <= min(lower, upper) <= max(lower, upper) <= most:
            raise ValueError(
                f"limits of {name}, {lower:g} and {upper:g}, must be within its bounds, {least:g} "
                f"and {most:g}"
            )
    return np.linspace(lower, upper, count)
