"""The statistics of its last fit as attributes of a Minimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitcore.result import MinimizerResult

__all__ = ["FIT_RESULTS", "LastResult"]

# The manual of lmfit 0.7.1, section 3.4, table of fit results; nfree is what its code has.
FIT_RESULTS = (
    "nfev", "success", "errorbars", "message", "ier", "lmdif_message", "nvarys", "ndata",
    "ndfree", "nfree", "residual", "chisqr", "redchi",
)  # fmt: skip


class LastResult:
    """What makes the attributes of `result` in `FIT_RESULTS` readable here too."""

    _result: MinimizerResult | None = None
    _max_nfev: int | None = None
    _last_limit: int | None = None

    col_deriv = False  # as lmfit's have it: a setting of the Jacobian of the user

    @property
    def result(self) -> MinimizerResult | None:
        """MinimizerResult or None: the last fit's."""
        if self._result is not None and self._result._minimizer is None:
            self._result._minimizer = self  # type: ignore[assignment]  # there is no other heir
        return self._result

    @result.setter
    def result(self, result: MinimizerResult | None) -> None:
        self._result = result

    @property
    def _abort(self) -> bool:
        """Bool: whether the last fit was stopped; private in lmfit, and read all the same."""
        return self._result is not None and bool(self._result.aborted)

    @property
    def max_nfev(self) -> int | None:
        """Int or None: limit on evaluations of the last fit, or what was given before the first.

        To set it is to set the limit of the fits that follow; None is that of their methods.
        """
        return self._max_nfev if self._last_limit is None else self._last_limit

    @max_nfev.setter
    def max_nfev(self, limit: int | None) -> None:
        self._max_nfev, self._last_limit = limit, None

    if not TYPE_CHECKING:  # type checkers would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            if name not in FIT_RESULTS:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if self._result is None:
                raise AttributeError(f"{name}: no fit has been done yet")
            return getattr(self._result, name)
