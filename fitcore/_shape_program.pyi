from collections.abc import Sequence

__all__ = ["OPERATIONS", "ShapeProgram"]

OPERATIONS: dict[str, int]

class ShapeProgram:
    def __init__(self, tokens: Sequence[tuple[int, ...]]) -> None: ...
    @property
    def address(self) -> int: ...
    @property
    def user_address(self) -> int: ...
