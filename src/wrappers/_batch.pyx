# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Many small fits of one native model, on their normal equations and without the GIL."""

from libc.math cimport NAN, isfinite, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset
cimport numpy as cnp

from fitcore._arrays cimport doubles
from fitcore._expression cimport SLOTS, Program
from fitcore._native_fit cimport evaluate_ties, lay_out_ties, tie
from fitcore._parameter cimport Constraint
from fitcore._statistics cimport Goodness, rate

import numpy as np

from fitcore._arrays import count, number

cdef extern from "fitcore_normal.h" nogil:
    int START "FITCORE_NORMAL_START"
    int SUMS "FITCORE_NORMAL_SUMS"
    int DONE "FITCORE_NORMAL_DONE"
    ctypedef struct fitcore_normal_state:
        int64_t n, maxfev, nfev, rejected
        double ftol, xtol, factor
        double chisq, delta, par, xnorm, pnorm, prered, slope
        int task, full, factored, info
    ctypedef void (*fitcore_normal_sums_t)(
        int64_t m, int64_t n, const int64_t *which, double *c, const double *data,
        int64_t weighted, const double *weights, double *a, double *g, double *rr) noexcept nogil
    ctypedef void (*fitcore_normal_gradient_t)(
        int64_t m, int64_t n, const int64_t *which, const double *f, const double *jac,
        const double *data, int64_t weighted, const double *weights, double *r, double *g,
        double *rr) noexcept nogil
    void fitcore_normal_step(
        fitcore_normal_state *state, int64_t n, double *x, double *xt, double *a, double *g,
        const double *at, const double *gt, double chisqt, double *diag, double *p, double *l)
    void fitcore_normal_covariance(int64_t n, const double *a, int factored, double *cov,
                                   int *safe, double *l)
    void fitcore_normal_to_internal(int64_t n, const double *lower, const double *upper,
                                    const double *v, double *u)
    void fitcore_normal_to_external(int64_t n, const double *lower, const double *upper,
                                    const double *u, double *v, double *slope)
    int fitcore_normal_near_bound(int64_t n, const double *lower, const double *upper,
                                  const double *v)

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    fitcore_normal_sums_t fitcore_choose_normal_sums(int level)
    fitcore_normal_gradient_t fitcore_choose_normal_gradient(int level)

ctypedef int (*fitcore_model)(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                              double *y, double *dy, void *user_data) noexcept nogil

cnp.import_array()

cdef fitcore_normal_sums_t normal_sums = fitcore_choose_normal_sums(fitcore_cpu_level())
cdef fitcore_normal_gradient_t normal_gradient = fitcore_choose_normal_gradient(fitcore_cpu_level())

__all__ = ["BatchFitter", "derive", "statistics"]


cdef struct Work:
    # Of one fit: n variables, m points.
    double *y           # (m,) the model, and right behind it
    double *dy          # (m, total) derivatives by all parameters, column by column
    double *p           # (total,) the parameters: the model's, and those of expressions only
    double *u           # (n,) internal values, the best ones
    double *ut          # (n,) those to try
    double *v           # (n,) values
    double *slope       # (n,) their derivatives by the internal ones
    double *a           # (n, n) J^T J by internal values, at u
    double *at          # (n, n) at ut
    double *g           # (n,) J^T r
    double *gt          # (n,)
    double *diag        # (n,)
    double *step        # (n,)
    double *factor      # (n, n)
    # Where all fits start, if that is the same place:
    double *y0          # (m,) the model
    double *dy0         # (m, total) its derivatives, with weights
    double *u0          # (n,) internal values
    double *slope0      # (n,)
    double *a0          # (n, n) J^T J by internal values


cdef int64_t room(int64_t m, int64_t n, int64_t total, bint shared) noexcept nogil:
    """Number of doubles that a Work takes."""
    cdef int64_t size = m * (1 + total) + total + 8 * n + 3 * n * n
    return size + m * (1 + total) + 2 * n + n * n if shared else size


cdef void lay_out(Work *w, double *memory, int64_t m, int64_t n, int64_t total) noexcept nogil:
    cdef double *at = memory
    w.y, at = at, at + m
    w.dy, at = at, at + m * total
    w.p, at = at, at + total
    w.u, at = at, at + n
    w.ut, at = at, at + n
    w.v, at = at, at + n
    w.slope, at = at, at + n
    w.g, at = at, at + n
    w.gt, at = at, at + n
    w.diag, at = at, at + n
    w.step, at = at, at + n
    w.a, at = at, at + n * n
    w.at, at = at, at + n * n
    w.factor, at = at, at + n * n
    w.y0, at = at, at + m
    w.dy0, at = at, at + m * total
    w.u0, at = at, at + n
    w.slope0, at = at, at + n
    w.a0 = at


