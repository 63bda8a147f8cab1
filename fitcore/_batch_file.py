"""Results of batches in files: npz, with names and settings in JSON; nothing is pickled."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fitcore._batch_fit import FIELDS
from fitcore._batch_result import BatchResult
from fitcore.parameter import Parameters

__all__ = ["load", "save"]

KIND, VERSION = "fitcore batch", 1


def save(result: BatchResult, path: str | os.PathLike[str]) -> None:
    """Write a result; the file appears whole or not at all."""
    arrays: dict[str, Any] = {
        name: array for name, array in result._rows.items() if name != "message"
    }
    texts, codes = np.unique(result._rows["message"].astype(str), return_inverse=True)
    about = {
        "kind": KIND,
        "version": VERSION,
        "params": result._template.dumps(),
        "var_names": result.var_names,
        "shape": result.shape,
        "method": result.method,
        "interrupted": result.interrupted,
        "settings": result._settings,
        "texts": texts.tolist(),
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    arrays["message"] = codes.astype(np.int32)
    target = Path(path)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            np.savez(file, **arrays)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> BatchResult:
    """Read a result."""
    try:
        with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        about: dict[str, Any] = json.loads(stored.pop("about").tobytes())
        if about["kind"] != KIND or about["version"] > VERSION:
            raise ValueError(f"kind {about['kind']!r}, version {about['version']!r}")
        texts = np.array(about["texts"], dtype=object)
        codes = stored["message"]
        rows = {name: stored[name].astype(dtype) for name, (dtype, *_) in FIELDS.items()}
        rows["message"] = texts[codes] if texts.size else np.empty(codes.shape, dtype=object)
        template = Parameters().loads(about["params"])
        _check(rows, about, len(template))
        return BatchResult(
            template, tuple(about["var_names"]), tuple(about["shape"]), about["method"], rows,
            about["interrupted"], about["settings"],
        )  # fmt: skip
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
    ) as exc:
        raise ValueError(
            f"{os.fspath(path)!r} is no result of fit_many that this version can read: {exc}"
        ) from exc


def _check(rows: dict[str, Any], about: dict[str, Any], nparams: int) -> None:
    """All arrays have the axes that the names call for."""
    count = int(np.prod(about["shape"]))
    lengths = {"p": nparams, "v": len(about["var_names"])}
    for name, (_, axes, _) in FIELDS.items():
        wanted = (count, *(lengths[axis] for axis in axes))
        if rows[name].shape != wanted:
            raise ValueError(f"{name} has shape {rows[name].shape}, not {wanted}")
