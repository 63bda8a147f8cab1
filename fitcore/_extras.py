"""Packages that need not be there: each belongs to an extra, and is imported where it is used."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["extra", "lacking"]

# Package, its name among people where that is another one, and the extra that installs it.
_EXTRAS = {
    "emcee": ("emcee", "emcee"),
    "matplotlib": ("matplotlib", "plot"),
    "pandas": ("pandas", "pandas"),
    "scipy": ("SciPy", "scipy"),
    "tqdm": ("tqdm", "progress"),
    "uncertainties": ("uncertainties", "uncertainties"),
}


def extra(module: str, what: str) -> Any:
    """Import a module of an extra.

    Parameters
    ----------
    module : str
        Such as "scipy.optimize".
    what : str
        What needs it, for the error.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is missing; the error says what to install.

    Examples
    --------
    >>> from fitcore._extras import extra
    >>> float(extra("scipy.special", "the error function").erf(0.0))
    0.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(lacking(module, what)) from error


def lacking(module: str, what: str) -> str:
    """What the error says: `what` needs the package of `module`, and how to install it."""
    name, belongs = _EXTRAS[module.partition(".")[0]]
    return f"{what} needs {name}: pip install fitcore[{belongs}]"
