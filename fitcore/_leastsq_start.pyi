from collections.abc import Iterable
from typing import Any

__all__ = [
    "NEXT",
    "ROUNDING",
    "START_INSIDE",
    "beside_bounds",
    "check_range",
    "has_bounds",
    "leave_bounds",
    "range_between",
    "without_bounds",
]

ROUNDING: float
NEXT: float
START_INSIDE: float

def without_bounds(items: Iterable[Any]) -> list[Any]: ...
def has_bounds(items: list[Any]) -> bool: ...
def range_between(low: float, high: float, bound: float) -> float: ...
def check_range(mapping: list[Any]) -> None: ...
def beside_bounds(mapping: list[Any]) -> dict[int, float]: ...
def leave_bounds(mapping: list[Any]) -> dict[str, float]: ...
