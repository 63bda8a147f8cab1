"""Fit models to data, and minimize functions under bounds, at native speed."""

from fitcore._config import show_config
from fitcore.minimizer import (
    AbortFitException,
    Minimizer,
    MinimizerException,
    MinimizerResult,
    minimize,
)
from fitcore.parameter import Parameter, Parameters, create_params
from fitcore.printfuncs import fit_report, report_errors, report_fit

__version__ = "0.1.0"

__all__ = [
    "AbortFitException",
    "Minimizer",
    "MinimizerException",
    "MinimizerResult",
    "Parameter",
    "Parameters",
    "create_params",
    "fit_report",
    "minimize",
    "report_errors",
    "report_fit",
    "show_config",
]
