# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Native functions of Parameters as L-BFGS-B calls them in fits: one number and its gradient."""

from libc.math cimport INFINITY, fabs, fmax, fmin, isnan, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy
cimport numpy as cnp

from fitcore._arrays cimport doubles
from fitcore._native cimport (
    DRIVE_DONE, DRIVE_LOOKED, OBJECTIVE, fitcore_calls, fitcore_calls_look, leave, start_calls,
)
from fitcore._native_fit cimport (
    WHY_EXPRESSION, NativeParameterResidual, mapped, native_fit,
)
from fitcore.lbfgsb cimport LBFGSB, Objective

import numpy as np

cnp.import_array()

__all__ = ["ScaledObjective", "UncompiledExpression"]


class UncompiledExpression(Exception):
    """Only asteval knows the value of an expression: the run goes on in Python."""


cdef struct scaled:
    native_fit *fit
    fitcore_calls *calls
    int64_t m, n
    bint squares, analytic, central, looked
    double relative, felt, unit
    const double *scale
    const double *lower
    const double *upper
    double *at                          # n: the values
    double *point                       # n, scratch
    double *f                           # m: residuals there
    double *upper_f                     # m: at the ends of a difference
    double *lower_f
    double *fjac                        # m by n
    double *best_x
    double *best_f
    double best


cdef int evaluate(scaled *s, const double *x, double *f, double *value) noexcept nogil:
    """Residuals and the value at x; kept if it is the best. Other than 0 ends the drive."""
    cdef double total = 0
    cdef int64_t i
    if fitcore_calls_look(s.calls) != DRIVE_DONE:
        s.looked = True
        return 1
    if mapped(s.m, s.n, x, f, NULL, s.fit) != 0:
        return 1
    if s.squares:
        for i in range(s.m):
            total += f[i] * f[i]
    else:
        total = f[0]
    value[0] = INFINITY if isnan(total) else total
    if value[0] < s.best or isnan(s.best):
        s.best = value[0]
        memcpy(s.best_x, x, s.n * sizeof(double))
        memcpy(s.best_f, f, s.m * sizeof(double))
    return 0


cdef double dot(const double *a, const double *b, int64_t m) noexcept nogil:
    cdef double total = 0
    cdef int64_t i
    for i in range(m):
        total += a[i] * b[i]
    return total


cdef int difference(scaled *s, int64_t j, double value, double *slope) noexcept nogil:
    """The derivative by value j: as `fitcore._objective.Objective` takes it."""
    cdef double x = s.at[j], low = s.lower[j], high = s.upper[j], size = fabs(x)
    cdef double most = fmax(size, fmin(1.0, high - low)), h, up, down, above, below, change, width
    cdef double *upper = s.f
    cdef double *lower = s.f
    cdef int64_t i
    h, most = s.relative * (size if size != 0 else most), s.relative * most
    slope[0] = 0
    while True:
        up, down = fmin(x + h, high), fmax(x - h, low)
        if not s.central:               # towards the side with room
            if up - x >= fmin(h, x - down):
                down = x
            else:
                up = x
        if up == down:                  # fixed by its bounds
            return 0
        above = below = value
        upper, lower = s.f, s.f
        if up != x:
            s.point[j] = up
            if evaluate(s, s.point, s.upper_f, &above) != 0:
                return 1
            upper = s.upper_f
        if down != x:
            s.point[j] = down
            if evaluate(s, s.point, s.lower_f, &below) != 0:
                return 1
            lower = s.lower_f
        s.point[j] = x
        width = up - down
        if s.squares:
            slope[0] = change = 0
            for i in range(s.m):
                change += (upper[i] - lower[i]) * (upper[i] - lower[i])
                slope[0] += (upper[i] - lower[i]) / width * s.f[i]
            slope[0] *= 2
            if h >= most or sqrt(change) > s.felt * sqrt(dot(s.f, s.f, s.m)):
                return 0
        else:
            slope[0] = (above - below) / width
            change = fmax(fabs(above - value), fabs(below - value))
            if h >= most or change > 1e-3 * s.felt * fabs(value):
                return 0
        # A value next to zero says nothing of its size: the step was too short to be felt.
        h = fmin(1000 * h, most)


