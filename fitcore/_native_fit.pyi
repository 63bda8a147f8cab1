from typing import Any

from fitcore._fit import ParameterResidual
from fitcore._native import NativeCall

class NativeParameterResidual(ParameterResidual):
    stop_code: int | None
    def __init__(self, fcn: NativeCall, *args: Any, **options: Any) -> None: ...

def residual_of(fcn: Any, *args: Any, **options: Any) -> ParameterResidual: ...
