"""Fit models to data, and minimize functions under bounds, at native speed."""

from fitcore import lineshapes, models
from fitcore._config import show_config
from fitcore.batch import BatchResult, fit_many
from fitcore.confidence import conf_interval, conf_interval2d, f_compare
from fitcore.minimizer import (
    AbortFitException,
    Minimizer,
    MinimizerException,
    MinimizerResult,
    minimize,
)
from fitcore.model import CompositeModel, Model, ModelResult
from fitcore.native import NativeFunction, NativeStop, get_include
from fitcore.parameter import Parameter, Parameters, create_params
from fitcore.printfuncs import ci_report, fit_report, report_ci, report_errors, report_fit

__version__ = "0.1.0"

__all__ = [
    "AbortFitException",
    "BatchResult",
    "CompositeModel",
    "Minimizer",
    "MinimizerException",
    "MinimizerResult",
    "Model",
    "ModelResult",
    "NativeFunction",
    "NativeStop",
    "Parameter",
    "Parameters",
    "ci_report",
    "conf_interval",
    "conf_interval2d",
    "create_params",
    "f_compare",
    "fit_many",
    "fit_report",
    "get_include",
    "lineshapes",
    "minimize",
    "models",
    "report_ci",
    "report_errors",
    "report_fit",
    "show_config",
]
