# cython: language_level=3, freethreading_compatible=True
"""Fits in Cython that cimports fitcore: whole ones, and one step by step, without the GIL.

    python setup.py build_ext --inplace
    python run.py
"""
from libc.math cimport exp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from fitcore.lbfgsb cimport lb_report, minimize_lbfgsb
from fitcore.minpack cimport (
    JAC_ANALYTIC, TASK_DONE, TASK_JACOBIAN, TASK_RESIDUAL, lm_defaults, lm_init, lm_options,
    lm_report, lm_state, lm_step, lm_work_size, minimize_lm,
)

cdef struct curve:
    int64_t m
    const double *t
    const double *y


cdef int residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                  void *user_data) noexcept nogil:
    """p[0] exp(-t / p[1]) - y, in the signature of fitcore.h."""
    cdef curve *data = <curve *> user_data
    cdef int64_t i
    cdef double e
    for i in range(m):
        e = exp(-data.t[i] / p[1])
        if f != NULL:
            f[i] = p[0] * e - data.y[i]
        if fjac != NULL:
            fjac[i] = e
            fjac[i + m] = p[0] * e * data.t[i] / (p[1] * p[1])
    return 0


cdef int rosenbrock(int64_t n, const double *p, double *f, double *g,
                    void *user_data) noexcept nogil:
    cdef double a = p[1] - p[0] * p[0], b = 1 - p[0]
    f[0] = 100 * a * a + b * b
    if g != NULL:
        g[0] = -400 * p[0] * a - 2 * b
        g[1] = 200 * a
    return 0


def fit(double[::1] t, double[::1] y, double[::1] start, lower=None):
    """Solution, covariance and info of one fit, by a single call."""
    cdef curve data
    cdef lm_options options
    cdef lm_report report
    cdef double x[2]
    cdef double low[2]
    cdef double covar[4]
    cdef bint bounded = lower is not None
    data.m, data.t, data.y = t.shape[0], &t[0], &y[0]
    x[0], x[1] = start[0], start[1]
    if bounded:
        low[0], low[1] = lower
    with nogil:
        lm_defaults(&options)
        options.derivatives = 1
        minimize_lm(residual, &data, data.m, 2, x, NULL, covar, low if bounded else NULL, NULL,
                    &options, &report)
    return [x[0], x[1]], [covar[0], covar[1], covar[2], covar[3]], report.info


def steps(double[::1] t, double[::1] y, double[::1] start):
    """The same, asking and telling: solution, and the number of evaluations."""
    cdef curve data
    cdef lm_state s
    cdef int64_t m = t.shape[0], n = 2
    cdef int64_t ipvt[2]
    cdef double x[2]
    cdef double xt[2]
    cdef double diag[2]
    cdef double qtf[2]
    cdef double *fvec = <double *> malloc(m * sizeof(double))
    cdef double *ft = <double *> malloc(m * sizeof(double))
    cdef double *fjac = <double *> malloc(m * n * sizeof(double))
    cdef double *wa = <double *> malloc(lm_work_size(m, n) * sizeof(double))
    data.m, data.t, data.y = m, &t[0], &y[0]
    diag[0] = diag[1] = qtf[0] = qtf[1] = 0
    x[0], x[1] = start[0], start[1]
    xt[0], xt[1] = x[0], x[1]
    ipvt[0], ipvt[1] = 1, 2
    try:
        with nogil:
            lm_init(&s, m, n, 1, JAC_ANALYTIC, 1e-10, 1e-10, 0.0, 1000, 0.0, 100.0, diag)
            while s.task != TASK_DONE:
                if s.task == TASK_RESIDUAL:
                    residual(m, n, xt, ft, NULL, &data)
                elif s.task == TASK_JACOBIAN:
                    residual(m, n, x, NULL, fjac, &data)
                lm_step(&s, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)
                if s.moved:
                    fvec, ft = ft, fvec
        return [x[0], x[1]], s.nfev
    finally:
        free(fvec)
        free(ft)
        free(fjac)
        free(wa)


def valley(start, upper=None):
    """The minimum of a function under bounds, and info."""
    cdef lb_report report
    cdef double x[2]
    cdef double high[2]
    cdef bint bounded = upper is not None
    x[0], x[1] = start
    if bounded:
        high[0], high[1] = upper
    with nogil:
        minimize_lbfgsb(rosenbrock, NULL, 2, x, NULL, NULL, high if bounded else NULL, NULL,
                        &report)
    return [x[0], x[1]], report.f, report.info
