"""Independent tasks, one after another or by an executor, with a progress bar on request."""

from __future__ import annotations

from pickle import PicklingError
from typing import TYPE_CHECKING, Any, TypeVar

from fitcore._extras import extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    Task = TypeVar("Task")
    Outcome = TypeVar("Outcome")

__all__ = ["check_executor", "progress_bar", "run_tasks"]


def check_executor(executor: Any) -> Any:
    """The argument `executor`: None, or what has the methods of concurrent.futures.Executor."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(
            f"executor must be a concurrent.futures.Executor or None, got {executor!r:.80}"
        )
    return executor


def run_tasks(
    function: Callable[[Task], Outcome],
    tasks: Sequence[Task],
    executor: Executor | None,
    progress: bool,
    unit: str,
) -> list[Outcome]:
    """What `function` returns for each task, in the order of the tasks.

    Parameters
    ----------
    function : callable
        Of a module, so that it can be sent to another process.
    tasks : sequence
    executor : concurrent.futures.Executor or None
        None runs them here, one after another.
    progress : bool
        Whether to show a bar, by tqdm.
    unit : str
        What the bar counts.

    Returns
    -------
    list

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is missing.
    Exception
        The first that a task raises, unchanged. Tasks that have not begun are then cancelled.
    """
    bar = progress_bar(len(tasks), unit) if progress else None
    outcomes: dict[int, Outcome] = {}
    try:
        for index, outcome in _outcomes(function, tasks, executor):
            outcomes[index] = outcome
            if bar is not None:
                bar.update()
    finally:
        if bar is not None:
            bar.close()
    return [outcomes[index] for index in range(len(tasks))]


def _outcomes(
    function: Callable[[Task], Outcome], tasks: Sequence[Task], executor: Executor | None
) -> Iterator[tuple[int, Outcome]]:
    """Indices of the tasks and what came of them, as they end."""
    if executor is None:
        for index, task in enumerate(tasks):
            yield index, function(task)
        return
    from concurrent.futures import as_completed

    futures: dict[Any, int] = {}
    try:
        for index, task in enumerate(tasks):
            futures[executor.submit(function, task)] = index
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException as exc:
        for future in futures:
            future.cancel()
        # The words are those of several Pythons.
        unpicklable = any(words in str(exc) for words in ("pickle", "local object"))
        if isinstance(exc, (PicklingError, AttributeError, TypeError)) and unpicklable:
            exc.add_note(
                "executor: what is sent to other processes must be picklable: the objective "
                "function and its arguments, Dfun and prob_func must be functions of a module, no "
                "lambdas. A ThreadPoolExecutor takes any."
            )
        raise


def progress_bar(total: int | None, unit: str) -> Any:
    """A bar of tqdm.

    Parameters
    ----------
    total : int or None
        How many there are, if that is known.
    unit : str
        What it counts.

    Raises
    ------
    ImportError
        If tqdm is missing.
    """
    return extra("tqdm", "a progress bar").tqdm(total=total, unit=unit)
