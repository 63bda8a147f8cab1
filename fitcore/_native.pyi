from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fitcore.minimizer import AbortFitException

__all__ = [
    "NativeCall",
    "NativeStop",
    "capsule_parts",
]

_Array: TypeAlias = NDArray[np.float64]

class NativeStop(AbortFitException):
    code: int
    def __init__(self, code: int) -> None: ...

class NativeCall:
    def __init__(
        self,
        kind: str,
        address: int,
        user_address: int,
        m: int | None,
        derivatives: bool,
        names: tuple[str, ...] | None,
        keep: Any,
    ) -> None: ...
    @property
    def complete(self) -> bool: ...
    @property
    def kind(self) -> str: ...
    @property
    def m(self) -> int | None: ...
    @property
    def has_derivatives(self) -> bool: ...
    @property
    def names(self) -> tuple[str, ...] | None: ...
    @property
    def address(self) -> int: ...
    @property
    def user_address(self) -> int: ...
    def _check(self) -> None: ...
    def _curve(
        self, x: _Array, y: _Array, weights: _Array | None, nx: int, of_model: bool
    ) -> None: ...
    def _evaluate(
        self, p: _Array, m: int, jacobian: bool, x: _Array | None = None, nx: int = 0
    ) -> _Array: ...

def capsule_parts(capsule: Any) -> tuple[int, str | None, int] | None: ...
