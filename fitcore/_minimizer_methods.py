"""The methods of `Minimizer` besides Levenberg-Marquardt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitcore._arguments import check_settings
from fitcore._emcee_fit import TemperaturesAreGone, fit_emcee
from fitcore._methods import SCALAR, find_method
from fitcore._other_fits import (
    FMIN,
    fit_ampgo,
    fit_brute,
    fit_global,
    fit_lbfgsb,
    fit_least_squares,
    fit_scalar,
)
from fitcore._scipy_fit import TOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitcore.minimizer import ParametersLike
    from fitcore.result import MinimizerResult

__all__ = ["OtherMethods"]


class OtherMethods:
    """Methods of :class:`fitcore.Minimizer`.

    All of them minimize one number: what the objective function returns, or the sum of squares of
    an array, or what `reduce_fcn` makes of it. Of a sum of squares the gradient is formed from
    differences of the residuals, which keep the digits that differences of the sum lose. At the
    end the surroundings are looked at, with ``calc_covar=True``, for standard errors and
    correlations: by a central difference Jacobian of the residuals, or by the Hessian of a scalar,
    which counts as chi-square then, not scaled by its own size.
    """

    def lbfgsb(
        self: Any,
        params: ParametersLike | None = None,
        max_nfev: int | None = None,
        **kws: Any,
    ) -> MinimizerResult:
        """Fit by L-BFGS-B, fitcore's own.

        The bounds are the method's: nothing is mapped, so that a start on a bound is one like any
        other, and a solution on one is exactly there. Variables are scaled by their columns of the
        Jacobian. An end that a Gauss-Newton step from a central difference Jacobian would still
        improve is taken up again, up to five times; that step is taken.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit, instead of those given at the start.
        max_nfev : int, optional
            Limit on evaluations, differences included. Default 2000 (nvarys + 1).
        **kws
            Settings of this fit, before those given at the start:

            m (or maxcor) : int, default 10
                Number of corrections of the limited memory matrix.
            factr : float, default 1000.0
                A run ends when an iteration lowers the function by less than this times 2.2e-16
                of itself. ``ftol`` is the same times 2.2e-16.
            pgtol (or gtol) : float, default 0.0
                Or when no element of the projected gradient, by the scaled variables, exceeds
                this.
            maxls : int, default 20
                Limit on evaluations in one line search.
            maxiter, maxfun : int, optional
                Limits on iterations and evaluations of one run.
            jac (or Dfun, fprime) : callable, optional
                Called like the objective function, returns the gradient of the scalar, shape
                (nvarys,), or the Jacobian of the residuals, shape (N, nvarys).
            approx_grad : bool, default True
                Whether to form differences where no `jac` is given.
            epsilon (or eps) : float or array_like, optional
                Step of forward differences of the scalar. Default: differences of the residuals,
                relative step 1e-6; central ones of a scalar.
            refine : bool, default True
                Whether to check the end and go on from it. False is one run of the method.
            iprint : int, default -1
                As for :func:`fitcore.optimize.fmin_l_bfgs_b`; what is printed is of scaled
                variables.
            callback : callable, optional
                ``callback(params, solver)`` after each iteration; true, `AbortFitException` and
                StopIteration stop the fit.

        Returns
        -------
        MinimizerResult

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore import Minimizer, Parameters
        >>> t = np.linspace(0, 5, 26)
        >>> params = Parameters()
        >>> params.add("amp", value=0.0, min=0, max=2)  # starts on its bound, and ends on the other
        >>> params.add("tau", value=1.0, min=0.1)
        >>> fitter = Minimizer(lambda p: p["amp"] * np.exp(-t / p["tau"]) - 3 * np.exp(-t), params)
        >>> result = fitter.lbfgsb()
        >>> result.params["amp"].value, result.at_bound
        (2.0, ('amp',))
        """
        return fit_lbfgsb(self, params, max_nfev, kws)

    def scalar_minimize(
        self: Any,
        method: str = "Nelder-Mead",
        params: ParametersLike | None = None,
        max_nfev: int | None = None,
        hess: Any = None,
        tol: float | None = None,
        **kws: Any,
    ) -> MinimizerResult:
        """Fit by one of the methods of :func:`scipy.optimize.minimize`, or by L-BFGS-B.

        Powell, TNC, SLSQP, COBYQA and trust-constr keep the bounds themselves; for the others
        they are kept by MINUIT's mapping, a start on a bound being moved inside as by `leastsq`.
        With `constraints` all work on the values themselves.

        Parameters
        ----------
        method : str, default 'Nelder-Mead'
            Name of the method, SciPy's or lmfit's; 'Anneal' is :meth:`anneal`.
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations, differences included. Default 2000 (nvarys + 1).
        hess : callable, optional
            Hessian for the methods that use one, by internal values where bounds are mapped;
            default: 2 J^T J of a sum of squares.
        tol : float, optional
            Tolerance of the method. Default 1e-7; for 'Nelder-Mead' that of :meth:`fmin`.
        **kws
            `jac` (or `Dfun`), as for :meth:`lbfgsb`; `constraints`, `callback`, called with the
            parameters and SciPy's intermediate result; `options` of the method, which may also
            be given here.

        Returns
        -------
        MinimizerResult
            With SciPy's fields besides; points and derivatives are by the values.
        """
        name = find_method(method)
        if name == "lbfgsb":
            if tol is not None:
                kws["tol"] = tol
            return fit_lbfgsb(self, params, max_nfev, kws)
        if name == "anneal":
            if tol is not None or hess is not None:
                raise ValueError("'Anneal' has no use for tol and hess")
            return self.anneal(params, max_nfev, **kws)  # type: ignore[no-any-return]
        if name == "differential_evolution" and tol is None and hess is None:
            return self.differential_evolution(params, max_nfev, **kws)  # type: ignore[no-any-return]
        if name not in SCALAR:
            raise ValueError(
                f"scalar_minimize has no method {method!r}; it has 'L-BFGS-B', "
                f"{', '.join(repr(known.scipy_name) for known in SCALAR.values())}"
            )
        if tol is None and name != "nelder" and "tol" not in self.kws:
            tol = TOL
        if tol is not None:
            kws["tol"] = tol
        if hess is not None:
            kws["hess"] = hess
        return fit_scalar(self, name, params, max_nfev, kws)

    def fmin(
        self: Any,
        params: ParametersLike | None = None,
        max_nfev: int | None = None,
        **kws: Any,
    ) -> MinimizerResult:
        """Fit by the simplex method of Nelder and Mead.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default: `maxfun`.
        **kws
            ftol, xtol : float, default 1e-4
                Differences of the function and of the variables over the simplex at the end; by
                default no more than this part of the starting values, if they are less than 1.
            maxfun : int, default 5000 (nvarys + 1)
                Limit on evaluations.

        Returns
        -------
        MinimizerResult
        """
        limit = kws.pop("maxfun", None)
        chosen = limit if max_nfev is None else max_nfev
        return fit_scalar(self, "nelder", params, chosen, kws, FMIN)

    def least_squares(
        self: Any,
        params: ParametersLike | None = None,
        max_nfev: int | None = None,
        **kws: Any,
    ) -> MinimizerResult:
        """Fit by :func:`scipy.optimize.least_squares`, which keeps the bounds itself.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations, differences included. Default 2000 (nvarys + 1).
        **kws
            Settings of SciPy's function: `loss`, `f_scale`, `x_scale`, `jac`, `ftol`, ...;
            `Dfun` and `col_deriv` as for `leastsq`.

        Returns
        -------
        MinimizerResult
        """
        return fit_least_squares(self, params, max_nfev, kws)

    def brute(
        self: Any,
        params: ParametersLike | None = None,
        Ns: int | None = None,
        keep: int | str | None = None,
        workers: int | Callable[..., Any] | None = None,
        max_nfev: int | None = None,
    ) -> MinimizerResult:
        """Look for the minimum on a grid, by :func:`scipy.optimize.brute`.

        Parameters
        ----------
        params : Parameters, optional
            Their bounds and `brute_step` make the grid: with both bounds `Ns` points between
            them or steps of `brute_step`; with one bound `Ns` steps from it, with none `Ns` steps
            around the value.
        Ns : int, default 20
            Number of points along each axis.
        keep : int or 'all', default 50
            How many of the best points become `candidates`.
        workers : int or map-like callable, default 1
            Processes to evaluate in.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).

        Returns
        -------
        MinimizerResult
            With `brute_x0`, `brute_fval`, `brute_grid`, `brute_Jout` and `candidates`, a list of
            (params, score). There are no standard errors.
        """
        chosen = {"Ns": Ns, "keep": keep, "workers": workers}
        return fit_brute(self, params, max_nfev, chosen)

    def basinhopping(
        self: Any, params: ParametersLike | None = None, max_nfev: int | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by :func:`scipy.optimize.basinhopping`, bounds being mapped.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).
        **kws
            Settings of SciPy's function.

        Returns
        -------
        MinimizerResult
        """
        return fit_global(self, "basinhopping", params, max_nfev, kws)

    def ampgo(
        self: Any, params: ParametersLike | None = None, max_nfev: int | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by adaptive memory programming for global optimization.

        From each local minimum tunnels are looked for that lead to a lower one, away from the
        points of a tabu list [1]_. The bounds are kept by the local method.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).
        **kws
            local : {'L-BFGS-B', 'Nelder-Mead', 'Powell', 'TNC', 'SLSQP'}, default 'L-BFGS-B'
                The local method; all but the first need SciPy.
            local_opts : dict, optional
                Its options.
            totaliter, maxiter : int, default 20 and 5
                Numbers of rounds, and of tunnels to look for in each.
            glbtol : float, default 1e-5
                By how much an objective must be lower, relative to 1 + its size, to count.
            eps1, eps2 : float, default 0.02 and 0.1
                Aspiration, and the length of the step at which a tunnel begins.
            tabulistsize : int, default 5
                Length of the tabu list.
            tabustrategy : {'farthest', 'oldest'}, default 'farthest'
                Which point leaves it when it is full.
            seed : int or numpy.random.Generator, optional
                For :func:`numpy.random.default_rng`.

        Returns
        -------
        MinimizerResult
            With `ampgo_x0`, `ampgo_fval`, `ampgo_eval`, `ampgo_msg` and `ampgo_tunnel`, the
            numbers of tunnels looked for and of those that led lower.

        References
        ----------
        .. [1] L. Lasdon, A. Duarte, F. Glover, M. Laguna, R. Martí, "Adaptive memory programming
           for constrained global optimization", Computers & Operations Research 37, 1500-1509
           (2010).
        """
        return fit_ampgo(self, params, max_nfev, kws)

    def differential_evolution(
        self: Any, params: ParametersLike | None = None, max_nfev: int | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by :func:`scipy.optimize.differential_evolution`; needs finite bounds.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 2000 (nvarys + 1).
        **kws
            Settings of SciPy's function.

        Returns
        -------
        MinimizerResult
        """
        return fit_global(self, "differential_evolution", params, max_nfev, kws)

    def shgo(
        self: Any, params: ParametersLike | None = None, max_nfev: int | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by :func:`scipy.optimize.shgo`; needs finite bounds.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).
        **kws
            Settings of SciPy's function.

        Returns
        -------
        MinimizerResult
            With the fields of SciPy's result as `shgo_x`, `shgo_fun`, ...
        """
        return fit_global(self, "shgo", params, max_nfev, kws)

    def dual_annealing(
        self: Any, params: ParametersLike | None = None, max_nfev: int | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by :func:`scipy.optimize.dual_annealing`; needs finite bounds.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).
        **kws
            Settings of SciPy's function.

        Returns
        -------
        MinimizerResult
            With the fields of SciPy's result as `da_x`, `da_fun`, ...
        """
        return fit_global(self, "dual_annealing", params, max_nfev, kws)

    def direct(
        self: Any, params: ParametersLike | None = None, max_nfev: int | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by :func:`scipy.optimize.direct`; needs finite bounds.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).
        **kws
            Settings of SciPy's function.

        Returns
        -------
        MinimizerResult
        """
        return fit_global(self, "direct", params, max_nfev, kws)

    def anneal(
        self: Any,
        params: ParametersLike | None = None,
        max_nfev: int | None = None,
        schedule: str = "cauchy",
        maxiter: int | None = None,
        **kws: Any,
    ) -> MinimizerResult:
        """Fit by simulated annealing; needs finite bounds.

        The function of SciPy that the manual of lmfit 0.7 names is no more. This runs its
        successor, :func:`scipy.optimize.dual_annealing`: generalized annealing with the visiting
        distribution of Tsallis, near Cauchy's, and a local search.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit.
        max_nfev : int, optional
            Limit on evaluations. Default 200000 (nvarys + 1).
        schedule : {'cauchy', 'fast', 'boltzmann'}, default 'cauchy'
            Sets `visit`, unless given: 2.0 is Cauchy's distribution, 1.01 next to Boltzmann's;
            'fast' was a variant of Cauchy's.
        maxiter : int, optional
            Limit on iterations. Default 1000, and not the manual's 2000 (nvarys + 1): an
            iteration was one evaluation of the function there, and is a sweep with a local search
            here.
        **kws
            Settings of `dual_annealing`.

        Returns
        -------
        MinimizerResult
        """
        visits = {"cauchy": 2.0, "fast": 2.0, "boltzmann": 1.01}
        if schedule not in visits:
            raise ValueError(
                f"schedule must be one of {', '.join(map(repr, visits))}; got {schedule!r:.80}"
            )
        kws.setdefault("visit", visits[schedule])
        if maxiter is not None:
            kws["maxiter"] = maxiter
        return fit_global(self, "dual_annealing", params, max_nfev, kws, label="anneal")

    def emcee(
        self: Any,
        params: ParametersLike | None = None,
        steps: int | None = None,
        nwalkers: int | None = None,
        burn: int | None = None,
        thin: int | None = None,
        ntemps: int = 1,
        pos: Any = None,
        reuse_sampler: bool | None = None,
        workers: Any = None,
        float_behavior: str | None = None,
        is_weighted: bool | None = None,
        seed: Any = None,
        progress: bool | None = None,
        run_mcmc_kwargs: Any = None,
        max_nfev: int | None = None,
    ) -> MinimizerResult:
        """Sample the posterior distribution of the variables with :mod:`emcee`.

        The prior is uniform between the bounds. With residuals the likelihood is that of normal
        distributed errors.

        Parameters
        ----------
        params : Parameters, optional
            Around whose values the walkers begin.
        steps : int, default 1000
            Number of samples of each walker.
        nwalkers : int, default 100
            Number of walkers, at least twice that of the variables.
        burn : int, default 0
            How many samples to discard at the beginning.
        thin : int, default 1
            Every how manieth sample to keep.
        ntemps : int, default 1
            Not used any more by emcee; other values are an error.
        pos : array_like, shape (nwalkers, nvarys), optional
            Where the walkers begin, or a chain, from whose end they go on.
        reuse_sampler : bool, default False
            Whether to go on with the sampler of the last call, kept as ``sampler``.
        workers : int or object with a method map, default 1
            Processes to sample in, or a pool or executor; the function must then be picklable.
        float_behavior : {'posterior', 'chi2'}, default 'posterior'
            What a function that returns one number returns: the logarithm of the posterior
            probability, or chi-square.
        is_weighted : bool, default True
            Whether residuals are divided by the errors of the data. False adds a variable
            ``__lnsigma``, the logarithm of the error common to all of them.
        seed : int or numpy.random.Generator, optional
            For :func:`numpy.random.default_rng`.
        progress : bool, default True
            Whether to show the progress; needs tqdm.
        run_mcmc_kwargs : dict, optional
            Further arguments of ``run_mcmc``.
        max_nfev : int, optional
            Not used.

        Returns
        -------
        MinimizerResult
            Values are medians, standard errors half the width of the central 68.27 %, and
            correlations those of the samples. Besides `chain`, shape ((steps - burn) // thin,
            nwalkers, nvarys), `lnprob`, `flatchain`, `acceptance_fraction`, and `acor` where the
            chain is long enough for autocorrelation times.
        """
        del max_nfev
        if ntemps not in (1, None):
            raise TemperaturesAreGone(
                f"ntemps must be 1, emcee knows no others any more; got {ntemps!r}"
            )
        chosen = {
            "steps": steps, "nwalkers": nwalkers, "burn": burn, "thin": thin, "pos": pos,
            "reuse_sampler": reuse_sampler, "workers": workers, "float_behavior": float_behavior,
            "is_weighted": is_weighted, "seed": seed, "progress": progress,
            "run_mcmc_kwargs": run_mcmc_kwargs,
        }  # fmt: skip
        check_settings("emcee", self.kws, chosen)
        given = {key: value for key, value in chosen.items() if value is not None}
        settings = {key: value for key, value in self.kws.items() if value is not None} | given
        return fit_emcee(self, params, **settings)
