"""Built-in models: peaks, steps, curves, splines, and models from an expression.

Each has `guess`, which takes starting values from data, and derived parameters such as `fwhm` and
`height`, with their uncertainties. Models are added, multiplied and so on; a `prefix` keeps the
names of their parameters apart.

Examples
--------
>>> import numpy as np
>>> from fitcore.models import GaussianModel, LinearModel
>>> x = np.linspace(0, 10, 101)
>>> y = 5 * np.exp(-((x - 4) ** 2) / 0.5) + 0.3 * x + 1
>>> model = GaussianModel(prefix="peak_") + LinearModel(prefix="base_")
>>> params = model.make_params(peak_center=5, peak_amplitude=10)
>>> result = model.fit(y, params, x=x)
>>> round(result.params["peak_center"].value, 6), round(result.params["peak_height"].value, 5)
(4.0, 5.0)
"""

from __future__ import annotations

from fitcore._asymmetric_models import (
    BreitWignerModel,
    DampedHarmonicOscillatorModel,
    DampedOscillatorModel,
    DoniachModel,
    ExponentialGaussianModel,
    LognormalModel,
    SkewedGaussianModel,
    SkewedVoigtModel,
)
from fitcore._builtin_model import (
    COMMON_GUESS_DOC,
    COMMON_INIT_DOC,
    DimensionalError,
    fwhm_expr,
    height_expr,
)
from fitcore._curve_models import (
    ComplexConstantModel,
    ConstantModel,
    ExponentialModel,
    LinearModel,
    PolynomialModel,
    PowerLawModel,
    QuadraticModel,
    SineModel,
    SplineModel,
)
from fitcore._expression_model import ExpressionModel
from fitcore._guess import (
    guess_from_peak,
    guess_from_peak2d,
    guess_thermal,
    update_param_vals,
)
from fitcore._peak_models import (
    Gaussian2dModel,
    GaussianModel,
    LorentzianModel,
    MoffatModel,
    Pearson4Model,
    Pearson7Model,
    PseudoVoigtModel,
    SplitLorentzianModel,
    StudentsTModel,
    VoigtModel,
)
from fitcore._step_models import (
    BoseModel,
    FermiModel,
    RectangleModel,
    StepModel,
    ThermalDistributionModel,
)
from fitcore.lineshapes import tiny
from fitcore.model import Model

__all__ = [
    "COMMON_GUESS_DOC",
    "COMMON_INIT_DOC",
    "BoseModel",
    "BreitWignerModel",
    "ComplexConstantModel",
    "ConstantModel",
    "DampedHarmonicOscillatorModel",
    "DampedOscillatorModel",
    "DimensionalError",
    "DoniachModel",
    "ExponentialGaussianModel",
    "ExponentialModel",
    "ExpressionModel",
    "FermiModel",
    "Gaussian2dModel",
    "GaussianModel",
    "LinearModel",
    "LognormalModel",
    "LorentzianModel",
    "Model",
    "MoffatModel",
    "ParabolicModel",
    "Pearson4Model",
    "Pearson7Model",
    "PolynomialModel",
    "PowerLawModel",
    "PseudoVoigtModel",
    "QuadraticModel",
    "RectangleModel",
    "SineModel",
    "SkewedGaussianModel",
    "SkewedVoigtModel",
    "SplineModel",
    "SplitLorentzianModel",
    "StepModel",
    "StudentsTModel",
    "ThermalDistributionModel",
    "VoigtModel",
    "fwhm_expr",
    "guess_from_peak",
    "guess_from_peak2d",
    "guess_thermal",
    "height_expr",
    "lmfit_models",
    "tiny",
    "update_param_vals",
]
__dir__ = __all__.copy

ParabolicModel = QuadraticModel

#: Models by the names under which lmfit lists them.
lmfit_models: dict[str, type[Model]] = {
    "Constant": ConstantModel,
    "Complex Constant": ComplexConstantModel,
    "Linear": LinearModel,
    "Quadratic": QuadraticModel,
    "Polynomial": PolynomialModel,
    "Spline": SplineModel,
    "Gaussian": GaussianModel,
    "Gaussian-2D": Gaussian2dModel,
    "Lorentzian": LorentzianModel,
    "Split-Lorentzian": SplitLorentzianModel,
    "Voigt": VoigtModel,
    "PseudoVoigt": PseudoVoigtModel,
    "Moffat": MoffatModel,
    "Pearson4": Pearson4Model,
    "Pearson7": Pearson7Model,
    "StudentsT": StudentsTModel,
    "Breit-Wigner": BreitWignerModel,
    "Log-Normal": LognormalModel,
    "Damped Oscillator": DampedOscillatorModel,
    "Damped Harmonic Oscillator": DampedHarmonicOscillatorModel,
    "Exponential Gaussian": ExponentialGaussianModel,
    "Skewed Gaussian": SkewedGaussianModel,
    "Skewed Voigt": SkewedVoigtModel,
    "Thermal Distribution": ThermalDistributionModel,
    "Bose-Einstein Distribution": BoseModel,
    "Fermi-Dirac Distribution": FermiModel,
    "Doniach": DoniachModel,
    "Power Law": PowerLawModel,
    "Exponential": ExponentialModel,
    "Step": StepModel,
    "Rectangle": RectangleModel,
    "Expression": ExpressionModel,
}
