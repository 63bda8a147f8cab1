"""Complex stand-ins for Parameters, for differentiation by complex steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitcore.parameter import Parameter, Parameters

__all__ = ["ComplexParameter", "ComplexParameters", "complex_parameters"]


class ComplexParameter(complex):
    """A parameter with a complex value: a complex number with the attributes of a Parameter."""

    _source: Parameter

    @property
    def value(self) -> complex:
        """complex: the value."""
        return complex(self)

    def __getattr__(self, name: str) -> Any:
        if name == "_source":
            raise AttributeError(name)
        return getattr(self._source, name)


class ComplexParameters(dict[str, ComplexParameter]):
    """Parameters with complex values, as an objective function sees them during complex steps."""

    def valuesdict(self) -> dict[str, complex]:
        """Values by name.

        Returns
        -------
        dict of str to complex
        """
        return {name: complex(item) for name, item in self.items()}


def complex_parameters(params: Parameters, steps: Mapping[str, float]) -> ComplexParameters:
    """Make a copy of `params` with imaginary parts.

    Parameters
    ----------
    params : Parameters
        Real values.
    steps : mapping of str to float
        Imaginary parts of variables, so small that only their first order counts.

    Returns
    -------
    ComplexParameters
        With the imaginary parts which follow for the parameters that are expressions.
    """
    imaginary = dict(steps)
    if any(item.expr for item in params.values()):
        names = list(steps)
        for name, row in params._expression_jacobian(names).items():
            imaginary[name] = sum(float(d) * steps[n] for d, n in zip(row, names, strict=True))
    made = ComplexParameters()
    for name, item in params.items():
        made[name] = ComplexParameter(float(item.value), imaginary.get(name, 0.0))
        made[name]._source = item
    return made
