"""Derivatives by forward differences, and gradients checked against them, as SciPy offers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._arrays import real_array

Array = NDArray[np.float64]

_EPSILON = 2.0**-26


def approx_fprime(
    xk: ArrayLike, f: Callable[..., Any], epsilon: ArrayLike = _EPSILON, *args: Any
) -> Array:
    """Gradient, or Jacobian, of a function by forward differences.

    Parameters
    ----------
    xk : array_like, shape (n,), or float
        Where.
    f : callable
        ``f(xk, *args)`` returns a number or a vector of m numbers. Its argument is a new array
        each time.
    epsilon : float or array_like, shape (n,), default 2**-26
        Absolute steps, with their signs. One that vanishes beside its variable is replaced by
        2**-26 max(1, abs(x)), away from zero; by one that suits its precision for a function in
        single precision.
    *args
        Further arguments of `f`.

    Returns
    -------
    ndarray, shape (n,) or (m, n)
        The gradient of a function that returns a number, or a vector of one; else the Jacobian.

    Raises
    ------
    TypeError
        If `f` is not callable, or an argument or what `f` returns is not of real numbers.
    ValueError
        If `xk` or what `f` returns has more than one dimension, `epsilon` has a shape that does
        not fit, or `f` changes the length of what it returns.

    See Also
    --------
    check_grad : Compare a gradient with this one.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import approx_fprime
    >>> approx_fprime([1.0, 2.0], lambda x: x[0] ** 2 + np.sin(x[1])).round(6)
    array([ 2.      , -0.416147])
    """
    if not callable(f):
        raise TypeError(f"f must be callable, got {f!r:.80}")
    x = real_array(xk, "xk", 1)
    if x.ndim > 1:
        raise ValueError(f"xk must have at most 1 dimension, got shape {x.shape}")
    if not x.size:
        return np.empty(0)
    first = f(x.copy(), *args)
    base = _value(first)
    steps = _steps(epsilon, x, np.asarray(first).dtype)
    jacobian = np.empty((base.size, x.size))
    for i in range(x.size):
        point = x.copy()
        point[i] += steps[i]
        step = point[i] - x[i]
        value = _value(f(point, *args))
        if value.shape != base.shape:
            raise ValueError(
                f"f returned {base.size} numbers before and {value.size} now: their number must "
                "stay the same"
            )
        jacobian[:, i] = (value - base) / step
    return jacobian[0] if base.size == 1 else jacobian


def check_grad(
    func: Callable[..., Any],
    grad: Callable[..., Any],
    x0: ArrayLike,
    *args: Any,
    epsilon: ArrayLike = _EPSILON,
    direction: str = "all",
    rng: Any = None,
    seed: Any = None,
) -> np.float64:
    """Compare a gradient with forward differences.

    Parameters
    ----------
    func : callable
        ``func(x0, *args)`` returns a number, or a vector of m numbers.
    grad : callable
        ``grad(x0, *args)`` returns its gradient, shape (n,), or its Jacobian, shape (m, n).
    x0 : array_like, shape (n,), or float
        Where.
    *args
        Further arguments of both.
    epsilon : float or array_like, shape (n,), default 2**-26
        Steps of the differences.
    direction : {'all', 'random'}, default 'all'
        Whether to compare all components, or the derivatives along one random vector, which takes
        two evaluations of `func` only.
    rng : None, int or numpy.random.Generator, optional
        Where the random vector comes from, by `numpy.random.default_rng`.
    seed : int or numpy.random.RandomState, optional
        The same by `numpy.random.RandomState`, as older scripts have it.

    Returns
    -------
    float
        Square root of the sum of squares of the differences between the two.

    Raises
    ------
    TypeError
        If `func` or `grad` is not callable, `rng` and `seed` are both given, or an argument or what
        a function returns is not of real numbers.
    ValueError
        If `direction` is unknown, is 'random' for a `func` that returns a vector, or shapes do not
        fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import check_grad
    >>> error = check_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, [1.5, -1.0])
    >>> bool(error < 1e-6)
    True
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got {func!r:.80}")
    if not callable(grad):
        raise TypeError(f"grad must be callable, got {grad!r:.80}")
    if direction not in ("all", "random"):
        raise ValueError(
            f"{direction!r} is not a valid string for ``direction`` argument; choose 'all' or "
            "'random'"
        )
    if rng is not None and seed is not None:
        raise TypeError("check_grad got both rng and seed: give one of them")
    x = real_array(x0, "x0", 1)
    if x.ndim > 1:
        raise ValueError(f"x0 must have at most 1 dimension, got shape {x.shape}")
    given = _real(grad(x.copy(), *args), "grad")
    if direction == "random":
        if given.ndim > 1:
            raise ValueError("'random' can only be used with scalar valued func")
        if given.shape != x.shape:
            raise ValueError(f"grad must return shape {x.shape} like x0, got {given.shape}")
        source = np.random.default_rng(rng) if seed is None else _old_generator(seed)
        along = source.standard_normal(x.shape)

        def line(w: Array) -> Any:
            return func(x + w[0] * along, *args)

        slopes = approx_fprime(np.zeros(1), line, epsilon)
        return np.float64(abs(float(slopes[0]) - float(np.dot(given, along))))
    slopes = approx_fprime(x, func, epsilon, *args)
    single = given.size == slopes.size == 1
    if given.shape not in (slopes.shape, (1, *slopes.shape)) and not single:
        raise ValueError(
            f"grad must return shape {slopes.shape}, as func and x0 have it, got {given.shape}"
        )
    return np.float64(np.sqrt(np.sum(np.square(given.reshape(slopes.shape) - slopes))))


def _old_generator(seed: Any) -> np.random.RandomState:
    if isinstance(seed, np.random.RandomState):
        return seed
    try:
        return np.random.RandomState(seed)
    except (TypeError, ValueError) as exc:
        raise ValueError(
            f"seed must be an integer or a numpy.random.RandomState, got {seed!r:.80}"
        ) from exc


def _steps(epsilon: ArrayLike, x: Array, kind: np.dtype[Any]) -> Array:
    steps = real_array(epsilon, "epsilon", 0)
    if steps.shape not in ((), (1,), x.shape):
        raise ValueError(f"epsilon must be one number or have shape {x.shape}, got {steps.shape}")
    if not np.isfinite(steps).all():
        raise ValueError(f"epsilon must be finite, got {epsilon!r:.80}")
    sign = np.where(x >= 0, 1.0, -1.0)
    single = kind.kind == "f" and kind.itemsize < 8
    default = (
        (float(np.sqrt(np.finfo(kind).eps)) if single else _EPSILON)
        * sign
        * np.maximum(1.0, np.abs(x))
    )
    return np.where((x + steps) - x == 0, default, steps)


def _real(value: Any, name: str) -> Array:
    try:
        a = np.asarray(value)
    except ValueError as exc:
        raise TypeError(f"{name} must return real numbers, got {value!r:.80}") from exc
    if a.dtype.kind not in "fiub":
        raise TypeError(f"{name} must return real numbers, got {a.dtype}: {value!r:.80}")
    return a.astype(np.float64)


def _value(value: Any) -> Array:
    a = np.atleast_1d(_real(value, "the function"))
    if a.ndim > 1:
        raise ValueError(
            f"the function must return a number or a vector, got an array of shape {a.shape}"
        )
    return a
