"""The objective of a Minimizer as one number at a point, as lmfit's users evaluate it by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitcore._emcee_fit import LNSIGMA, log_likelihood
from fitcore._fit import coerce_float64
from fitcore._leastsq_settings import read_limit
from fitcore._objective import Objective

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = ["Penalty"]


class Penalty:
    """Methods of a Minimizer that evaluate its objective without a fit."""

    if TYPE_CHECKING:
        max_nfev: int | None
        result: Any
        prepare_fit: Callable[..., Any]

    def penalty(self, fvars: Any) -> float:
        """The number that methods for scalar functions minimize.

        Parameters
        ----------
        fvars : array_like, shape (nvarys,)
            Internal values of the variables, in the order of the parameters: what
            :meth:`Parameter.setup_bounds` returns, the values themselves where there is no bound.

        Returns
        -------
        float
            The sum of squares of the residuals, or what `reduce_fcn` makes of them; infinity for
            NaN. Parameters that are not varied are as the last fit left them.

        Raises
        ------
        ValueError
            For another number of values.
        Exception
            Whatever the objective function raises.

        Examples
        --------
        >>> from fitcore import Minimizer, create_params
        >>> fitter = Minimizer(lambda p: [p["a"] - 3.0, 1.0], create_params(a=0.0))
        >>> fitter.penalty([1.0])
        5.0
        """
        prepared = self.prepare_fit(None if self.result is None else self.result.params)
        point = np.atleast_1d(np.array(fvars, dtype=np.float64))
        if point.shape != (prepared.nvarys,):
            raise ValueError(
                f"fvars must have shape ({prepared.nvarys},), a number for each of "
                f"{', '.join(prepared.var_names)}; got {np.shape(fvars)}"
            )
        return Objective(self, prepared, math.inf, mapped=True)(point)  # type: ignore[arg-type]

    def set_max_nfev(self, max_nfev: int | None = None, default_value: int = 100000) -> None:
        """Set the limit on evaluations of the fits that follow.

        Parameters
        ----------
        max_nfev : int, optional
        default_value : int, default 100000
            What it is without `max_nfev`.
        """
        self.max_nfev = read_limit(default_value if max_nfev is None else max_nfev, 1)

    def _lnprob(
        self,
        theta: Any,
        userfcn: Callable[..., Any],
        params: Parameters,
        var_names: Sequence[str],
        bounds: Any,
        userargs: Iterable[Any] = (),
        userkws: Mapping[str, Any] | None = None,
        float_behavior: str = "posterior",
        is_weighted: bool = True,
        nan_policy: Literal["raise", "propagate", "omit"] = "raise",
    ) -> float:
        """Logarithm of the posterior probability at `theta`, as lmfit's method of that name.

        It is private there; `emcee` itself does not use it here. `params` takes the values.
        """
        x = np.asarray(theta, dtype=np.float64)
        box = np.asarray(bounds, dtype=np.float64)
        if not ((box[:, 0] <= x) & (x <= box[:, 1])).all():
            return -math.inf
        for name, value in zip(var_names, x.tolist(), strict=True):
            params[name].value = value
        found = np.asarray(userfcn(params, *userargs, **(userkws or {})))
        residual = coerce_float64(np.atleast_1d(found), nan_policy)
        log = None if is_weighted or LNSIGMA not in params else float(params[LNSIGMA].value)
        return log_likelihood(residual, found.ndim == 0, float_behavior == "chi2", log)
