# The start of a fit with bounds, for the compiled fit.

cdef double ROUNDING_ERROR
cdef double between(double low, double high, double bound) noexcept
