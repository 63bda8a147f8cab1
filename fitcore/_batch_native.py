"""The fits of a batch of a native model: compiled ones, and the ordinary solver for the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._batch import BatchFitter, derive, statistics
from fitcore._batch_fit import (
    SUCCEEDED,
    Chunk,
    Job,
    Rows,
    call_starts,
    empty_rows,
    fit_chunk,
    left_out,
    may_leave_out,
)
from fitcore._compiled_model import compile_model
from fitcore._leastsq_start import NEXT, ROUNDING, START_INSIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore._parameter import Constraint
    from fitcore.native import NativeFunction
    from fitcore.parameter import Parameters

__all__ = ["Compiled", "compile_job", "fit_compiled", "native_model"]

# Settings of 'leastsq' that the compiled fits have too.
SETTINGS = ("ftol", "xtol", "factor")
# Evaluations after which a fit is left to the ordinary solver.
PATIENCE = 200


@dataclass
class Compiled:
    """A job whose fits are compiled.

    Attributes
    ----------
    fitter : BatchFitter
    names : tuple of str
        Parameters of the model, in its order, and those that expressions of these are made of.
    variables : tuple of str
        Names of its independent variables, in order.
    derived : bool
        Whether there are expressions.
    low, high : ndarray, shape (nvarys,)
        Bounds.
    """

    fitter: BatchFitter
    names: tuple[str, ...]
    variables: tuple[str, ...]
    derived: bool
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def compile_job(job: Job) -> Compiled | None:
    """A job in compiled form; None if it has none and Python has to do its fits.

    That is for methods other than 'leastsq', settings of it that are Python's, models without
    derivatives, and where the model takes an expression that is asteval's.
    """
    settings = {k: v for k, v in job.options.items() if k not in ("scale_covar", "calc_covar")}
    limit = settings.pop("max_nfev", None)
    if job.method != "leastsq" or any(name not in SETTINGS for name in settings):
        return None
    model, variables = native_model(job)
    if model is None:
        return None
    taken = tuple(model.names or job.names)
    if any(name not in job.params for name in taken):
        return None
    params = job.params.copy()
    ties = _ties(params, taken)
    if ties is None:
        return None
    used = {name for tie in ties for name in (str(tie.target.name), *_inputs(tie))}
    names = taken + tuple(name for name in job.names if name in used and name not in taken)
    if any(name not in names for name in job.var_names):
        return None  # one has no effect: the ordinary solver says so
    places = {name: k for k, name in enumerate(names)}
    low = np.array([float(job.params[name].min) for name in job.var_names])
    high = np.array([float(job.params[name].max) for name in job.var_names])
    if not (low < high).all():
        return None
    fitter = BatchFitter(
        model.address, model.user_address, model, len(taken),
        [places[name] for name in job.var_names], low, high,
        maxfev=PATIENCE if limit is None else max(1, min(PATIENCE, int(limit))),
        others=len(names) - len(taken),
        ties=[(places[str(tie.target.name)], tie, [places[name] for name in _inputs(tie)])
              for tie in ties],
        **settings,
    )  # fmt: skip
    derived = any(item.expr is not None for item in job.params.values())
    return Compiled(fitter, names, variables, derived, low, high)


def _ties(params: Parameters, taken: tuple[str, ...]) -> list[Constraint] | None:
    """The expressions that parameters of a model depend on, in order; None if one is asteval's."""
    wanted, found = set(taken), []
    for constraint in reversed(params._constraints()):
        if constraint.target.name in wanted:
            if constraint.program is None or constraint.error is not None:
                return None
            wanted.update(_inputs(constraint))
            found.append(constraint)
    return found[::-1]


def _inputs(constraint: Constraint) -> list[str]:
    """Names of the parameters in an expression."""
    return [str(item.name) for item in constraint.inputs]


def native_model(job: Job) -> tuple[NativeFunction | None, tuple[str, ...]]:
    """The native function of kind 'model' that a job fits, if any, and its independent variables.

    Models of line shapes, and sums, products and quotients of them, have one.
    """
    if job.kind == "native":
        return (job.model if job.model.has_derivatives else None), job.variables
    if job.kind != "model":
        return None, ()
    # A number for each variable: the rows of points that come back tell where it goes.
    given = {name: np.array([1.0 + k]) for k, name in enumerate(job.variables)}
    found = compile_model(job.model, job.params, {**given, **job.kws}, 1)
    if found is None:
        return None, ()
    rows = found[1][:, 0].tolist()
    if not set(rows) <= {1.0 + k for k in range(len(job.variables))}:
        return None, ()  # one is a constant
    return found[0], tuple(job.variables[int(row) - 1] for row in rows)


@dataclass
class _Data:
    """What the compiled fits take, and which of the fits can be among them."""

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    ndata: NDArray[np.int64]
    start: NDArray[np.float64]  # all parameters, as the fits start; one row if they start alike
    fine: NDArray[np.bool_]


