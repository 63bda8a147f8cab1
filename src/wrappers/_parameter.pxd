# Parameters for other Cython code: `from fitcore._parameter cimport ParameterBase, Group`.

from fitcore._expression cimport Program


cdef class ParameterBase:
    cdef double _val, _min, _max        # the value, within the bounds; -inf and inf where none
    cdef object _obj                    # the value as a Python number; None until it is asked for
    cdef object _min_obj, _max_obj      # the bounds as they were given (int or float)
    cdef bint _vary
    cdef bint _unset                    # no value was ever given
    cdef object _name, _expr            # str or None
    cdef Group _group                   # of the Parameters that holds it, or None
    cdef Constraint _constraint         # how to evaluate _expr; valid while _group is resolved
    cdef public object brute_step, user_data, init_value, stderr, correl

    # The value as a Python number, its expression evaluated.
    cdef object get(self)
    cdef int get_or_keep(self) except -1
    cdef void clip(self) noexcept
    cdef int touch(self) except -1
    # Store a value without checks; clip it into the bounds.
    cdef void store(self, double value) noexcept
    # Store a value that is within the bounds, as a solver found it.
    cdef void assign(self, double value) noexcept
    # The MINUIT mapping: internal value of the present value, external value, d(external)/d(u).
    cdef double setup(self) noexcept nogil
    cdef double from_internal(self, double u) noexcept nogil
    cdef double gradient(self, double u) noexcept nogil


cdef class Constraint:
    # A parameter that is an expression of others.
    cdef readonly ParameterBase target
    cdef readonly Program program       # None: always by `fallback`
    cdef readonly tuple inputs          # the parameters in its slots
    cdef readonly tuple upstream        # Constraints of what it depends on, in order of evaluation
    cdef object fallback                # () -> float, by asteval
    cdef readonly object error          # exception to raise instead, or None
    cdef int evaluate(self) except -1


cdef class Group:
    # What the members of one Parameters share.
    cdef readonly object owner          # weak reference to the Parameters
    cdef object keep                    # the Parameters itself once a member has an expression
    cdef list constraints               # in order of evaluation; None: to be resolved
    cdef int resolve(self) except -1
    # Evaluate all expressions.
    cpdef int update(self) except -1
