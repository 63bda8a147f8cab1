"""Special functions in expressions: compiled, with derivatives, mostly without SciPy."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from originals import require_peer

from fitcore import Parameters
from fitcore.expression import compile_expression, jacobian, make_interpreter
from fitcore.models import Pearson4Model, VoigtModel, lmfit_models

special = require_peer("scipy.special")

REAL = {
    "erf": special.erf,
    "erfc": special.erfc,
    "gamfcn": special.gamma,
    "loggammafcn": special.loggamma,
}
POINTS = [1e-8, 0.3, 0.999999, 1.0, 1.5, 2.0, 3.7, 12.5, 99.0, 169.9]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("sign", [1, -1])
def test_functions_of_a_real_number_are_scipys(name, sign):
    interpreter, _ = make_interpreter({})
    program, _ = compile_expression(f"{name}(a)", frozenset("a"))
    for x in POINTS:
        x *= sign
        expected = REAL[name](x)
        found = interpreter.symtable[name](x)
        np.testing.assert_allclose(found, expected, rtol=3e-14, atol=1e-14 if x > 0.9 else 0)
        compiled = program([x])
        # NaN: asteval is asked what it gives.
        assert compiled is None or compiled == found or math.isnan(expected)


def test_the_logarithm_of_beta_and_of_gamma_off_the_axis_are_scipys():
    interpreter, _ = make_interpreter({})
    beta, _ = compile_expression("betalnfnc(a, b)", frozenset("ab"))
    gamma, inputs = compile_expression("real(loggammafcn(a + b*0.5j))", frozenset("ab"))
    assert inputs == ("a", "b")
    for a in POINTS:
        for b in (0.0, 1e-3, 0.5, 4.0, 300.0, 1000.0):
            z = complex(a, 0.5 * b)
            expected = special.loggamma(z)
            size = max(abs(special.loggamma(a)), abs(expected), 1.0)
            assert gamma([a, b]) == pytest.approx(expected.real, abs=4e-15 * size)
            assert abs(interpreter.symtable["loggammafcn"](z) - expected) < 4e-15 * size
            if b:
                size = max(abs(special.gammaln(a)), abs(special.gammaln(a + b)), 1.0)
                assert beta([a, b]) == pytest.approx(special.betaln(a, b), abs=4e-15 * size)


def test_the_faddeeva_function_on_the_imaginary_axis_is_scipys():
    interpreter, _ = make_interpreter({})
    for text in ("real(wofz((1j*a)/b))", "real(wofz(a*1j/b))", "real(wofz(1j*(a/b)))"):
        program, _ = compile_expression(text, frozenset("ab"))
        for a in (-3.0, 0.0, 1e-6, 0.7, 5.0, 300.0):
            expected = special.wofz(1j * a / 0.8).real
            assert program([a, 0.8]) == pytest.approx(expected, rel=1e-14)
    assert interpreter.symtable["wofz"](0.7j) == pytest.approx(special.wofz(0.7j), rel=1e-14)
    assert interpreter.symtable["wofz"](1 + 0.7j) == special.wofz(1 + 0.7j)


def test_what_is_not_known_to_be_the_same_is_left_to_asteval():
    for text in ("real(wofz(a + 1j*b))", "wofz(1j*a)", "real(loggammafcn(1j*a))", "real(a)",
                 "real(wofz(1j*a, b))", "imag(wofz(1j*a))", "real(wofz(1j*a + 2j))"):  # fmt: skip
        program, _ = compile_expression(text, frozenset("ab"))
        assert program is None
    # A function of the user has its name.
    assert compile_expression("gamfcn(a)", frozenset("a"), frozenset(["gamfcn"]))[0] is None
    params = Parameters(usersyms={"gamfcn": lambda x: 7.0})
    params.add("a", value=3.0)
    params.add("b", expr="gamfcn(a)")
    assert params["b"].value == 7.0


@pytest.mark.parametrize(
    "text",
    ["erf(a)", "erfc(a)", "gamfcn(a)", "gamfcn(-a)", "loggammafcn(a)", "betalnfnc(a, b)",
     "real(wofz(1j*a/b))", "real(loggammafcn(a + b*0.5j))"],
)  # fmt: skip
@pytest.mark.parametrize("a", [0.3, 1.2, 7.6])
def test_derivatives_are_those_of_differences(text, a):
    params = Parameters()
    params.add("a", value=a)
    params.add("b", value=1.7)
    params.add("f", expr=text)
    found = jacobian(params, ["a", "b"])["f"]
    for k, name in enumerate("ab"):
        ends = []
        x = params[name].value
        for h in (1e-5, -1e-5):
            params[name].value = x + h
            ends.append(params["f"].value)
        params[name].value = x
        expected = (ends[0] - ends[1]) / 2e-5
        assert found[k] == pytest.approx(expected, rel=1e-6, abs=1e-9 * abs(params["f"].value))


@pytest.mark.parametrize("name", [n for n in lmfit_models if n not in ("Expression", "Spline")])
def test_derived_parameters_of_models_are_compiled(name):
    """No Interpreter is made for a fit of built-in models."""
    params = lmfit_models[name]().make_params()
    if not params._constraints():
        return
    params.update_constraints()
    for constraint in params._constraints():
        assert constraint.partials() is not None, constraint.target.name


def test_heights_need_no_scipy(monkeypatch):
    loaded = [name for name in sys.modules if name.startswith("scipy.")]
    for name in ("scipy", "scipy.special", *loaded):
        monkeypatch.setitem(sys.modules, name, None)
    x = np.linspace(0, 10, 101)
    for model in (VoigtModel(), Pearson4Model()):
        y = model.eval(x=x, amplitude=7, center=4.2, sigma=0.8)
        result = model.fit(y, model.guess(y, x), x=x)
        top = model.eval(result.params, x=4.2)
        assert result.params["height"].value == pytest.approx(top, rel=1e-6)
    interpreter, _ = make_interpreter({})
    with pytest.raises(ImportError, match=r"pip install fitcore\[scipy\]"):
        interpreter.symtable["wofz"](1 + 1j)


def test_models_are_imported_without_asteval_and_scipy():
    code = (
        "import sys, fitcore.models; m = fitcore.models.VoigtModel(); m.make_params();"
        "print([n for n in ('asteval', 'scipy', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