def fit_compiled(job: Job, chunk: Chunk) -> tuple[Rows, bool]:
    """Do the fits of a chunk, as :func:`fitcore._batch_fit.fit_chunk` does."""
    compiled = job.compiled
    data = None if compiled is None else _prepare(job, compiled, chunk)
    if compiled is None or data is None:
        return fit_chunk(job, chunk)
    places = [job.names.index(name) for name in compiled.names]
    values = _moved(job, compiled, data)
    # The parameters are often the model's, in its order.
    same = places == list(range(len(job.names)))
    if not same:
        values = values[:, places]
    shape = len(chunk), len(places)
    values = np.array(np.broadcast_to(values, shape), order="C")
    start = np.broadcast_to(data.start, (len(chunk), len(job.names)))
    some = data.fine
    if some.all():
        y, x, weights = data.y, data.x, data.weights
    else:
        y, values = data.y[some], values[some]
        x = data.x[some] if data.x.ndim == 3 else data.x
        weights = data.weights
        if weights is not None and weights.ndim == 2:
            weights = weights[some]
    info, nfev, chisqr, covar = compiled.fitter.fit(
        x, y, weights, values, _start_alike(job, chunk, data)
    )
    good = info > 0
    ndata, done = data.ndata, None
    if not (good.all() and some.all()):
        done = np.flatnonzero(some)[good]
        values, chisqr, covar = values[good], chisqr[good], covar[good]
        info, nfev, start, ndata = info[good], nfev[good], start[done], ndata[done]
    if not same:
        everything = start.copy()
        everything[:, places] = values
        values = everything
    found = _rows(job, compiled, values, start, ndata, chisqr, covar)
    found |= {"nfev": nfev, "status": info}
    if done is None and found["done"].all():
        return found, False
    rows = empty_rows(len(chunk), len(job.names), len(job.var_names))
    for name, array in {**SUCCEEDED, **found}.items():
        rows[name][slice(None) if done is None else done] = array
    rest = np.flatnonzero(~rows["done"])
    others, interrupted = fit_chunk(job, chunk.part(rest))
    for name, array in others.items():
        rows[name][rest] = array
    return rows, interrupted


def _one_start(job: Job, chunk: Chunk) -> bool:
    """Whether all fits of the batch start from the same values."""
    return job.starts is None and not chunk.starts


def _start_alike(job: Job, chunk: Chunk, data: _Data) -> bool:
    """Whether all fits of the batch have one start, and the same points and weights there.

    What happens to be so in one chunk does not count, lest the bits of a fit depend on its chunk.
    """
    return (
        _one_start(job, chunk) and not may_leave_out(job, chunk.y, chunk.mask)
        and data.x.ndim == 2 and (data.weights is None or data.weights.ndim == 1)
    )  # fmt: skip


def _prepare(job: Job, compiled: Compiled, chunk: Chunk) -> _Data | None:
    """The arrays of a chunk; None if they cannot be those of compiled fits."""
    k, m = chunk.y.shape
    y = chunk.y.data if isinstance(chunk.y, np.ma.MaskedArray) else chunk.y
    weights = job.weights if chunk.weights is None else chunk.weights
    given = {**job.x, **chunk.x}
    x = {name: given[name] for name in job.variables}
    complex_ones = [a for a in (y, weights, *x.values()) if a is not None and a.dtype.kind == "c"]
    if complex_ones or m == 0:
        return None
    y = np.ascontiguousarray(y, dtype=np.float64)
    if weights is not None:
        shape = (m,) if weights.ndim < 2 else (k, m)
        weights = np.ascontiguousarray(np.broadcast_to(weights, shape), dtype=np.float64)
    out = left_out(job, chunk.y, weights, chunk.mask)
    ndata = np.full(k, m, dtype=np.int64)
    if out is not None:
        ndata -= np.count_nonzero(out, axis=1)
        y = np.where(out, 0.0, y)
        weights = np.where(out, 0.0, 1.0 if weights is None else weights)
    # Data and weights that are not finite have no sum of squares: the compiled fit notices.
    fine = ndata >= len(job.var_names)
    start = _start(job, chunk, y, x, out, fine)
    for item in job.params.values():
        if item.expr is None:
            fine &= np.isfinite(start[:, job.names.index(str(item.name))])
    rows = [np.broadcast_to(x[name], (k, m) if x[name].ndim == 2 else (m,)) for name in
            compiled.variables]  # fmt: skip
    if any(row.ndim == 2 for row in rows):
        rows = [np.broadcast_to(row, (k, m)) for row in rows]
    points = np.ascontiguousarray(np.stack(rows, axis=-2), dtype=np.float64)
    return _Data(y, points, weights, ndata, start, fine)


