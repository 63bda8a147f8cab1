"""Sampling of the posterior distribution of the parameters with emcee."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arguments import read_bool, read_parameters, read_whole
from fitcore._at_minimum import complete
from fitcore._extras import extra
from fitcore._fit import AbortFitException
from fitcore._objective import Objective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer, ParametersLike
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["fit_emcee"]

# The parameter for errors of the data that are not known: their logarithm.
LNSIGMA = "__lnsigma"
# The central 68.27 % of a normal distribution.
QUANTILES = (0.15865525393145707, 0.5, 0.8413447460685429)
BEHAVIORS = ("posterior", "chi2")


class LogPosterior:
    """Logarithm of the posterior probability, up to a constant, for a uniform prior.

    Parameters
    ----------
    objective : Objective
        By the values of the variables.
    weighted : bool
        Whether residuals are divided by the errors of the data; else these are a variable.
    chi2 : bool
        Whether a scalar is chi-square, and not the logarithm of the posterior itself.
    """

    def __init__(self, objective: Objective, weighted: bool, chi2: bool) -> None:
        self.objective, self.chi2 = objective, chi2
        self.lower, self.upper = objective.lower, objective.upper
        self.sigma = None if weighted else objective.names.index(LNSIGMA)

    def __call__(self, x: FloatArray) -> float:
        if not ((self.lower <= x) & (x <= self.upper)).all():
            return -math.inf
        objective = self.objective
        objective(x)
        log = None if self.sigma is None else float(x[self.sigma])
        return log_likelihood(objective.residual, objective.scalar, self.chi2, log)


def log_likelihood(
    residual: FloatArray, scalar: bool, chi2: bool, log_sigma: float | None = None
) -> float:
    """Logarithm of the likelihood of residuals, -inf for NaN.

    Parameters
    ----------
    residual : ndarray, shape (N,)
        What the objective function returned.
    scalar, chi2 : bool
        Whether that was one number, and this is chi-square and not the logarithm itself.
    log_sigma : float, optional
        Logarithm of the error of the data; without it the residuals are divided by theirs.
    """
    if scalar:
        found = -0.5 * float(residual[0]) if chi2 else float(residual[0])
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            chisqr = float(residual @ residual)
        found = -0.5 * chisqr
        if log_sigma is not None:
            scale = math.exp(min(-2 * log_sigma, 700.0))
            constant = residual.size * (2 * log_sigma + math.log(2 * math.pi))
            found = -0.5 * (chisqr * scale + constant)
    return found if not math.isnan(found) else -math.inf


class TemperaturesAreGone(ValueError, DeprecationWarning):
    """For `ntemps`, of which lmfit raises DeprecationWarning."""


def fit_emcee(
    fitter: Minimizer,
    params: ParametersLike | None,
    *,
    steps: int = 1000,
    nwalkers: int = 100,
    burn: int = 0,
    thin: int = 1,
    pos: Any = None,
    reuse_sampler: bool = False,
    workers: Any = 1,
    float_behavior: str = "posterior",
    is_weighted: bool = True,
    seed: Any = None,
    progress: bool = True,
    run_mcmc_kwargs: Mapping[str, Any] | None = None,
) -> MinimizerResult:
    """See :meth:`fitcore.Minimizer.emcee`."""
    from fitcore.minimizer import MinimizerException

    emcee = extra("emcee", "method 'emcee'")
    fitter._function()
    if float_behavior not in BEHAVIORS:
        raise ValueError(
            f"float_behavior must be one of {', '.join(map(repr, BEHAVIORS))}; got "
            f"{float_behavior!r:.80}"
        )
    weighted = read_bool(is_weighted, "is_weighted")
    for name, count, least in (
        ("steps", steps, 1), ("nwalkers", nwalkers, 2), ("burn", burn, 0), ("thin", thin, 1),
    ):  # fmt: skip
        read_whole(count, name, least)
    if burn + thin > steps:
        raise ValueError(f"burn={burn} and thin={thin} leave nothing of steps={steps}")
    source = read_parameters(params) if params is not None else fitter.params
    if source is None:
        raise MinimizerException("params is missing: a fit needs Parameters")
    if not weighted:
        source = source.copy()
        if LNSIGMA not in source:
            source.add(LNSIGMA, value=0.01)
    result = fitter.prepare_fit(source)
    objective = Objective(fitter, result, math.inf, mapped=False)
    objective(objective.x0)  # says whether the function returns an array
    n = result.nvarys
    if objective.scalar and not weighted:
        raise ValueError(
            "is_weighted=False wants a function that returns residuals, an array; it returns one "
            "number, which has no errors of data to estimate"
        )
    rng = np.random.default_rng(seed)
    if reuse_sampler:
        sampler = getattr(fitter, "sampler", None)
        if sampler is None or sampler.ndim != n:
            raise ValueError(
                "reuse_sampler=True wants a sampler of the same variables from an earlier call of "
                "emcee"
            )
        start = None
    else:
        start = _positions(objective, pos, nwalkers, rng)
        sampler = emcee.EnsembleSampler(
            start.shape[0], n, LogPosterior(objective, weighted, float_behavior == "chi2")
        )
        # emcee's own random numbers, from the same seed.
        sampler.random_state = np.random.RandomState(int(rng.integers(2**31))).get_state()
    run = {"progress": read_bool(progress, "progress"), **(run_mcmc_kwargs or {})}
    try:
        _run(sampler, start, steps, workers, run)
    except AbortFitException:
        if objective.evaluator.stopped is None:
            objective.evaluator.stopped = "exception"
    except Exception:
        if objective.raised is not None:
            raise objective.raised from None
        raise
    stopped = objective.evaluator.stopped
    fitter.sampler = sampler
    if sampler.iteration:
        fitter._lastpos = sampler.get_last_sample().coords  # type: ignore[attr-defined]
    return _complete(fitter, result, objective, sampler, burn, thin, steps, stopped)


def _run(sampler: Any, start: Any, steps: int, workers: Any, run: dict[str, Any]) -> None:
    """Sample, here or in workers."""
    if isinstance(workers, (int, np.integer)) and not isinstance(workers, bool):
        if workers == 1:
            sampler.pool = None
            sampler.run_mcmc(start, steps, **run)
            return
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(None if workers < 1 else int(workers)) as pool:
            _run(sampler, start, steps, pool, run)
        return
    if not hasattr(workers, "map"):
        raise TypeError(f"workers must be a number or have a method map, got {workers!r:.80}")
    sampler.pool = workers
    try:
        sampler.run_mcmc(start, steps, **run)
    finally:
        sampler.pool = None


def _positions(objective: Objective, pos: Any, nwalkers: int, rng: Any) -> FloatArray:
    """Where the walkers begin: a small ball around the start, within the bounds."""
    n = objective.x0.size
    if pos is not None:
        given = np.asarray(pos, dtype=np.float64)
        if given.ndim == 3:  # a chain: go on from its end
            given = given[-1]
        if given.ndim != 2 or given.shape[1] != n:
            raise ValueError(
                f"pos must have shape (nwalkers, {n}), a place for each walker and variable; got "
                f"{np.shape(pos)}"
            )
        if given.shape[0] != nwalkers:
            raise ValueError(
                f"pos has places for {given.shape[0]} walkers, and nwalkers is {nwalkers}"
            )
        return np.array(given)
    x = objective.x0
    size = np.where(x != 0, np.abs(x), 1.0)
    low, high = objective.lower, objective.upper
    with np.errstate(over="ignore"):
        size = np.minimum(size, np.where(np.isfinite(high - low), high - low, size))
    ball = x + 1e-4 * size * rng.normal(size=(nwalkers, n))
    # What lies outside is mirrored at the bound.
    ball = np.where(ball < low, 2 * low - ball, ball)
    ball = np.where(ball > high, 2 * high - ball, ball)
    placed: FloatArray = np.clip(ball, low, high)
    return placed


def _complete(
    fitter: Minimizer,
    result: MinimizerResult,
    objective: Objective,
    sampler: Any,
    burn: int,
    thin: int,
    steps: int,
    stopped: str | None,
) -> MinimizerResult:
    """Medians, quantiles and correlations of the chain."""
    chain: FloatArray = sampler.get_chain(thin=thin, discard=burn)
    flat = chain.reshape(-1, chain.shape[-1])
    result.method, result.backend = "emcee", "fitcore"
    result.aborted = stopped is not None
    result.success = stopped is None
    result.message = "Sampling finished." if stopped is None else "Fit aborted: it was asked for."
    result.__dict__.update(
        chain=chain,
        lnprob=sampler.get_log_prob(thin=thin, discard=burn),
        acceptance_fraction=sampler.acceptance_fraction,
    )
    if not flat.size:
        values = objective.x0
        result.errorbars = False
    else:
        low, values, high = np.quantile(flat, QUANTILES, axis=0)
    values = np.ascontiguousarray(values)
    final = objective.another(objective.points, math.inf)
    residual = final.evaluate(values)
    objective.params = result.params
    complete(
        result,
        objective,
        values,
        np.empty(0) if residual is None else np.array(residual),
        None,
        scale_covar=False,
    )
    result.last_internal_values = values
    if stopped is None:
        # Samples, as in lmfit: workers do not tell how often they called the function.
        result.nfev = steps * sampler.nwalkers
    if flat.size:
        from fitcore._statistics import set_uncertainties

        covar = np.atleast_2d(np.cov(flat, rowvar=False))
        varying = [result.params[name] for name in result.var_names]
        set_uncertainties(result.params, varying, covar)
        for item, width in zip(varying, (0.5 * (high - low)).tolist(), strict=True):
            item.stderr = width
        result.covar, result.errorbars = covar, True
    try:
        result.__dict__["acor"] = sampler.get_autocorr_time(tol=50, quiet=False)
    except Exception as exc:  # noqa: BLE001
        # emcee's word that the chain is too short for it.
        result.message += f" No autocorrelation time: {str(exc).splitlines()[0]}"
    result.call_kws = {"burn": burn, "thin": thin}
    fitter.result = result
    return result