cdef int scaled_objective(int64_t n, const double *z, double *f, double *g,
                          void *data) noexcept nogil:
    cdef scaled *s = <scaled *> data
    cdef double value = 0
    cdef int64_t j
    for j in range(n):
        s.at[j] = fmin(fmax(z[j] / s.scale[j], s.lower[j]), s.upper[j])
    if evaluate(s, s.at, s.f, &value) != 0:
        return 1
    f[0] = value * s.unit
    if s.analytic:
        if mapped(s.m, n, s.at, NULL, s.fjac, s.fit) != 0:
            return 1
        for j in range(n):
            g[j] = 2 * dot(s.fjac + j * s.m, s.f, s.m) if s.squares else s.fjac[j]
    else:
        memcpy(s.point, s.at, n * sizeof(double))
        for j in range(n):
            if difference(s, j, value, g + j) != 0:
                return 1
    for j in range(n):
        g[j] = g[j] / s.scale[j] * s.unit
    return 0


cdef class ScaledObjective(Objective):
    """One number of residuals of a native function, in scaled variables, and its gradient.

    Parameters
    ----------
    evaluator : NativeParameterResidual
        Whose points are the values of the variables; it counts the evaluations.
    scale : ndarray, shape (n,)
        What each variable is multiplied by.
    unit : float
        What the number is multiplied by.
    lower, upper : ndarray, shape (n,)
        Bounds of the variables, not scaled.
    analytic, central : bool
        Whether derivatives are the function's own; whether differences are central ones.
    relative, felt : float
        Relative step of the differences, and by which part the residuals are to change.

    Attributes
    ----------
    best_x, best_value, best_residual
        The best point so far, of this and of what :meth:`begin` was told.
    """

    cdef NativeParameterResidual evaluator
    cdef scaled s
    cdef fitcore_calls own
    cdef dict memory

    def __init__(self, NativeParameterResidual evaluator not None, scale, double unit, lower,
                 upper, bint analytic, bint central, double relative, double felt):
        cdef scaled *s = &self.s
        cdef cnp.ndarray a
        cdef Py_ssize_t m = evaluator.rows, n = len(scale)
        self.evaluator = evaluator
        sizes = {"at": n, "point": n, "f": m, "upper_f": m, "lower_f": m, "best_x": n, "best_f": m,
                 "fjac": m * n if analytic else 1}
        memory = {name: np.zeros(size) for name, size in sizes.items()}
        for name, given in (("scale", scale), ("lower", lower), ("upper", upper)):
            memory[name] = np.array(given, dtype=np.float64)
            if memory[name].shape != (n,):
                raise ValueError(f"{name} must have shape ({n},), got {memory[name].shape}")
        self.memory = memory
        start_calls(&self.own, True)
        self.own.objective, self.own.data = scaled_objective, <void *> s
        s.fit, s.calls = &evaluator.fit, &self.own
        s.m, s.n, s.unit, s.relative, s.felt = m, n, unit, relative, felt
        s.squares = evaluator.function.code != OBJECTIVE
        s.analytic, s.central, s.looked = analytic, central, False
        a = memory["scale"]
        s.scale = doubles(a)
        a = memory["lower"]
        s.lower = doubles(a)
        a = memory["upper"]
        s.upper = doubles(a)
        a = memory["at"]
        s.at = doubles(a)
        a = memory["point"]
        s.point = doubles(a)
        a = memory["f"]
        s.f = doubles(a)
        a = memory["upper_f"]
        s.upper_f = doubles(a)
        a = memory["lower_f"]
        s.lower_f = doubles(a)
        a = memory["fjac"]
        s.fjac = doubles(a)
        a = memory["best_x"]
        s.best_x = doubles(a)
        a = memory["best_f"]
        s.best_f = doubles(a)
        s.best = np.nan
        self.calls = &self.own

    def begin(self, best_x, double best_value, best_residual):
        """Take the best point so far, and the values of the parameters that do not vary."""
        self.evaluator.gather()
        if best_x is not None:
            self.memory["best_x"][...] = best_x
            self.memory["best_f"][...] = best_residual
            self.s.best = best_value

    @property
    def best(self):
        """The best point (None before the first), the value and the residuals there."""
        x = None if np.isnan(self.s.best) else self.memory["best_x"].copy()
        return x, self.s.best, self.memory["best_f"].copy()

    cdef int ended(self, int how) except -1:
        if how == DRIVE_LOOKED or self.s.looked:
            return leave()
        if self.s.fit.why == WHY_EXPRESSION:
            raise UncompiledExpression()
        return self.evaluator.because()

    def run(self, LBFGSB solver not None, maxiter, maxfun):
        """Run a solver to its end; see `best`."""
        try:
            solver.run_objective(self, maxiter, maxfun)
        finally:
            self.evaluator.nfev = self.s.fit.nfev
