"""What ends a fit from within the user's function."""

__all__ = ["AbortFitException", "NotFinite", "ResidualsChanged"]


class AbortFitException(Exception):
    """Raised by an objective function or `iter_cb` to end the fit with the best values so far."""


AbortFitException.__module__ = "fitcore.minimizer"


class NotFinite(ValueError, RuntimeError):
    """Under ``nan_policy='raise'``, residuals that are not finite.

    RuntimeError too: that is what SciPy's differential_evolution makes of any ValueError.
    """


class ResidualsChanged(ValueError):
    """Under ``nan_policy='omit'``, residuals that are not finite at other places than at first."""
