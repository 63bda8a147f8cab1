from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "Call",
    "ModelObjective",
    "function_arguments",
    "number_of",
    "squares",
    "unresolved_arguments",
]

def number_of(value: Any) -> Any: ...
def function_arguments(
    model: Any, params: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> dict[str, Any]: ...
def unresolved_arguments(
    model: Any, params: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> dict[str, Any]: ...
def squares(data: Any, best: Any) -> tuple[float, float]: ...

class Call:
    def __init__(
        self, func: Callable[..., Any], arguments: dict[str, Any], first: bool
    ) -> None: ...

class ModelObjective:
    def __init__(
        self,
        model: Any,
        data: Any,
        weights: Any,
        given: dict[str, Any],
        translate: Callable[..., list[Any]],
        coerce: Callable[[Any], Any],
        compare: Callable[..., Any],
    ) -> None: ...
    @property
    def model(self) -> Any: ...
    @property
    def data(self) -> Any: ...
    @property
    def weights(self) -> Any: ...
    @property
    def given(self) -> Mapping[str, Any]: ...
    def __call__(self, params: Any, *args: Any, **kws: Any) -> Any: ...
