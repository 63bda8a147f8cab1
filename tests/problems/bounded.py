"""Catalogue of the runs on which L-BFGS-B is held to the original: n from 1 to 10000, m to 20.

Every kind of bound: none, lower, upper, both, fixed variables, many active at the solution, starts
outside and in corners; several stopping tolerances; and objectives that make line searches fail.
"""

from __future__ import annotations

from .bounded_case import BoundedCase, Objective, unique
from .bounded_faulty import FAULTY_CASES
from .bounded_grids import GRID_CASES
from .bounded_hock_schittkowski import HOCK_SCHITTKOWSKI_CASES
from .bounded_quadratic import QUADRATIC_CASES
from .bounded_smooth import SMOOTH_CASES

__all__ = ["CASES", "BoundedCase", "Objective", "bounded_case"]

CASES: tuple[BoundedCase, ...] = unique(
    (*QUADRATIC_CASES, *SMOOTH_CASES, *HOCK_SCHITTKOWSKI_CASES, *GRID_CASES, *FAULTY_CASES)
)


def bounded_case(name: str) -> BoundedCase:
    """The case of that id; ValueError that lists the ids if there is none."""
    for candidate in CASES:
        if candidate.id == name:
            return candidate
    raise ValueError(f"name is {name!r}; known: {', '.join(c.id for c in CASES)}")
