from collections.abc import Sequence

import numpy as np

__all__ = [
    "BINARY",
    "CODES",
    "MAX_DEPTH",
    "MAX_SLOTS",
    "PREDICATES",
    "REAL_LOG_GAMMA",
    "SCALED_ERFC",
    "SPECIAL",
    "UNARY",
    "Program",
    "log_gamma",
    "special",
]

CODES: dict[str, int]
UNARY: dict[str, int]
BINARY: dict[str, int]
PREDICATES: dict[str, int]
SPECIAL: dict[str, int]
MAX_SLOTS: int
MAX_DEPTH: int
REAL_LOG_GAMMA: int
SCALED_ERFC: int

def special(index: int, x: float, y: float = 0.0) -> np.float64: ...
def log_gamma(x: float, y: float) -> np.complex128: ...

class Program:
    def __init__(
        self, code: Sequence[tuple[int, int]], constants: Sequence[float], n_slots: int
    ) -> None: ...
    def __call__(self, slots: Sequence[float]) -> float | None: ...
