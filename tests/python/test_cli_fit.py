"""`fitcore fit`: what it reads, fits and prints, and the statuses it exits with."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitcore.cli
from fitcore import nist

curve_fit = pytest.importorskip("scipy.optimize").curve_fit
testing = pytest.importorskip("click.testing")
pytest.importorskip("tabulate")
from fitcore.cli.commands import command  # noqa: E402  # it imports them

DECAY = ["--model", "amp*exp(-x/tau) + c", "--param", "amp=1", "--param", "tau=2:0:",
         "--param", "c=0"]  # fmt: skip


def run(*args: str | Path, stdin: str | None = None) -> Any:
    done = testing.CliRunner().invoke(command, ["fit", *map(str, args)], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def parse(done: Any) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def decay(n: int = 60, seed: int = 1) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 10, n)
    error = 0.02 + 0.01 * rng.random(n)
    return x, 4 * np.exp(-x / 1.7) + 0.8 + error * rng.normal(size=n), error


def write(path: Path, columns: Any, head: str = "", sep: str = ",") -> Path:
    lines = [sep.join(repr(float(v)) for v in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(([head] if head else []) + lines) + "\n")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data.csv", decay(), "time,signal,sigma")


@pytest.mark.parametrize("name", ["Misra1a", "Rat42", "Chwirut2"])
def test_an_expression_finds_what_nist_has_certified(name: str, tmp_path: Path) -> None:
    problem = nist.load(name)
    path = write(tmp_path / "nist.csv", [problem.x, problem.y])
    starts = zip(problem.parameter_names, problem.start2, strict=True)
    options = [f"--param={name}={value!r}" for name, value in
               ((n, float(v)) for n, v in starts)]  # fmt: skip
    formula = problem.formula.split("=", 1)[1].strip()
    found = parse(run(path, "--model", formula, *options, "--json", "-"))
    values = [found["params"][n]["value"] for n in problem.parameter_names]
    errors = [found["params"][n]["stderr"] for n in problem.parameter_names]
    assert nist.digits(values, problem.certified) > 6
    assert nist.digits(errors, problem.stderr) > 4
    assert nist.digits(found["chisqr"], problem.rss) > 8
    assert found["ndata"] == problem.nobs and found["success"] is True


@pytest.mark.parametrize("absolute", [False, True])
def test_errors_weigh_as_scipy_has_it(data: Path, absolute: bool) -> None:
    x, y, sigma = decay()
    best, covar = curve_fit(
        lambda x, amp, tau, c: amp * np.exp(-x / tau) + c, x, y, [1, 2, 0], sigma,
        absolute_sigma=absolute,
    )  # fmt: skip
    extra = ["--absolute-errors"] if absolute else []
    found = parse(run(data, *DECAY, "--error", "sigma", *extra, "--json", "-"))
    values = [found["params"][name]["value"] for name in ("amp", "tau", "c")]
    errors = [found["params"][name]["stderr"] for name in ("amp", "tau", "c")]
    np.testing.assert_allclose(values, best, rtol=1e-6)
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covar)), rtol=1e-4)
    np.testing.assert_allclose(found["covar"], covar, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize(
    ("sep", "decimal", "head"),
    [(",", ".", "a,t,s"), (";", ".", "a;t;s"), (";", ",", "a;t;s"), ("\t", ".", "a\tt\ts"),
     ("\t", ",", "a\tt\ts"), (" ", ".", "# a t s"), ("   ", ",", "a t s"), ("|", ".", "a|t|s"),
     (", ", ".", "# a, t, s"), (",", ".", '"a","t","s"\nV,s,mV')],
)  # fmt: skip
def test_delimiter_decimal_sign_and_header_are_found_out(
    sep: str, decimal: str, head: str, tmp_path: Path
) -> None:
    x, y, _ = decay()
    lines = [sep.join(f"{v:.9g}" for v in row).replace(".", "~") for row in
             zip(np.ones(x.size), x, y, strict=True)]  # fmt: skip
    text = "\n".join(["# made for a test", "", head, *lines]).replace("~", decimal)
    path = tmp_path / "table.txt"
    path.write_text(text)
    for columns in (["--x", "t", "--y", "s"], ["--x", "2", "--y", "3"], ["--x=T", "--y=S"]):
        found = parse(run(path, *DECAY, *columns, "--json", "-"))
        best, _ = curve_fit(lambda x, a, b, c: a * np.exp(-x / b) + c, x, y, [1, 2, 0])
        assert found["params"]["tau"]["value"] == pytest.approx(best[1], rel=1e-6)


def test_stdin_one_column_and_numbers_in_fortrans_way() -> None:
    text = "".join(f"{3 - 0.25 * i:.3f}D+00\n" for i in range(8))
    found = parse(run("-", "--model", "linear", "--json", "-", stdin=text))
    assert found["params"]["slope"]["value"] == pytest.approx(-0.25, abs=1e-9)
    assert found["params"]["intercept"]["value"] == pytest.approx(3, abs=1e-9)
    assert found["file"] == "stdin"


def test_built_in_models_guess_their_starts_also_in_sums(tmp_path: Path) -> None:
    x = np.linspace(0, 20, 201)
    y = 0.2 * x + 1 + 6 * np.exp(-((x - 5) ** 2) / 2) + 3 * np.exp(-((x - 14) ** 2) / (2 * 0.49))
    path = write(tmp_path / "peaks.txt", [x, y], sep=" ")
    model = "gaussian(a_) + gaussian(b_) + linear(base_)"
    found = parse(run(path, "-m", model, "--json", "-"))["params"]
    wanted = {"a_center": 5, "a_sigma": 1, "b_center": 14, "b_sigma": 0.7, "base_slope": 0.2,
              "base_intercept": 1, "a_height": 6, "b_height": 3}  # fmt: skip
    for name, value in wanted.items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-4), name


def test_fixed_tied_bounded_and_derived_parameters(data: Path) -> None:
    options = ["--fix", "c=0.75", "--param", "amp=1:0:3.5", "--expr", "half=tau*log(2)"]
    found = parse(run(data, *DECAY, *options, "--json", "-"))["params"]
    assert found["c"]["value"] == 0.75 and found["c"]["vary"] is False
    assert found["amp"]["value"] == pytest.approx(3.5) and found["amp"]["max"] == 3.5
    assert found["tau"]["min"] == 0 and found["tau"]["max"] is None
    assert found["half"]["value"] == pytest.approx(found["tau"]["value"] * np.log(2))
    assert found["half"]["stderr"] == pytest.approx(found["tau"]["stderr"] * np.log(2), rel=1e-6)


def test_missing_numbers_are_an_error_or_left_out(tmp_path: Path) -> None:
    x = np.arange(10.0)
    lines = [f"{a:g},{2 * a + 1:g}" for a in x]
    lines[3], lines[6] = "3,", "nan,7"
    path = tmp_path / "gaps.csv"
    path.write_text("x,y\n" + "\n".join(lines))
    for policy in ("raise", "propagate"):
        done = run(path, "-m", "linear", "--nan-policy", policy)
        assert done.exit_code == 2 and done.stdout == ""
    assert "gaps.csv, line 5: y is missing or not finite; --nan-policy" in done.stderr
    assert "--nan-policy omit" in done.stderr
    found = parse(run(path, "-m", "linear", "--nan-policy", "omit", "--json", "-"))
    assert found["ndata"] == 8
    assert found["params"]["slope"]["value"] == pytest.approx(2)


def test_a_range_takes_the_points_within(data: Path) -> None:
    x, _, _ = decay()
    found = parse(run(data, *DECAY, "--range", "1:6", "--json", "-"))
    assert found["ndata"] == np.count_nonzero((x >= 1) & (x <= 6))
    found = parse(run(data, *DECAY, "--range", ":6", "--json", "-"))
    assert found["ndata"] == np.count_nonzero(x <= 6)


def test_expressions_of_two_variables(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 30))
    path = write(tmp_path / "two.csv", [a, b, 3 * a - 2 * b + 0.5], "a,b,z")
    options = ["--param=p=1", "--param=q=1", "--param=r=0", "--y=z", "--json=-"]
    found = parse(run(path, "-m", "p*a + q*b + r", "--var", "a=a", "--var", "b=2", *options))
    values = [found["params"][name]["value"] for name in "pqr"]
    np.testing.assert_allclose(values, [3, -2, 0.5], rtol=1e-8)


def test_the_report_goes_to_stdout_and_nothing_to_stderr(data: Path) -> None:
    done = run(data, *DECAY, "--ci")
    assert done.exit_code == 0 and done.stderr == ""
    for words in ("[[Model]]", "[[Variables]]", "tau:", "[[Confidence Intervals]]", "99.73%"):
        assert words in done.stdout


def test_confidence_intervals_are_those_of_the_library(data: Path) -> None:
    from fitcore.models import ExpressionModel

    x, y, _ = decay()
    result = ExpressionModel("amp*exp(-x/tau) + c").fit(y, x=x, amp=1, tau=2, c=0)
    wanted = result.conf_interval(sigmas=[2])
    found = parse(run(data, *DECAY, "--sigma", "2", "--json", "-"))["intervals"]
    np.testing.assert_allclose(found["tau"], wanted["tau"], rtol=1e-5)


def test_several_files_make_a_table_and_csv_and_a_bad_one_costs_its_line(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"run{i}.csv", decay(seed=i)[:2]) for i in range(3)]
    broken = tmp_path / "broken.csv"
    broken.write_text("x,y\n1,2\n2,fish\n3,4\n")
    table = tmp_path / "results.csv"
    done = run(*paths, broken, *DECAY, "--csv", table)
    assert done.exit_code == 2
    assert done.stderr == (
        f"fitcore: {broken}, line 3: y must be a number, got 'fish'\n"
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0].split()[0] == "file" and len(lines) == 6
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["success"] for row in rows] == ["True"] * 3 + ["False"]
    for i, row in enumerate(rows[:3]):
        x, y, _ = decay(seed=i)
        best, covar = curve_fit(lambda x, a, b, c: a * np.exp(-x / b) + c, x, y, [1, 2, 0])
        assert float(row["tau"]) == pytest.approx(best[1], rel=1e-6)
        assert float(row["tau_stderr"]) == pytest.approx(np.sqrt(covar[1, 1]), rel=1e-4)
    assert rows[3]["tau"] == "" and "fish" in rows[3]["message"]


def test_json_of_several_files_is_a_list(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"run{i}.csv", decay(seed=i)[:2]) for i in range(2)]
    found = parse(run(*paths, *DECAY, "--json", "-"))
    assert [item["file"] for item in found] == [str(path) for path in paths]


def test_the_bar_is_on_stderr(tmp_path: Path) -> None:
    pytest.importorskip("tqdm", reason="allowed: progress bars are tqdm's")
    paths = [write(tmp_path / f"run{i}.csv", decay(seed=i)[:2]) for i in range(2)]
    done = run(*paths, *DECAY, "--progress", "--csv", "-")
    assert "2/2" in done.stderr and "2/2" not in done.stdout
    assert "2/2" not in run(*paths, *DECAY).output


def test_plots_are_written_one_for_each_file(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"run{i}.csv", decay(seed=i)[:2], "t,U") for i in range(2)]
    done = run(*paths, *DECAY, "--plot", tmp_path / "{name}-fit.png")
    assert done.exit_code == 0
    for i in range(2):
        assert (tmp_path / f"run{i}-fit.png").read_bytes().startswith(b"\x89PNG")
    done = run(*paths, *DECAY, "--plot", tmp_path / "same.png")
    assert done.exit_code == 2 and "{name}" in done.stderr
    done = run(paths[0], *DECAY, "--plot", tmp_path / "fit.fish")
    assert done.exit_code == 2 and "fish" in done.stderr
    assert "[[Variables]]" in done.stdout  # a plot that fails does not cost the results
    done = run(paths[0], "-m", "a*x + b*z", "--var", "x=1", "--var", "z=2", "--plot", "fit.png")
    assert done.exit_code == 2 and "one variable" in done.stderr


def test_a_fit_that_does_not_converge_exits_with_1(data: Path) -> None:
    done = run(data, *DECAY, "--max-nfev", "3")
    assert done.exit_code == 1
    assert str(data) in done.stderr


def test_a_model_that_leaves_the_numbers_exits_with_1(data: Path) -> None:
    done = run(data, "-m", "a*log(-1 - x) + b", "-p", "a=1", "-p", "b=1")
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "the fit failed" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-m", "a*x + b", "-p", "a=1"], "--param b=VALUE"),
        (["-m", "a*x", "-p", "a=one"], "'one' is not a number"),
        (["-m", "a*x", "-p", "a"], "NAME=VALUE[:MIN[:MAX]]"),
        (["-m", "a*x", "-p", "a=1:2:3:4"], "NAME=VALUE[:MIN[:MAX]]"),
        (["-m", "a*x", "-p", "a=1:5:2"], "MIN must be less than MAX"),
        (["-m", "a*x", "-p", "a=1", "-p", "z=1"], "no parameter 'z'; it has a"),
        (["-m", "a*x", "--fix", "a=1"], "no parameter varies"),
        (["-m", "a*x", "--expr", "a=2*"], "parameter a"),
        (["-m", "a*x", "--expr", "=2"], "NAME=EXPRESSION"),
        (["-m", "a*(x", "-p", "a=1"], "a*(x"),
        (["-m", "a*b", "-p", "a=1"], "independent variable"),
        (["-m", "gausian"], "did you mean 'gaussian'?"),
        (["-m", "gaussian + gaussian"], "Give prefixes"),
        (["-m", "polynomial(degree=99)"], "polynomial(degree=99)"),
        (["-m", "polynomial(degree=open('f'))"], "degree must be"),
        (["-m", "fish(x, a)", "-p", "a=1"], "fish"),
        (["-m", "__import__('os').system('true')*x"], "model"),
        (["-m", "open('/etc/passwd').read()*x"], "open"),
        (["-m", "linear", "--y", "volts"], "time, signal, sigma"),
        (["-m", "linear", "--x", "4"], "3 columns"),
        (["-m", "linear", "--method", "fish"], "leastsq"),
        (["-m", "linear", "--range", "5:1"], "LOW:HIGH"),
        (["-m", "linear", "--range", "50:60"], "no point lies in the range"),
        (["-m", "linear", "--var", "x"], "NAME=COLUMN"),
        (["-m", "linear", "--var", "q=1"], "'x'"),
        (["-m", "linear", "--json", "-", "--csv", "-"], "cannot both"),
        (["-m", "linear", "--json", "/nowhere/at/all.json"], "/nowhere/at/all.json"),
        (["-m", "linear", "--nan-policy", "fish"], "--nan-policy"),
        ([], "--model"),
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2_and_says_what_is_wanted(
    options: list[str], words: str, data: Path
) -> None:
    done = run(data, *options)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it holds no data"),
        (b"# only a comment\n", "it holds no data"),
        (b"x,y\na,b\n", "it holds no numbers"),
        (b"1,2\n3\n5,6\n", "line 2: it has 1 columns"),
        (b"1,2\n3,x\n", "line 2"),
        (b"PK\x03\x04rest", "text file"),
        (b"\x00\x01\x02\x03", "text file"),
        (b"x,y,error\n1,2,0\n2,3,1\n3,4,1\n", "errors must be positive, got 0"),
    ],
)
def test_files_that_hold_no_table_exit_with_2_and_the_line(
    content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    more = ["--error", "error"] if b"error" in content else []
    done = run(path, "-m", "linear", *more)
    assert done.exit_code == 2
    assert words in done.stderr and str(path) in done.stderr


def test_a_file_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    done = run(tmp_path / "none.csv", "-m", "linear")
    assert done.exit_code == 2 and "No such file" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_files_of_other_encodings_are_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "degrees.csv"
    path.write_bytes("T/°C,U/µV\n1,3\n2,5\n3,7\n".encode(encoding))
    found = parse(run(path, "-m", "linear", "--y", "U/µV", "--json", "-"))
    assert found["params"]["slope"]["value"] == pytest.approx(2)


def process(*args: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLBACKEND": "Agg", **env},
    )  # fmt: skip


def test_a_reader_that_has_enough_gets_no_complaint(data: Path) -> None:
    command = [sys.executable, "-m", "fitcore", "fit", str(data), "-m", "linear", "--json", "-"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stdout is not None and done.stderr is not None
    done.stdout.close()
    assert done.stderr.read() == b""
    done.stderr.close()
    assert done.wait() in (0, 1)


def test_the_command_is_installed() -> None:
    (entry,) = entry_points(group="console_scripts", name="fitcore")
    assert entry.load() is fitcore.cli.main


def test_the_module_runs_as_the_command(data: Path) -> None:
    done = process("-m", "fitcore", "fit", "-", "-m", "linear", "--json", "-",
                   stdin="1 3\n2 5\n3 7\n4 9\n")  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    assert json.loads(done.stdout)["params"]["slope"]["value"] == pytest.approx(2)
    done = process("-m", "fitcore", "fit", str(data), "-m", "a*x")
    assert done.returncode == 2 and done.stdout == ""
    assert "Traceback" not in done.stderr and "--param a=VALUE" in done.stderr


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['click'] = None; import importlib.util as u; f = u.find_spec;"
        "u.find_spec = lambda n, *a: None if n == 'click' else f(n, *a);"
        "import fitcore.cli; fitcore.cli.main()"
    )
    done = process("-c", code)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "fitcore: the command line needs click: pip install fitcore[cli]\n"
    )  # fmt: skip
