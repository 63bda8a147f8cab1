"""Fits that start on their bounds, or 1e-12 beside them, end where those from inside do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fitcore import Minimizer, Parameters

X = np.linspace(0, 10, 60)

# Models, the box of their parameters, and which of them may start on a bound: not the place of a
# peak, which would have a minimum of its own there.
FAMILIES: dict[str, tuple[Any, dict[str, tuple[float, float]], tuple[str, ...]]] = {
    "decay": (
        lambda a, t, c: a * np.exp(-X / t) + c,
        {"a": (0, 10), "t": (0.1, 20), "c": (-3, 3)},
        ("a", "t", "c"),
    ),
    "parabola": (
        lambda a, b, c: a + b * X + c * X**2,
        {"a": (-5, 5), "b": (-2, 2), "c": (-0.5, 0.5)},
        ("a", "b", "c"),
    ),
    "saturation": (lambda a, b: a * X / (b + X), {"a": (0, 8), "b": (0.05, 30)}, ("a", "b")),
    "peak": (
        lambda h, m, s, b: h * np.exp(-0.5 * ((X - m) / s) ** 2) + b,
        {"h": (0, 10), "m": (1, 9), "s": (0.2, 4), "b": (-2, 2)},
        ("h", "b"),
    ),
}


def problem(seed: int) -> tuple[Any, Parameters, Parameters]:
    """Residuals, and parameters that start inside and on bounds."""
    rng = np.random.default_rng(seed)
    model, box, edges = FAMILIES[list(FAMILIES)[seed % len(FAMILIES)]]
    names = list(box)
    low, high = (np.array(side, dtype=float) for side in zip(*box.values(), strict=True))
    true = low + (high - low) * rng.uniform(0.05, 0.95, low.size)
    data = model(*true) + 0.05 * rng.normal(size=X.size)
    if seed % 3 == 0:  # the solution is on a bound
        j = int(rng.integers(low.size))
        if rng.random() < 0.5:
            low[j] = true[j] + 0.02 * (high[j] - true[j])
        else:
            high[j] = true[j] - 0.02 * (true[j] - low[j])
    shifted = true + (high - low) * rng.uniform(-0.1, 0.1, low.size)
    inside = np.clip(shifted, low + 0.02 * (high - low), high - 0.02 * (high - low))
    on = inside.copy()
    for name in rng.choice(edges, size=int(rng.integers(1, len(edges) + 1)), replace=False):
        j = names.index(name)
        on[j] = rng.choice([low[j], high[j], low[j] + 1e-12, high[j] - 1e-12])

    def parameters(start: Any) -> Parameters:
        params = Parameters()
        for name, value, least, most in zip(names, start, low, high, strict=True):
            params.add(name, value=value, min=least, max=most)
        return params

    def residual(p: Parameters) -> Any:
        return model(**p.valuesdict()) - data

    return residual, parameters(inside), parameters(on)


STRATEGIES = {
    "leastsq": lambda fitter: fitter.leastsq(),
    "leastsq native": lambda fitter: fitter.leastsq(bounds="native"),
    "lbfgsb": lambda fitter: fitter.lbfgsb(),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("batch", range(10))
def test_two_hundred_problems_reach_the_same_chisqr_or_say_that_they_did_not(
    strategy: str, batch: int
) -> None:
    fit = STRATEGIES[strategy]
    for seed in range(20 * batch, 20 * batch + 20):
        residual, inside, on = problem(seed)
        expected = fit(Minimizer(residual, inside))
        assert expected.success, expected.message
        result = fit(Minimizer(residual, on))
        # A peak of height zero: its place and width have no effect, which the message says.
        reported = not result.success or "no effect on the residuals" in result.message
        if not reported:
            assert result.chisqr == pytest.approx(expected.chisqr, rel=1e-6), (seed, on, result)


@pytest.mark.parametrize("batch", range(10))
def test_strategies_agree_from_inside(batch: int) -> None:
    for seed in range(20 * batch, 20 * batch + 20):
        residual, inside, _ = problem(seed)
        results = [fit(Minimizer(residual, inside)) for fit in STRATEGIES.values()]
        assert [result.success for result in results] == [True] * 3
        first = results[0]
        for result in results[1:]:
            assert result.chisqr == pytest.approx(first.chisqr, rel=1e-7), seed
            assert result.at_bound == first.at_bound, seed
            for name, item in first.params.items():
                other = result.params[name]
                assert (other.stderr is None) == (item.stderr is None)
                if item.stderr:
                    assert abs(other.value - item.value) < 1e-3 * item.stderr, (seed, name)
                    assert other.stderr == pytest.approx(item.stderr, rel=1e-3), (seed, name)
