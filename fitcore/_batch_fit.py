"""The fits of a batch one after another, by the ordinary solver: what a worker process does."""

from __future__ import annotations

import inspect
import math
import pickle
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore.minimizer import Minimizer
from fitcore.parameter import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fitcore._batch_native import Compiled
    from fitcore.minimizer import NanPolicy
    from fitcore.result import MinimizerResult

__all__ = [
    "FIELDS", "SUCCEEDED", "Chunk", "Job", "Rows", "call_starts", "empty_rows", "erase", "fail",
    "fit_chunk", "may_leave_out", "pack", "run_job", "run_packed",
]  # fmt: skip

# What a fit gives: the type, the axes beyond that of the fits (p: parameters, v: variables), and
# what stands there before.
FIELDS: dict[str, tuple[Any, str, Any]] = {
    "done": (np.bool_, "", False),
    "values": (np.float64, "p", np.nan),
    "stderr": (np.float64, "p", np.nan),
    "init_values": (np.float64, "p", np.nan),
    "covar": (np.float64, "vv", np.nan),
    "chisqr": (np.float64, "", np.nan),
    "redchi": (np.float64, "", np.nan),
    "aic": (np.float64, "", np.nan),
    "bic": (np.float64, "", np.nan),
    "nfev": (np.int64, "", 0),
    "ndata": (np.int64, "", 0),
    "status": (np.int64, "", -1),
    "success": (np.bool_, "", False),
    "aborted": (np.bool_, "", False),
    "errorbars": (np.bool_, "", False),
    "at_bound": (np.bool_, "v", False),
    "message": (object, "", "not fitted"),
}

# What the rows of compiled fits that have come to an end have alike, and leave out.
SUCCEEDED = {
    name: np.array(value, dtype=FIELDS[name][0])
    for name, value in {
        "success": True,
        "aborted": False,
        "errorbars": True,
        "at_bound": False,
        "message": "Fit succeeded.",
    }.items()
}

Rows = dict[str, "NDArray[Any]"]


def empty_rows(count: int, nparams: int, nvarys: int, blank: bool = True) -> Rows:
    """Rows of fits that have not been done; only `done` is written if they are not `blank`."""
    lengths = {"p": nparams, "v": nvarys}
    rows = {
        name: np.empty((count, *(lengths[axis] for axis in axes)), dtype=dtype)
        for name, (dtype, axes, _) in FIELDS.items()
    }
    rows["done"][:] = False
    if blank:
        erase(rows, slice(None))
    return rows


def erase(rows: Rows, fits: Any) -> None:
    """Make those rows what they are of fits that have not been done."""
    for name, (dtype, _, fill) in FIELDS.items():
        # An array of no axes, for a string would be copied for each of them.
        rows[name][fits] = np.array(fill, dtype=dtype)


@dataclass
class Job:
    """What all fits of a batch share.

    Attributes
    ----------
    model : Model or callable
        A Model, a NativeFunction, ``f(x, a, b, ...)``, or with `kind` 'residual'
        ``f(params, x, y)``.
    kind : {'model', 'native', 'function', 'residual'}
    params : Parameters
        Starting values, bounds and expressions.
    names, var_names : tuple of str
        All parameters, and those that vary.
    starts : callable or None
        ``starts(y, x)`` for each fit.
    x : dict of str to ndarray
        Independent variables that are the same for all fits; the name is '' for a function's
        first argument.
    weights, mask : ndarray or None
        If they are the same for all fits.
    variables : tuple of str
        All independent variables, in order.
    method : str
    nan_policy : str
    options : dict
        Arguments of `Minimizer`, and settings of the method.
    kws : dict
        Further arguments of the model.
    """

    model: Any
    kind: str
    params: Parameters
    names: tuple[str, ...]
    var_names: tuple[str, ...]
    starts: Callable[..., Any] | None
    x: dict[str, NDArray[Any]]
    weights: NDArray[Any] | None
    mask: NDArray[Any] | None
    variables: tuple[str, ...]
    method: str
    nan_policy: NanPolicy
    options: dict[str, Any]
    kws: dict[str, Any]

    @cached_property
    def compiled(self) -> Compiled | None:
        """The job in compiled form, if it has one."""
        from fitcore._batch_native import compile_job

        return compile_job(self)

    def __getstate__(self) -> dict[str, Any]:
        # Pointers are those of this process.
        return {name: value for name, value in self.__dict__.items() if name != "compiled"}


