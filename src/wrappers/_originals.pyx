# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The original MINPACK-1 and L-BFGS-B 3.0, routine by routine; users import `fitcore.originals`.

Arguments are those of ANL-80-74 and Algorithm 778, less work arrays and dimensions. Matrices are
in Fortran order, permutations (`ipvt`) count from 0. The routines of the libraries keep nothing
between calls, so that they run without the GIL, in any number of threads, one inside the other.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy, memset
cimport numpy as cnp

from fitcore._arrays cimport count, doubles, fresh, real_array, vector, zeros
from fitcore._evaluator cimport Evaluator

from typing import NamedTuple

import numpy as np

from fitcore._evaluator import PythonEvaluator

cnp.import_array()

cdef extern from "fitcore_originals.h" nogil:
    ctypedef void (*fitcore_fcn)(int *, int *, double *, double *, int *) noexcept
    ctypedef void (*fitcore_fcn_jac)(int *, int *, double *, double *, double *, int *,
                                     int *) noexcept
    ctypedef void (*fitcore_fcn_row)(int *, int *, double *, double *, double *, int *) noexcept
    ctypedef void (*fitcore_sys)(int *, double *, double *, int *) noexcept
    ctypedef void (*fitcore_sys_jac)(int *, double *, double *, double *, int *, int *) noexcept
    void lmdif_(fitcore_fcn, int *, int *, double *, double *, double *, double *, double *, int *,
                double *, double *, int *, double *, int *, int *, int *, double *, int *, int *,
                double *, double *, double *, double *, double *)
    void lmder_(fitcore_fcn_jac, int *, int *, double *, double *, double *, int *, double *,
                double *, double *, int *, double *, int *, double *, int *, int *, int *, int *,
                int *, double *, double *, double *, double *, double *)
    void lmstr_(fitcore_fcn_row, int *, int *, double *, double *, double *, int *, double *,
                double *, double *, int *, double *, int *, double *, int *, int *, int *, int *,
                int *, double *, double *, double *, double *, double *)
    void hybrd_(fitcore_sys, int *, double *, double *, double *, int *, int *, int *, double *,
                double *, int *, double *, int *, int *, int *, double *, int *, double *, int *,
                double *, double *, double *, double *, double *)
    void hybrj_(fitcore_sys_jac, int *, double *, double *, double *, int *, double *, int *,
                double *, int *, double *, int *, int *, int *, int *, double *, int *, double *,
                double *, double *, double *, double *)
    void chkder_(int *, int *, double *, double *, double *, int *, double *, double *, int *,
                 double *)
    void lmdif1_(fitcore_fcn, int *, int *, double *, double *, double *, int *, int *, double *,
                 int *)
    void lmder1_(fitcore_fcn_jac, int *, int *, double *, double *, double *, int *, double *,
                 int *, int *, double *, int *)
    void lmstr1_(fitcore_fcn_row, int *, int *, double *, double *, double *, int *, double *,
                 int *, int *, double *, int *)
    void hybrd1_(fitcore_sys, int *, double *, double *, double *, int *, double *, int *)
    void hybrj1_(fitcore_sys_jac, int *, double *, double *, double *, int *, double *, int *,
                 double *, int *)
    void fdjac1_(fitcore_sys, int *, double *, double *, double *, int *, int *, int *, int *,
                 double *, double *, double *)
    void fdjac2_(fitcore_fcn, int *, int *, double *, double *, double *, int *, int *, double *,
                 double *)
    double enorm_(int *, double *)
    void qrfac_(int *, int *, double *, int *, int *, int *, int *, double *, double *, double *)
    void qrsolv_(int *, double *, int *, int *, double *, double *, double *, double *, double *)
    void lmpar_(int *, double *, int *, int *, double *, double *, double *, double *, double *,
                double *, double *, double *)
    void dogleg_(int *, double *, int *, double *, double *, double *, double *, double *, double *)
    void setulb_(int *, int *, double *, double *, double *, int *, double *, double *, double *,
                 double *, double *, int *, char *, int *, char *, int *, int *, double *, size_t,
                 size_t)
    void dcsrch_(double *, double *, double *, double *, double *, double *, double *, double *,
                 char *, int *, double *, size_t)
    void fitcore_originals_flush()
    void *fitcore_call

cdef enum:
    LINE = 60                           # characters of the texts of L-BFGS-B

# The originals count and index with 32 bits.
cdef object LARGEST = 2**31 - 1


