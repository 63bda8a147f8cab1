"""A native function in passes over data that come in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore.native import NativeFunction

    Array = NDArray[np.float64]

__all__ = ["native_passes"]

Pass = Callable[..., Iterator[Any]]


def native_passes(
    function: NativeFunction, data: Callable[..., Iterable[Any]] | None
) -> tuple[Pass, Pass]:
    """See :meth:`fitcore.NativeFunction.passes`."""
    if function.kind == "objective":
        raise TypeError("passes() is for kind='model' or 'residual', this has kind='objective'")
    if not function.has_derivatives:
        raise TypeError(
            "passes() wants derivatives, since passes over the data have no differences: see "
            "derivatives="
        )
    if function.kind == "residual":
        if data is not None:
            raise TypeError("data is for kind='model': this has residuals, and data of its own")
        if function.m is None:
            raise ValueError("m, the number of residuals, must be given to the NativeFunction")
    elif not callable(data):
        raise TypeError(
            "data must be callable, and return the chunks of a pass, each (x, y) or "
            f"(x, y, weights); got {data!r:.80}"
        )

    def chunks(args: tuple[Any, ...]) -> Iterator[NativeFunction]:
        if data is None:
            yield function
            return
        for chunk in data(*args):
            if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
                raise TypeError(
                    f"data must give chunks (x, y) or (x, y, weights), got {chunk!r:.80}"
                )
            if np.size(chunk[1]):
                yield function.residual(*chunk)

    def rows(p: Array, *args: Any) -> Iterator[tuple[Array, Array]]:
        for chunk in chunks(args):
            yield chunk(p), chunk.jacobian(p)

    def residuals(p: Array, *args: Any) -> Iterator[Array]:
        for chunk in chunks(args):
            yield chunk(p)

    return rows, residuals
