"""One NIST problem, and the reading of its data file."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore.nist.models import MODELS, Array

__all__ = ["Problem", "load", "names", "problems"]

DIFFICULTIES = ("lower", "average", "higher")


@dataclass(frozen=True, eq=False)
class Problem:
    """A nonlinear regression problem with its certified solution.

    Nothing of it can be changed: its arrays are read-only.

    Attributes
    ----------
    name : str
        NIST's name, such as ``"Misra1a"``.
    difficulty : str
        NIST's level: ``"lower"``, ``"average"`` or ``"higher"``.
    description : str
        What was measured, in a line.
    reference : str
        Where the data come from.
    formula : str
        The model as text, ``"response = expression"`` in ``b1``, ..., ``bn`` and ``x`` (or
        ``x1`` and ``x2``), in the syntax of Python.
    x : ndarray, shape (m,) or (k, m)
        Predictor, or `k` predictors one below the other.
    y : ndarray, shape (m,)
        The response that is fitted. For Nelson this is the logarithm of what was observed, as in
        NIST's model.
    parameter_names : tuple of str
        ``("b1", ..., "bn")``.
    start1, start2 : ndarray, shape (n,)
        NIST's starting values: the first far from the solution, the second nearer.
    certified : ndarray, shape (n,)
        Certified parameters, 11 digits.
    stderr : ndarray, shape (n,)
        Certified standard deviations of the parameters.
    rss : float
        Certified sum of the squared residuals.
    residual_std : float
        Certified residual standard deviation, ``sqrt(rss/dof)``.
    dof : int
        Degrees of freedom, ``m - n``.
    nobs : int
        Number of observations, ``m``.
    function : callable
        The model as a plain function, ``function(x, b1, ..., bn)``, shape ``(m,)``.
    derivative : callable
        Its analytic Jacobian, ``derivative(x, b1, ..., bn)``, shape ``(m, n)``.

    Examples
    --------
    >>> from fitcore import nist
    >>> problem = nist.load("Rat42")
    >>> problem.nobs, problem.parameter_names, problem.dof
    (9, ('b1', 'b2', 'b3'), 6)
    >>> problem.model([72, 2.6, 0.067]).shape
    (9,)
    """

    name: str
    difficulty: str
    description: str
    reference: str
    formula: str
    x: NDArray[np.float64] = field(repr=False)
    y: NDArray[np.float64] = field(repr=False)
    parameter_names: tuple[str, ...]
    start1: NDArray[np.float64]
    start2: NDArray[np.float64]
    certified: NDArray[np.float64]
    stderr: NDArray[np.float64]
    rss: float
    residual_std: float
    dof: int
    nobs: int
    function: Callable[..., Array] = field(repr=False)
    derivative: Callable[..., Array] = field(repr=False)

    @property
    def starts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both starts, ``(start1, start2)``."""
        return self.start1, self.start2

    def model(self, b: ArrayLike) -> Array:
        """Predict the response at `x`.

        Where the formula overflows or is not defined the value is inf or nan, without a warning.

        Parameters
        ----------
        b : array_like, shape (n,)
            Parameters. Complex ones give a complex response.

        Returns
        -------
        ndarray, shape (m,)
            Predicted response, comparable with `y`.

        Raises
        ------
        ValueError
            If `b` has not the shape ``(n,)``.
        """
        with np.errstate(all="ignore"):
            return self.function(self.x, *self._checked(b))

    def residual(self, b: ArrayLike) -> Array:
        """Residuals ``y - model(b)``.

        Parameters
        ----------
        b : array_like, shape (n,)
            Parameters.

        Returns
        -------
        ndarray, shape (m,)
            Observed less predicted response.

        Raises
        ------
        ValueError
            If `b` has not the shape ``(n,)``.
        """
        with np.errstate(all="ignore"):
            residual: Array = self.y - self.function(self.x, *self._checked(b))
        return residual

    def jacobian(self, b: ArrayLike) -> NDArray[np.float64]:
        """Analytic Jacobian of `model`; that of `residual` is its negative.

        Parameters
        ----------
        b : array_like, shape (n,)
            Parameters, real.

        Returns
        -------
        ndarray, shape (m, n)
            ``d model_i / d b_j``.

        Raises
        ------
        ValueError
            If `b` has not the shape ``(n,)`` or is complex.
        """
        b = self._checked(b)
        if np.iscomplexobj(b):
            raise ValueError("b must be real for the Jacobian, got complex values")
        with np.errstate(all="ignore"):
            return self.derivative(self.x, *b)

    def _checked(self, b: ArrayLike) -> Array:
        values = np.asarray(b)
        if values.shape != self.certified.shape:
            raise ValueError(
                f"b must hold the {self.certified.size} parameters of {self.name}, "
                f"shape {self.certified.shape}; got shape {values.shape}"
            )
        # Integers would overflow in powers, or be refused their negative ones.
        return values if np.iscomplexobj(values) else values.astype(np.float64)


