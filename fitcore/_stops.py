"""What ends a fit from within the user's function."""

__all__ = ["AbortFitException"]


class AbortFitException(Exception):
    """Raised by an objective function or `iter_cb` to end the fit with the best values so far."""


AbortFitException.__module__ = "fitcore.minimizer"
