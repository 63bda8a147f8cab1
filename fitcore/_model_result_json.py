"""Results of fits of models in JSON; docs/json.md describes the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from fitcore._model_eval import nodes_of
from fitcore._model_json import FORMAT, Reader, check_version, encode_model
from fitcore.jsonutils import FunctionNotLoaded, encode4js
from fitcore.parameter import Parameters
from fitcore.result import MinimizerResult

if TYPE_CHECKING:
    import os

    from fitcore.model import ModelResult

__all__ = ["ModelResultInJson", "load_modelresult", "save_modelresult"]

_SETTINGS = ("method", "nan_policy", "scale_covar", "calc_covar", "max_nfev")


class ModelResultInJson:
    """What `ModelResult` has for JSON."""

    def dumps(self, **kws: Any) -> str:
        """The result as a JSON string, whose format docs/json.md describes.

        It holds the model, the data, weights and independent variables, the parameters before and
        after, and what the fit has found. Attributes for which there is no form in JSON, as of
        what some methods of SciPy return beside, are left out.

        Parameters
        ----------
        **kws
            Passed to `json.dumps`.

        Returns
        -------
        str

        Raises
        ------
        TypeError
            Data, or an independent variable, have no form in JSON.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore import Model
        >>> def line(x, slope, offset):
        ...     return slope * x + offset
        >>> x = np.arange(5.0)
        >>> result = Model(line).fit(2 * x + np.cos(x), x=x, slope=1, offset=0)
        >>> twin = Model(line).fit(x, x=x, slope=1, offset=0).loads(result.dumps(), {"line": line})
        >>> twin.params == result.params, bool(twin.chisqr == result.chisqr)
        (True, True)
        """
        return json.dumps(_encode_result(self), **kws)

    def dump(self, fp: IO[str], **kws: Any) -> int:
        """Write `dumps` to an open file; returns the number of characters."""
        return fp.write(self.dumps(**kws))

    def loads(
        self,
        s: str | bytes,
        funcdefs: Mapping[str, Callable[..., Any]] | None = None,
        *,
        allow_imports: bool = False,
        **kws: Any,
    ) -> Self:
        """Become the result in a JSON string, written here or by lmfit.

        The model stays the same object if that in the string equals it.

        Parameters
        ----------
        s : str or bytes
        funcdefs : dict of str to callable, optional
            Functions by name: those of models and of expressions.
        allow_imports : bool, default False
            Whether functions may be imported from the modules that the file names: only for files
            that you trust.
        **kws
            Passed to `json.loads`.

        Returns
        -------
        ModelResult
            This one.

        Raises
        ------
        fitcore.jsonutils.FunctionNotLoaded
            A ValueError, for a function that is not built in, nor given, nor may be imported.
        AttributeError
            The string holds something else than a ModelResult.
        ValueError
            It is no JSON, or not as `dumps` writes it.
        """
        _restore(self, json.loads(s, **kws), Reader(funcdefs, allow_imports))
        return self

    def load(
        self,
        fp: IO[str],
        funcdefs: Mapping[str, Callable[..., Any]] | None = None,
        *,
        allow_imports: bool = False,
        **kws: Any,
    ) -> Self:
        """Become the result in an open file, as `loads`."""
        return self.loads(fp.read(), funcdefs, allow_imports=allow_imports, **kws)


def save_modelresult(modelresult: ModelResult, fname: str | os.PathLike[str]) -> None:
    """Write the result of a fit to a file.

    Parameters
    ----------
    modelresult : ModelResult
    fname : path
        Overwritten if it is there.
    """
    Path(fname).write_text(modelresult.dumps(), encoding="utf-8")


def load_modelresult(
    fname: str | os.PathLike[str],
    funcdefs: Mapping[str, Callable[..., Any]] | None = None,
    *,
    allow_imports: bool = False,
) -> ModelResult:
    """Read a result from a file that :func:`save_modelresult`, here or in lmfit, has written.

    Parameters
    ----------
    fname : path
    funcdefs : dict of str to callable, optional
        Functions by name: those of models and of expressions.
    allow_imports : bool, default False
        Whether functions may be imported from the modules that the file names: only for files
        that you trust.

    Returns
    -------
    ModelResult

    Raises
    ------
    fitcore.jsonutils.FunctionNotLoaded
        A ValueError, for a function that is not built in, nor given, nor may be imported.
    AttributeError
        The file holds something else than a ModelResult.
    ValueError
        It is no JSON, or not as `save_modelresult` writes it.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from fitcore.model import Model, load_modelresult, save_modelresult
    >>> def line(x, slope, offset):
    ...     return slope * x + offset
    >>> x = np.arange(5.0)
    >>> result = Model(line).fit(2 * x + np.cos(x), x=x, slope=1, offset=0)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_modelresult(result, Path(directory, "fit.json"))
    ...     twin = load_modelresult(Path(directory, "fit.json"), {"line": line})
    >>> twin.fit_report() == result.fit_report()
    True
    """
    from fitcore.model import Model, ModelResult

    stored = json.loads(Path(fname).read_text(encoding="utf-8"))
    result = ModelResult(Model(None), Parameters())  # type: ignore[arg-type]
    _restore(result, stored, Reader(funcdefs, allow_imports), f"load_modelresult({str(fname)!r})")
    return result


def _encode_result(result: Any) -> dict[str, Any]:
    fit = result.result
    return {
        "__class__": "fitcore.ModelResult", "__version__": FORMAT,
        "model": encode_model(result.model),
        "params": json.loads(result.params.dumps()),
        "init_params": json.loads(result.init_params.dumps()),
        "data": encode4js(result.data), "weights": encode4js(result.weights),
        "userkws": encode4js(dict(result.userkws)),
        "settings": {
            **{name: encode4js(getattr(result, name)) for name in _SETTINGS},
            "max_nfev": encode4js(result._max_nfev),
        },
        "fit_kws": _encodable(result.kws),
        "result": None if fit is None else _encodable(fit.__dict__),
        "ci_out": encode4js(result.ci_out), "user_options": encode4js(result.user_options),
    }  # fmt: skip


def _encodable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    out = {}
    for name, value in attributes.items():
        if name.startswith("_") or name == "params":
            continue
        try:
            out[name] = encode4js(value)
        except TypeError:
            continue
    return out


def _restore(result: Any, stored: Any, reader: Reader, who: str = "loads") -> None:
    """Make a ModelResult the one that is stored; it stays as it is if that cannot be read."""
    kind = stored.get("__class__") if isinstance(stored, dict) else None
    if kind not in ("fitcore.ModelResult", "lmfit.ModelResult"):
        raise AttributeError(f"{who} needs saved ModelResult, not {kind or type(stored).__name__}")
    try:
        if kind == "lmfit.ModelResult":
            from fitcore._lmfit_json import lmfit_result

            stored = lmfit_result(stored)
        else:
            check_version(stored)
        model = reader.model(stored["model"])
        if _same(model, result.model):
            model = result.model
        params, initial = (_parameters(stored[key], reader) for key in ("params", "init_params"))
        data, weights, userkws, ci_out, options = (
            reader.decode(stored[key])
            for key in ("data", "weights", "userkws", "ci_out", "user_options")
        )
        settings = {name: reader.decode(value) for name, value in stored["settings"].items()}
        fit_kws = {name: reader.decode(v) for name, v in (stored.get("fit_kws") or {}).items()}
        fit = None
        if stored["result"] is not None:
            found = {name: reader.decode(value) for name, value in stored["result"].items()}
            fit = MinimizerResult(**found)
            fit.params = params
            fit._end()
    except FunctionNotLoaded:
        raise
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"the JSON does not hold a ModelResult: {error!r}") from error
    own = {name: settings[name] for name in _SETTINGS if name in settings}
    result.__init__(model, initial, data, weights, fcn_args=(data, weights), fcn_kws=userkws,
                    **own, **fit_kws)  # fmt: skip
    result.params, result.init_params = params, initial
    if fit is not None:
        result.result = fit
        result._take_over(fit)
        result.init_fit = model.eval(initial, **result.userkws)
    result.ci_out, result.user_options = ci_out, options


def _parameters(stored: Any, reader: Reader) -> Parameters:
    return Parameters().loads(
        json.dumps(stored), reader.funcdefs, allow_imports=reader.allow_imports
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two models are the same functions with the same settings."""
    mine, yours = list(nodes_of(one)), list(nodes_of(other))
    return (
        len(mine) == len(yours)
        and all(a.func is b.func for a, b in zip(mine, yours, strict=True))
        and encode_model(one) == encode_model(other)
    )