def names(difficulty: str | None = None) -> tuple[str, ...]:
    """Names of the problems, in NIST's order: from lower to higher difficulty.

    Parameters
    ----------
    difficulty : {"lower", "average", "higher"}, optional
        Only the problems of this level. By default all 27.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If `difficulty` is not one of NIST's levels.

    Examples
    --------
    >>> from fitcore import nist
    >>> nist.names("lower")
    ('Misra1a', 'Chwirut2', 'Chwirut1', 'Lanczos3', 'Gauss1', 'Gauss2', 'DanWood', 'Misra1b')
    """
    if difficulty is None:
        return tuple(MODELS)
    return tuple(problem.name for problem in problems(difficulty))


def problems(difficulty: str | None = None) -> tuple[Problem, ...]:
    """Load the problems, in NIST's order: from lower to higher difficulty.

    Parameters
    ----------
    difficulty : {"lower", "average", "higher"}, optional
        Only the problems of this level. By default all 27.

    Returns
    -------
    tuple of Problem

    Raises
    ------
    ValueError
        If `difficulty` is not one of NIST's levels.

    Examples
    --------
    >>> from fitcore import nist
    >>> len(nist.problems()), len(nist.problems("higher"))
    (27, 8)
    """
    if difficulty is not None and difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty must be one of {DIFFICULTIES} or None, got {difficulty!r}")
    every = (load(name) for name in MODELS)
    return tuple(p for p in every if difficulty is None or p.difficulty == difficulty)


def load(name: str) -> Problem:
    """Load a problem by its name.

    Parameters
    ----------
    name : str
        NIST's name, in upper or lower case, such as ``"Misra1a"`` or ``"boxbod"``.

    Returns
    -------
    Problem
        The same object every time.

    Raises
    ------
    ValueError
        If there is no such problem; the error lists the names.

    Examples
    --------
    >>> from fitcore import nist
    >>> nist.load("boxbod").certified.tolist()
    [213.80940889, 0.54723748542]
    """
    proper = {known.lower(): known for known in MODELS}
    if not isinstance(name, str) or name.lower() not in proper:
        raise ValueError(f"name must be one of {', '.join(MODELS)}; got {name!r}")
    return _read(proper[name.lower()])


@cache
def _read(name: str) -> Problem:
    file = resources.files("fitcore.nist") / "data" / f"{name}.json"
    data: dict[str, Any] = json.loads(file.read_text(encoding="ascii"))
    y, *predictors = np.array(data["observations"], dtype=np.float64).T
    if data["formula"].startswith("log(y) = "):
        y = np.log(y)
    model = MODELS[name]
    return Problem(
        name=data["name"],
        difficulty=data["difficulty"],
        description=data["description"],
        reference=data["reference"],
        formula=data["formula"],
        x=_frozen(predictors[0] if len(predictors) == 1 else predictors),
        y=_frozen(y),
        parameter_names=tuple(f"b{i + 1}" for i in range(data["parameters"])),
        start1=_frozen(data["start1"]),
        start2=_frozen(data["start2"]),
        certified=_frozen(data["certified"]),
        stderr=_frozen(data["stderr"]),
        rss=data["rss"],
        residual_std=data["residual_std"],
        dof=data["dof"],
        nobs=data["nobs"],
        function=model.function,
        derivative=model.jacobian,
    )


def _frozen(values: ArrayLike) -> NDArray[np.float64]:
    # Read-only bytes underneath: such an array cannot be made writeable again.
    array = np.array(values, dtype=np.float64)
    return np.frombuffer(array.tobytes(), dtype=np.float64).reshape(array.shape)