cdef class BatchFitter:
    """Fits a native model to many data sets by Levenberg-Marquardt on the normal equations.

    Fits that are not safe to do so are left out and say so: those whose Jacobian is badly
    conditioned, that make no progress, meet numbers that are not finite, start next to a bound, or
    end near one. They are to be done by :class:`fitcore.Minimizer`. The others have its solution,
    to the tolerances. An instance holds no data; it may be used by several threads at once.

    Parameters
    ----------
    address : int
        Pointer to a function of type ``fitcore_model`` in fitcore.h, with derivatives.
    user_address : int
        Its `user_data`.
    keep : object
        What must live as long as the pointers.
    nparams : int
        Number of parameters of the model.
    which : array_like of int, shape (n,)
        Those that vary, from 0, at least one.
    lower, upper : array_like, shape (n,)
        Their bounds; infinite where there is none.
    ftol, xtol : float, default 1e-11
        Relative error wanted in the sum of squares, and in the solution.
    factor : float, default 100.0
        First bound on the step.
    maxfev : int, default 200
        Evaluations after which a fit is left out.
    others : int, default 0
        Number of parameters besides the model's, which expressions are made of. They come after
        those of the model.
    ties : sequence of (int, Constraint, sequence of int), optional
        Parameters that are expressions: number of each, the expression, compiled, and the numbers
        of the parameters in its slots; in order of evaluation. They are none of those that vary.

    Raises
    ------
    ValueError
        If the address is null, or a number or length cannot be.
    """

    cdef fitcore_model model
    cdef void *user
    cdef object keep
    cdef int64_t nparams, total, n, maxfev
    cdef bint bounded
    cdef double ftol, xtol, factor
    cdef tuple arrays               # what these are in
    cdef const int64_t *which       # numbers of the columns of variables, from 1
    cdef const double *lower
    cdef const double *upper
    cdef const tie *ties
    cdef int64_t nties

    def __init__(self, address, user_address, keep, nparams, which, lower, upper, ftol=1e-11,
                 xtol=1e-11, factor=100.0, maxfev=200, others=0, ties=()):
        if not address:
            raise ValueError(f"address must be that of a function, got {address!r}")
        self.model = <fitcore_model> <uintptr_t> address
        self.user = <void *> <uintptr_t> (user_address or 0)
        self.keep = keep
        self.nparams = count(nparams, "nparams")
        self.total = self.nparams + count(others, "others")
        cdef cnp.ndarray places_array, low_array, high_array, tied_array
        cdef tuple tied
        places = np.array(which, dtype=np.int64)
        if places.ndim != 1 or not places.size or places.min() < 0 or (
                places.max() >= self.total) or np.unique(places).size != places.size:
            raise ValueError(f"which must be different numbers from 0 to {self.total - 1}, at "
                             f"least one; got {which!r:.80}")
        self.n = places.size
        low, high = np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)
        for name, side in (("lower", low), ("upper", high)):
            if side.shape != places.shape:
                raise ValueError(f"{name} must have shape {places.shape}, got {side.shape}")
        if not np.all(low < high):
            raise ValueError(f"lower must be less than upper, got {low} and {high}")
        self.bounded = bool(np.isfinite(low).any() or np.isfinite(high).any())
        tied = self.read_ties(list(ties), places.tolist())
        places += 1
        self.arrays = (places, low, high, tied)
        places_array, low_array, high_array, tied_array = places, low, high, tied[0]
        self.ties = <const tie *> cnp.PyArray_DATA(tied_array)
        self.which = <const int64_t *> cnp.PyArray_DATA(places_array)
        self.lower, self.upper = doubles(low_array), doubles(high_array)
        self.ftol, self.xtol = number(ftol, "ftol", 0), number(xtol, "xtol", 0)
        self.factor, self.maxfev = number(factor, "factor", 0), count(maxfev, "maxfev")

    cdef tuple read_ties(self, list ties, list varying):
        """The arrays that hold the expressions."""
        cdef Constraint constraint
        cdef list constraints = [], targets = [], rows = []
        known = set(varying)
        for target, constraint, inputs in ties:
            if constraint.program is None or constraint.error is not None:
                raise ValueError("ties must be compiled expressions")
            numbers = [target, *inputs]
            if target in known or len(inputs) != len(constraint.inputs) or not all(
                    0 <= k < self.total for k in numbers):
                raise ValueError("ties must be of different parameters that do not vary, with a "
                                 f"number below {self.total} for each input; got {target}, "
                                 f"{inputs}")
            known.add(target)
            constraints.append(constraint)
            targets.append(target)
            rows.append(inputs)
        self.nties = len(ties)
        return lay_out_ties(constraints, targets, rows)

    def fit(self, x, y, weights, values, bint shared=False):
        """Fit.

        Parameters
        ----------
        x : ndarray, shape (nx, m) or (k, nx, m)
            Independent variables, of all fits or of each. All arrays are C-contiguous, of float64.
        y : ndarray, shape (k, m)
            Data, finite.
        weights : ndarray, shape (m,) or (k, m), or None
            What residuals are multiplied by.
        values : ndarray, shape (k, nparams + others)
            Parameters to start from, variables within their bounds. They become the solutions,
            where there is one.
        shared : bool, default False
            Whether they all start from the same values, with the same `x` and `weights`: then the
            model is evaluated there once.

        Returns
        -------
        info : ndarray of int32, shape (k,)
            0 for a fit that was left out; else it has converged, 1 by `ftol`, 2 by `xtol`, 4 for
            residuals of 0.
        nfev : ndarray of int64, shape (k,)
            Evaluations of the model with its derivatives.
        chisqr : ndarray, shape (k,)
            Sum of the squared residuals at the solution.
        covar : ndarray, shape (k, n, n)
            Inverse of J^T J there, not scaled.

        Raises
        ------
        TypeError, ValueError
            If an array is not of the kind and shape above, or what is `shared` differs.
        """
        cdef cnp.ndarray[double, ndim=2, mode="c"] ys = y
        cdef cnp.ndarray[double, ndim=2, mode="c"] starts = values
        cdef Py_ssize_t k = ys.shape[0], m = ys.shape[1]
        cdef Py_ssize_t nx, x_stride = 0, w_stride = 0, i
        cdef const double *xs
        cdef const double *ws = NULL
        if not isinstance(x, np.ndarray) or x.dtype != np.float64 or not x.flags.c_contiguous or (
                x.ndim not in (2, 3)) or x.shape[x.ndim - 1] != m or (
                x.ndim == 3 and x.shape[0] != k):
            raise ValueError(f"x must be contiguous doubles of shape (nx, {m}) or ({k}, nx, {m})")
        nx = x.shape[x.ndim - 2]
        if x.ndim == 3:
            x_stride = nx * m
        xs = doubles(x)
        if weights is not None:
            if not isinstance(weights, np.ndarray) or weights.dtype != np.float64 or (
                    not weights.flags.c_contiguous) or weights.shape not in ((m,), (k, m)):
                raise ValueError(f"weights must be contiguous doubles of shape ({m},) or "
                                 f"({k}, {m})")
            ws = doubles(weights)
            if weights.ndim == 2:
                w_stride = m
        if starts.shape[0] != k or starts.shape[1] != self.total:
            raise ValueError(f"values must have shape ({k}, {self.total}), got "
                             f"({starts.shape[0]}, {starts.shape[1]})")
        if shared and (x_stride or w_stride or not alike(<const double *> starts.data, k,
                                                         self.total)):
            raise ValueError("shared: x, weights and values must be the same for all fits")
        info = np.zeros(k, dtype=np.int32)
        nfev = np.zeros(k, dtype=np.int64)
        chisqr = np.empty(k)
        covar = np.empty((k, self.n, self.n))
        cdef int32_t[::1] infos = info
        cdef int64_t[::1] counts = nfev
        cdef double[::1] sums = chisqr
        cdef double[:, :, ::1] covars = covar
        cdef Work work
        cdef double *memory
        cdef const double *at_x
        cdef const double *at_w = NULL
        if k == 0:
            return info, nfev, chisqr, covar
        memory = <double *> malloc(room(m, self.n, self.total, shared) * sizeof(double))
        if memory == NULL:
            raise MemoryError
        lay_out(&work, memory, m, self.n, self.total)
        with nogil:
            if shared and self.begin(&work, m, nx, xs, &ys[0, 0] if m else NULL, ws,
                                     &starts[0, 0]) != 0:
                k = 0
            for i in range(k):
                at_x = xs + i * x_stride
                if ws != NULL:
                    at_w = ws + i * w_stride
                infos[i] = self.one(&work, m, nx, at_x, &ys[i, 0] if m else NULL, at_w, shared,
                                    &starts[i, 0], &counts[i], &sums[i], &covars[i, 0, 0])
            free(memory)
        return info, nfev, chisqr, covar

    cdef void internal(self, Work *w, const double *values, double *u) noexcept nogil:
        """Internal values of the variables among all values."""
        cdef int64_t j
        for j in range(self.n):
            w.v[j] = values[self.which[j] - 1]
        if self.bounded:
            fitcore_normal_to_internal(self.n, self.lower, self.upper, w.v, u)
        else:
            memcpy(u, w.v, self.n * sizeof(double))

    cdef int sums(self, Work *w, int64_t m, int64_t nx, const double *x, const double *y,
                  const double *weights, const double *u, double *rr) noexcept nogil:
        """J^T J and J^T r at internal values, and r^T r; not 0 if the model has no value."""
        cdef int64_t n = self.n, i, j
        if self.place(w, u) != 0:
            return 1
        if self.model(m, nx, x, self.nparams, w.p, w.y, w.dy, self.user) != 0:
            return 1
        if self.nties > 0 and self.chain(w, m) != 0:
            return 1
        normal_sums(m, n, self.which, w.y, y, weights != NULL, weights, w.at, w.gt, rr)
        if self.bounded:
            for j in range(n):
                w.gt[j] *= w.slope[j]
                for i in range(j + 1):
                    w.at[i + j * n] *= w.slope[i] * w.slope[j]
        return 0

    cdef int begin(self, Work *w, int64_t m, int64_t nx, const double *x, const double *y,
                   const double *weights, const double *values) noexcept nogil:
        """Evaluate the model where all fits start; not 0 if it has no value there."""
        cdef int64_t n = self.n
        cdef double rr = NAN
        memcpy(w.p, values, self.total * sizeof(double))
        self.internal(w, values, w.u0)
        if self.sums(w, m, nx, x, y, weights, w.u0, &rr) != 0:
            return 1
        memcpy(w.dy0, w.dy, m * self.total * sizeof(double))
        memcpy(w.slope0, w.slope, n * sizeof(double))
        memcpy(w.a0, w.at, n * n * sizeof(double))
        # The residuals are where the model was.
        return self.model(m, nx, x, self.nparams, w.p, w.y0, w.dy, self.user)

    cdef void start(self, Work *w, int64_t m, const double *y, const double *weights,
                    double *rr) noexcept nogil:
        """What `sums` gives for a fit where all of them start."""
        cdef int64_t n = self.n, j
        memcpy(w.ut, w.u0, n * sizeof(double))
        memcpy(w.at, w.a0, n * n * sizeof(double))
        normal_gradient(m, n, self.which, w.y0, w.dy0, y, weights != NULL, weights, w.y, w.gt, rr)
        if self.bounded:
            for j in range(n):
                w.gt[j] *= w.slope0[j]

    cdef int one(self, Work *w, int64_t m, int64_t nx, const double *x, const double *y,
                 const double *weights, bint shared, double *values, int64_t *nfev,
                 double *chisqr, double *covar) noexcept nogil:
        """One fit; 0 if it is left out."""
        cdef fitcore_normal_state s
        cdef int64_t n = self.n, i, j
        cdef const int64_t *which = self.which
        cdef double rr = NAN
        cdef int safe = 0
        s.n, s.maxfev, s.nfev, s.rejected = n, self.maxfev, 0, 0
        s.ftol, s.xtol, s.factor = self.ftol, self.xtol, self.factor
        s.task, s.full, s.factored, s.info, s.prered = START, 0, 0, 0, 0
        memcpy(w.p, values, self.total * sizeof(double))
        if not shared:
            self.internal(w, values, w.ut)
        while s.task == START or s.task == SUMS:
            if shared and s.task == START:
                self.start(w, m, y, weights, &rr)
            elif self.sums(w, m, nx, x, y, weights, w.ut, &rr) != 0:
                return 0
            fitcore_normal_step(&s, n, w.u, w.ut, w.a, w.g, w.at, w.gt, rr, w.diag, w.step,
                                w.factor)
        nfev[0] = s.nfev
        if s.task != DONE:
            return 0
        if self.place(w, w.u) != 0:
            return 0
        if self.bounded and fitcore_normal_near_bound(n, self.lower, self.upper, w.v):
            return 0
        fitcore_normal_covariance(n, w.a, s.factored, covar, &safe, w.factor)
        if not safe:
            return 0
        for j in range(n):
            values[which[j] - 1] = w.v[j]
            if self.bounded:
                for i in range(n):
                    covar[i + j * n] *= w.slope[i] * w.slope[j]
        for j in range(self.nties):
            values[self.ties[j].target] = w.p[self.ties[j].target]
        chisqr[0] = s.chisq
        return s.info

    cdef int place(self, Work *w, const double *u) noexcept nogil:
        """Values at internal ones, in the parameters too; not 0 where an expression has none."""
        cdef int64_t j
        if self.bounded:
            fitcore_normal_to_external(self.n, self.lower, self.upper, u, w.v, w.slope)
        else:
            memcpy(w.v, u, self.n * sizeof(double))
        for j in range(self.n):
            w.p[self.which[j] - 1] = w.v[j]
        return evaluate_ties(self.ties, self.nties, w.p)

    cdef int chain(self, Work *w, int64_t m) noexcept nogil:
        """Derivatives by what expressions are made of; not 0 where there are none."""
        cdef double slots[SLOTS]
        cdef double value = 0, slope = 0
        cdef const tie *item
        cdef const double *column
        cdef double *by
        cdef int64_t j, i, k
        memset(w.dy + self.nparams * m, 0, (self.total - self.nparams) * m * sizeof(double))
        # Who depends on whom is known: the last first.
        for j in range(self.nties - 1, -1, -1):
            item = self.ties + j
            column = w.dy + item.target * m
            for i in range(item.size):
                slots[i] = w.p[item.inputs[i]]
            for i in range(item.size):
                if (<Program> item.program).run(slots, <int> i, &value, &slope) != 0:
                    return 1
                # Held by a bound it does not move.
                if slope == 0 or (item.low < item.high and (value < item.low or value > item.high)):
                    continue
                by = w.dy + item.inputs[i] * m
                for k in range(m):
                    by[k] += slope * column[k]
        return 0