class Outcome(NamedTuple):
    """What a routine of MINPACK left in its arguments.

    Attributes
    ----------
    x, fvec : ndarray, shapes (n,) and (m,)
        The last point, and the functions there.
    info : int
        How the run ended, as ANL-80-74 says.
    nfev, njev : int
        Evaluations; Jacobians, 0 for those that form them by differences.
    fjac : ndarray
        `lmdif`, `lmder`: R in the upper triangle, (m, n); `lmstr`: the same, (n, n); `hybrd` and
        `hybrj`: Q, (n, n).
    ipvt : ndarray of int, shape (n,)
        Column j of the factored matrix is column ipvt[j] of the Jacobian. Empty for `hybrd` and
        `hybrj`.
    qtf, diag : ndarray, shape (n,)
        Q^T f, and the scale factors.
    r : ndarray, shape (n (n + 1) / 2,)
        `hybrd` and `hybrj`: the upper triangle of R, row by row.
    """

    x: np.ndarray
    fvec: np.ndarray
    info: int
    nfev: int
    njev: int
    fjac: np.ndarray
    ipvt: np.ndarray
    qtf: np.ndarray
    diag: np.ndarray
    r: np.ndarray


cdef int small(object value, str name) except? -1:
    """A natural number that the originals can hold, or an error that names the argument."""
    cdef object given = count(value, name)
    if given > LARGEST:
        raise ValueError(f"{name}={value} is beyond the 32-bit integers of the originals")
    return given


cdef cnp.ndarray integers(Py_ssize_t n):
    cdef cnp.npy_intp size = n
    return cnp.PyArray_ZEROS(1, &size, cnp.NPY_INT32, 0)


cdef inline int *ints(cnp.ndarray a) noexcept:
    return <int *> cnp.PyArray_DATA(a)


cdef cnp.ndarray matrix(Py_ssize_t m, Py_ssize_t n):
    """An m by n matrix of zeros in Fortran order."""
    cdef cnp.npy_intp shape[2]
    shape[0], shape[1] = m, n
    return cnp.PyArray_ZEROS(2, shape, cnp.NPY_DOUBLE, 1)


# ---------------------------------------------------------------------- callbacks

cdef class Watch(Evaluator):
    """Evaluates for another evaluator, and remembers the point with the least residuals."""

    cdef Evaluator inner
    cdef readonly object x, fvec
    cdef double least

    def __init__(self, Evaluator inner not None):
        self.inner, self.least = inner, INFINITY

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        cdef cnp.ndarray f = self.inner.residual(x, n)
        cdef Py_ssize_t i
        cdef double total = 0
        for i in range(cnp.PyArray_SIZE(f)):
            total += doubles(f)[i] ** 2
        if self.x is None or total < self.least:
            self.least, self.x, self.fvec = total, fresh(x, n), f.copy()
        return f

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        return self.inner.jacobian(x, n, fjac, m)


cdef class Call:
    """One run of a routine of MINPACK: who evaluates for it, and the exception that ended it."""

    cdef Evaluator evaluator
    cdef object row                     # lmstr: a row of the Jacobian
    cdef object first                   # the residuals at the start, when they are known
    cdef object error
    cdef Py_ssize_t m, n

    cdef int values(self, double *x, double *fvec) except -1:
        cdef cnp.ndarray f
        if self.first is not None:
            f, self.first = self.first, None
        else:
            f = self.evaluator.residual(x, self.n)
        if cnp.PyArray_SIZE(f) != self.m:
            raise ValueError(f"func returned shape ({cnp.PyArray_SIZE(f)},), and must return "
                             f"({self.m},) as before or as m says")
        memcpy(fvec, cnp.PyArray_DATA(f), self.m * sizeof(double))
        return 0

    cdef int jacobian_row(self, double *x, int i, double *fjrow) except -1:
        cdef cnp.ndarray given = vector(self.row(fresh(x, self.n), i), cnp.NPY_DOUBLE,
                                        "the row of the Jacobian returned by jac")
        if cnp.PyArray_SIZE(given) != self.n:
            raise ValueError(f"jac returned a row of {cnp.PyArray_SIZE(given)} numbers, "
                             f"wanted {self.n}")
        memcpy(fjrow, cnp.PyArray_DATA(given), self.n * sizeof(double))
        return 0

    cdef object leave(self):
        """Raise what a callback has raised."""
        if self.error is not None:
            error, self.error = self.error, None
            raise error


# What runs meanwhile in this thread, another fit or another greenlet's, leaves its own call behind.

cdef void residuals(double *x, double *fvec, int *iflag) noexcept with gil:
    cdef void *current = fitcore_call
    cdef Call call = <Call> current
    global fitcore_call
    if call.error is not None:
        iflag[0] = -1
        return
    try:
        call.values(x, fvec)
    except BaseException as error:
        call.error = error
        iflag[0] = -1
    fitcore_call = current


