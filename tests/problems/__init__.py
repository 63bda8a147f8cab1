"""Published test problems for least squares and nonlinear systems."""

from .mgh import CASES, MINPACK_CASES, PROBLEMS, SYSTEMS, problem
from .problem import FACTORS, Case, Problem

__all__ = [
    "CASES",
    "FACTORS",
    "MINPACK_CASES",
    "PROBLEMS",
    "SYSTEMS",
    "Case",
    "Problem",
    "problem",
]
