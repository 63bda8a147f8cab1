from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._evaluator import Evaluator

_Array: TypeAlias = NDArray[np.float64]
_Indices: TypeAlias = NDArray[np.int32]
_Function: TypeAlias = Callable[[_Array], Any] | Evaluator

class Outcome(NamedTuple):
    x: _Array
    fvec: _Array
    info: int
    nfev: int
    njev: int
    fjac: _Array
    ipvt: _Indices
    qtf: _Array
    diag: _Array
    r: _Array

class Watch(Evaluator):
    x: _Array | None
    fvec: _Array | None
    def __init__(self, inner: Evaluator) -> None: ...

def evaluate(evaluator: Evaluator, x: ArrayLike) -> _Array: ...
def lmdif(
    func: _Function,
    x0: ArrayLike,
    m: int | None,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    epsfcn: float,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
    *,
    first: _Array | None = None,
) -> Outcome: ...
def lmder(
    func: _Function,
    jac: Callable[[_Array], Any] | None,
    x0: ArrayLike,
    m: int | None,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
    *,
    col_deriv: bool = False,
    first: _Array | None = None,
) -> Outcome: ...
def lmstr(
    func: _Function,
    jac: Callable[[_Array, int], Any],
    x0: ArrayLike,
    m: int | None,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
) -> Outcome: ...
def hybrd(
    func: _Function,
    x0: ArrayLike,
    xtol: float,
    maxfev: int,
    ml: int,
    mu: int,
    epsfcn: float,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
    *,
    first: _Array | None = None,
) -> Outcome: ...
def hybrj(
    func: _Function,
    jac: Callable[[_Array], Any] | None,
    x0: ArrayLike,
    xtol: float,
    maxfev: int,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
    *,
    col_deriv: bool = False,
    first: _Array | None = None,
) -> Outcome: ...
def easy(
    name: str,
    func: _Function,
    jac: Callable[..., Any] | None,
    x0: ArrayLike,
    m: int | None,
    tol: float,
) -> Outcome: ...
def chkder_point(x: ArrayLike) -> _Array: ...
def chkder(x: ArrayLike, fvec: ArrayLike, fjac: ArrayLike, fvecp: ArrayLike) -> _Array: ...
def fdjac1(
    func: _Function, x: ArrayLike, fvec: ArrayLike, ml: int, mu: int, epsfcn: float = 0.0
) -> _Array: ...
def fdjac2(func: _Function, x: ArrayLike, fvec: ArrayLike, epsfcn: float = 0.0) -> _Array: ...
def enorm(x: ArrayLike) -> float: ...
def qrfac(a: ArrayLike, pivot: bool = True) -> tuple[_Array, _Indices, _Array, _Array]: ...
def qrsolv(
    r: ArrayLike, ipvt: ArrayLike, diag: ArrayLike, qtb: ArrayLike
) -> tuple[_Array, _Array, _Array]: ...
def lmpar(
    r: ArrayLike, ipvt: ArrayLike, diag: ArrayLike, qtb: ArrayLike, delta: float, par: float = 0.0
) -> tuple[float, _Array, _Array, _Array]: ...
def dogleg(r: ArrayLike, diag: ArrayLike, qtb: ArrayLike, delta: float) -> _Array: ...

class Setulb:
    f: float
    task: str
    @property
    def x(self) -> _Array: ...
    @property
    def g(self) -> _Array: ...
    @property
    def lower(self) -> _Array: ...
    @property
    def upper(self) -> _Array: ...
    @property
    def nbd(self) -> _Indices: ...
    @property
    def wa(self) -> _Array: ...
    @property
    def iwa(self) -> _Indices: ...
    @property
    def lsave(self) -> _Indices: ...
    @property
    def isave(self) -> _Indices: ...
    @property
    def dsave(self) -> _Array: ...
    def __init__(
        self,
        x0: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        nbd: ArrayLike,
        m: int,
        factr: float,
        pgtol: float,
        iprint: int = -1,
    ) -> None: ...
    def step(self) -> str: ...

class Dcsrch:
    f: float
    g: float
    @property
    def stp(self) -> float: ...
    def __init__(
        self,
        f: float,
        g: float,
        stp: float,
        ftol: float,
        gtol: float,
        xtol: float,
        stpmin: float,
        stpmax: float,
    ) -> None: ...
    def step(self) -> str: ...
