"""No expression, from code or from a file, breaks out, hangs or fills the memory."""

import base64
import json
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from expression_attacks import BOMBS, FORBIDDEN

from fitcore.parameter import Parameters, create_params

pytest.importorskip("resource", reason="limits of memory are POSIX's")

ATTACKS = {**FORBIDDEN, **BOMBS}
SECONDS = 2.0
MEGABYTES = 256
RUNNER = Path(__file__).parents[1] / "attack_runner.py"


class Attacked:
    """Outcomes of all attacks, from one process, which a watchdog stops."""

    def __init__(self, folder):
        self.marker, self.secret = folder / "marker", folder / "secret"
        self.secret.write_text("8213765")
        jobs = [(way, name) for way in ("code", "file") for name in ATTACKS]
        texts = [(way, self.text(ATTACKS[name])) for way, name in jobs]
        process = subprocess.Popen(
            [sys.executable, str(RUNNER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        watchdog = threading.Timer(120.0, process.kill)
        watchdog.start()
        out, self.stderr = process.communicate(json.dumps(texts))
        watchdog.cancel()
        self.returncode = process.returncode
        self.found = dict(zip(jobs, map(json.loads, out.splitlines()), strict=False))

    def text(self, attack):
        return attack.replace("{marker}", str(self.marker)).replace("{secret}", str(self.secret))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    return Attacked(tmp_path_factory.mktemp("attacks"))


@pytest.mark.parametrize("way", ["code", "file"])
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_an_error_that_names_the_parameter(attacked, name, way):
    assert (way, name) in attacked.found, f"killed or crashed: {attacked.stderr[-500:]}"
    seconds, grown, outcome = attacked.found[way, name]
    assert not outcome.startswith("value")
    assert "parameter 'y'" in outcome
    assert not outcome.startswith("MemoryError")
    assert "8213765" not in outcome
    assert seconds < SECONDS
    assert grown < MEGABYTES << 20


def test_after_all_attacks_nothing_is_written_and_the_process_ends_well(attacked):
    assert attacked.returncode == 0, attacked.stderr
    assert len(attacked.found) == 2 * len(ATTACKS)
    assert not attacked.marker.exists()
    assert [path.name for path in attacked.marker.parent.iterdir()] == ["secret"]


def test_attacks_are_refused_in_eval_too_where_they_would_open_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("1")
    for text in (
        f"open({str(secret)!r})",
        f"loadtxt({str(secret)!r})",
        f"fromfile({str(secret)!r})",
    ):
        with pytest.raises(NameError):
            create_params(x=1).eval(text)


def test_a_failed_expression_leaves_the_symbols_as_they_were():
    params = create_params(x=1, y={"expr": "sum([1/(x - 1) for sqrt in [1]])"}, z={"expr": "x"})
    with pytest.raises(ZeroDivisionError):
        params.update_constraints()
    params["y"].expr = "sum([sqrt(4*x)])"
    assert params["y"].value == 2


def test_arrays_of_the_user_cannot_be_written_to():
    grid = np.arange(4.0)
    for text in ("add(grid, 1, grid)[0]", "cumsum(grid, 0, None, grid)[0]", "sum(grid, out=box[0])",
                 "add(thing[0], 1, thing[0])[0]"):  # fmt: skip
        params = Parameters(usersyms={"grid": grid, "box": [np.zeros(())], "thing": [grid]})
        params.add("y", expr=text)
        with pytest.raises((ValueError, TypeError), match="read-only"):
            params.update_constraints()
    np.testing.assert_array_equal(grid, np.arange(4.0))
    assert grid.flags.writeable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sum([i*x for i in range(1000)])", 999000.0),
        ("mean(linspace(0, x, 10001))", 1.0),
        ("grid.sum() + grid[2] + len(grid)", 12.0),
        ("np.sqrt(4*x*x) + np.pi - pi", 4.0),
        ("(lambda t: t + x)(3)", 5.0),
        ("sum(list(map(lambda t: t*x, [1, 2])))", 6.0),
        ("(10**200)/(10**199) * x", 20.0),
        ("10**200", 1e200),
        ("factorial(20)/factorial(19)", 20.0),
        ("sort([3, x, 7])[0]", 2.0),
        ("sum(outer(ones(100), ones(100)))", 1e4),
        ("dot([x, 1], [1, x])", 4.0),
        ("interp(x, [0, 4], [0, 1])", 0.5),
        ("big[-1] - big[0]", 299999.0),
        ("sum(numbers)", 20000.0),
        ("slow(30000)", 30000.0),
        ("{'a': x}['a']", 2.0),
        ("zeros(3, dtype=int)[0] + x", 2.0),
        ("1 << 10", 1024.0),
        ("int(x) & 3 | 4 ^ 1", 7.0),
    ],
)
def test_what_expressions_are_used_for_stays_possible(text, value):
    symbols = {"grid": np.arange(4.0), "np": np, "big": np.arange(3e5), "numbers": [1] * 20000}
    params = Parameters(usersyms=symbols)
    params._asteval("def slow(n):\n  i = 0\n  while i < n:\n    i += 1\n  return i")
    params.add("x", 2.0)
    params.add("y", expr=text)
    assert params["y"].value == pytest.approx(value, rel=1e-14)


class Trap:
    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


@pytest.mark.parametrize("pickler", ["pickle", "dill"])
@pytest.mark.parametrize("kind", ["Callable", "Module", "PSeries", "HDF5File", "Anything", None])
def test_functions_in_files_of_lmfit_are_never_unpickled(pickler, kind):
    module = pickle if pickler == "pickle" else pytest.importorskip("dill")
    pickled = base64.b64encode(module.dumps(Trap())).decode()
    stored = {"__class__": kind, "__name__": "f", "pyversion": "3.11", "value": pickled,
              "importer": "os"}  # fmt: skip
    states = [["x", 1.5, True, None, None, None, None, None, None, 1.5, stored],
              ["y", 0.0, False, "f(x)", None, None, None, None, stored, None, stored]]  # fmt: skip
    nested = {"__class__": "List", "value": [stored]}
    symbols = {"f": stored, "g": nested, "h": {"__class__": "Dict", "k": stored}}
    whole = {"unique_symbols": symbols, "params": states}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # functions that are left out
        # Of an unknown kind it is refused, of none a dict like any other, else without a value.
        with pytest.raises((ValueError, TypeError, NameError), match=r"JSON|'y'"):
            Parameters().loads(json.dumps(whole)).update_constraints()
    assert not Trap.sprung


def test_a_function_that_lmfit_wrote_is_left_out():
    lmfit = pytest.importorskip("lmfit")
    theirs = lmfit.Parameters(usersyms={"twice": lambda t: 2 * t, "k": 3})
    theirs.add("x", 2.0)
    text = theirs.dumps()
    assert "twice" in text
    with pytest.warns(UserWarning, match="not loaded from a file: twice"):
        mine = Parameters().loads(text)
    assert mine.valuesdict() == {"x": 2.0}
    assert mine._user_symbols() == {"k": 3}
