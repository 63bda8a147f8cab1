"""Fits of each kind, small ones for what a call costs and large ones for what the core costs."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

import fitcore
import fitcore.optimize
from fitcore.models import ConstantModel, GaussianModel

START = {"amp": 10.0, "decay": 0.1, "shift": 0.0, "omega": 3.0}


def sine(x: np.ndarray, amp: float, decay: float, shift: float, omega: float) -> np.ndarray:
    return amp * np.sin(x * omega + shift) * np.exp(-x * x * decay)


def residual(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return sine(x, *p) - y


def residual_of_parameters(params: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return sine(x, *(params[name].value for name in START)) - y


class DecayingSine:
    """The example of lmfit's manual, with 4 parameters."""

    params: ClassVar = [50, 2500, 100_000]
    param_names: ClassVar = ["points"]

    def setup(self, points: int) -> None:
        self.x = np.linspace(0, 15, points)
        noise = np.random.default_rng(20).normal(size=points, scale=0.2)
        self.y = sine(self.x, 5.0, 0.025, -0.1, 2.0) + noise
        self.start = list(START.values())
        self.parameters = fitcore.create_params(**START)
        self.parameters["amp"].min = 0

    def time_leastsq(self, points: int) -> None:
        fitcore.optimize.leastsq(residual, self.start, (self.x, self.y))

    def time_curve_fit(self, points: int) -> None:
        fitcore.optimize.curve_fit(sine, self.x, self.y, self.start)

    def time_minimize(self, points: int) -> None:
        fitcore.minimize(
            residual_of_parameters, self.parameters, args=(self.x, self.y), inplace=False
        )

    def time_model(self, points: int) -> None:
        fitcore.Model(sine).fit(self.y, self.parameters, x=self.x)


class Peaks:
    """Models of the core, one fit and a thousand."""

    def setup(self) -> None:
        rng = np.random.default_rng(0)
        self.x = np.linspace(-5, 5, 50)
        self.model = GaussianModel() + ConstantModel()
        self.parameters = self.model.make_params(amplitude=3, center=0, sigma=1, c=0.5)
        height, center = rng.uniform([1, -0.5], [3, 0.5], (1000, 2)).T[..., None]
        self.y = height * np.exp(-((self.x - center) ** 2)) + rng.normal(0, 0.03, (1000, 50))

    def time_fit(self) -> None:
        self.model.fit(self.y[0], self.parameters, x=self.x)

    def time_fit_many(self) -> None:
        fitcore.fit_many(self.model, self.y, self.parameters, {"x": self.x}, workers=1)


class Rosenbrock:
    """L-BFGS-B on the chained function, bounded."""

    params: ClassVar = [10, 100_000]
    param_names: ClassVar = ["variables"]

    def setup(self, variables: int) -> None:
        self.start = np.full(variables, -1.2)
        self.bounds = np.tile([-2.0, 0.8], (variables, 1))

    def time_lbfgsb(self, variables: int) -> None:
        fitcore.optimize.fmin_l_bfgs_b(rosenbrock, self.start, bounds=self.bounds, maxiter=30)


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    r = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * r - 2 * (1 - x[:-1])
    g[1:] += 200 * r
    return float(100 * (r * r).sum() + ((1 - x[:-1]) ** 2).sum()), g
