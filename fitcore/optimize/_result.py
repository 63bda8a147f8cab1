"""What a minimization returns."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np


class OptimizeWarning(UserWarning):
    """Something in the call or the outcome of a fit is of doubtful use.

    Where SciPy is imported, what is warned with is SciPy's class as well: filters for either hold.
    """


def optimize_warning() -> type[OptimizeWarning]:
    """The class to warn with: SciPy's too, if the program has imported it. It is not imported."""
    scipys = getattr(sys.modules.get("scipy.optimize"), "OptimizeWarning", None)
    if not (isinstance(scipys, type) and issubclass(scipys, Warning)):
        return OptimizeWarning
    key: Any = scipys
    return _both(key)


@cache
def _both(scipys: Any) -> type[OptimizeWarning]:
    name = OptimizeWarning.__name__
    return type(name, (OptimizeWarning, scipys), {"__module__": __name__})


class OptimizeResult(dict[str, Any]):
    """The outcome of a minimization: a dictionary whose keys are attributes as well.

    Examples
    --------
    >>> from fitcore.optimize import OptimizeResult
    >>> result = OptimizeResult(x=[1.0], nit=3)
    >>> result.nit, result["nit"]
    (3, 3)
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as exc:
            raise AttributeError(
                f"the result has no {name!r}; it has {', '.join(map(str, self))}"
            ) from exc

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError as exc:
            raise AttributeError(f"the result has no {name!r}") from exc

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self if isinstance(name, str))]

    def __repr__(self) -> str:
        if not self:
            return f"{type(self).__name__}()"
        width = max(len(str(name)) for name in self) + 1
        lines = []
        for name, value in self.items():
            if isinstance(value, np.ndarray):
                with np.printoptions(precision=3, threshold=10, edgeitems=3):
                    text = str(value)
            else:
                text = str(value)
            text = text.replace("\n", "\n" + " " * (width + 2))
            lines.append(f"{name!s:>{width}}: {text}")
        return "\n".join(lines)
