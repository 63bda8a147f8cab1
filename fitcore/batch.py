"""One model, many data sets: `fit_many`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitcore._arguments import read_bool, read_keywords, read_parameters, read_whole
from fitcore._batch_data import Data, Side, read_starts
from fitcore._batch_fit import Job, arguments_of, pack
from fitcore._batch_result import BatchResult
from fitcore._batch_run import Pace, Pool, cpu_count, run_here, run_in_pool
from fitcore._batch_store import Store, cut
from fitcore._executor import check_executor, progress_bar
from fitcore._methods import find_method
from fitcore._model_eval import nodes_of
from fitcore.minimizer import NAN_POLICIES
from fitcore.native import NativeFunction
from fitcore.parameter import Parameters

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fitcore.minimizer import NanPolicy, ParametersLike

__all__ = ["BatchResult", "fit_many"]
__dir__ = __all__.copy

# Seconds of work that is left from which on processes are worth their start.
WORTH_A_POOL = 1.0


def fit_many(
    model: Any,
    y: Any,
    params: ParametersLike | None = None,
    x: Any = None,
    weights: Any = None,
    method: str = "leastsq",
    workers: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
    *,
    starts: Any = None,
    mask: Any = None,
    nan_policy: NanPolicy = "raise",
    kind: str = "function",
    scale_covar: bool = True,
    calc_covar: bool = True,
    max_nfev: int | None = None,
    chunk_size: int | None = None,
    save: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | BatchResult | bool | None = None,
    fit_kws: Mapping[str, Any] | None = None,
    **kws: Any,
) -> BatchResult:
    """Fit one model to many data sets.

    Each fit is that of :meth:`fitcore.Minimizer.minimize`, or of `Model.fit`, and independent of
    the others: its result has the same bits for any number of workers. A data set that cannot be
    fitted costs its row, which has the error as `message`, and nothing else.

    Parameters
    ----------
    model : Model or callable
        A `Model`; a :class:`fitcore.NativeFunction` of kind 'model'; a function
        ``f(x, a, b, ...)`` of parameters by name; or with ``kind='residual'`` a function
        ``f(params, x, y)``, ``f(params, y)`` without `x`, that returns residuals.
    y : array_like, shape (..., npoints), or iterable of arrays
        The data: fits along the leading axis, or several, as of an image. It is read in blocks,
        and so may be memory-mapped, a zarr, HDF5 or Dask array. A generator gives chunks of
        shape (k, npoints). Masked arrays leave masked points out.
    params : Parameters, optional
        Starting values, bounds and expressions of all fits; default ``model.make_params()``. They
        are not changed.
    x : array_like or dict of str to array_like, optional
        Independent variable, shape (npoints,), or (..., npoints) as `y` if it differs; or several
        by name, whose order is that of the rows which a NativeFunction gets.
    weights : array_like, optional
        What residuals are multiplied by, shape (npoints,) or as `y`; shape (..., 1) for one
        number for each fit.
    method : str, default 'leastsq'
        As for :func:`fitcore.minimize`.
    workers : int, optional
        Number of processes, or of threads for a model that is compiled. By default that of
        processors, for processes if there is more than a second of work and the model can be
        sent to them; 1 fits in this thread. With an `executor`, half the
        number of chunks that are handed out at a time.
    executor : concurrent.futures.Executor, optional
        Where to fit instead: a ProcessPoolExecutor, loky's, ``client.get_executor()`` of
        Dask, mpi4py's; see docs/scaling.md. It stays open.
    progress : bool, default False
        Whether to show a progress bar, which needs tqdm.
    starts : dict or DataFrame or callable, optional
        Values that differ from fit to fit, of variables and of fixed parameters, by name: arrays
        of shape (nfits,) or that of the leading axes of `y`. Or a function ``starts(y, x)``
        of the points of one fit, that returns a dict of values or Parameters. It is called where
        the fit runs. ``'guess'`` calls ``model.guess``.
    mask : array_like of bool, optional
        True leaves a point out, as in masked arrays; shape as for `weights`.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        'omit' leaves out points whose data or weight is not finite; 'raise' gives a fit that has
        one a row with the error.
    kind : {'function', 'residual'}, default 'function'
        What a `model` that is no Model is.
    scale_covar, calc_covar, max_nfev
        As for :func:`fitcore.minimize`.
    chunk_size : int, optional
        Fits in each chunk. By default as many as take half a second, and towards the end of a batch
        that several workers share fewer.
    save : path, optional
        File for the result, see :meth:`BatchResult.save`; written each minute, at the end, and
        when the batch is interrupted or fails.
    resume : path or BatchResult or True, optional
        An earlier result of the same batch, of which only what is not `done` is fitted. True reads
        `save`, if there is such a file.
    fit_kws : dict, optional
        Settings of the method.
    **kws
        Further arguments of the model, the same for all fits.

    Returns
    -------
    BatchResult
        Arrays in the order of the data. After a KeyboardInterrupt it has what was done until then,
        and `interrupted` is True.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used; the error names it, and the axis that does not match.
    ImportError
        If tqdm is missing.
    Exception
        What reading `y` raises, unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Parameters, fit_many
    >>> def line(x, slope, offset):
    ...     return slope * x + offset
    >>> x = np.linspace(0, 1, 11)
    >>> y = np.array([1.0, 2.0, 3.0])[:, None] * x + 0.5 + 0.01 * np.cos(20 * x)
    >>> params = Parameters()
    >>> params.add("slope", value=1.0)
    >>> params.add("offset", value=0.0)
    >>> result = fit_many(line, y, params, x)
    >>> result.success
    array([ True,  True,  True])
    >>> result["slope"].round(2)
    array([1., 2., 3.])
    >>> result.values.shape, result.covar.shape
    ((3, 2), (3, 2, 2))
    """
    if not isinstance(nan_policy, str) or nan_policy not in NAN_POLICIES:
        raise ValueError(
            f"nan_policy must be one of {', '.join(map(repr, NAN_POLICIES))}; "
            f"got {nan_policy!r:.80}"
        )
    count = None if workers is None else read_whole(workers, "workers", 1)
    pace = Pace(None if chunk_size is None else read_whole(chunk_size, "chunk_size", 1))
    check_executor(executor)
    data = Data(y)
    kind = _kind(model, kind)
    sides = {name: Side(f"x[{name!r}]" if name else "x", v, data) for name, v in
             _variables(model, kind, x).items()}  # fmt: skip
    side_weights = None if weights is None else Side("weights", weights, data)
    side_mask = None if mask is None else Side("mask", mask, data)
    template = _template(model, kind, params)
    by_fit: dict[str, Side] = {}
    function = starts if callable(starts) else None
    if isinstance(starts, str):
        function = _guesser(model, kind, starts)
    elif function is None:
        own = [name for name, item in template.items() if item.expr is None]
        by_fit = read_starts(starts, own, data)
        for name, side in by_fit.items():
            if side.shared:
                template[name].value = float(side.value)
        by_fit = {name: side for name, side in by_fit.items() if not side.shared}
    if not by_fit and function is None:
        template._prepare()
    options = {
        **read_keywords(fit_kws),
        "scale_covar": read_bool(scale_covar, "scale_covar"),
        "calc_covar": read_bool(calc_covar, "calc_covar"),
        "max_nfev": max_nfev,
    }
    job = Job(
        model, kind, template, tuple(template), _varying(template), function,
        {name: side.value for name, side in sides.items() if side.shared},
        side_weights.value if side_weights is not None and side_weights.shared else None,
        side_mask.value if side_mask is not None and side_mask.shared else None,
        tuple(sides), find_method(method), nan_policy, options, kws,
    )  # fmt: skip
    if kind == "native":
        _check_native(model, template, sides, kws)
    if kind == "function":
        _check_arguments(model, template, [*sides, *kws])
    before = _before(resume, save)
    with ExitStack() as stack:
        tell = None
        if read_bool(progress, "progress"):
            bar = progress_bar(data.nfits, "fits")
            stack.callback(bar.close)
            tell = bar.update
        store = Store(job, data, before, save, tell)
        if tell is not None:
            tell(store.ndone)
        chunks = cut(
            data, store, pace,
            {name: side for name, side in sides.items() if not side.shared},
            None if side_weights is None or side_weights.shared else side_weights,
            None if side_mask is None or side_mask.shared else side_mask,
            by_fit,
        )  # fmt: skip
        interrupted = True
        try:
            interrupted = _run(job, chunks, store, pace, count, executor)
        except KeyboardInterrupt:
            pass  # between two chunks
        finally:
            store.close()
            store.save(interrupted)
    return store.result(interrupted)


def _run(
    job: Job, chunks: Any, store: Store, pace: Pace, workers: int | None, executor: Any
) -> bool:
    """Do the chunks here or in processes; whether that was interrupted."""
    if executor is None and (job.compiled is not None or job.kind == "native"):
        workers = workers or cpu_count()
        pace.spread(workers, hurried=job.compiled is not None)
        if workers > 1:
            return run_in_pool(job, chunks, store, pace, Pool(None, workers, threads=True))
        return run_here(job, chunks, store, pace)
    if executor is None and workers is None:
        workers = cpu_count()
        alone = workers == 1 or multiprocessing.current_process().daemon
        if alone or not isinstance(pack(job), bytes):
            return run_here(job, chunks, store, pace)

        def enough() -> bool:
            left = store.count - store.ndone if store.count else 0
            return pace.seconds is not None and pace.seconds * left > WORTH_A_POOL

        if run_here(job, chunks, store, pace, enough):
            return True
    elif executor is None and workers == 1:
        return run_here(job, chunks, store, pace)
    if workers is None:
        workers = int(getattr(executor, "_max_workers", None) or cpu_count())
    pace.spread(workers, hurried=job.compiled is not None)
    return run_in_pool(job, chunks, store, pace, Pool(executor, workers))


def _kind(model: Any, kind: Any) -> str:
    if not isinstance(kind, str) or kind not in ("function", "residual"):
        raise ValueError(f"kind must be 'function' or 'residual', got {kind!r:.80}")
    if callable(getattr(model, "fit", None)) and hasattr(model, "independent_vars"):
        return "model"
    if isinstance(model, NativeFunction):
        if model.kind != "model":
            raise TypeError(
                f"model must be a NativeFunction of kind 'model', got one of kind {model.kind!r}: "
                "others know nothing of data"
            )
        return "native"
    if not callable(model):
        raise TypeError(f"model must be a Model or a function, got {model!r:.80}")
    return kind


def _variables(model: Any, kind: str, x: Any) -> dict[str, Any]:
    """Independent variables by name; '' for what a function takes first."""
    if x is None:
        return {}
    if isinstance(x, Mapping):
        for name in x:
            if not isinstance(name, str) or not name:
                raise TypeError(f"x: names of variables must be strings, got {name!r:.80}")
        return dict(x)
    if kind == "model":
        # Options of models, as the form of a step, count among them.
        options = {name for leaf in nodes_of(model) for name in leaf.opts}
        names = [name for name in model.independent_vars if name not in options]
        if not names:
            raise ValueError("x was given, but the model has no independent variable")
        return {"x" if "x" in names else names[0]: x}
    return {"": x}


def _template(model: Any, kind: str, params: Any) -> Parameters:
    if params is None:
        if kind != "model":
            raise TypeError("params must be given for a model that is a function")
        made: Parameters = model.make_params()
        return made
    return read_parameters(params).copy()


def _varying(template: Parameters) -> tuple[str, ...]:
    names = tuple(name for name, item in template.items() if item.vary and item.expr is None)
    if not names:
        raise ValueError(
            "params has no parameter that varies: there is nothing to fit. Give at least one "
            f"vary=True and no expression (it holds {', '.join(template) or 'none at all'})"
        )
    return names


def _guesser(model: Any, kind: str, starts: str) -> Callable[..., Any]:
    if starts != "guess" or kind != "model":
        raise ValueError(
            f"starts must be arrays by name, a function, or 'guess' for a Model; got {starts!r:.80}"
        )
    return _Guess(model)


class _Guess:
    """Starting values by the guess of a Model."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, y: Any, *x: Any) -> Parameters:
        found: Parameters = self.model.guess(y, *x)
        return found


