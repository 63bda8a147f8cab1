# Compiled expressions for other Cython code: `from fitcore._expression cimport Program`.

cdef enum:
    SLOTS = 64                          # the most inputs of a program
    DEPTH = 32                          # its deepest stack


cdef class Program:
    # Arithmetic on doubles, compiled from an expression: a stack machine without Python objects.
    cdef int *code                      # pairs: operation, argument
    cdef int size                       # number of pairs
    cdef double *constants
    cdef int n_slots                    # number of inputs
    # The value at slots(n_slots) and, when seed >= 0, its derivative by slot `seed`.
    # Not 0 where Python raises or leaves the reals: asteval then says what happens.
    cdef int run(self, const double *slots, int seed, double *value,
                 double *derivative) noexcept nogil
