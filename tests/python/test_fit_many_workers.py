"""fit_many in processes: the same bits, and nothing lost or done twice when they die."""

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from batch_models import X, counted, deadly, deadly_once, guess_line, line, peak, peak_params, peaks
from numpy.testing import assert_allclose, assert_array_equal

from fitcore import BatchResult, Parameters, fit_many
from fitcore.models import LinearModel

# How processes are started is Python's choice; under pytest-xdist there are threads beside.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

Y, _ = peaks(24)
LINES = np.linspace(0, 1, 6) + np.arange(10)[:, None]


def assert_same(a: BatchResult, b: BatchResult) -> None:
    for name, rows in a._rows.items():
        assert_array_equal(rows, b._rows[name], err_msg=name)


def line_params() -> Parameters:
    params = Parameters()
    params.add("slope", value=1.0)
    params.add("offset", value=0.0)
    return params


def test_any_number_of_workers_and_chunks_gives_the_same_bits() -> None:
    bad = Y.copy()
    bad[3, 7] = np.nan
    alone = fit_many(peak, bad, peak_params(), X, bad, workers=1)
    for workers, size in ((2, 5), (3, None)):
        result = fit_many(peak, bad, peak_params(), X, bad, workers=workers, chunk_size=size)
        assert_same(result, alone)
    with ThreadPoolExecutor(2) as threads:
        assert_same(fit_many(peak, bad, peak_params(), X, bad, executor=threads), alone)
        # A lambda needs no pickle there.
        again = fit_many(
            lambda x, amp, cen, wid, off: peak(x, amp, cen, wid, off),
            bad, peak_params(), X, bad, executor=threads,
        )  # fmt: skip
        assert_same(again, alone)


def test_spawned_processes_of_the_user_give_the_same_bits_and_stay_open() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        result = fit_many(line, 2 * LINES, line_params(), LINES, starts=guess_line, executor=pool)
        alone = fit_many(line, 2 * LINES, line_params(), LINES, starts=guess_line, workers=1)
        assert_same(result, alone)
        assert pool.submit(abs, -1).result() == 1


def test_a_data_set_that_kills_its_process_costs_its_row() -> None:
    x = LINES.copy()
    x[4] += 200
    result = fit_many(deadly, 3 * x, line_params(), x, workers=2, chunk_size=4)
    assert list(np.flatnonzero(~result.success)) == [4]
    assert "worker died of this fit" in result.message[4]
    assert result.done.all()
    assert_allclose(np.delete(result["slope"], 4), 3)


def test_a_process_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    x = LINES.copy()
    x[7] += 200
    result = fit_many(
        deadly_once, 3 * x, line_params(), x, workers=2, chunk_size=3,
        scene=str(tmp_path / "mark"),
    )  # fmt: skip
    assert result.success.all() and (tmp_path / "mark").exists()
    assert_allclose(result["slope"], 3)


def test_a_broken_pool_of_the_user_is_replaced_with_a_warning(tmp_path: Path) -> None:
    x = LINES.copy()
    x[7] += 200
    with ProcessPoolExecutor(2) as pool, pytest.warns(RuntimeWarning, match="a worker of Process"):
        result = fit_many(
            deadly_once, 3 * x, line_params(), x, executor=pool, chunk_size=3,
            scene=str(tmp_path / "mark"),
        )  # fmt: skip
    assert result.success.all()
    assert_allclose(result["slope"], 3)