def _check_present(wanted: Iterable[str], template: Parameters) -> None:
    missing = [name for name in wanted if name not in template]
    if missing:
        raise ValueError(
            f"params lacks what the model takes: {', '.join(missing)}; it holds "
            f"{', '.join(template)}"
        )


def _check_arguments(model: Any, template: Parameters, given: list[str]) -> None:
    """Refuse parameters that a function does not get, or does not take."""
    names = [name for name in given if name]
    wanted = arguments_of(model, names, "" in given)
    _check_present([n for n in wanted if not n.endswith("?") and n != "**"], template)
    if "**" not in wanted and not any(n.rstrip("?") in template for n in wanted):
        raise ValueError(
            f"the model takes none of the parameters {', '.join(template)}; its arguments are "
            f"{', '.join(n.rstrip('?') for n in wanted) or 'none'}"
        )


def _check_native(
    model: NativeFunction, template: Parameters, x: Mapping[str, Any], kws: Mapping[str, Any]
) -> None:
    """Refuse parameters that a native model does not get, and what it has no use for."""
    _check_present(model.names or (), template)
    if not x:
        raise ValueError("x must be given for a NativeFunction: it tells the number of points")
    if kws:
        raise TypeError(f"a NativeFunction takes no further arguments, got {', '.join(kws)}")


def _before(resume: Any, save: Any) -> BatchResult | None:
    if resume is None or resume is False:
        return None
    if isinstance(resume, BatchResult):
        return resume
    if resume is True:
        if save is None:
            raise ValueError("resume=True goes on with the file of `save`, which was not given")
        return BatchResult.load(save) if Path(save).exists() else None
    return BatchResult.load(resume)
