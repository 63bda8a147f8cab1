"""Many small fits: fit_many beside the original lmder driven from C, and a loop of lmfit's.

One core, covariances included, the same starts and data for all. lmder (minpack-dev, Debian's
package) is driven by lmder_loop.c with analytic derivatives, compiled with -O3 -march=native, and
with -ffast-math for exponentials in vectors as well; tolerances are its defaults, 1e-8, and
fitcore's 1e-11. cminpack-numba's lmder, where installed, is looped over by numba and forms no
covariances. The compiled loop alone is timed too (`BatchFitter`), for what the arrays of a
result cost.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _timing import interleaved

import fitcore
from fitcore._batch import BatchFitter
from fitcore._compiled_model import compile_model
from fitcore.models import ConstantModel, Gaussian2dModel, GaussianModel

Array = np.ndarray
FITS = 20000
FEW = 10  # of lmfit
NAMES = {
    4: ("amplitude", "center", "sigma", "c"),
    5: ("amplitude", "centerx", "centery", "sigmax", "sigmay"),
}


def lmder(flags: list[str], directory: Path) -> Any:
    """lmder_loop.c, compiled."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    library = directory / f"lmder_{len(flags)}.so"
    source = Path(__file__).with_name("lmder_loop.c")
    subprocess.run(
        [*compiler, "-O3", "-march=native", *flags, "-shared", "-fPIC", "-o", library, source,
         "-lminpack", "-lm"], check=True,
    )  # fmt: skip
    loaded = ctypes.CDLL(str(library))
    loaded.lmder_loop.restype = ctypes.c_int64
    return loaded


def peaks(points: int) -> tuple[Any, dict[str, Array], Array, Array]:
    """Model, variables, data and start: a Gaussian on an offset, 4 parameters."""
    rng = np.random.default_rng(0)
    model = GaussianModel() + ConstantModel()
    x = np.linspace(-5, 5, points)
    a, c, s, o = rng.uniform([2, -0.5, 0.7, 0], [5, 0.5, 1.4, 1], (FITS, 4)).T[..., None]
    y = a / (np.sqrt(2 * np.pi) * s) * np.exp(-0.5 * ((x - c) / s) ** 2) + o
    y += rng.normal(0, 0.03, y.shape)
    return model, {"x": x}, y, np.array([3.0, 0.0, 1.0, 0.5])


def spots(side: int) -> tuple[Any, dict[str, Array], Array, Array]:
    """Model, variables, data and start: a Gaussian in two variables, 5 parameters."""
    rng = np.random.default_rng(1)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(float(side)), np.arange(float(side))))
    middle, width = (side - 1) / 2, side / 6 + 0.3
    low = [50, middle - 0.5, middle - 0.5, 0.8 * width, 0.8 * width]
    high = [100, middle + 0.5, middle + 0.5, 1.2 * width, 1.2 * width]
    a, c, d, s, t = rng.uniform(low, high, (FITS, 5)).T[..., None]
    data = a / (2 * np.pi * s * t) * np.exp(-0.5 * ((x - c) / s) ** 2 - 0.5 * ((y - d) / t) ** 2)
    data += rng.normal(0, 0.01 * data.max(), data.shape)
    start = np.array([75.0, middle, middle, width, width])
    return Gaussian2dModel(), {"x": x, "y": y}, data, start


def contenders(
    model: Any, x: dict[str, Array], y: Array, start: Array, loops: dict[str, Any]
) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    n, two = start.size, len(x) == 2
    points = np.ascontiguousarray(np.stack(list(x.values())))
    covar = np.empty((FITS, n, n))

    def by_lmder(library: Any) -> Array:
        values = np.tile(start, (FITS, 1))
        at = [a.ctypes.data_as(ctypes.c_void_p) for a in (points, y, values, covar)]
        library.lmder_loop(
            int(two), ctypes.c_int64(FITS), y.shape[1], n, *at, ctypes.c_double(1e-8)
        )
        return values

    names = NAMES[n]
    params = fitcore.create_params(**dict(zip(names, start, strict=True)))
    found = compile_model(model, params, x, y.shape[1])
    assert found is not None and tuple(found[0].names) == names
    fitter = BatchFitter(found[0].address, found[0].user_address, found[0], n, range(n),
                         np.full(n, -np.inf), np.full(n, np.inf))  # fmt: skip

    def compiled() -> Array:
        values = np.tile(start, (FITS, 1))
        fitter.fit(points, y, None, values, shared=True)
        return values

    def many() -> Array:
        return fitcore.fit_many(model, y, params, x, workers=1).values

    calls: dict[str, Callable[[], object]] = {"fit_many": many, "its compiled loop": compiled}
    for name, library in loops.items():
        calls[name] = lambda library=library: by_lmder(library)
    with contextlib.suppress(ModuleNotFoundError):
        from cminpack_many import fits

        calls["cminpack-numba"] = fits(points, y, start, 1e-8)
    reference = by_lmder(next(iter(loops.values()))) if loops else compiled()
    for call in (many, compiled, calls.get("cminpack-numba", compiled)):
        apart = np.abs(call() - reference).max() / np.ptp(reference)
        if not apart < 1e-4:
            raise RuntimeError(f"{model.name}: solutions are {apart:.1e} apart")
    try:
        import lmfit
    except ImportError:
        return calls
    theirs = lmfit.models.Gaussian2dModel() if two else (
        lmfit.models.GaussianModel() + lmfit.models.ConstantModel())  # fmt: skip
    guess = theirs.make_params(**dict(zip(names, start, strict=True)))

    def loop() -> None:
        for row in y[:FEW]:
            theirs.fit(row, guess, **x)

    calls[LOOP] = loop
    return calls


LOOP = f"{FEW} fits by lmfit's Model.fit"
PROBLEMS = {
    "1-D Gaussian and offset, 4 parameters, 50 points": lambda: peaks(50),
    "2-D Gaussian, 5 parameters, 15 x 15": lambda: spots(15),
    "2-D Gaussian, 5 parameters, 5 x 5": lambda: spots(5),
}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    """Time of each beside fit_many."""
    with tempfile.TemporaryDirectory() as scratch:
        loops = {}
        try:
            for name, flags in (("lmder from C", []), ("lmder from C, fast-math", ["-ffast-math"])):
                loops[name] = lmder(flags, Path(scratch))
        except (OSError, subprocess.CalledProcessError):
            loops = {}
            print(
                "left out: lmder from C, which wants a C compiler and minpack-dev", file=sys.stderr
            )
        for title, make in PROBLEMS.items():
            rows = {}
            for timing in interleaved(contenders(*make(), loops), seconds=seconds):
                share, name = 1.0, timing.name
                if name == LOOP:
                    share, name = FITS / FEW, "loop of lmfit"
                rows[name] = {
                    "seconds": timing.seconds * share,
                    "ratio": timing.ratio * share,
                    "quartiles": [timing.low * share, timing.high * share],
                }
            yield {
                "case": f"{FITS} fits, {title}",
                "unit": "time, as a multiple of fit_many's",
                "rows": rows,
            }