cdef bint alike(const double *rows, Py_ssize_t k, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(1, k):
        if memcmp(rows, rows + i * width, width * sizeof(double)) != 0:
            return False
    return True


def statistics(cnp.ndarray[double, ndim=1, mode="c"] chisqr,
               cnp.ndarray[double, ndim=3, mode="c"] covar,
               cnp.ndarray[int64_t, ndim=1, mode="c"] ndata,
               bint scaled, variables, Py_ssize_t nparams):
    """Statistics of many fits, as :func:`fitcore._statistics.goodness` has them of one.

    Parameters
    ----------
    chisqr : ndarray, shape (k,)
        Sums of the squared residuals; raised to the least that has a logarithm.
    covar : ndarray, shape (k, n, n)
        Inverses of J^T J; multiplied by reduced chi-square if they are to be `scaled`.
    ndata : ndarray of int64, shape (k,)
        Numbers of points.
    scaled : bool
    variables : sequence of int
        Columns of the variables among the parameters.
    nparams : int
        Number of parameters.

    Returns
    -------
    stderr : ndarray, shape (k, nparams)
        Standard errors of the variables, 0 for other parameters.
    redchi, aic, bic : ndarray, shape (k,)
    sound : ndarray of bool, shape (k,)
        Whether chi-square and the covariances are finite.
    """
    cdef Py_ssize_t k = covar.shape[0], n = covar.shape[1], i, j
    cdef int64_t[::1] columns = np.array(variables, dtype=np.int64)
    if covar.shape[2] != n or chisqr.shape[0] != k or ndata.shape[0] != k or (
            columns.shape[0] != n):
        raise ValueError(f"chisqr, covar, ndata and variables do not match: {chisqr.shape[0]}, "
                         f"{k} by {n} by {covar.shape[2]}, {ndata.shape[0]}, {columns.shape[0]}")
    for j in range(n):
        if not 0 <= columns[j] < nparams:
            raise ValueError(f"variables must be below {nparams}, got {columns[j]}")
    stderr, redchi, aic, bic = np.zeros((k, nparams)), np.empty(k), np.empty(k), np.empty(k)
    sound = np.empty(k, dtype=np.bool_)
    cdef double[:, ::1] errors = stderr
    cdef double[::1] reduced = redchi, akaike = aic, bayes = bic
    cdef uint8_t[::1] fine = sound.view(np.uint8)
    cdef double *sums = &chisqr[0] if k else NULL
    cdef const int64_t *counts = &ndata[0] if k else NULL
    cdef double *at = &covar[0, 0, 0] if k and n else NULL
    cdef Goodness found
    with nogil:
        for i in range(k):
            found = rate(sums[i], counts[i], n)
            fine[i] = isfinite(sums[i])
            sums[i], reduced[i] = found.chisqr, found.redchi
            akaike[i], bayes[i] = found.aic, found.bic
            for j in range(n * n):
                if scaled:
                    at[j] *= reduced[i]
                if not isfinite(at[j]):
                    fine[i] = 0
            for j in range(n):
                errors[i, columns[j]] = sqrt(at[j * (n + 1)])
            at += n * n
    return stderr, redchi, aic, bic, sound


def derive(list constraints, dict places, cnp.ndarray[double, ndim=2, mode="c"] values,
           cnp.ndarray[double, ndim=2, mode="c"] stderr=None, variables=None,
           cnp.ndarray[double, ndim=3, mode="c"] covar=None):
    """Values of expressions for many fits, and their standard errors to first order.

    Parameters
    ----------
    constraints : list of Constraint
        In order of evaluation.
    places : dict of str to int
        Columns of the parameters by name.
    values : ndarray, shape (k, nparams)
        Values of all parameters; those of expressions are written.
    stderr : ndarray, shape (k, nparams), optional
        Standard errors; those of expressions are written.
    variables : ndarray of int64, shape (n,), optional
        Columns of the variables.
    covar : ndarray, shape (k, n, n), optional
        Their covariances.

    Returns
    -------
    ndarray of bool, shape (k,)
        Fits for which an expression has to be evaluated by asteval; their rows are not complete.
    """
    cdef Py_ssize_t k = values.shape[0], total = values.shape[1], nc = len(constraints)
    cdef Py_ssize_t row, c, i, j, q, n = 0
    cdef int64_t[::1] columns = np.empty(0, dtype=np.int64)
    cdef double[:, ::1] chain
    cdef uint8_t[::1] failed = np.zeros(k, dtype=np.uint8)
    cdef double slots[SLOTS]
    cdef double value = 0, slope = 0, variance
    cdef bint errors = stderr is not None
    cdef Constraint constraint
    cdef const tie *ties
    cdef cnp.ndarray held
    cdef double *at
    for constraint in constraints:
        if constraint.program is None or constraint.error is not None:
            return np.ones(k, dtype=bool)
    tied = lay_out_ties(
        constraints, [places[item.target.name] for item in constraints],
        [[places[source.name] for source in item.inputs] for item in constraints])
    held = tied[0]
    ties = <const tie *> cnp.PyArray_DATA(held)
    if errors:
        columns = variables
        n = columns.shape[0]
    chain = np.zeros((total, max(1, n)))
    with nogil:
        for row in range(k):
            at = &values[row, 0]
            failed[row] = evaluate_ties(ties, nc, at) != 0
            if not errors or failed[row]:
                continue
            memset(&chain[0, 0], 0, total * n * sizeof(double))
            for j in range(n):
                chain[columns[j], j] = 1.0
            for c in range(nc):
                for i in range(ties[c].size):
                    slots[i] = at[ties[c].inputs[i]]
                for i in range(ties[c].size):
                    if (<Program> ties[c].program).run(slots, i, &value, &slope) != 0:
                        failed[row] = 1
                        break
                    # Held by a bound it does not move.
                    if value < ties[c].low or value > ties[c].high:
                        break
                    for j in range(n):
                        chain[ties[c].target, j] += slope * chain[ties[c].inputs[i], j]
                variance = 0
                for j in range(n):
                    for q in range(n):
                        variance += (chain[ties[c].target, j] * covar[row, j, q]
                                     * chain[ties[c].target, q])
                stderr[row, ties[c].target] = sqrt(variance) if variance >= 0 else NAN
    return np.asarray(failed).astype(bool)
