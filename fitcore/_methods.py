"""Names of the methods: those of lmfit, of the manual of lmfit 0.7, and of SciPy."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["METHODS", "SCALAR", "Scalar", "find_method"]


class Scalar(NamedTuple):
    """A method of ``scipy.optimize.minimize``.

    Attributes
    ----------
    scipy_name : str
    words : str
        What it is.
    mapped : bool
        Whether bounds are kept by the mapping; else by the method itself.
    gradient, hessian : bool
        Whether it is given derivatives.
    """

    scipy_name: str
    words: str
    mapped: bool
    gradient: bool = True
    hessian: bool = False


SCALAR: dict[str, Scalar] = {
    "nelder": Scalar("Nelder-Mead", "Nelder-Mead simplex", True, False),
    "powell": Scalar("Powell", "Powell's conjugate directions", False, False),
    "cg": Scalar("CG", "conjugate gradients", True),
    "bfgs": Scalar("BFGS", "BFGS", True),
    "newton": Scalar("Newton-CG", "Newton-CG", True),
    "tnc": Scalar("TNC", "truncated Newton", False),
    "cobyla": Scalar("COBYLA", "linear approximations", True, False),
    "cobyqa": Scalar("COBYQA", "quadratic approximations", False, False),
    "slsqp": Scalar("SLSQP", "sequential least squares programming", False),
    "dogleg": Scalar("dogleg", "dogleg trust region", True, True, True),
    "trust-ncg": Scalar("trust-ncg", "Newton-CG trust region", True, True, True),
    "trust-exact": Scalar("trust-exact", "nearly exact trust region", True, True, True),
    "trust-krylov": Scalar("trust-krylov", "Krylov trust region", True, True, True),
    "trust-constr": Scalar("trust-constr", "trust region with constraints", False),
}
"""Methods that SciPy's `minimize` does; L-BFGS-B is ours."""

METHODS: dict[str, tuple[str, str]] = {
    "leastsq": ("leastsq", "Levenberg-Marquardt"),
    "lbfgsb": ("lbfgsb", "L-BFGS-B"),
    "least_squares": ("least_squares", "trust region reflective"),
    **{name: ("scalar_minimize", method.words) for name, method in SCALAR.items()},
    "differential_evolution": ("differential_evolution", "differential evolution"),
    "brute": ("brute", "grid search"),
    "basinhopping": ("basinhopping", "basin hopping"),
    "ampgo": ("ampgo", "adaptive memory programming"),
    "shgo": ("shgo", "simplicial homology global optimization"),
    "dual_annealing": ("dual_annealing", "dual annealing"),
    "direct": ("direct", "dividing rectangles"),
    "emcee": ("emcee", "sampling of the posterior distribution"),
    "anneal": ("anneal", "simulated annealing"),
}
"""Methods of `minimize`: for each name the method of `Minimizer` that does it, and what it is."""

ALIASES = {
    "fmin": "nelder",
    "neldermead": "nelder",
    "newtoncg": "newton",
    "lbfgsb": "lbfgsb",
    "leastsquares": "least_squares",
}
LEAST = 3  # letters that stand for a longer name


def plain(name: str) -> str:
    """A name without upper case and separators."""
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


NAMES = {**{plain(name): name for name in METHODS}, **ALIASES}


def find_method(method: str) -> str:
    """The key in `METHODS` for a name as users write it.

    Parameters
    ----------
    method : str
        A name in upper or lower case, with or without hyphens and underscores, or its beginning,
        of three letters at least, if no other method begins so.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If there is no such method, or several; the error lists those there are.

    Examples
    --------
    >>> from fitcore._methods import find_method
    >>> find_method("L-BFGS-B"), find_method("Nelder-Mead"), find_method("differential")
    ('lbfgsb', 'nelder', 'differential_evolution')
    """
    if not isinstance(method, str):
        raise TypeError(f"method must be a string, got {method!r}")
    if method in METHODS:
        return method
    given = plain(method)
    if given in NAMES:
        return NAMES[given]
    meant = {known for name, known in NAMES.items() if name.startswith(given)}
    if len(given) >= LEAST and len(meant) == 1:
        return meant.pop()
    known = ", ".join(f"{name!r} ({what})" for name, (_, what) in METHODS.items())
    problem = (
        f"may mean {', '.join(sorted(meant))}" if len(given) >= LEAST and meant else "is unknown"
    )
    raise ValueError(f"method {method!r} {problem}; the methods are {known}")
