"""fit_many on clusters: Dask with a worker that is killed, loky, MPI; the same bits as here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import originals
import pytest
from batch_models import deadly, deadly_once, line
from numpy.testing import assert_array_equal

from fitcore import Parameters, fit_many

TESTS = Path(__file__).parents[1]
PATIENCE = 300  # seconds for a worker to start, after which the test fails
LINES = np.linspace(0, 1, 6) + np.arange(40)[:, None]
YS = np.linspace(1, 3, 40)[:, None] * LINES + 0.01 * np.cos(30 * LINES)


def line_params() -> Parameters:
    params = Parameters()
    params.add("slope", value=1.0)
    params.add("offset", value=0.0)
    return params


def here(**kws: Any) -> Any:
    return fit_many(line, YS, line_params(), LINES, workers=1, **kws)


def assert_same(a: Any, b: Any) -> None:
    for name, rows in a._rows.items():
        assert_array_equal(rows, b._rows[name], err_msg=name)


def slow(x: Any, slope: Any, offset: Any) -> Any:
    time.sleep(0.0005)
    return line(x, slope, offset)


@pytest.fixture(scope="module")
def client() -> Any:
    """Two worker processes of Dask, and their client."""
    distributed = originals.require_peer("distributed")
    import dask

    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    with (
        dask.config.set(
            {
                "distributed.nanny.environ.PYTHONPATH": path,
                # on a busy machine a worker takes long to start again, and is not to be given up
                "distributed.deploy.lost-worker-timeout": f"{PATIENCE}s",
                # that a chunk runs again is left to fit_many
                "distributed.scheduler.allowed-failures": 0,
            }
        ),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


# Its own business: sockets that its garbage collection closes, and how it stops.
quiet = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class TestDask:
    pytestmark = quiet

    def test_two_processes_give_the_same_bits(self, client: Any) -> None:
        with client.get_executor() as executor:
            result = fit_many(
                line, YS, line_params(), LINES, executor=executor, workers=2, chunk_size=7
            )
        assert_same(result, here())

    def test_a_worker_that_is_killed_in_the_middle_loses_nothing(self, client: Any) -> None:
        import threading

        victim = next(iter(client.run(os.getpid).values()))
        threading.Timer(0.1, os.kill, (victim, signal.SIGKILL)).start()
        with client.get_executor() as executor:
            result = fit_many(
                slow, YS, line_params(), LINES, executor=executor, workers=2, chunk_size=3
            )
        assert_same(result, here())
        client.wait_for_workers(2, timeout=PATIENCE)
        assert victim not in client.run(os.getpid).values()

    def test_a_data_set_that_kills_workers_costs_its_row(
        self, client: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("fitcore._batch_run.SUSPECT", 1)  # fewer deaths
        x = LINES[:6].copy()
        x[4] += 200
        with client.get_executor(retries=0) as executor:
            result = fit_many(
                deadly, 3 * x, line_params(), x, executor=executor, workers=2, chunk_size=3
            )
        assert list(np.flatnonzero(~result.success)) == [4]
        assert "worker died" in result.message[4]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_loky_gives_the_same_bits_and_survives_a_dead_worker(tmp_path: Path) -> None:
    loky = originals.require_peer("loky")
    executor = loky.get_reusable_executor(max_workers=2)
    try:
        result = fit_many(line, YS, line_params(), LINES, executor=executor, chunk_size=7)
        assert_same(result, here())
        x = LINES[:9].copy()
        x[7] += 200
        with pytest.warns(RuntimeWarning, match="died and took it along"):
            result = fit_many(
                deadly_once, 3 * x, line_params(), x, executor=executor, chunk_size=2,
                scene=str(tmp_path / "mark"),
            )  # fmt: skip
        assert result.success.all()
    finally:
        executor.shutdown(kill_workers=True)


MPI = """
import sys
sys.path.insert(0, sys.argv[1])
from mpi4py.futures import MPICommExecutor
from mpi4py import MPI
import numpy as np
from batch_models import line
from fitcore import Parameters, fit_many
lines = np.linspace(0, 1, 6) + np.arange(40)[:, None]
ys = np.linspace(1, 3, 40)[:, None] * lines + 0.01 * np.cos(30 * lines)
params = Parameters()
params.add("slope", value=1.0)
params.add("offset", value=0.0)
with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
    if executor is not None:
        fit_many(line, ys, params, lines, executor=executor, workers=2, chunk_size=7,
                 save=sys.argv[2])
"""


def test_mpi_gives_the_same_bits(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("allowed: mpich has no package for Windows")
    originals.require_peer("mpi4py.MPI")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    launcher = str(mpiexec) if mpiexec.exists() else shutil.which("mpiexec")
    assert launcher is not None, "mpi4py is installed, but no mpiexec"
    script = tmp_path / "batch.py"
    script.write_text(MPI)
    subprocess.run(
        [launcher, "-n", "3", sys.executable, script, TESTS, tmp_path / "mpi.npz"],
        check=True, timeout=120,
    )  # fmt: skip
    from fitcore import BatchResult

    assert_same(BatchResult.load(tmp_path / "mpi.npz"), here())
