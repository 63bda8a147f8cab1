"""L-BFGS-B: what an iteration costs beside the original and SciPy, the objective subtracted.

The solvers take turns iteration by iteration in one process and are compared within each turn, from
the iteration on at which the memory is full: fitcore's core and the original (liblbfgsb, Debian's
package) driven from C by lbfgsb_core.c; and all as users of Python have them, with the arrays that
are handed out and taken, each in a thread that waits for its turn.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _timing import interleaved

M = 10
Array = np.ndarray
Objective = Callable[[Array], tuple[float, Array]]
Run = Callable[[Objective, Callable[[], None]], None]


def rosenbrock(n: int) -> Objective:
    """The chained function of the sample driver of Algorithm 778."""
    r = np.empty(n - 1)

    def fun(x: Array) -> tuple[float, Array]:
        np.multiply(x[:-1], x[:-1], out=r)
        np.subtract(x[1:], r, out=r)
        f = 0.25 * (x[0] - 1) ** 2 + float(r @ r)
        g = np.zeros(n)
        g[1:] = 8 * r
        np.multiply(r, x[:-1], out=r)
        r.__imul__(16)
        g[:-1] -= r
        g[0] += 2 * (x[0] - 1)
        return 4 * f, g

    return fun


def quadratic_shape(n: int) -> tuple[Array, Array]:
    """Curvatures, of condition 1000, and the minimum without bounds."""
    curvature = np.exp(np.linspace(0, np.log(1e3), n))
    return curvature, np.where(np.arange(n) % 2 == 0, -1.0, 0.5) * (1 + np.arange(n) % 7 / 7)


def quadratic(n: int) -> Objective:
    """A diagonal quadratic, its minimum outside the box half the time."""
    curvature, center = quadratic_shape(n)

    def fun(x: Array) -> tuple[float, Array]:
        d = x - center
        g = curvature * d
        return 0.5 * float(g @ d), g

    return fun


def problem(name: str, n: int) -> tuple[Objective, Array, Array | None, Array | None]:
    """The objective, the start, and the bounds."""
    if name == "quadratic, half of the bounds active":
        return quadratic(n), np.full(n, 0.9), np.zeros(n), np.ones(n)
    if name == "Rosenbrock":
        return rosenbrock(n), np.full(n, 3.0), None, None
    lower = np.where(np.arange(n) % 2 == 0, 1.0, -100.0)
    return rosenbrock(n), np.full(n, 3.0), lower, np.full(n, 100.0)


def run_fitcore(x0: Array, lower: Array | None, upper: Array | None) -> Run:
    from fitcore.lbfgsb import LBFGSB

    bounds = None if lower is None else np.column_stack([lower, upper])
    solver = LBFGSB(x0, bounds, m=M, factr=0, pgtol=0)

    def run(fun: Objective, iteration: Callable[[], None]) -> None:
        solver.run(fun, callback=lambda _: iteration())

    return run


def run_scipy(x0: Array, lower: Array | None, upper: Array | None) -> Run:
    from scipy.optimize import Bounds, minimize

    bounds = None if lower is None else Bounds(lower, upper)
    options = {"maxcor": M, "ftol": 0, "gtol": 0, "maxiter": 10**6, "maxfun": 10**6}

    def run(fun: Objective, iteration: Callable[[], None]) -> None:
        minimize(fun, x0, jac=True, method="L-BFGS-B", bounds=bounds, options=options,
                 callback=lambda _: iteration())  # fmt: skip

    return run


def run_original(x0: Array, lower: Array | None, upper: Array | None) -> Run:
    setulb = ctypes.CDLL("liblbfgsb.so.0").setulb_
    n, x, g, f = x0.size, x0.copy(), np.zeros(x0.size), ctypes.c_double()
    nbd = np.full(n, 0 if lower is None else 2, dtype=np.int32)
    low, high = (np.zeros(n), np.zeros(n)) if lower is None else (lower, upper)
    wa = np.empty((2 * M + 5) * n + 11 * M * M + 8 * M)
    iwa = np.empty(3 * n, dtype=np.int32)
    task, csave = (ctypes.create_string_buffer(b"START".ljust(60), 60) for _ in range(2))
    saves = np.zeros(4, np.int32), np.zeros(44, np.int32), np.zeros(29)
    ref, size = ctypes.byref, ctypes.c_size_t(60)

    def p(a: Array) -> Any:
        return a.ctypes.data_as(ctypes.c_void_p)

    zero = ctypes.c_double(0.0)
    arguments = (ref(ctypes.c_int(n)), ref(ctypes.c_int(M)), p(x), p(low), p(high), p(nbd), ref(f),
                 p(g),
                 ref(zero), ref(zero), p(wa), p(iwa), task, ref(ctypes.c_int(-1)), csave,
                 *map(p, saves), size, size)  # fmt: skip

    def run(fun: Objective, iteration: Callable[[], None]) -> None:
        while True:
            setulb(*arguments)
            word = task.raw[:2]
            if word == b"FG":
                f.value, g[:] = fun(x)
            elif word == b"NE":
                iteration()
            else:
                raise RuntimeError(task.raw.decode())

    return run


SOLVERS = {"fitcore": run_fitcore, "original": run_original, "scipy": run_scipy}


class Stop(Exception):
    """Enough iterations."""


class Contender(threading.Thread):
    """A solver that makes one iteration each time it has the turn, and times itself."""

    def __init__(self, run: Run, fun: Objective, iterations: int) -> None:
        super().__init__(daemon=True)
        self.solve, self.fun, self.left = run, fun, iterations
        self.mine, self.over = threading.Semaphore(0), threading.Semaphore(0)
        self.times: list[float] = []
        self.spent, self.since = 0.0, 0.0
        self.error: BaseException | None = None

    def objective(self, x: Array) -> tuple[float, Array]:
        self.spent += time.perf_counter() - self.since
        value = self.fun(x)
        self.since = time.perf_counter()
        return value

    def iteration(self) -> None:
        self.times.append(self.spent + time.perf_counter() - self.since)
        self.left -= 1
        if self.left == 0:
            raise Stop
        self.over.release()
        self.mine.acquire()
        self.spent, self.since = 0.0, time.perf_counter()

    def run(self) -> None:
        self.mine.acquire()
        self.since = time.perf_counter()
        try:
            self.solve(self.objective, self.iteration)
        except BaseException as exc:  # noqa: BLE001  reported by the main thread
            self.error = exc
        self.over.release()


def iterations(name: str, n: int, count: int) -> dict[str, Any]:
    """Solver time per iteration with a full memory, as users of Python have it."""
    contenders = {}
    for label, make in SOLVERS.items():
        fun, x0, lower, upper = problem(name, n)
        try:
            contenders[label] = Contender(make(x0, lower, upper), fun, M + 2 + count)
        except OSError as exc:  # the original is not installed
            print(f"  {label}: {exc}")
    for contender in contenders.values():
        contender.start()
    alive = list(contenders.values())
    while alive:
        for contender in alive:
            contender.mine.release()
            contender.over.acquire()
        alive = [c for c in alive if c.left > 0 and c.error is None]
    times = {}
    for label, contender in contenders.items():
        if not isinstance(contender.error, Stop):
            raise RuntimeError(f"{label} ended early") from contender.error
        times[label] = np.array(contender.times[M + 2 :])
    rows = {}
    for label, values in times.items():
        low, middle, high = np.percentile(values / times["fitcore"], [25, 50, 75])
        rows[label] = {"seconds": float(np.median(values)), "ratio": float(middle),
                       "quartiles": [float(low), float(high)]}  # fmt: skip
    case = f"L-BFGS-B from Python, {name}, n = {n:.0e}"
    return {"case": case, "unit": "solver time per iteration / fitcore's", "rows": rows}


def from_c(name: str, n: int, count: int) -> dict[str, Any]:
    """The same of fitcore's core and the original, both driven from C."""
    import fitcore.lbfgsb
    from fitcore.minpack import CPU_LEVEL

    core, original = ctypes.CDLL(fitcore.lbfgsb.__file__), ctypes.CDLL("liblbfgsb.so.0")
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "driver.so"
        headers = Path(fitcore.lbfgsb.__file__).parent / "include"
        compiler = shlex.split(os.environ.get("CC", "cc"))
        source = Path(__file__).with_name("lbfgsb_core.c")
        subprocess.run([*compiler, "-O2", "-shared", "-fPIC", f"-I{headers}", "-o", str(library),
                        str(source)], check=True)  # fmt: skip
        driver = ctypes.CDLL(str(library))

    def address(routine: Any) -> ctypes.c_void_p:
        return ctypes.cast(routine, ctypes.c_void_p)

    def p(a: Array | None) -> Any:
        return None if a is None else a.ctypes.data_as(ctypes.c_void_p)

    names = ("products", "combine", "look", "land")
    kernels = (ctypes.c_void_p * len(names))(
        *(address(core[f"fitcore_lb_{k}_v{CPU_LEVEL}"]) for k in names)
    )
    which = ("Rosenbrock", "quadratic, half of the bounds active", "bounded Rosenbrock").index(name)
    _, x0, lower, upper = problem(name, n)
    shape = quadratic_shape(n) if which == 1 else (None, None)
    ours, theirs, reads = np.empty(count), np.empty(count), np.empty(count)
    failed = driver.compare(
        which, ctypes.c_int64(n), p(x0), p(lower), p(upper), *map(p, shape), count, p(ours),
        p(theirs), p(reads), address(core.fitcore_lb_init), address(core.fitcore_lb_step),
        address(core.fitcore_lb_work_size), kernels, address(original.setulb_),
    )  # fmt: skip
    if failed:
        raise RuntimeError(f"{name}, n={n}: a solver has ended before its time")
    rows = {}
    timed = {"fitcore's core": ours, "original": theirs, "two reads of S, Y": reads}
    for label, values in timed.items():
        low, middle, high = np.percentile(values / ours, [25, 50, 75])
        rows[label] = {"seconds": float(np.median(values)), "ratio": float(middle),
                       "quartiles": [float(low), float(high)]}  # fmt: skip
    case = f"L-BFGS-B from C, {name}, n = {n:.0e}"
    return {"case": case, "unit": "solver time per iteration / the core's", "rows": rows}