@dataclass
class Chunk:
    """Some fits: their numbers, data, and what belongs to each.

    Attributes
    ----------
    fits : ndarray of int, shape (k,)
        Numbers of the fits.
    y : ndarray, shape (k, npoints)
    x : dict of str to ndarray, shape (k, npoints)
        Independent variables that differ.
    weights, mask : ndarray, shape (k, npoints) or (k, 1), or None
        If they differ. Points are left out where `mask` is true.
    starts : dict of str to ndarray, shape (k,)
        Values of parameters that differ.
    tries : int
        How often its fits have been begun in vain.
    """

    fits: NDArray[np.int64]
    y: NDArray[Any]
    x: dict[str, NDArray[Any]] = field(default_factory=dict)
    weights: NDArray[Any] | None = None
    mask: NDArray[Any] | None = None
    starts: dict[str, NDArray[Any]] = field(default_factory=dict)
    tries: int = 0

    def __len__(self) -> int:
        return len(self.fits)

    def part(self, rows: Any) -> Chunk:
        """The same for some of its rows."""
        return Chunk(
            self.fits[rows],
            self.y[rows],
            {name: value[rows] for name, value in self.x.items()},
            None if self.weights is None else self.weights[rows],
            None if self.mask is None else self.mask[rows],
            {name: value[rows] for name, value in self.starts.items()},
            self.tries,
        )