cdef void derivatives(double *x, double *fjac, int *iflag) noexcept with gil:
    cdef void *current = fitcore_call
    cdef Call call = <Call> current
    global fitcore_call
    if call.error is not None:
        iflag[0] = -1
        return
    try:
        call.evaluator.jacobian(x, call.n, fjac, call.m)
    except BaseException as error:
        call.error = error
        iflag[0] = -1
    fitcore_call = current


cdef void derivatives_row(double *x, double *fjrow, int *iflag) noexcept with gil:
    cdef void *current = fitcore_call
    cdef Call call = <Call> current
    global fitcore_call
    if call.error is not None:
        iflag[0] = -1
        return
    try:
        call.jacobian_row(x, iflag[0] - 2, fjrow)
    except BaseException as error:
        call.error = error
        iflag[0] = -1
    fitcore_call = current


cdef void fcn(int *m, int *n, double *x, double *fvec, int *iflag) noexcept nogil:
    residuals(x, fvec, iflag)


cdef void fcn_jac(int *m, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
                  int *iflag) noexcept nogil:
    if iflag[0] == 2:
        derivatives(x, fjac, iflag)
    else:
        residuals(x, fvec, iflag)


cdef void fcn_row(int *m, int *n, double *x, double *fvec, double *fjrow,
                  int *iflag) noexcept nogil:
    if iflag[0] >= 2:
        derivatives_row(x, fjrow, iflag)
    else:
        residuals(x, fvec, iflag)


cdef void sys(int *n, double *x, double *fvec, int *iflag) noexcept nogil:
    residuals(x, fvec, iflag)


cdef void sys_jac(int *n, double *x, double *fvec, double *fjac, int *ldfjac,
                  int *iflag) noexcept nogil:
    if iflag[0] == 2:
        derivatives(x, fjac, iflag)
    else:
        residuals(x, fvec, iflag)


def evaluate(Evaluator evaluator not None, x):
    """The residuals of an evaluator at x, shape (n,)."""
    cdef cnp.ndarray point = real_array(x, "x", 1)
    return evaluator.residual(doubles(point), cnp.PyArray_SIZE(point))


# ---------------------------------------------------------------------- MINPACK's drivers

cdef class Workspace:
    """The arguments of a driver of MINPACK, for one run."""

    cdef Call call
    cdef cnp.ndarray x, fvec, fjac, ipvt, qtf, diag, r, wa
    cdef int m, n, rows, maxfev, mode, nprint, info, nfev, njev, lr
    cdef double ftol, xtol, gtol, epsfcn, factor
    cdef double *wa1
    cdef double *wa2
    cdef double *wa3
    cdef double *wa4

    def __init__(self, func, jac, x0, m, first, double ftol, double xtol, double gtol, maxfev,
                 double epsfcn, diag, int mode, double factor, bint col_deriv=False,
                 bint square=False, row=None):
        cdef Call call = Call()
        cdef cnp.ndarray f
        cdef Py_ssize_t n
        self.x = real_array(x0, "x0", 1).ravel()
        self.n = n = small(cnp.PyArray_SIZE(self.x), "the number of variables")
        if not isinstance(func, Evaluator):
            if not callable(func):
                raise TypeError(f"func must be callable, got {func!r:.80}")
            if jac is not None and not callable(jac):
                raise TypeError(f"jac must be callable, got {jac!r:.80}")
            func = PythonEvaluator(func, (), jac, col_deriv, None)
        call.evaluator, call.row = func, row
        if square:
            m = n
        if first is not None or m is None:
            if first is None:
                first = call.evaluator.residual(doubles(self.x), n)
            f = vector(first, cnp.NPY_DOUBLE, "the residuals at the start")
            if m is None:
                m = cnp.PyArray_SIZE(f)
            call.first = f.copy()
        self.m = call.m = small(m, "the number of residuals")
        call.n = n
        self.call = call
        self.rows = n if square or row is not None else self.m
        self.ftol, self.xtol, self.gtol = ftol, xtol, gtol
        self.maxfev, self.epsfcn, self.factor = min(maxfev, LARGEST), epsfcn, factor
        self.mode, self.nprint = mode, 0
        self.diag = np.ones(n) if diag is None else real_array(diag, "diag", 1)
        if cnp.PyArray_SIZE(self.diag) != n:
            raise ValueError(f"diag must have shape ({n},), got {np.shape(diag)}")
        self.fvec, self.qtf = zeros(self.m), zeros(n)
        self.fjac = matrix(self.rows, n)
        self.ipvt = integers(n)
        self.lr = n * (n + 1) // 2 if square else 0
        if square and n * (n + 1) // 2 > LARGEST:
            raise ValueError(f"{n} variables are beyond the 32-bit integers of the originals")
        self.r = zeros(self.lr)
        self.wa = zeros(3 * n + max(self.m, n))
        self.wa1 = doubles(self.wa)
        self.wa2, self.wa3, self.wa4 = self.wa1 + n, self.wa1 + 2 * n, self.wa1 + 3 * n

    cdef void *enter(self) noexcept:
        """Make this the call of this thread; returns the one around it."""
        global fitcore_call
        cdef void *around = fitcore_call
        fitcore_call = <void *> self.call
        return around

    cdef object end(self, void *around):
        global fitcore_call
        fitcore_call = around
        self.call.leave()
        square = self.lr > 0
        return Outcome(self.x, self.fvec, self.info, self.nfev, self.njev, self.fjac,
                       integers(0) if square else self.ipvt - np.int32(1), self.qtf, self.diag,
                       self.r)


