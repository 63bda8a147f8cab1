# Signatures of native functions, see fitcore.h: `from fitcore._native_types cimport ...`.
from libc.stdint cimport int64_t

cdef extern from "fitcore.h" nogil:
    ctypedef int (*fitcore_residual)(int64_t m, int64_t n, const double *p, double *f,
                                     double *fjac, void *user_data) noexcept nogil
    ctypedef int (*fitcore_objective)(int64_t n, const double *p, double *f, double *g,
                                      void *user_data) noexcept nogil
    ctypedef int (*fitcore_model)(int64_t m, int64_t nx, const double *x, int64_t n,
                                  const double *p, double *y, double *dy,
                                  void *user_data) noexcept nogil
