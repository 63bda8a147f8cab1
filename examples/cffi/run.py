"""A model in C, compiled by cffi against fitcore.h, in curve_fit and in Model."""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np
from cffi import FFI

import fitcore
from fitcore import Model, NativeFunction
from fitcore.optimize import curve_fit

ffi = FFI()
ffi.cdef(
    "int decay(int64_t m, int64_t nx, const double *x, int64_t n, const double *p, double *y, "
    "double *dy, void *user_data);"
)
ffi.set_source("_decay", Path("model.c").read_text(), include_dirs=[fitcore.get_include()])
with tempfile.TemporaryDirectory() as scratch:
    path = ffi.compile(tmpdir=scratch)
    spec = importlib.util.spec_from_file_location("_decay", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

pointer = module.ffi.addressof(module.lib, "decay")
decay = NativeFunction(pointer, "model", derivatives=True, names=["amp", "tau"])

t = np.linspace(0, 10, 50)
y = 3 * np.exp(-t / 4) + 0.01 * np.cos(7 * t)
popt, pcov = curve_fit(decay, t, y)
print("curve_fit:", np.round(popt, 6), np.round(np.sqrt(np.diag(pcov)), 6))
result = Model(decay).fit(y, x=t, amp=1, tau={"value": 1, "min": 0.1})
print("Model:", round(result.params["amp"].value, 6), round(result.params["tau"].value, 6))
