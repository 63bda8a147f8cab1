"""fitcore under the name `lmfit`: with this directory's parent on the path, scripts of lmfit 1.3.4
and its own tests run on fitcore.

Every public module hands on to fitcore's. `minimize` is bound to ``inplace=False``, as lmfit 1.x
leaves the parameters that it is given alone.
"""

from __future__ import annotations

import functools
import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

import fitcore

#: lmfit's modules, and the modules of fitcore that have their names.
MODULES = {
    "_ampgo": ("_ampgo",),
    "confidence": ("confidence",),
    "jsonutils": ("jsonutils",),
    "lineshapes": ("lineshapes",),
    "minimizer": ("minimizer", "result"),
    "model": ("model",),
    "models": ("models",),
    "parameter": ("parameter",),
    "printfuncs": ("printfuncs",),
}

_WITH_MORE = ("minimizer", "model")

minimize = functools.partial(fitcore.minimize, inplace=False)
functools.update_wrapper(minimize, fitcore.minimize)


def _alias(name: str, ours: tuple[str, ...]) -> ModuleType:
    module = ModuleType(f"{__name__}.{name}", f"fitcore.{name}, as lmfit.{name}.")
    for source in ours:
        try:
            found = vars(importlib.import_module(f"fitcore.{source}"))
        except ModuleNotFoundError as error:
            if error.name != f"fitcore.{source}":
                raise
            continue  # a part of fitcore that is not there yet
        module.__dict__.update((k, v) for k, v in found.items() if not k.startswith("__"))
    if hasattr(module, "minimize"):
        module.minimize = minimize
    sys.modules[module.__name__] = module
    return module


for _name, _ours in MODULES.items():
    globals()[_name] = _alias(_name, _ours)
_minimizer, _model = (sys.modules[f"{__name__}.{_name}"] for _name in _WITH_MORE)

# What lmfit's modules say of the packages around them.
_minimizer.HAS_EMCEE = find_spec("emcee") is not None
_minimizer.HAS_PANDAS = find_spec("pandas") is not None
_minimizer.SCALAR_METHODS = {
    "nelder": "Nelder-Mead", "powell": "Powell", "cg": "CG", "bfgs": "BFGS", "newton": "Newton-CG",
    "lbfgsb": "L-BFGS-B", "l-bfgsb": "L-BFGS-B", "tnc": "TNC", "cobyla": "COBYLA",
    "slsqp": "SLSQP", "dogleg": "dogleg", "trust-ncg": "trust-ncg",
    "differential_evolution": "differential_evolution", "trust-constr": "trust-constr",
    "trust-exact": "trust-exact", "trust-krylov": "trust-krylov",
}  # fmt: skip
if _minimizer.HAS_PANDAS:
    import pandas as pd

    _model.Series, _model.DataFrame = pd.Series, pd.DataFrame
_model._HAS_MATPLOTLIB = find_spec("matplotlib") is not None


for _name in fitcore.__all__:
    globals().setdefault(_name, getattr(fitcore, _name))

__version__ = "1.3.4"