def setup(n: int, seconds: float) -> dict[str, Any]:
    """Making a solver with bounds, over one iteration of it."""
    from fitcore.lbfgsb import LBFGSB

    fun, x0, lower, upper = problem("bounded Rosenbrock", n)
    assert lower is not None and upper is not None
    pairs = np.column_stack([lower, upper])
    listed = list(zip(lower.tolist(), upper.tolist(), strict=True))
    solver = LBFGSB(x0, pairs, m=M, factr=0, pgtol=0)

    def iteration() -> None:
        spent, before = 0.0, solver.nit
        while solver.nit == before:
            x = solver.ask()
            start = time.perf_counter()
            f, g = fun(x)
            spent += time.perf_counter() - start
            solver.tell(f, g)
        cost.append(spent)

    cost: list[float] = []
    for _ in range(M + 2):
        iteration()
    calls = {"one iteration": iteration, "bounds, an array": lambda: LBFGSB(x0, pairs),
             "bounds, a list of pairs": lambda: LBFGSB(x0, listed)}  # fmt: skip
    rows = {}
    for t in interleaved(calls, seconds=seconds):
        rows[t.name] = {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
    case = f"L-BFGS-B, set-up with bounds, n = {n:.0e}, objective included"
    return {"case": case, "unit": "time / one iteration", "rows": rows}


def small(n: int, seconds: float) -> dict[str, Any]:
    """Whole runs from Python for a few variables, the time of the objective subtracted."""
    import scipy.optimize

    import fitcore.optimize

    def fun(x: Array) -> float:
        return float(100 * ((x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum())

    def grad(x: Array) -> Array:
        r = x[1:] - x[:-1] ** 2
        g = np.zeros_like(x)
        g[:-1] = -400 * x[:-1] * r - 2 * (1 - x[:-1])
        g[1:] += 200 * r
        return g

    x0 = np.full(n, -1.2)
    modules = {"fitcore": fitcore.optimize, "scipy": scipy.optimize}
    runs = {k: lambda m=m: m.fmin_l_bfgs_b(fun, x0, grad) for k, m in modules.items()}
    details = {name: run()[2] for name, run in runs.items()}

    def bare() -> None:
        for _ in range(details["fitcore"]["funcalls"]):
            fun(x0)
            grad(x0)

    floor, *timings = interleaved({"objective": bare, **runs}, seconds=seconds)
    cost = {}
    for t in timings:
        calls = details[t.name]["funcalls"] / details["fitcore"]["funcalls"]
        cost[t.name] = [(r - calls) / details[t.name]["nit"] for r in (t.ratio, t.low, t.high)]
    rows = {}
    for name, (middle, low, high) in cost.items():
        ours = cost["fitcore"][0]
        rows[name] = {"seconds": middle * floor.seconds, "ratio": middle / ours,
                      "quartiles": [low / ours, high / ours]}  # fmt: skip
    case = f"L-BFGS-B from Python, Rosenbrock, n = {n}"
    return {"case": case, "unit": "solver time per iteration / fitcore's", "rows": rows}


def peak(label: str, name: str, n: int) -> None:
    """Print by how much the peak memory grows in 15 iterations; in a process of its own."""
    fun, x0, lower, upper = problem(name, n)
    fun(x0)

    def kilobytes(field: str) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
        raise RuntimeError(f"no {field}")

    left = M + 5

    def iteration() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stop

    before = kilobytes("VmRSS")
    with contextlib.suppress(Stop):
        SOLVERS[label](x0, lower, upper)(fun, iteration)
    print((kilobytes("VmHWM") - before) * 1024)


def memory(name: str, n: int) -> dict[str, Any]:
    """Growth of the peak memory, the gradient and copies of x included."""
    rows = {}
    for label in ("fitcore", "original", "scipy"):
        code = f"import lbfgsb; lbfgsb.peak({label!r}, {name!r}, {n})"
        out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                             check=True, cwd=Path(__file__).parent)  # fmt: skip
        ratio = float(out.stdout) / (16 * M * n)
        rows[label] = {"seconds": 0.0, "ratio": ratio, "quartiles": [ratio, ratio]}
    case = f"L-BFGS-B, {name}, n = {n:.0e}, peak memory"
    return {"case": case, "unit": "growth / 2 m n doubles", "rows": rows}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    names = ("Rosenbrock", "quadratic, half of the bounds active", "bounded Rosenbrock")
    for n, count in ((1_000_000, 25), (100_000, 40)):
        for name in names:
            try:
                yield from_c(name, n, count)
            except OSError as exc:
                print(f"\nL-BFGS-B from C: left out ({exc})")
            yield iterations(name, n, count)
    yield setup(1_000_000, seconds)
    if sys.platform == "linux":
        for name in ("Rosenbrock", "bounded Rosenbrock"):
            yield memory(name, 1_000_000)
    for n in (2, 25):
        yield small(n, seconds)
