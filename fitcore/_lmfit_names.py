"""Names that are private in lmfit and read by scripts all the same."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from fitcore.expression import parse

__all__ = ["LmfitNames"]


class LmfitNames:
    """What scripts of lmfit's users read of a `Parameter` beside what is public; not to be set."""

    __slots__ = ()

    if TYPE_CHECKING:
        name: str | None
        expr: str | None
        _group_of: Any
        _last_value: float

        def _value_or_last(self) -> float: ...

    _delay_asteval = False

    @property
    def _val(self) -> float:
        """Float: the value; where its expression fails, or is that of no `Parameters`, the last."""
        return self._last_value if self._group_of is None else self._value_or_last()

    @property
    def _expr(self) -> str | None:
        return self.expr

    @property
    def _expr_ast(self) -> ast.expr | None:
        """Syntax tree of its expression."""
        return None if self.expr is None else parse(self.expr, self.name).tree

    @property
    def _expr_deps(self) -> list[str]:
        """List of str: names in its expression."""
        return [] if self.expr is None else list(parse(self.expr, self.name).names)

    @property
    def _expr_eval(self) -> Any:
        """The interpreter that evaluates its expression; None outside of Parameters."""
        params = None if self._group_of is None else self._group_of.owner()
        return None if params is None else params._asteval

    @_expr_eval.deleter
    def _expr_eval(self) -> None:
        """Nothing is kept that could be deleted."""
