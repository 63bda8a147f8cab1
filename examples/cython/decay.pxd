# What is declared here can be given to fitcore.NativeFunction.from_cython.
from libc.stdint cimport int64_t


cdef int residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                  void *user_data) noexcept nogil
cdef int rosenbrock(int64_t n, const double *p, double *f, double *g,
                    void *user_data) noexcept nogil
