from typing import Any

from numpy.typing import ArrayLike, NDArray

class Solver:
    stop_code: int | None
    def ask(self) -> NDArray[Any]: ...
    def tell(self, values: ArrayLike) -> None: ...