def lmdif(func, x0, m, double ftol, double xtol, double gtol, maxfev, double epsfcn, diag=None,
          int mode=1, double factor=100.0, *, first=None):
    """Levenberg-Marquardt, the Jacobian by forward differences.

    Parameters
    ----------
    func : callable or fitcore.minpack.Evaluator
        x (n,) -> residuals (m,). What it raises ends the run and is raised here, unchanged.
    x0 : array_like, shape (n,)
        Start.
    m : int or None
        Number of residuals; None for as many as there are at the start.
    ftol, xtol, gtol, maxfev, epsfcn, mode, factor
        As in ANL-80-74. Nothing is checked that the original checks: it answers with info 0.
    diag : array_like, shape (n,), optional
        Scale factors, used when `mode` is 2.
    first : ndarray, shape (m,), optional
        The residuals at the start, which are then not asked for.

    Returns
    -------
    Outcome
    """
    cdef Workspace w = Workspace(func, None, x0, m, first, ftol, xtol, gtol, maxfev, epsfcn, diag,
                                 mode, factor)
    cdef double *x = doubles(w.x)
    cdef double *fvec = doubles(w.fvec)
    cdef double *fjac = doubles(w.fjac)
    cdef double *qtf = doubles(w.qtf)
    cdef double *scale = doubles(w.diag)
    cdef int *ipvt = ints(w.ipvt)
    cdef void *around = w.enter()
    with nogil:
        lmdif_(fcn, &w.m, &w.n, x, fvec, &w.ftol, &w.xtol, &w.gtol, &w.maxfev, &w.epsfcn, scale,
               &w.mode, &w.factor, &w.nprint, &w.info, &w.nfev, fjac, &w.rows, ipvt, qtf, w.wa1,
               w.wa2, w.wa3, w.wa4)
    return w.end(around)


def lmder(func, jac, x0, m, double ftol, double xtol, double gtol, maxfev, diag=None, int mode=1,
          double factor=100.0, *, bint col_deriv=False, first=None):
    """As `lmdif`, with ``jac``: x (n,) -> Jacobian (m, n), or (n, m) if `col_deriv`."""
    cdef Workspace w = Workspace(func, jac, x0, m, first, ftol, xtol, gtol, maxfev, 0.0, diag, mode,
                                 factor, col_deriv)
    cdef double *x = doubles(w.x)
    cdef double *fvec = doubles(w.fvec)
    cdef double *fjac = doubles(w.fjac)
    cdef double *qtf = doubles(w.qtf)
    cdef double *scale = doubles(w.diag)
    cdef int *ipvt = ints(w.ipvt)
    cdef void *around = w.enter()
    with nogil:
        lmder_(fcn_jac, &w.m, &w.n, x, fvec, fjac, &w.rows, &w.ftol, &w.xtol, &w.gtol, &w.maxfev,
               scale, &w.mode, &w.factor, &w.nprint, &w.info, &w.nfev, &w.njev, ipvt, qtf, w.wa1,
               w.wa2, w.wa3, w.wa4)
    return w.end(around)


