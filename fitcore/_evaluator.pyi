from collections.abc import Callable
from typing import Any

__all__ = [
    "Evaluator",
]

class Evaluator: ...

class PythonEvaluator(Evaluator):
    def __init__(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        jac: Callable[..., Any] | None,
        col_deriv: bool,
        callback: Callable[[Any], object] | None,
    ) -> None: ...
