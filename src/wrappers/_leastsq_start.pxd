# The start of a fit with bounds, for the compiled fit.

cdef double ROUNDING_ERROR
cpdef bint has_bounds(list items) except -1
cpdef int check_range(list mapping) except -1
cpdef dict leave_bounds(list mapping)
cdef double between(double low, double high, double bound) noexcept
