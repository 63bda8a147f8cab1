"""Fit models to data, and minimize functions under bounds, at native speed."""

from typing import TYPE_CHECKING, Any

from fitcore._config import show_config
from fitcore.confidence import conf_interval, conf_interval2d, f_compare
from fitcore.minimizer import (
    AbortFitException,
    Minimizer,
    MinimizerException,
    MinimizerResult,
    minimize,
)
from fitcore.parameter import Parameter, Parameters, create_params
from fitcore.printfuncs import ci_report, fit_report, report_ci, report_errors, report_fit

if TYPE_CHECKING:
    from fitcore import lineshapes, models
    from fitcore.batch import BatchResult, fit_many
    from fitcore.model import CompositeModel, Model, ModelResult
    from fitcore.native import NativeFunction, NativeStop, get_include
    from fitcore.plotting import IterationTrace, plot_confidence, plot_iterations

__version__ = "0.1.0"

# Loaded when first asked for: they would double the time of the import.
_LATER = {
    "batch": ("BatchResult", "fit_many"),
    "lineshapes": (),
    "model": ("CompositeModel", "Model", "ModelResult"),
    "models": (),
    "native": ("NativeFunction", "NativeStop", "get_include"),
    "plotting": ("IterationTrace", "plot_confidence", "plot_iterations"),
}
_MODULE_OF = {name: module for module, names in _LATER.items() for name in (module, *names)}

__all__ = [
    "AbortFitException",
    "BatchResult",
    "CompositeModel",
    "IterationTrace",
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
    "plot_confidence",
    "plot_iterations",
    "report_ci",
    "report_errors",
    "report_fit",
    "show_config",
]


__dir__ = __all__.copy


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fitcore' has no attribute {name!r}")
    module = importlib.import_module(f"fitcore.{_MODULE_OF[name]}")
    found = module if name in _LATER else getattr(module, name)
    globals()[name] = found
    return found


# What is public is in __all__, and no more.
del TYPE_CHECKING, Any