def lmstr(func, jac, x0, m, double ftol, double xtol, double gtol, maxfev, diag=None, int mode=1,
          double factor=100.0):
    """As `lmder`, with ``jac(x, i)`` -> row i of the Jacobian, shape (n,), i from 0."""
    if not callable(jac):
        raise TypeError(f"jac must be callable, got {jac!r:.80}")
    cdef Workspace w = Workspace(func, None, x0, m, None, ftol, xtol, gtol, maxfev, 0.0, diag, mode,
                                 factor, row=jac)
    cdef double *x = doubles(w.x)
    cdef double *fvec = doubles(w.fvec)
    cdef double *fjac = doubles(w.fjac)
    cdef double *qtf = doubles(w.qtf)
    cdef double *scale = doubles(w.diag)
    cdef int *ipvt = ints(w.ipvt)
    cdef void *around = w.enter()
    with nogil:
        lmstr_(fcn_row, &w.m, &w.n, x, fvec, fjac, &w.rows, &w.ftol, &w.xtol, &w.gtol, &w.maxfev,
               scale, &w.mode, &w.factor, &w.nprint, &w.info, &w.nfev, &w.njev, ipvt, qtf, w.wa1,
               w.wa2, w.wa3, w.wa4)
    return w.end(around)


def hybrd(func, x0, double xtol, maxfev, int ml, int mu, double epsfcn, diag=None, int mode=1,
          double factor=100.0, *, first=None):
    """Powell's hybrid method for n equations in n variables, the Jacobian by forward differences.

    `ml` and `mu` are the numbers of diagonals below and above the main one in which the Jacobian
    may differ from zero; n - 1 for a full one. The rest is as for `lmdif`.
    """
    cdef Workspace w = Workspace(func, None, x0, None, first, 0.0, xtol, 0.0, maxfev, epsfcn, diag,
                                 mode, factor, square=True)
    cdef double *x = doubles(w.x)
    cdef double *fvec = doubles(w.fvec)
    cdef double *fjac = doubles(w.fjac)
    cdef double *qtf = doubles(w.qtf)
    cdef double *scale = doubles(w.diag)
    cdef double *r = doubles(w.r)
    cdef void *around = w.enter()
    with nogil:
        hybrd_(sys, &w.n, x, fvec, &w.xtol, &w.maxfev, &ml, &mu, &w.epsfcn, scale, &w.mode,
               &w.factor, &w.nprint, &w.info, &w.nfev, fjac, &w.rows, r, &w.lr, qtf, w.wa1, w.wa2,
               w.wa3, w.wa4)
    return w.end(around)


def hybrj(func, jac, x0, double xtol, maxfev, diag=None, int mode=1, double factor=100.0, *,
          bint col_deriv=False, first=None):
    """As `hybrd`, with ``jac``: x (n,) -> Jacobian (n, n), or its transpose if `col_deriv`."""
    cdef Workspace w = Workspace(func, jac, x0, None, first, 0.0, xtol, 0.0, maxfev, 0.0, diag,
                                 mode, factor, col_deriv, square=True)
    cdef double *x = doubles(w.x)
    cdef double *fvec = doubles(w.fvec)
    cdef double *fjac = doubles(w.fjac)
    cdef double *qtf = doubles(w.qtf)
    cdef double *scale = doubles(w.diag)
    cdef double *r = doubles(w.r)
    cdef void *around = w.enter()
    with nogil:
        hybrj_(sys_jac, &w.n, x, fvec, fjac, &w.rows, &w.xtol, &w.maxfev, scale, &w.mode,
               &w.factor, &w.nprint, &w.info, &w.nfev, &w.njev, r, &w.lr, qtf, w.wa1, w.wa2,
               w.wa3, w.wa4)
    return w.end(around)


