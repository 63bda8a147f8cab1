"""Native functions: residuals, objectives and models that the solvers call without Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._arguments import read_bool
from fitcore._arrays import count, real_array
from fitcore._native import NativeCall, NativeStop
from fitcore._native_pointer import SIGNATURES, data_pointer, find_pointer, matches
from fitcore._native_rows import native_passes

__all__ = ["NativeFunction", "NativeStop", "get_include"]
__dir__ = __all__.copy

Array = NDArray[np.float64]

_SHOWN = {
    "residual": "int (int64_t m, int64_t n, const double *p, double *f, double *fjac, "
    "void *user_data)",
    "objective": "int (int64_t n, const double *p, double *f, double *g, void *user_data)",
    "model": "int (int64_t m, int64_t nx, const double *x, int64_t n, const double *p, double *y, "
    "double *dy, void *user_data)",
}


def get_include() -> str:
    """The directory of the C headers: ``fitcore.h`` and those of the solvers.

    Returns
    -------
    str
        For the compiler's option ``-I``.

    Examples
    --------
    >>> from pathlib import Path
    >>> import fitcore
    >>> (Path(fitcore.get_include()) / "fitcore.h").exists()
    True
    """
    package = Path(__file__).parent
    installed = package / "include"
    # an editable install leaves them where they are
    return str(installed if installed.is_dir() else package.parent / "src" / "wrappers")


class _Signature:
    """How a function is called: a model with names takes its parameters by them.

    The class itself keeps the signature of its ``__init__``.
    """

    def __get__(self, function: NativeFunction | None, owner: type) -> inspect.Signature:
        if function is None:
            raise AttributeError("__signature__")
        if function.kind != "model" or function.names is None:
            return inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
        both = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, both) for name in ("x", *function.names)])


class NativeFunction(NativeCall):
    """A compiled function, given to the solvers in the place of a Python one.

    Fits then run without the GIL and without Python: other threads go on meanwhile, and an
    evaluation costs what the function costs. The C signatures are in the header ``fitcore.h``, in
    the directory :func:`fitcore.get_include`.

    Parameters
    ----------
    function : int, ctypes or cffi function pointer, numba cfunc, PyCapsule, LowLevelCallable
        The function, or its address. It must not call Python, and be safe to be called from
        several threads if several fits run at once.
    kind : {'residual', 'objective', 'model'}, default 'residual'
        Its signature::

            int residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                         void *user_data)
            int objective(int64_t n, const double *p, double *f, double *g, void *user_data)
            int model(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                      double *y, double *dy, void *user_data)

        p (n) are the parameters, f (m) the residuals or f (1) the objective, y (m) the model at
        the nx rows of m coordinates x. fjac, dy (m by n, column by column) and g (n) are
        derivatives. What is not wanted is NULL. A value other than 0 stops the fit, which reports
        it.
    m : int, optional
        Number of residuals of kind 'residual'. Not needed where it is told otherwise: systems of
        equations have as many as variables.
    derivatives : bool, default False
        Whether the function fills in derivatives when asked to. If not, it is never asked, and
        the solvers take differences.
    user_data : None, int, ndarray, ctypes or cffi object, PyCapsule or object with a buffer
        What the function gets as its last argument: the address, or the address of the data. They
        are kept alive. Default: what a LowLevelCallable or the context of a capsule brings along,
        else NULL.
    names : sequence of str, optional
        Names of its parameters, in order. Fits with `Parameters` pass the values of those;
        without names the values of all, in their order, whether they vary or not.

    Attributes
    ----------
    kind : str
    m : int or None
        Number of residuals; 1 of an objective.
    has_derivatives : bool
    names : tuple of str or None
    address, user_address : int
        The pointers.

    Raises
    ------
    TypeError
        If `function` or `user_data` is not such an object, or a signature is known and is another
        one.
    ValueError
        If the pointer is null, or an argument is out of its range.

    Examples
    --------
    >>> import ctypes
    >>> import numpy as np
    >>> from fitcore import NativeFunction
    >>> from fitcore.optimize import leastsq
    >>> doubles = ctypes.POINTER(ctypes.c_double)
    >>> signature = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int64, ctypes.c_int64, doubles,
    ...                              doubles, doubles, ctypes.c_void_p)
    >>> @signature     # in C or by numba.cfunc, for speed
    ... def rosenbrock(m, n, p, f, fjac, user_data):
    ...     f[0], f[1] = 10 * (p[1] - p[0] ** 2), 1 - p[0]
    ...     return 0
    >>> function = NativeFunction(rosenbrock, m=2)
    >>> function([0.0, 1.0])
    array([10.,  1.])
    >>> leastsq(function, [-1.2, 1.0])[0].round(6)
    array([1., 1.])
    """

    #: The `Model` whose residuals these are, for errors.
    model: Any = None

    def __init__(
        self,
        function: Any,
        kind: str = "residual",
        m: int | None = None,
        *,
        derivatives: bool = False,
        user_data: Any = None,
        names: Iterable[str] | None = None,
    ) -> None:
        if not isinstance(kind, str) or kind not in SIGNATURES:
            raise ValueError(
                f"kind must be one of {', '.join(map(repr, SIGNATURES))}, got {kind!r:.80}"
            )
        found = find_pointer(function)
        if found.signature is not None and not matches(found.signature, SIGNATURES[kind]):
            raise TypeError(
                f"function has the signature {found.shown}, wanted {_SHOWN[kind]} for kind={kind!r}"
            )
        if m is not None:
            m = count(m, "m")
            if m < 1:
                raise ValueError(f"m must be at least 1, got {m}")
            if kind != "residual":
                raise ValueError(f"m is for kind='residual', got m={m} for kind={kind!r}")
        address, data = data_pointer(user_data)
        if user_data is None and found.user_address is not None:
            address = found.user_address
        super().__init__(
            kind, found.address, address, m, read_bool(derivatives, "derivatives"),
            _names(names), (found.keep, data),
        )  # fmt: skip

    @classmethod
    def from_cython(cls, module: Any, name: str, *args: Any, **kwargs: Any) -> NativeFunction:
        """A function that a Cython module declares in its .pxd file, or as ``cdef api``.

        Parameters
        ----------
        module : module
            The imported module.
        name : str
            Name of the function.
        *args, **kwargs
            `kind`, `m`, ... as for the class.

        Returns
        -------
        NativeFunction

        Raises
        ------
        ValueError
            If the module exports no such function.
        """
        exported = getattr(module, "__pyx_capi__", {})
        if name not in exported:
            raise ValueError(
                f"module {getattr(module, '__name__', module)!r:.80} exports no function {name!r}; "
                f"it exports {', '.join(sorted(exported)) or 'none: declare it in the .pxd file'}"
            )
        return cls(exported[name], *args, **kwargs)

    __signature__ = _Signature()

    def __call__(self, *args: Any, **by_name: Any) -> Any:
        """Call it from Python.

        Parameters
        ----------
        *args
            The parameters, shape (n,), or `Parameters`. Of kind 'model' before them the points x,
            shape (m,) or (nx, m), and the parameters one by one or as `Parameters`.
        **by_name
            Of a model with names: x and parameters.

        Returns
        -------
        ndarray, shape (m,), or float
            The residuals or the model; the value of an objective.

        Raises
        ------
        NativeStop
            If the function returns a value other than 0.
        """
        value = self._value(self._in_order(args, by_name), jacobian=False)
        return float(value[0]) if self.kind == "objective" else value

    def jacobian(self, *args: Any, **by_name: Any) -> Array:
        """Its derivatives by the parameters; arguments as for a call.

        Returns
        -------
        ndarray, shape (m, n)

        Raises
        ------
        TypeError
            If it has none.
        NativeStop
            If the function returns a value other than 0.
        """
        if not self.has_derivatives:
            raise TypeError("the NativeFunction has no derivatives: see derivatives=")
        return self._value(self._in_order(args, by_name), jacobian=True)

    def gradient(self, p: Any) -> Array:
        """The derivatives of an objective, shape (n,); as `jacobian`."""
        if self.kind != "objective":
            raise TypeError(f"gradient() is for kind='objective', this has kind={self.kind!r}")
        gradient: Array = self.jacobian(p)[0]
        return gradient

    def residual(
        self, x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None
    ) -> NativeFunction:
        """Residuals of a model: ``weights * (model(x, p) - y)``, as another NativeFunction.

        Parameters
        ----------
        x : array_like, shape (m,) or (nx, m)
            Where the data are: one coordinate of the points in each row.
        y : array_like, shape (m,)
            The data. Copied, as all three are.
        weights : array_like, shape (m,) or scalar, optional
            What to multiply the differences by: the inverse of the errors.

        Returns
        -------
        NativeFunction
            Of kind 'residual'.

        Raises
        ------
        TypeError
            If this is of another kind.
        ValueError
            If the shapes do not fit.
        """
        if self.kind != "model":
            raise TypeError(f"residual() is for kind='model', this has kind={self.kind!r}")
        data = real_array(y, "y", 1)
        if data.ndim != 1 or data.size == 0:
            raise ValueError(f"y must have shape (m,) with m > 0, got {data.shape}")
        points, rows = _points(x, data.size)
        factors = None
        if weights is not None:
            factors = real_array(weights, "weights", 0)
            if factors.shape not in ((), (1,), data.shape):
                raise ValueError(
                    f"weights must be one number or have shape {data.shape} like y, got "
                    f"{factors.shape}"
                )
            full = factors.shape == data.shape
            factors = factors.copy() if full else np.full(data.shape, factors.item())
        return self._with_data(points, data, factors, rows, self.names)

    def passes(
        self, data: Callable[..., Iterable[Any]] | None = None
    ) -> tuple[Callable[..., Iterator[Any]], Callable[..., Iterator[Any]]]:
        """Passes over data in chunks, for :meth:`fitcore.minpack.StreamingLM.run`.

        Parameters
        ----------
        data : callable
            Of a model: ``data(*args)`` returns the chunks of a pass, in the same order each time,
            as (x, y) or (x, y, weights): what :meth:`residual` takes. Best a generator, so that one
            chunk at a time is in memory. Of kind 'residual', which has its data, None.

        Returns
        -------
        rows, residuals : callable
            The arguments of that method. A value other than 0 of the function leaves it as
            `NativeStop`.

        Raises
        ------
        TypeError
            If this is an objective or has no derivatives, or `data` does not go with it.
        ValueError
            If it has residuals, and their number is not known.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore.lineshapes import linear
        >>> from fitcore._compiled_model import compile_model
        >>> from fitcore.minpack import StreamingLM
        >>> from fitcore.models import LinearModel
        >>> x = np.linspace(0, 1, 100)
        >>> model = LinearModel()               # whose function fitcore has natively
        >>> line, _ = compile_model(model, model.make_params(), {"x": x}, 100)
        >>> def data():
        ...     for t in x.reshape(10, 10):
        ...         yield t, 3 * t + 2
        >>> StreamingLM([1.0, 1.0]).run(*line.passes(data)).x.round(6)
        array([3., 2.])
        """
        return native_passes(self, data)

    def _of_model(
        self, model: Any, data: Any, weights: Any, given: Mapping[str, Any]
    ) -> NativeFunction | None:
        """The residuals of a `Model` of this function; None where they are not real vectors."""
        arrays = [np.asarray(a) for a in (data, given.get("x"), weights) if a is not None]
        plain = all(a.dtype.kind in "fiu" for a in arrays) and arrays[0].ndim == 1
        if not plain or set(given) != {"x"} or self.names is None:
            return None
        points, y = np.array(arrays[1], np.float64), np.array(arrays[0], np.float64)
        if points.ndim not in (1, 2) or points.shape[-1] != y.size:
            return None
        factors = None
        if weights is not None:
            if arrays[2].shape not in ((), (1,), y.shape):
                return None
            factors = np.array(np.broadcast_to(arrays[2], y.shape), np.float64)
        rows = points.shape[0] if points.ndim == 2 else 1
        names = tuple(model.prefix + name for name in self.names)
        return self._with_data(points, y, factors, rows, names, of_model=True)

    def _with_data(
        self,
        x: Array,
        y: Array,
        weights: Array | None,
        rows: int,
        names: tuple[str, ...] | None,
        *,
        of_model: bool = False,
    ) -> NativeFunction:
        made = NativeFunction.__new__(NativeFunction)
        NativeCall.__init__(
            made, "residual", self.address, self.user_address, y.size, self.has_derivatives, names,
            self,
        )  # fmt: skip
        made._curve(x, y, weights, rows, of_model)
        return made

    def _in_order(self, args: tuple[Any, ...], by_name: dict[str, Any]) -> tuple[Any, ...]:
        return self.__signature__.bind(*args, **by_name).args if by_name else args

    def _value(self, args: tuple[Any, ...], *, jacobian: bool) -> Array:
        self._check()
        if self.kind == "model":
            if len(args) < 2:
                raise TypeError("a model is called with x and its parameters")
            given = args[1] if len(args) == 2 and isinstance(args[1], Mapping) else args[1:]
            points, rows = _points(args[0], None)
            size = points.shape[-1]
            return self._evaluate(self._parameters(given), size, jacobian, points, rows)
        if len(args) != 1:
            raise TypeError(
                f"a NativeFunction of kind {self.kind!r} takes the parameters and no further "
                f"arguments, got {len(args)} of them; see user_data="
            )
        if self.m is None:
            raise ValueError("m, the number of residuals, was not given to the NativeFunction")
        return self._evaluate(self._parameters(args[0]), self.m, jacobian)

    def _parameters(self, given: Any) -> Array:
        if isinstance(given, Mapping):
            names = given if self.names is None else self.names
            given = [float(given[name].value) for name in names]
        p: Array = real_array(given, "p", 1)
        if p.ndim != 1 or p.size == 0:
            raise ValueError(f"p must have shape (n,) with n > 0, got {p.shape}")
        if self.names is not None and p.size != len(self.names):
            raise ValueError(
                f"p must have shape ({len(self.names)},) for the parameters "
                f"{', '.join(self.names)}, got {p.shape}"
            )
        return p

    def __repr__(self) -> str:
        size = "" if self.m is None or self.kind == "objective" else f" m={self.m}"
        slopes = " with derivatives" if self.has_derivatives else ""
        return f"<NativeFunction {self.kind}{size}{slopes} at {self.address:#x}>"


def _names(names: Iterable[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    given = tuple(names)
    wrong = isinstance(names, str) or any(not isinstance(name, str) for name in given)
    if wrong or len(set(given)) != len(given) or not given:
        raise ValueError(f"names must be different strings, got {names!r:.80}")
    return given


def _points(x: ArrayLike, m: int | None) -> tuple[Array, int]:
    """The points of a model, and in how many rows they are."""
    points = real_array(x, "x", 1)
    if points.ndim > 2 or points.size == 0 or (m is not None and points.shape[-1] != m):
        wanted = "(m,) or (nx, m)" if m is None else f"({m},) or (nx, {m}), as y has {m} elements"
        raise ValueError(f"x must have shape {wanted}, got {points.shape}")
    return points, points.shape[0] if points.ndim == 2 else 1