def _start(
    job: Job,
    chunk: Chunk,
    y: NDArray[np.float64],
    x: dict[str, NDArray[Any]],
    left_out: NDArray[np.bool_] | None,
    fine: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """All parameters as the fits start, within their bounds, shape (k or 1, nparams)."""
    items = list(job.params.values())
    start = np.empty((1 if _one_start(job, chunk) else len(y), len(items)))
    start[:] = [float(item.value) for item in items]
    for name, given in chunk.starts.items():
        start[:, job.names.index(name)] = given
    if job.starts is not None:
        fine &= np.isfinite(y).all(axis=1)
        for k in np.flatnonzero(fine):
            keep = slice(None) if left_out is None else ~left_out[k]
            points = [v[k] if v.ndim == 2 else v for v in x.values()]
            points = [v[keep] if v.shape == y[k].shape else v for v in points]
            fine[k] = _start_by_function(job, start[k], y[k][keep], points)
    for j, item in enumerate(items):
        low, high = float(item.min), float(item.max)
        if item.expr is None and (math.isfinite(low) or math.isfinite(high)):
            np.clip(start[:, j], low, high, out=start[:, j])
    return start


def _start_by_function(job: Job, row: Any, y: Any, points: list[Any]) -> bool:
    """Put what `starts` returns for a fit into its row; False if that is more than values."""
    try:
        given = call_starts(job, y, points)
        values = {}
        for name, value in given.items():
            item = job.params[name]
            if hasattr(value, "vary"):
                if (value.min, value.max, value.vary, value.expr) != (
                    item.min, item.max, item.vary, item.expr
                ):  # fmt: skip
                    return False
                value = value.value
            if item.expr is None:
                values[name] = float(value)
    except Exception:  # noqa: BLE001
        return False  # the ordinary fit has the same exception, and its message
    for name, value in values.items():
        row[job.names.index(name)] = value
    return True


def _moved(job: Job, compiled: Compiled, data: _Data) -> NDArray[np.float64]:
    """Starts with those on a bound moved inside, as a single fit does."""
    start = data.start.copy()
    for name, low, high in zip(job.var_names, compiled.low, compiled.high, strict=True):
        column = start[:, job.names.index(name)]
        span = high - low
        at_low, at_high = column - low, high - column
        for bound, distance, sign in ((low, at_low, 1), (high, at_high, -1)):
            if not math.isfinite(bound):
                continue
            reach = span if math.isfinite(span) else max(1.0, abs(bound))
            on = distance <= ROUNDING * abs(bound)
            data.fine &= on | (distance > NEXT * reach)
            column[on] = bound + sign * START_INSIDE * reach
    return start


def _rows(
    job: Job,
    compiled: Compiled,
    values: NDArray[np.float64],
    start: NDArray[np.float64],
    ndata: NDArray[np.int64],
    chisqr: NDArray[np.float64],
    covar: NDArray[np.float64],
) -> Rows:
    """The rows of fits that came to an end, but for `nfev`, `status` and what they have alike."""
    places = {name: j for j, name in enumerate(job.names)}
    variables = [places[name] for name in job.var_names]
    stderr, redchi, aic, bic, done = statistics(
        chisqr, covar, ndata, job.options["scale_covar"], variables, len(job.names)
    )
    if compiled.derived:
        start = start.copy()
        done &= ~_derive(job, places, variables, values, stderr, covar, start)
    return {
        "done": done,  # the ordinary fit says why not
        "values": values, "stderr": stderr, "init_values": start, "covar": covar,
        "chisqr": chisqr, "redchi": redchi, "aic": aic, "bic": bic, "ndata": ndata,
    }  # fmt: skip


def _derive(
    job: Job,
    places: dict[str, int],
    columns: list[int],
    values: NDArray[np.float64],
    stderr: NDArray[np.float64],
    covar: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Values and standard errors of expressions; the fits where one cannot be evaluated."""
    params = job.params.copy()
    params.update_constraints()
    variables = np.array(columns, dtype=np.int64)
    constraints = params._constraints()
    failed = derive(constraints, places, start)
    failed |= derive(constraints, places, values, stderr, variables, covar)
    own = [(j, item) for j, item in enumerate(params.values()) if item.expr is None]
    expressions = [(j, item) for j, item in enumerate(params.values()) if item.expr is not None]
    for k in np.flatnonzero(failed):  # some are asteval's
        try:
            for row in (start[k], values[k]):
                for j, item in own:
                    item.value = row[j]
                for j, item in expressions:
                    row[j] = float(item.value)
            slopes = params._expression_jacobian(job.var_names)
        except Exception:  # noqa: BLE001
            continue  # the ordinary fit has the same exception, and its message
        for j, item in expressions:
            slope = slopes[str(item.name)]
            variance = float(slope @ covar[k] @ slope)
            stderr[k, j] = math.sqrt(variance) if variance >= 0 else math.nan
        failed[k] = False
    return failed
