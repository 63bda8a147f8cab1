"""A model from the text of an expression."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fitcore._array_expression import ArrayExpression
from fitcore.model import Model

if TYPE_CHECKING:
    from fitcore._safe_interpreter import SafeInterpreter

__all__ = ["ExpressionModel"]


class ExpressionModel(Model):
    """A model from an expression: names that are not known become its parameters.

    Known are the functions and constants of asteval (those of numpy and math among them, nothing
    that reads files), the lineshapes (`gaussian`, `lorentzian`, `step`...), and what `init_script`
    defines.

    Parameters
    ----------
    expr : str
        The expression, such as ``"amp*exp(-x/tau) + off"``.
    independent_vars : list of str, optional
        Default: x.
    init_script : str, optional
        Statements that asteval runs first, in this model's own interpreter.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        Whether NaN in data or model is an error, is passed on, or its points are left out.
    **kws
        Further arguments of `fitcore.Model`; a prefix is not supported.

    Attributes
    ----------
    expr : str
    init_script : str or None
    asteval : asteval.Interpreter
    astcode : ast.Module
        The expression, parsed.

    Raises
    ------
    SyntaxError
        The expression cannot be parsed; the message shows the place.
    NameError
        It calls a function that is not known.
    ValueError
        An independent variable is not in it.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import ExpressionModel
    >>> model = ExpressionModel("amp*exp(-x/tau) + off")
    >>> model.param_names
    ['amp', 'tau', 'off']
    >>> x = np.linspace(0, 9, 50)
    >>> result = model.fit(4 * np.exp(-x / 2) + 1, x=x, amp=1, tau=1, off=0)
    >>> round(result.best_values["tau"], 6)
    2.0
    >>> model = ExpressionModel("line(x, a, b)", init_script="def line(x, a, b): return a*x + b")
    >>> model.eval(x=np.array([0.0, 1.0]), a=2, b=3).tolist()
    [3.0, 5.0]
    """

    idvar_missing = "No independent variable found in\n {}"
    idvar_notfound = "Cannot find independent variables '{}' in\n {}"
    no_prefix = "ExpressionModel does not support `prefix` argument"

    def __init__(
        self,
        expr: str,
        independent_vars: Sequence[str] | None = None,
        init_script: str | None = None,
        nan_policy: str = "raise",
        **kws: Any,
    ) -> None:
        if kws.pop("prefix", ""):
            raise Warning(self.no_prefix)  # as in lmfit
        function = ArrayExpression(expr, init_script)
        self.expr = expr
        self.init_script = init_script
        names = function.parsed.names
        if independent_vars is None:
            if "x" not in names:
                raise ValueError(self.idvar_missing.format(expr))
            variables = ["x"]
        else:
            given = independent_vars
            variables = [given] if isinstance(given, str) else list(given)
            lost = [name for name in variables if name not in names]
            if lost or not variables:
                raise ValueError(self.idvar_notfound.format(", ".join(map(str, lost)), expr))
        super().__init__(
            function,
            independent_vars=variables,
            param_names=[name for name in function.unknown if name not in variables],
            nan_policy=nan_policy,
            **kws,
        )

    @property
    def asteval(self) -> SafeInterpreter:
        """SafeInterpreter: the asteval Interpreter that knows what the expression may use."""
        return self._expression.interpreter

    @property
    def astcode(self) -> ast.Module:
        """ast.Module: the expression, parsed."""
        return ast.Module([ast.Expr(self._expression.parsed.tree)], [])

    @property
    def _expression(self) -> ArrayExpression:
        function: ArrayExpression = self.func
        return function

    def _set_paramhints_prefix(self) -> None:
        if self.prefix:
            self._prefix = ""
            raise Warning(self.no_prefix)

    def _reprstring(self, long: bool = True) -> str:  # it has one form
        return f"<fitcore.ExpressionModel('{self.expr}')>"