class Losing(Executor):
    """Runs tasks here; loses the tasks of some numbers, as a cluster may."""

    def __init__(self, lost: set[int], error: type[BaseException]) -> None:
        self.lost, self.error, self.count = lost, error, 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.count += 1
        if self.count in self.lost:
            future.set_exception(self.error("lost"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_chunk_that_a_cluster_loses_is_done_again_and_once(tmp_path: Path) -> None:
    cluster = Losing({2}, OSError)
    result = fit_many(
        counted, 3 * LINES, line_params(), LINES, executor=cluster, chunk_size=2, workers=2,
        scene=str(tmp_path),
    )  # fmt: skip
    assert result.success.all() and cluster.count == 6
    # The start is evaluated once for the fit, and no fit was done twice.
    starts = [(tmp_path / f"{k}").read_text() for k in range(10)]
    assert starts == [starts[0]] * 10


def test_a_cluster_that_loses_all_ends_with_rows_that_say_so() -> None:
    cluster = Losing(set(range(1, 10**6)), OSError)
    result = fit_many(line, LINES[:3], line_params(), LINES[:3], executor=cluster, workers=2)
    assert result.done.all() and not result.success.any()
    assert "OSError: lost" in result.message[0]


def test_pools_that_always_break_are_an_error(monkeypatch: Any) -> None:
    monkeypatch.setattr("fitcore._batch_run.HOPELESS", 5)
    monkeypatch.setattr(
        "concurrent.futures.ProcessPoolExecutor", lambda workers: Losing({1}, BrokenProcessPool)
    )
    with pytest.raises(RuntimeError, match="if __name__ == '__main__'"):
        fit_many(line, LINES, line_params(), LINES, workers=2, chunk_size=10)


def test_a_model_that_cannot_be_sent_is_fitted_here_unless_processes_were_asked_for(
    monkeypatch: Any,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    model = lambda x, slope, offset: slope * x + offset  # noqa: E731
    monkeypatch.setattr("fitcore.batch.WORTH_A_POOL", 0.0)
    assert_allclose(fit_many(model, 3 * LINES, line_params(), LINES)["slope"], 3)
    with pytest.raises(Exception, match=r"pickle|local object") as caught:
        fit_many(model, 3 * LINES, line_params(), LINES, workers=2)
    assert "workers=1 fits in this process" in caught.value.__notes__[0]


def test_large_batches_go_to_processes_by_themselves(monkeypatch: Any) -> None:
    monkeypatch.setattr("fitcore.batch.WORTH_A_POOL", 0.0)
    monkeypatch.setattr("fitcore.batch.cpu_count", lambda: 2)
    result = fit_many(peak, Y, peak_params(), X)
    assert_same(result, fit_many(peak, Y, peak_params(), X, workers=1))


class Interrupting:
    """A model that is interrupted in its fit number `at`."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self, x: Any, slope: Any, offset: Any) -> Any:
        if x[0] == self.at:
            raise KeyboardInterrupt
        return slope * x + offset


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_batch_keeps_what_is_done_and_is_resumed(
    tmp_path: Path, workers: int
) -> None:
    path = tmp_path / "batch.npz"
    part = fit_many(
        Interrupting(7.0), 3 * LINES, line_params(), LINES, workers=workers, chunk_size=2, save=path
    )
    assert part.interrupted and not part.done[7] and part.done[6]
    assert_allclose(part["slope"][part.done], 3)
    assert set(part.message[~part.done]) == {"not fitted"} and "interrupted" in repr(part)
    loaded = BatchResult.load(path)
    assert loaded.interrupted
    assert_same(loaded, part)
    # What was done is not fitted again: its data have changed meanwhile.
    other = np.where(part.done[:, None], np.nan, 3 * LINES)
    whole = fit_many(line, other, line_params(), LINES, resume=path, save=path)
    assert not whole.interrupted
    assert_same(whole, fit_many(line, 3 * LINES, line_params(), LINES))
    assert_same(BatchResult.load(path), whole)
    assert_same(fit_many(line, other, line_params(), LINES, resume=True, save=path), whole)
    chunks = (other[k : k + 4] for k in range(0, 10, 4))
    assert_same(fit_many(line, chunks, line_params(), LINES, resume=part), whole)


def test_a_thread_left_behind_by_an_interrupted_batch_writes_nothing_more(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("fitcore._batch_run.GRACE", 0.01)
    begun, go_on = Event(), Event()

    def slow(x: Any, slope: Any, offset: Any) -> Any:
        if x[0] == 1:
            begun.set()
            assert go_on.wait(60)
        elif x[0] == 0:
            assert begun.wait(60)
            raise KeyboardInterrupt
        return slope * x + offset

    with ThreadPoolExecutor(2) as threads:
        part = fit_many(slow, 3 * LINES, line_params(), LINES, executor=threads, chunk_size=1)
        assert part.interrupted and not part.done[:2].any()
        go_on.set()
    assert not part.done[:2].any() and np.isnan(part["slope"][:2]).all()


def test_the_last_chunks_of_several_workers_are_small() -> None:
    sizes = []

    class Seen(ThreadPoolExecutor):
        def submit(self, run: Any, *args: Any, **kws: Any) -> Any:
            sizes.append(len(next(a for a in args if hasattr(a, "fits"))))
            return super().submit(run, *args, **kws)

    y = np.tile(3.0 * LINES[0], (9000, 1))
    with Seen(2) as threads:
        result = fit_many(LinearModel(), y, x=LINES[0], executor=threads)
    assert result.success.all() and sum(sizes) == 9000
    assert sizes[0] > 2000 and max(sizes[-3:]) <= 512


def test_an_interruption_while_data_are_read_keeps_what_is_done() -> None:
    def chunks() -> Any:
        yield 3 * LINES[:4]
        raise KeyboardInterrupt

    result = fit_many(line, chunks(), line_params(), LINES, workers=1)
    assert result.interrupted and result.done.sum() == len(result) == 4


def test_an_error_while_data_are_read_leaves_unchanged_and_what_is_done_in_the_file(
    tmp_path: Path,
) -> None:
    def chunks() -> Any:
        yield 3 * LINES[:4]
        raise OSError("no more")

    for workers in (1, 2):
        with pytest.raises(OSError, match="no more"):
            fit_many(line, chunks(), line_params(), LINES, workers=workers, save=tmp_path / "a.npz")
        assert BatchResult.load(tmp_path / "a.npz").done.sum() in ((4,) if workers == 1 else (0, 4))


def test_only_the_same_batch_is_resumed(tmp_path: Path) -> None:
    before = fit_many(line, 3 * LINES, line_params(), LINES)
    other = line_params()
    other["offset"].vary = False
    for kws, words in (
        ({"params": other}, "variables"),
        ({"y": LINES[:5], "x": LINES[:5]}, "shape of fits"),
        ({"y": LINES[:, :4], "x": LINES[:, :4]}, "number of points"),
        ({"method": "lbfgsb"}, "method"),
    ):
        arguments: dict[str, Any] = {"y": LINES, "params": line_params(), "x": LINES, **kws}
        with pytest.raises(ValueError, match=f"resume: that batch had the {words}"):
            fit_many(line, resume=before, **arguments)
    with pytest.raises(FileNotFoundError):
        fit_many(line, LINES, line_params(), LINES, resume=tmp_path / "none.npz")


def test_results_are_files_without_pickles_and_others_are_refused(tmp_path: Path) -> None:
    params = line_params()
    params.add("sum", expr="slope + offset")
    result = fit_many(line, 3 * LINES.reshape(2, 5, 6), params, LINES)
    path = tmp_path / "result.npz"
    result.save(path)
    with np.load(path, allow_pickle=False) as file:
        assert file["values"].shape == (10, 3)
    again = BatchResult.load(path)
    assert_same(again, result)
    assert again.shape == (2, 5) and again.params((1, 1)) == result.params((1, 1))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["result.npz"]
    np.savez(tmp_path / "other.npz", values=np.ones(3))
    np.savez(tmp_path / "pickle.npz", about=np.array([{"a": 1}], dtype=object))
    (tmp_path / "text.npz").write_text("no archive")
    content = path.read_bytes()
    (tmp_path / "short.npz").write_bytes(content[: len(content) // 2])
    for name in ("other", "pickle", "text", "short"):
        with pytest.raises(ValueError, match=f"{name}.npz' is no result of fit_many"):
            BatchResult.load(tmp_path / f"{name}.npz")
