from collections.abc import Sequence

CODES: dict[str, int]
UNARY: dict[str, int]
BINARY: dict[str, int]
PREDICATES: dict[str, int]
MAX_SLOTS: int
MAX_DEPTH: int

class Program:
    def __init__(
        self, code: Sequence[tuple[int, int]], constants: Sequence[float], n_slots: int
    ) -> None: ...
    def __call__(self, slots: Sequence[float]) -> float | None: ...
