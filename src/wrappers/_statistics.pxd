# Goodness of fit, for one fit and for many.
from libc.math cimport NAN, isfinite, log
from libc.stdint cimport int64_t

cdef extern from *:
    """
    /* A perfect fit has no logarithm: chi-square counts as at least this, for each residual. */
    #define FITCORE_TINY_CHISQR 1e-250
    """
    double TINY_CHISQR "FITCORE_TINY_CHISQR"


cdef struct Goodness:
    double chisqr, redchi, aic, bic


# Of ndata residuals, at least one, with this sum of squares. A NaN stays one.
cdef inline Goodness rate(double squares, int64_t ndata, int64_t nvarys) noexcept nogil:
    cdef Goodness found
    cdef double least = TINY_CHISQR * ndata, deviance = NAN
    found.redchi = squares / (ndata - nvarys if ndata - nvarys > 1 else 1)
    found.chisqr = least if squares < least else squares
    if isfinite(found.chisqr):
        deviance = ndata * log(found.chisqr / ndata)
    found.aic = deviance + 2 * nvarys
    found.bic = deviance + log(<double> ndata) * nvarys
    return found
