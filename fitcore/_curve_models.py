"""Models of smooth curves: constants, polynomials, splines, sines, powers, exponentials."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore import lineshapes
from fitcore._arguments import is_whole
from fitcore._builtin_model import BuiltinModel, Hints
from fitcore._cubic_spline import CubicSpline
from fitcore._guess import polynomial_fit, read_curve, read_data, spread

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = [
    "ComplexConstantModel",
    "ConstantModel",
    "ExponentialModel",
    "LinearModel",
    "PolynomialModel",
    "PowerLawModel",
    "QuadraticModel",
    "SineModel",
    "SplineModel",
]

Array = NDArray[np.float64]


def constant(x: Any, c: float = 0.0) -> Any:
    """`c` for every `x`."""
    return c * np.ones(np.shape(x))


def complex_constant(x: Any, re: float = 0.0, im: float = 0.0) -> Any:
    """``re + i im`` for every `x`."""
    return (re + 1j * im) * np.ones(np.shape(x))


complex_constant.__name__ = constant.__name__


class ConstantModel(BuiltinModel):
    """A constant `c`, which does not depend on `x`, and is varied in a fit.

    f(x) = c

    Examples
    --------
    >>> from fitcore.models import ConstantModel
    >>> float(ConstantModel().guess([1, 2, 6])["c"])
    3.0
    """

    _function = staticmethod(constant)

    def guess(self, data: ArrayLike, x: ArrayLike | None = None, **kwargs: Any) -> Parameters:
        """Starting value: the mean of data.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe; those that are masked or not finite are left out.
        x : array_like, optional
            Not used.
        **kwargs
            The value of `c`, with or without the prefix, if it is not to be guessed.

        Returns
        -------
        fitcore.Parameters
        """
        values, _ = read_data(data, {}, self)
        return self._guessed(kwargs, c=float(values.mean()))


class ComplexConstantModel(BuiltinModel):
    """A complex constant, which does not depend on `x`.

    f(x) = re + i im

    Examples
    --------
    >>> from fitcore.models import ComplexConstantModel
    >>> ComplexConstantModel().guess([1 + 2j, 3 - 4j]).valuesdict()
    {'re': 2.0, 'im': -1.0}
    """

    _function = staticmethod(complex_constant)

    def guess(self, data: ArrayLike, x: ArrayLike | None = None, **kwargs: Any) -> Parameters:
        """Starting values: the mean of data.

        Parameters
        ----------
        data : array_like
            Real or complex values that the model is to describe.
        x : array_like, optional
            Not used.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
        """
        parts = data if isinstance(data, np.ndarray) else np.asarray(data)
        # NaN in one part is no value of the other.
        real, (imag,) = read_data(parts.real, {"data": parts.imag}, self)
        return self._guessed(kwargs, re=float(real.mean()), im=float(imag.mean()))


class LinearModel(BuiltinModel):
    """A straight line.

    f(x) = slope x + intercept

    Examples
    --------
    >>> from fitcore.models import LinearModel
    >>> params = LinearModel().guess([1, 3, 5, 7], x=[0, 1, 2, 3])
    >>> round(params["slope"].value, 9), round(params["intercept"].value, 9)
    (2.0, 1.0)
    """

    _function = staticmethod(lineshapes.linear)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """The line of least squares.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order. Points that are masked or not
            finite are left out.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
        """
        slope, intercept = polynomial_fit(*read_curve(data, x, self), 1)
        return self._guessed(kwargs, slope=float(slope), intercept=float(intercept))


class QuadraticModel(BuiltinModel):
    """A parabola; `ParabolicModel` is another name.

    f(x) = a x**2 + b x + c

    Examples
    --------
    >>> from fitcore.models import QuadraticModel
    >>> params = QuadraticModel().guess([1, 0, 1, 4], x=[0, 1, 2, 3])
    >>> [round(par.value, 9) for par in params.values()]
    [1.0, -2.0, 1.0]
    """

    _function = staticmethod(lineshapes.parabolic)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """The parabola of least squares; see `LinearModel.guess` for the arguments."""
        a, b, c = polynomial_fit(*read_curve(data, x, self), 2)
        return self._guessed(kwargs, a=float(a), b=float(b), c=float(c))


class _Named:
    """A model function with parameters that depend on how many there are."""

    def __init__(self, name: str, parameters: Sequence[str], default: Any) -> None:
        self.__name__ = self.__qualname__ = name
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([
            inspect.Parameter("x", kind),
            *(inspect.Parameter(one, kind, default=default) for one in parameters),
        ])  # fmt: skip
        self._parameters = list(parameters)

    def _values(self, given: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """What is given for the parameters, in order."""
        if not given and len(named) == len(self._parameters):
            try:
                return [named[name] for name in self._parameters]
            except KeyError:
                pass  # there is another name, which the signature refuses
        bound = self.__signature__.bind(None, *given, **named)
        bound.apply_defaults()
        return [bound.arguments[name] for name in self._parameters]


class _Polynomial(_Named):
    def __init__(self, degree: int) -> None:
        super().__init__(
            "polynomial", [f"c{k}" for k in range(degree + 1)], inspect.Parameter.empty
        )
        self.degree = degree

    def __call__(self, x: Any, *given: Any, **named: Any) -> Any:
        return np.polyval(self._values(given, named)[::-1], x)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Polynomial, (self.degree,)


class PolynomialModel(BuiltinModel):
    """A polynomial of degree 0 to 7.

    f(x) = c0 + c1 x + ... + cn x**n

    Parameters
    ----------
    degree : int, default 7
        Its degree n.
    independent_vars : list of str, optional
        Default: x.
    prefix : str, default ''
        Put before the names of all parameters.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        Whether NaN is an error, is passed on, or its points are left out.
    **kwargs
        Further arguments of `fitcore.Model`.

    Raises
    ------
    TypeError
        `degree` is no whole number from 0 to 7.

    Examples
    --------
    >>> from fitcore.models import PolynomialModel
    >>> PolynomialModel(degree=2).eval(x=[0.0, 1.0, 2.0], c0=1, c1=0, c2=3).tolist()
    [1.0, 4.0, 13.0]
    """

    MAX_DEGREE = 7
    DEGREE_ERR = "degree must be an integer equal to or smaller than {}."
    valid_forms = (0, 1, 2, 3, 4, 5, 6, 7)  # type: ignore[assignment]  # as lmfit has it

    def __init__(
        self,
        degree: int = 7,
        independent_vars: Sequence[str] | None = None,
        prefix: str = "",
        nan_policy: str = "raise",
        **kwargs: Any,
    ) -> None:
        if not is_whole(degree, 0) or degree > self.MAX_DEGREE:
            raise TypeError(
                f"{self.DEGREE_ERR.format(self.MAX_DEGREE)} It was {degree!r:.60}; 0 is the least"
            )
        self.poly_degree = int(degree)
        super().__init__(independent_vars, prefix, nan_policy, **kwargs)

    def _model_function(self) -> Callable[..., Any]:
        return _Polynomial(self.poly_degree)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """The polynomial of least squares; see `LinearModel.guess` for the arguments."""
        found = polynomial_fit(*read_curve(data, x, self), self.poly_degree)[::-1]
        return self._guessed(kwargs, **{f"c{k}": float(c) for k, c in enumerate(found)})


class _Spline(_Named):
    def __init__(self, points: Array) -> None:
        super().__init__("spline_model", [f"s{k}" for k in range(points.size)], 1.0)
        self.points = points
        self.curve = CubicSpline(points)

    def __call__(self, x: Any, *given: Any, **named: Any) -> Any:
        return self.curve(x, self._values(given, named))

    def __reduce__(self) -> tuple[Any, ...]:
        return _Spline, (self.points,)


class SplineModel(BuiltinModel):
    """A cubic spline with parameters `s0`, `s1`, ..., one for each of the points in `xknots`.

    The parameters are coefficients of B-splines: with finely spaced points they come close to the
    values of the curve there, but it does not go through them. The spline's knots are the points
    without the second and the last but one, as in an interpolation with not-a-knot ends. Beyond
    the ends the outermost polynomials continue.

    Parameters
    ----------
    xknots : array_like, shape (n,)
        Values of x, strictly increasing, 4 to 300 of them.
    independent_vars : list of str, optional
        Default: x.
    prefix : str, default ''
        Put before the names of all parameters.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        Whether NaN is an error, is passed on, or its points are left out.
    **kwargs
        Further arguments of `fitcore.Model`.

    Raises
    ------
    TypeError
        `xknots` is no list of real numbers, or there are too few or too many.
    ValueError
        They are not finite, or not strictly increasing.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import SplineModel
    >>> x = np.linspace(0, 10, 101)
    >>> model = SplineModel(xknots=np.linspace(0, 10, 12))
    >>> result = model.fit(np.sin(x), model.guess(np.sin(x), x), x=x)
    >>> bool(np.abs(result.best_fit - np.sin(x)).max() < 0.01)
    True
    """

    MAX_KNOTS = 300
    NKNOTS_MAX_ERR = "SplineModel supports up to {:d} knots"
    NKNOTS_NDARRY_ERR = "SplineModel xknots must be 1-D array-like"
    DIM_ERR = "SplineModel supports only 1-d spline interpolation"

    def __init__(
        self,
        xknots: ArrayLike,
        independent_vars: Sequence[str] | None = None,
        prefix: str = "",
        nan_policy: str = "raise",
        **kwargs: Any,
    ) -> None:
        self.xknots = self._read_points(xknots)
        self.nknots = self.xknots.size
        self.order = 3
        super().__init__(independent_vars, prefix, nan_policy, **kwargs)
        self.knots = self.func.curve.knots

    @classmethod
    def _read_points(cls, given: Any) -> Array:
        try:
            points = np.array(given, dtype=np.float64)
        except (TypeError, ValueError):
            points = np.array(math.nan)
        if points.ndim != 1:
            raise TypeError(f"{cls.NKNOTS_NDARRY_ERR} of real numbers, got {given!r:.60}")
        if points.size > cls.MAX_KNOTS:
            raise TypeError(f"{cls.NKNOTS_MAX_ERR.format(cls.MAX_KNOTS)}, got {points.size}")
        if points.size < 4:
            raise TypeError(f"SplineModel needs 4 knots in xknots or more, got {points.size}")
        if not np.isfinite(points).all() or not (np.diff(points) > 0.0).all():
            raise ValueError("SplineModel: xknots must be finite and strictly increasing")
        return points

    def _model_function(self) -> Callable[..., Any]:
        return _Spline(self.xknots)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """Starting values: data at the points next to `xknots`, smoothed with their neighbours.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
            With weights of 1/6, 4/6 and 1/6, which give the coefficients of a straight line.
        """
        xs, ys = read_curve(data, x, self)
        upper = np.minimum(np.searchsorted(xs, self.xknots), xs.size - 1)
        lower = np.maximum(upper - 1, 0)
        near = np.where(self.xknots - xs[lower] <= xs[upper] - self.xknots, lower, upper)
        before, after = np.maximum(near - 1, 0), np.minimum(near + 1, xs.size - 1)
        values = (ys[before] + 4.0 * ys[near] + ys[after]) / 6.0
        return self._guessed(kwargs, **{f"s{k}": float(v) for k, v in enumerate(values)})


class SineModel(BuiltinModel):
    """A sine wave.

    f(x) = amplitude sin(frequency x + shift)

    `frequency` is an angular one, in radians per unit of `x`. It and `amplitude` are not
    negative; `shift` lies between -2 pi and 2 pi, and a little beyond.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import SineModel
    >>> x = np.linspace(0, 10, 101)
    >>> y = 3 * np.sin(2.1 * x + 0.5)
    >>> result = SineModel().fit(y, SineModel().guess(y, x), x=x)
    >>> [round(par.value, 6) for par in result.params.values()]
    [3.0, 2.1, 0.5]
    """

    _function = staticmethod(lineshapes.sine)
    _hints: ClassVar[Hints] = {
        "amplitude": {"min": 0},
        "frequency": {"min": 0},
        "shift": {"min": -math.tau - 1e-5, "max": math.tau + 1e-5},
    }

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """Starting values from the largest Fourier component of data.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order. Where it is not evenly spaced, data
            are interpolated.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
            `shift` is the best of eleven, a multiple of 2 pi / 11.
        """
        xs, ys = read_curve(data, x, self)
        width = spread(xs)
        if ys.size == 1 or width == 0.0:
            amplitude, frequency = float(np.abs(ys).max()), 1.0
        else:
            even = np.linspace(xs[0], xs[-1], xs.size)
            uneven = np.abs(even - xs).max() > 1e-9 * width
            wave = np.fft.rfft(np.interp(even, xs, ys) if uneven else ys)
            best = 1 + int(np.abs(wave[1:]).argmax())
            amplitude = 2.0 * float(np.abs(wave[best])) / xs.size
            frequency = math.tau * best * (xs.size - 1) / (xs.size * width)
        shifts = np.arange(11) * (math.tau / 11)
        misfits = [((ys - amplitude * np.sin(frequency * xs + s)) ** 2).sum() for s in shifts]
        return self._guessed(
            kwargs, amplitude=amplitude, frequency=frequency,
            shift=float(shifts[int(np.argmin(misfits))]),
        )  # fmt: skip


class PowerLawModel(BuiltinModel):
    """A power law.

    f(x) = amplitude x**exponent

    Examples
    --------
    >>> from fitcore.models import PowerLawModel
    >>> params = PowerLawModel().guess([3, 12, 27], x=[1, 2, 3])
    >>> round(params["amplitude"].value, 9), round(params["exponent"].value, 9)
    (3.0, 2.0)
    """

    _function = staticmethod(lineshapes.powerlaw)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """The line of least squares through the logarithms of data at positive `x`.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe. Those of the sign that prevails are used.
        x : array_like
            Independent variable, as many values, in any order, some of them positive.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters

        Raises
        ------
        ValueError
            No point has a positive `x`.
        """
        xs, ys = read_curve(data, x, self)
        if not xs[-1] > 0.0:
            raise ValueError(
                f"{type(self).__name__}.guess: x has no positive value, the largest is {xs[-1]}: "
                "it has no logarithm"
            )
        ys, xs = ys[xs > 0.0], xs[xs > 0.0]
        sign = -1.0 if ys.sum() < 0.0 else 1.0
        used = sign * ys > 0.0
        amplitude, exponent = 0.0, 1.0
        if used.any() and spread(xs[used]) == 0.0:
            amplitude = float(ys[used].mean() / xs[used][0])
        elif used.any():
            exponent, logarithm = map(
                float, polynomial_fit(np.log(xs[used]), np.log(sign * ys[used]), 1)
            )
            amplitude = sign * bounded_exp(logarithm)
        return self._guessed(kwargs, amplitude=amplitude, exponent=exponent)


class ExponentialModel(BuiltinModel):
    """An exponential decay.

    f(x) = amplitude exp(-x / decay)

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import ExponentialModel
    >>> x = np.linspace(0, 5, 20)
    >>> params = ExponentialModel().guess(3 * np.exp(-x / 1.5), x)
    >>> round(params["amplitude"].value, 6), round(params["decay"].value, 6)
    (3.0, 1.5)
    """

    _function = staticmethod(lineshapes.exponential)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """The line of least squares through the logarithms of the absolute values of data.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
            `amplitude` has the sign of the sum of data; `decay` is at most a million times the
            range of `x`.
        """
        xs, ys = read_curve(data, x, self)
        sign = -1.0 if ys.sum() < 0.0 else 1.0
        logs = np.log(np.abs(ys) + 1e-15)
        width = spread(xs)
        slope, logarithm = 0.0, float(logs.mean())
        if width > 0.0:
            slope, logarithm = map(float, polynomial_fit(xs, logs, 1))
        longest = 1e6 * (width or abs(float(xs[0])) or 1.0)
        decay = longest if abs(slope) * longest <= 1.0 else -1.0 / slope
        return self._guessed(kwargs, amplitude=sign * bounded_exp(logarithm), decay=decay)


def bounded_exp(x: float) -> float:
    """``exp(x)``, at most the largest number."""
    return math.exp(min(x, 709.0))