def easy(str name, func, jac, x0, m, double tol):
    """One of the easy drivers: lmdif1, lmder1, lmstr1, hybrd1 or hybrj1.

    `jac` as the driver without the 1 takes it, None for lmdif1 and hybrd1; `m` is the number of
    residuals, that of variables for the last two. Of the result only x, fvec and info are set.
    """
    if name not in ("lmdif1", "lmder1", "lmstr1", "hybrd1", "hybrj1"):
        raise ValueError(f"name={name!r} is no easy driver of MINPACK-1")
    rows = jac if name == "lmstr1" else None
    whole = None if name == "lmstr1" else jac
    cdef Workspace w = Workspace(func, whole, x0, m, None, tol, tol, 0.0, 0, 0.0, None, 1, 100.0,
                                 square=name.startswith("hybr"), row=rows)
    cdef double *x = doubles(w.x)
    cdef double *fvec = doubles(w.fvec)
    cdef double *fjac = doubles(w.fjac)
    cdef Py_ssize_t wanted = max(<Py_ssize_t> w.m * w.n + 5 * <Py_ssize_t> w.n + w.m,
                                 <Py_ssize_t> w.n * (5 * <Py_ssize_t> w.n + 13) // 2)
    cdef int size = small(wanted, "the size of the work array")
    cdef cnp.ndarray work = zeros(size)
    cdef double *wa = doubles(work)
    cdef int *ipvt = ints(w.ipvt)
    cdef int which = ("lmdif1", "lmder1", "lmstr1", "hybrd1", "hybrj1").index(name)
    cdef void *around = w.enter()
    with nogil:
        if which == 0:
            lmdif1_(fcn, &w.m, &w.n, x, fvec, &tol, &w.info, ipvt, wa, &size)
        elif which == 1:
            lmder1_(fcn_jac, &w.m, &w.n, x, fvec, fjac, &w.rows, &tol, &w.info, ipvt, wa, &size)
        elif which == 2:
            lmstr1_(fcn_row, &w.m, &w.n, x, fvec, fjac, &w.rows, &tol, &w.info, ipvt, wa, &size)
        elif which == 3:
            hybrd1_(sys, &w.n, x, fvec, &tol, &w.info, wa, &size)
        else:
            hybrj1_(sys_jac, &w.n, x, fvec, fjac, &w.rows, &tol, &w.info, wa, &size)
    return w.end(around)


# ---------------------------------------------------------------------- MINPACK's parts

def chkder_point(x):
    """The point near x, shape (n,), at which `chkder` wants the functions too."""
    cdef cnp.ndarray point = real_array(x, "x", 1), near = zeros(point.size)
    cdef int m = 1, n = point.size, mode = 1
    cdef double unused = 0
    chkder_(&m, &n, doubles(point), &unused, &unused, &m, doubles(near), &unused, &mode, &unused)
    return near


def chkder(x, fvec, fjac, fvecp):
    """Whether each row of a Jacobian is right: 1 for right, 0 for wrong, less than 0.5 doubtful.

    ``fvec`` and ``fvecp`` (m,) are the functions at ``x`` (n,) and at `chkder_point`; ``fjac``
    (m, n). Returns an array of shape (m,).
    """
    cdef cnp.ndarray point = real_array(x, "x", 1), f = real_array(fvec, "fvec", 1)
    cdef cnp.ndarray near = real_array(fvecp, "fvecp", 1), jac = fortran(fjac, "fjac")
    cdef int m = f.size, n = point.size, mode = 2
    cdef cnp.ndarray err = zeros(m)
    if near.size != m or np.shape(jac) != (m, n):
        raise ValueError(f"fvecp and fjac must have shapes ({m},) and {(m, n)}, got "
                         f"{np.shape(near)} and {np.shape(jac)}")
    chkder_(&m, &n, doubles(point), doubles(f), doubles(jac), &m, doubles(point), doubles(near),
            &mode, doubles(err))
    return err


def fdjac1(func, x, fvec, int ml, int mu, double epsfcn=0.0):
    """Forward-difference Jacobian (n, n), perhaps banded, at x (n,) with the functions fvec."""
    cdef Workspace w = Workspace(func, None, x, None, fvec, 0, 0, 0, 0, epsfcn, None, 1, 1.0,
                                 square=True)
    cdef int iflag = 1
    cdef cnp.ndarray known = w.call.first
    w.call.first = None
    cdef void *around = w.enter()
    fdjac1_(sys, &w.n, doubles(w.x), doubles(known), doubles(w.fjac), &w.n, &iflag, &ml, &mu,
            &w.epsfcn, w.wa1, w.wa2)
    return w.end(around).fjac


def fdjac2(func, x, fvec, double epsfcn=0.0):
    """Forward-difference Jacobian (m, n) at x (n,), where the residuals are fvec (m,)."""
    cdef Workspace w = Workspace(func, None, x, None, fvec, 0, 0, 0, 0, epsfcn, None, 1, 1.0)
    cdef int iflag = 1
    cdef cnp.ndarray known = w.call.first
    w.call.first = None
    cdef void *around = w.enter()
    fdjac2_(fcn, &w.m, &w.n, doubles(w.x), doubles(known), doubles(w.fjac), &w.m, &iflag,
            &w.epsfcn, w.wa4)
    return w.end(around).fjac


def enorm(x):
    """Euclidean norm, guarded against overflow and underflow."""
    cdef cnp.ndarray v = real_array(x, "x", 1).ravel()
    cdef int n = small(v.size, "the length of x")
    return enorm_(&n, doubles(v))


cdef cnp.ndarray fortran(object a, str name):
    """A matrix of its own, in Fortran order."""
    return np.array(real_array(a, name, 2), order="F")


def qrfac(a, bint pivot=True):
    """Householder QR, with column pivoting or not.

    Returns ``(a, ipvt, rdiag, acnorm)``: the factored matrix (m, n), with the strict upper
    triangle of R and below it, diagonal included, the Householder vectors; the permutation (n,);
    the diagonal of R (n,); the norms of the columns of the input (n,).
    """
    cdef cnp.ndarray factored = fortran(a, "a")
    cdef int m = factored.shape[0], n = factored.shape[1], wanted = pivot
    cdef cnp.ndarray ipvt = np.arange(1, n + 1, dtype=np.int32)
    cdef cnp.ndarray rdiag = zeros(n), acnorm = zeros(n), wa = zeros(n)
    qrfac_(&m, &n, doubles(factored), &m, &wanted, ints(ipvt), &n, doubles(rdiag), doubles(acnorm),
           doubles(wa))
    return factored, ipvt - np.int32(1), rdiag, acnorm


cdef tuple triangular_system(r, ipvt, diag, qtb):
    """Checked copies: r (ldr, n), ipvt counted from 1, diag, qtb."""
    cdef cnp.ndarray d = real_array(diag, "diag", 1), b = real_array(qtb, "qtb", 1)
    cdef cnp.ndarray a = fortran(r, "r")
    n = d.size
    order = np.array(ipvt, dtype=np.int32)
    if b.size != n or np.shape(a)[1] != n or np.shape(a)[0] < n:
        raise ValueError(f"r, diag and qtb do not fit: {np.shape(a)}, {np.shape(d)}, {np.shape(b)}")
    if sorted(order.tolist()) != list(range(n)):
        raise ValueError(f"ipvt must be a permutation of 0 to {n - 1}, got {ipvt!r:.80}")
    return a, order + np.int32(1), d, b


def qrsolv(r, ipvt, diag, qtb):
    """Solution of (R P^T; D) x = (Q^T b; 0) in the least-squares sense.

    ``r`` (n, n) upper triangular, ``ipvt``, ``diag`` and ``qtb`` (n,). Returns ``(x, sdiag, r)``:
    the solution (n,), the diagonal (n,) of the triangular S, and ``r`` with the strict lower
    triangle holding that of S transposed.
    """
    cdef cnp.ndarray a, order, d, b
    a, order, d, b = triangular_system(r, ipvt, diag, qtb)
    cdef int n = d.size, ldr = a.shape[0]
    cdef cnp.ndarray x = zeros(n), sdiag = zeros(n), wa = zeros(n)
    qrsolv_(&n, doubles(a), &ldr, ints(order), doubles(d), doubles(b), doubles(x), doubles(sdiag),
            doubles(wa))
    return x, sdiag, a


def lmpar(r, ipvt, diag, qtb, double delta, double par=0.0):
    """Levenberg-Marquardt parameter for the step bound ``delta``, from the guess ``par``.

    Arguments as in `qrsolv`. Returns ``(par, x, sdiag, r)``.
    """
    cdef cnp.ndarray a, order, d, b
    a, order, d, b = triangular_system(r, ipvt, diag, qtb)
    cdef int n = d.size, ldr = a.shape[0]
    cdef cnp.ndarray x = zeros(n), sdiag = zeros(n), wa1 = zeros(n), wa2 = zeros(n)
    lmpar_(&n, doubles(a), &ldr, ints(order), doubles(d), doubles(b), &delta, &par, doubles(x),
           doubles(sdiag), doubles(wa1), doubles(wa2))
    return par, x, sdiag, a


def dogleg(r, diag, qtb, double delta):
    """Powell's dogleg step (n,) for the step bound ``delta``.

    ``r`` (n (n + 1) / 2,) is the upper triangle of R row by row, ``diag`` and ``qtb`` (n,).
    """
    cdef cnp.ndarray packed = real_array(r, "r", 1), d = real_array(diag, "diag", 1)
    cdef cnp.ndarray b = real_array(qtb, "qtb", 1)
    cdef int n = d.size, lr = packed.size
    cdef cnp.ndarray x = zeros(n), wa1 = zeros(n), wa2 = zeros(n)
    if b.size != n or 2 * lr != n * (n + 1):
        raise ValueError(f"r, diag and qtb do not fit: {lr}, {n} and {b.size} elements")
    dogleg_(&n, doubles(packed), &lr, doubles(d), doubles(b), &delta, doubles(x), doubles(wa1),
            doubles(wa2))
    return x


# ---------------------------------------------------------------------- L-BFGS-B 3.0

cdef class Setulb:
    """One run of the original L-BFGS-B, by reverse communication as it is.

    Each `step` returns the task: "FG..." asks for `f` and `g` at `x`, which are to be set; "NEW_X"
    tells of an iteration; anything else is the end. The arrays are those that the Fortran works on.

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Start.
    lower, upper : array_like, shape (n,)
        Bounds, where `nbd` says that there are.
    nbd : array_like of int, shape (n,)
        0 no bound, 1 a lower one, 2 both, 3 an upper one.
    m : int
        Number of corrections.
    factr, pgtol : float
        As in Algorithm 778.
    iprint : int, default -1
        How much the Fortran prints to its unit 6, the standard output of the process.
    """

    cdef readonly cnp.ndarray x, g, lower, upper, nbd, wa, iwa, lsave, isave, dsave
    cdef public double f
    cdef double factr, pgtol
    cdef int n, m, iprint
    cdef char words[LINE]
    cdef char csave[LINE]
    cdef bint running

    def __init__(self, x0, lower, upper, nbd, int m, double factr, double pgtol, int iprint=-1):
        if self.running:
            raise RuntimeError("another thread is in the midst of a step of this run")
        x = real_array(x0, "x0", 1)
        low, high = real_array(lower, "lower", 1), real_array(upper, "upper", 1)
        kinds = np.array(nbd, dtype=np.int32)
        n = x.size
        for name, a in (("x0", x), ("lower", low), ("upper", high), ("nbd", kinds)):
            if a.shape != (n,):
                raise ValueError(f"{name} must have shape ({n},), got {a.shape}")
        columns = max(m, 1)
        size = (2 * columns + 5) * n + 11 * columns**2 + 8 * columns
        if size > LARGEST:
            raise ValueError(f"m={m} corrections of {n} variables are beyond the 32-bit integers "
                             "of the original L-BFGS-B; fitcore's own has 64 bits")
        self.x, self.lower, self.upper, self.nbd = x, low, high, kinds
        self.n, self.m, self.factr, self.pgtol, self.iprint = n, m, factr, pgtol, iprint
        self.f, self.g = 0.0, zeros(n)
        self.wa, self.iwa = zeros(size), integers(3 * n)
        self.lsave, self.isave, self.dsave = integers(4), integers(44), zeros(29)
        memset(self.csave, b" ", LINE)
        self.task = "START"

    @property
    def task(self):
        """What is asked for, or how the run ended. "START" and "STOP" may be set."""
        return self.words[:LINE].decode("ascii", "replace").rstrip(" \0")

    @task.setter
    def task(self, str text not None):
        cdef bytes line = text.encode("ascii").ljust(LINE)
        memcpy(self.words, <char *> line, LINE)

    def step(self):
        """Let the Fortran go on; returns the task."""
        if self.x is None:
            raise RuntimeError("the run has not been set up: __init__ was not called")
        if self.running:
            raise RuntimeError("another thread is in the midst of a step of this run")
        cdef double *x = doubles(self.x)
        cdef double *lower = doubles(self.lower)
        cdef double *upper = doubles(self.upper)
        cdef double *g = doubles(self.g)
        cdef double *wa = doubles(self.wa)
        cdef double *dsave = doubles(self.dsave)
        cdef int *nbd = ints(self.nbd)
        cdef int *iwa = ints(self.iwa)
        cdef int *lsave = ints(self.lsave)
        cdef int *isave = ints(self.isave)
        self.running = True
        with nogil:
            setulb_(&self.n, &self.m, x, lower, upper, nbd, &self.f, g, &self.factr, &self.pgtol,
                    wa, iwa, self.words, &self.iprint, self.csave, lsave, isave, dsave, LINE, LINE)
            if self.iprint >= 0:
                fitcore_originals_flush()
        self.running = False
        return self.task


cdef class Dcsrch:
    """One run of the original line search by Moré and Thuente, by reverse communication as it is.

    Set `f` and `g`, the value and the slope, at the step 0 first, then at each `stp` for which
    `step` returns a task that begins with "FG".
    """

    cdef public double f, g
    cdef readonly double stp
    cdef double ftol, gtol, xtol, stpmin, stpmax
    cdef char words[LINE]
    cdef int isave[2]
    cdef double dsave[13]

    def __init__(self, double f, double g, double stp, double ftol, double gtol, double xtol,
                 double stpmin, double stpmax):
        self.f, self.g, self.stp = f, g, stp
        self.ftol, self.gtol, self.xtol = ftol, gtol, xtol
        self.stpmin, self.stpmax = stpmin, stpmax
        memset(self.isave, 0, sizeof(self.isave))
        memset(self.dsave, 0, sizeof(self.dsave))
        memset(self.words, b" ", LINE)
        memcpy(self.words, b"START", 5)

    def step(self):
        """Let the Fortran go on; returns the task."""
        dcsrch_(&self.f, &self.g, &self.stp, &self.ftol, &self.gtol, &self.xtol, &self.stpmin,
                &self.stpmax, self.words, self.isave, self.dsave, LINE)
        return self.words[:LINE].decode("ascii", "replace").rstrip(" \0")