class FunctionResidual:
    """Weighted differences of a function ``f(x, a, b, ...)`` and data, by Parameters.

    Parameters
    ----------
    function : callable
    names : sequence of str
        Parameters it takes.
    x : dict of str to ndarray
        Its independent variables; one of the name '' is its first argument.
    y : ndarray, shape (npoints,)
    weights : ndarray or None
    kws : dict
        Its further arguments.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        names: Sequence[str],
        x: Mapping[str, Any],
        y: NDArray[Any],
        weights: NDArray[Any] | None,
        kws: Mapping[str, Any],
    ) -> None:
        self.function, self.names, self.y, self.weights = function, names, y, weights
        self.first = (x[""],) if "" in x else ()
        self.kws = {**{name: value for name, value in x.items() if name}, **kws}

    def __repr__(self) -> str:
        # It stands in messages, which must not differ from process to process.
        return f"<residual of {getattr(self.function, '__qualname__', type(self.function))}>"

    def __call__(self, params: Parameters) -> Any:
        """The residuals, shape (npoints,)."""
        values = params.valuesdict()
        model = self.function(
            *self.first, **{name: values[name] for name in self.names}, **self.kws
        )
        difference = model - self.y
        return difference if self.weights is None else difference * self.weights


def arguments_of(function: Callable[..., Any], given: Sequence[str], first: bool) -> list[str]:
    """Names of the arguments of a model function that are parameters.

    Parameters
    ----------
    function : callable
    given : sequence of str
        Names of arguments that have a value already.
    first : bool
        Whether the first argument has one, by position.

    Returns
    -------
    list of str
        In order; those with a default have a ``?`` at the end, and '**' stands for any.
    """
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ["**"]
    found = []
    for argument in arguments[int(first) :]:
        if argument.kind is argument.VAR_KEYWORD:
            found.append("**")
        elif argument.kind is not argument.VAR_POSITIONAL and argument.name not in given:
            required = argument.default is argument.empty
            found.append(argument.name if required else f"{argument.name}?")
    return found


def function_names(job: Job) -> list[str]:
    """The parameters that the function of a job takes."""
    given = [name for name in (*job.x, *job.kws) if name]
    wanted = arguments_of(job.model, given, "" in job.x)
    if "**" in wanted:
        return list(job.names)
    return [name for name in job.names if name in wanted or f"{name}?" in wanted]


def fit_chunk(job: Job, chunk: Chunk) -> tuple[Rows, bool]:
    """Do the fits of a chunk; what cannot be fitted has its reason in its row.

    Returns
    -------
    rows : dict of str to ndarray
        As in `FIELDS`, one row for each fit.
    interrupted : bool
        Whether a KeyboardInterrupt ended it; `done` tells which fits were done before.
    """
    rows = empty_rows(len(chunk), len(job.names), len(job.var_names))
    names = function_names(job) if job.kind == "function" else []
    try:
        for k in range(len(chunk)):
            try:
                _write(rows, k, job, _fit_one(job, chunk, k, names))
            except Exception as exc:  # noqa: BLE001
                fail(rows, k, f"{type(exc).__name__}: {exc}")
    except KeyboardInterrupt:
        return rows, True
    return rows, False


def run_job(job: Job, chunk: Chunk) -> tuple[Rows, bool]:
    """Do the fits of a chunk, compiled if there is a way; as :func:`fit_chunk`."""
    if job.compiled is None:
        return fit_chunk(job, chunk)
    from fitcore._batch_native import fit_compiled

    return fit_compiled(job, chunk)


def fail(rows: Rows, k: int, reason: str) -> None:
    """Make row k one of a fit that could not be done."""
    erase(rows, k)
    rows["done"][k] = True
    rows["message"][k] = reason


def may_leave_out(job: Job, y: Any, mask: Any) -> bool:
    """Whether points of these data, or of others of the batch, may be left out."""
    given = job.mask is not None or mask is not None or isinstance(y, np.ma.MaskedArray)
    return given or job.nan_policy == "omit"


def left_out(
    job: Job, y: Any, weights: NDArray[np.float64] | None, mask: Any
) -> NDArray[np.bool_] | None:
    """Points that are left out, in the shape of `y`, of one data set or more; None if none is."""
    if not may_leave_out(job, y, mask):
        return None
    out = np.zeros(y.shape, dtype=bool)
    for given in (job.mask, mask):
        if given is not None:
            out |= np.asarray(given, dtype=bool)
    if isinstance(y, np.ma.MaskedArray):
        out |= np.ma.getmaskarray(y)
        y = y.data
    if job.nan_policy == "omit":
        out |= ~np.isfinite(y)
        if weights is not None:
            out |= ~np.isfinite(weights)
    return out if out.any() else None


def _fit_one(job: Job, chunk: Chunk, k: int, names: Sequence[str]) -> MinimizerResult:
    y = chunk.y[k]
    x = {name: job.x[name] if name in job.x else chunk.x[name][k] for name in job.variables}
    weights = job.weights if chunk.weights is None else chunk.weights[k]
    out = left_out(job, y, weights, None if chunk.mask is None else chunk.mask[k])
    if isinstance(y, np.ma.MaskedArray):
        y = y.data
    if out is not None:
        keep = ~out
        if not keep.any():
            raise ValueError("all points of this data set are masked or NaN")
        x = {name: v[keep] if v.shape == y.shape else v for name, v in x.items()}
        if weights is not None and weights.shape == y.shape:
            weights = weights[keep]
        y = y[keep]
    y = np.asarray(y, dtype=np.complex128 if y.dtype.kind == "c" else np.float64)
    if job.nan_policy == "raise" and not np.isfinite(y).all():
        bad = np.flatnonzero(~np.isfinite(y))
        raise ValueError(
            f"y is NaN or infinite at {bad.size} of {y.size} points, the first at index {bad[0]}; "
            "nan_policy='omit' leaves them out"
        )
    params = _start(job, {name: value[k] for name, value in chunk.starts.items()}, x, y)
    return _solve(job, params, x, y, weights, names)


def _start(
    job: Job, values: Mapping[str, Any], x: Mapping[str, Any], y: NDArray[Any]
) -> Parameters:
    """The parameters as a fit starts."""
    params = job.params
    if job.starts is not None:
        given = call_starts(job, y, list(x.values()))
        if isinstance(given, Parameters):
            return given
        values = {**given, **values}
    if values:
        params = params.copy()
        for name, value in values.items():
            params[name].value = float(value)
    return params


def call_starts(job: Job, y: NDArray[Any], points: list[Any]) -> Mapping[str, Any]:
    """What the function `starts` of a job returns for one fit: values by name, or Parameters."""
    assert job.starts is not None
    given: Mapping[str, Any] = job.starts(y, *points)
    return given


def _solve(
    job: Job,
    params: Parameters,
    x: Mapping[str, Any],
    y: NDArray[Any],
    weights: NDArray[Any] | None,
    names: Sequence[str],
) -> MinimizerResult:
    if job.kind == "model":
        settings = dict(job.options)
        common = {
            name: settings.pop(name)
            for name in ("scale_covar", "calc_covar", "max_nfev")
            if name in settings
        }
        fitted: MinimizerResult = job.model.fit(
            y, params, weights=weights, method=job.method, nan_policy=job.nan_policy,
            fit_kws=settings or None, **common, **x, **job.kws,
        )  # fmt: skip
        return fitted
    if job.kind == "native":
        points = np.stack([np.broadcast_to(x[name], y.shape) for name in job.variables])
        residual = job.model.residual(points, y, weights)
        fitter = Minimizer(residual, params, nan_policy=job.nan_policy, **job.options)
    elif job.kind == "function":
        fcn: Any = FunctionResidual(job.model, names, x, y, weights, job.kws)
        fitter = Minimizer(fcn, params, nan_policy=job.nan_policy, **job.options)
    else:
        fcn = job.model if weights is None else _Weighted(job.model, weights)
        fitter = Minimizer(
            fcn, params, (*x.values(), y), job.kws, nan_policy=job.nan_policy, **job.options
        )
    return fitter.minimize(job.method)


class _Weighted:
    def __init__(self, function: Callable[..., Any], weights: NDArray[Any]) -> None:
        self.function, self.weights = function, weights

    def __call__(self, *args: Any, **kws: Any) -> Any:
        return self.function(*args, **kws) * self.weights


def _write(rows: Rows, k: int, job: Job, result: MinimizerResult) -> None:
    """Write the outcome of a fit into row k."""
    if tuple(result.params) != job.names or tuple(result.var_names) != job.var_names:
        raise ValueError(
            "starts must give parameters of the same names, of which the same vary, for each fit; "
            f"those that vary are {', '.join(job.var_names)}, got {', '.join(result.var_names)}"
        )
    items = list(result.params.values())
    rows["values"][k] = [float(item.value) for item in items]
    rows["stderr"][k] = [math.nan if item.stderr is None else item.stderr for item in items]
    rows["init_values"][k] = [
        math.nan if item.init_value is None else float(item.init_value) for item in items
    ]
    if result.covar is not None:
        rows["covar"][k] = result.covar
    for name in ("chisqr", "redchi", "aic", "bic", "nfev", "ndata", "success", "aborted"):
        rows[name][k] = getattr(result, name)
    rows["errorbars"][k] = bool(result.errorbars)
    rows["status"][k] = _code(getattr(result, "status", None), result.success)
    rows["message"][k] = str(result.message)
    on_bound = getattr(result, "at_bound", ())
    if on_bound:
        rows["at_bound"][k] = [name in on_bound for name in job.var_names]
    rows["done"][k] = True


def _code(status: Any, success: Any) -> int:
    """The method's code of how it ended; 0 and -1 for methods that have none."""
    try:
        return int(status)
    except (TypeError, ValueError):
        return 0 if success else -1


def pack(job: Job) -> bytes | Job:
    """A job as what is sent to a worker: bytes, made once for all chunks.

    By cloudpickle, if it is there, where the model is defined in a script or is a lambda. If
    neither can, the job itself, which executors may have their own ways with.
    """
    try:
        packed = pickle.dumps(job)
        if b"__main__" not in packed:
            return packed
    except (pickle.PicklingError, AttributeError, TypeError):
        packed = b""
    try:
        import cloudpickle

        return bytes(cloudpickle.dumps(job))
    except (ImportError, pickle.PicklingError, AttributeError, TypeError):
        return packed or job


# The last job of this process: it is unpacked once.
_last: tuple[bytes, Job] | None = None


def run_packed(job: bytes | Job, chunk: Chunk) -> tuple[Rows, bool]:
    """Do the fits of a chunk in a worker; as :func:`fit_chunk`."""
    global _last
    if isinstance(job, Job):
        return run_job(job, chunk)
    known = _last
    if known is None or known[0] != job:
        _last = known = (job, pickle.loads(job))
    return run_job(known[1], chunk)
