# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The value of a parameter, its bounds, and its place among others' expressions."""

import builtins
import math
import weakref
from copy import deepcopy

from cpython.complex cimport PyComplex_Check
from cpython.dict cimport PyDict_SetItem
from cpython.float cimport PyFloat_AsDouble
from cpython.long cimport PyLong_Check
from cpython.object cimport PyObject_RichCompare
from libc.math cimport INFINITY, M_PI_2, asin, cos, hypot, isfinite, isinf, isnan, sin, sqrt
from fitcore._expression cimport SLOTS, Program

import numpy as np

__all__ = ["Constraint", "Group", "ParameterBase", "as_number", "copy_items", "mark_start",
           "prepare_items", "values_of"]


# ---------------------------------------------------------------------------------- numbers

cdef object plain(object value, str what, object name, double *out):
    # `value` as an int or float, and as a double. Integers stay integers when a double holds them.
    cdef double number
    if type(value) is float:
        out[0] = <double>value
        return value
    if isinstance(value, ParameterBase):
        return plain((<ParameterBase>value).get(), what, name, out)
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if PyComplex_Check(value) or kind not in "fiub" or getattr(value, "ndim", 0) != 0:
        raise TypeError(complaint(value, what, name))
    if kind in "iub" and not PyLong_Check(value):
        value = int(value)
    try:
        number = PyFloat_AsDouble(value)
    except OverflowError:
        raise ValueError(f"{owner(name)}: {what} must fit a double, not an integer of "
                         f"{value.bit_length()} bits") from None
    except (TypeError, ValueError):
        raise TypeError(complaint(value, what, name)) from None
    out[0] = number
    if PyLong_Check(value) and value == number:
        return value
    return number


def as_number(value, str what, name):
    """``value`` as an int or float.

    Parameters
    ----------
    value : number
        Also of numpy, an array without dimensions, or a parameter.
    what : str
        Which argument it is, for the message.
    name : str or None
        Of the parameter.

    Raises
    ------
    TypeError
        It is not a real number.
    ValueError
        It is an integer beyond the range of a double.
    """
    cdef double number = 0.0
    return plain(value, what, name, &number)


cdef str owner(object name):
    return "parameter" if name is None else f"parameter {name!r}"


cdef str complaint(object value, str what, object name):
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    return f"{owner(name)}: {what} must be a real number, not {shown} ({type(value).__name__})"


# ------------------------------------------------------------------------------- parameters

cdef class ParameterBase:
    """The numerical part of `fitcore.Parameter`: value, bounds, and arithmetic on the value."""

    __hash__ = None

    def __cinit__(self):                # whatever a subclass takes
        self._val = self._min = -INFINITY
        self._max = INFINITY
        self._min_obj = NEGATIVE_INFINITY
        self._max_obj = POSITIVE_INFINITY
        self._vary = True
        self._unset = True

    # -- storage

    cdef object get(self):
        if self._expr is not None:
            if self._group is None:
                self._vary = False          # alone it is as it was given till then, as in lmfit
            else:
                if self._group.constraints is None:
                    self._group.resolve()
                if self._constraint is not None:
                    for constraint in self._constraint.upstream:
                        (<Constraint>constraint).evaluate()
                    self._constraint.evaluate()
        if self._obj is None:
            self._obj = self._val
        return self._obj

    cdef void store(self, double value) noexcept:
        if self._min < self._max:
            if value < self._min:
                value = self._min
            elif value > self._max:
                value = self._max
        self._unset = False
        if value != self._val or type(self._obj) is not float:
            self._obj = None
        self._val = value

    cdef void assign(self, double value) noexcept:
        self._val = value
        self._obj = None
        self._unset = False

    cdef void clip(self) noexcept:
        # Bounds that exclude each other are in the middle of being changed: leave the value.
        if not self._min < self._max:
            return
        if self._val < self._min:
            self._val = self._min
            self._obj = self._min_obj
        elif self._val > self._max:
            self._val = self._max
            self._obj = self._max_obj

    cdef int touch(self) except -1:
        # The expressions of the group are no longer as they were resolved.
        self._constraint = None
        if self._group is not None:
            self._group.invalidate(self._expr is not None)
        return 0

    @property
    def value(self):
        """float or int: the value, within the bounds; of an expression, its present value."""
        return self.get()

    @value.setter
    def value(self, value):
        if value is None:
            self._val = -INFINITY
            self._obj = None
            self._unset = True
        else:
            # Number first: a refused value leaves the parameter as it was.
            self._obj = plain(value, "value", self._name, &self._val)
            self._unset = False
        self.clip()

    @property
    def min(self):
        """float: lower bound, -inf where there is none."""
        return self._min_obj

    @min.setter
    def min(self, bound):
        cdef double number = -INFINITY
        bound = NEGATIVE_INFINITY if bound is None else plain(bound, "min", self._name, &number)
        if isnan(number):
            raise ValueError(f"{owner(self._name)}: min must not be NaN; -inf is no bound")
        self._min, self._min_obj = number, bound
        self.clip()

    @property
    def max(self):
        """float: upper bound, inf where there is none."""
        return self._max_obj

    @max.setter
    def max(self, bound):
        cdef double number = INFINITY
        bound = POSITIVE_INFINITY if bound is None else plain(bound, "max", self._name, &number)
        if isnan(number):
            raise ValueError(f"{owner(self._name)}: max must not be NaN; inf is no bound")
        self._max, self._max_obj = number, bound
        self.clip()

    @property
    def name(self):
        """str or None: name, the key in the Parameters that holds it."""
        return self._name

    @name.setter
    def name(self, name):
        if name is not None and not isinstance(name, str):
            raise TypeError(f"parameter: name must be a string, not {name!r}")
        self._name = name

    @property
    def vary(self):
        """bool: whether the fit varies it. True removes an expression."""
        return self._vary

    @vary.setter
    def vary(self, vary):
        if vary is not True and vary is not False:
            if not (isinstance(vary, (int, np.bool_, np.integer)) and vary in (0, 1)):
                raise TypeError(f"{owner(self._name)}: vary must be True or False, not {vary!r}")
        if vary and self._expr is not None:
            self.get_or_keep()
            self._expr = None
            self.touch()
        self._vary = bool(vary)

    cdef int get_or_keep(self) except -1:
        # The value of an expression that is about to go; the last one where it fails.
        try:
            self.get()
        except Exception:
            pass
        return 0

    def _set_expr(self, expr, bint alone=False):
        # A checked expression, or None. Of a new parameter, alone, `vary` is as it was given: the
        # expression takes effect among others.
        if expr is None and self._expr is None:
            return
        if expr is None:
            self.get_or_keep()
        self._expr = expr
        if expr is not None and not alone:
            self._vary = False
        self.touch()

    def _get_expr(self):
        return self._expr

    @property
    def _is_unset(self):
        # Whether it never had a value.
        return self._unset

    def _mark_unset(self):
        self._unset = True

    @property
    def _last_value(self):
        # The value without evaluating the expression.
        if self._obj is None:
            self._obj = self._val
        return self._obj

    @property
    def _group_of(self):
        return self._group

    def _join(self, Group group):
        # Enter the group of another Parameters, or with None none.
        self.touch()
        self._group = group
        if group is not None and self._expr is not None:
            self._vary = False
        self.touch()

    # -- the MINUIT mapping

    cdef double setup(self) noexcept nogil:
        cdef double d, half, s
        if self._min == -INFINITY and self._max == INFINITY:
            return self._val
        if self._max == INFINITY:
            d = self._val - self._min
            return sqrt(d) * sqrt(d + 2.0)
        if self._min == -INFINITY:
            d = self._max - self._val
            return sqrt(d) * sqrt(d + 2.0)
        half = 0.5 * self._max - 0.5 * self._min
        if half == 0.0:                 # neighbours at the end of the number range
            return M_PI_2 if self._val == self._max else -M_PI_2
        s = (self._val - (0.5 * self._min + 0.5 * self._max)) / half
        # Beyond 0.5 from the nearer bound, so that small distances keep their digits.
        if s < -0.5:
            return 2.0 * asin(sqrt((0.5 * self._val - 0.5 * self._min) / half)) - M_PI_2
        if s > 0.5:
            return M_PI_2 - 2.0 * asin(sqrt((0.5 * self._max - 0.5 * self._val) / half))
        return asin(s)

    cdef double from_internal(self, double u) noexcept nogil:
        cdef double half, s, c, value
        if self._min == -INFINITY and self._max == INFINITY:
            return u
        if self._max == INFINITY:
            return self._min + u * (u / (1.0 + hypot(u, 1.0)))
        if self._min == -INFINITY:
            return self._max - u * (u / (1.0 + hypot(u, 1.0)))
        # The double nearest to pi/2 is not pi/2, but setup() means the bound by it.
        if u == -M_PI_2 or u == M_PI_2:
            return self._min if u < 0.0 else self._max
        half = 0.5 * self._max - 0.5 * self._min
        s = sin(u)
        if s < -0.5:
            c = cos(u)
            value = self._min + half * (c * c / (1.0 - s))      # 1 + s without cancellation
        elif s > 0.5:
            c = cos(u)
            value = self._max - half * (c * c / (1.0 + s))
        else:
            value = 0.5 * self._min + 0.5 * self._max + half * s
        if value < self._min:
            return self._min
        if value > self._max:
            return self._max
        return value

    cdef double gradient(self, double u) noexcept nogil:
        if self._min == -INFINITY and self._max == INFINITY:
            return 1.0
        if self._max == INFINITY:
            return u / hypot(u, 1.0)
        if self._min == -INFINITY:
            return -u / hypot(u, 1.0)
        return cos(u) * (0.5 * self._max - 0.5 * self._min)

    def _setup(self):
        return self.setup()

    def _from_internal(self, double u):
        return self.from_internal(u)

    def _gradient(self, double u):
        return self.gradient(u)

    # -- arithmetic acts on the value

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __bool__(self):
        return bool(self.get())

    def __trunc__(self):
        return math.trunc(self.get())

    def __floor__(self):
        return math.floor(self.get())

    def __ceil__(self):
        return math.ceil(self.get())

    def __round__(self, ndigits=None):
        return round(self.get(), ndigits)

    def __format__(self, spec):
        return format(self.get(), spec) if spec else str(self)

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError(f"{owner(self._name)}: an array of its value is always a copy")
        return np.array(self.get(), dtype=dtype)

    def __abs__(self):
        return abs(self.get())

    def __neg__(self):
        return -self.get()

    def __pos__(self):
        return +self.get()

    def __add__(self, other):
        return self.get() + number(other)

    def __radd__(self, other):
        return other + self.get()

    def __sub__(self, other):
        return self.get() - number(other)

    def __rsub__(self, other):
        return other - self.get()

    def __mul__(self, other):
        return self.get() * number(other)

    def __rmul__(self, other):
        return other * self.get()

    def __truediv__(self, other):
        return self.get() / number(other)

    def __rtruediv__(self, other):
        return other / self.get()

    def __floordiv__(self, other):
        return self.get() // number(other)

    def __rfloordiv__(self, other):
        return other // self.get()

    def __mod__(self, other):
        return self.get() % number(other)

    def __rmod__(self, other):
        return other % self.get()

    def __divmod__(self, other):
        return divmod(self.get(), number(other))

    def __rdivmod__(self, other):
        return divmod(other, self.get())

    def __pow__(self, other, modulo):
        return python_pow(self.get(), number(other), modulo)

    def __rpow__(self, other, modulo):
        return python_pow(other, self.get(), modulo)

    def __richcmp__(self, other, int op):
        return PyObject_RichCompare(self.get(), number(other), op)


cdef object NEGATIVE_INFINITY = float("-inf")
cdef object POSITIVE_INFINITY = float("inf")
cdef object python_pow = builtins.pow


cdef inline object number(object x):
    return (<ParameterBase>x).get() if isinstance(x, ParameterBase) else x


def copy_items(source, target, Group group):
    """Fill ``target`` with copies of the ParameterBase objects in ``source``, joined to ``group``.

    Mutable extras (``correl``, ``user_data``) are copied deeply.
    """
    cdef ParameterBase old, new
    for name, item in (<dict>source).items():
        old = <ParameterBase?>item
        new = <ParameterBase>(type(old).__new__(type(old)))
        new._val, new._min, new._max = old._val, old._min, old._max
        new._obj, new._min_obj, new._max_obj = old._obj, old._min_obj, old._max_obj
        new._vary, new._unset = old._vary, old._unset
        new._name, new._expr = old._name, old._expr
        new.brute_step, new.init_value, new.stderr = old.brute_step, old.init_value, old.stderr
        if old.correl is not None:
            new.correl = dict(old.correl)
        if old.user_data is not None:
            new.user_data = deepcopy(old.user_data)
        new._group = group
        if new._expr is not None:
            group.invalidate(True)
        PyDict_SetItem(target, name, new)       # past a subclass's __setitem__


def prepare_items(params, Group group):
    """Check that a fit can start, evaluate all expressions, and return the list of what varies.

    See ``Parameters._prepare``.
    """
    cdef ParameterBase item
    cdef list varying = []
    cdef bint plain = True
    for par in params.values():
        item = <ParameterBase?>par
        if not item._min < item._max:
            item._check_order()
        if item._expr is not None:
            plain = False
        else:
            if item._unset and not isfinite(item._val):
                raise ValueError(f"{owner(item._name)}: no value was given")
            if item._vary:
                varying.append(item)
    if not plain:
        group.update()
    elif group.constraints is None:
        group.constraints = []
    for par in params.values():
        item = <ParameterBase>par
        if item._expr is not None:
            continue                            # NaN at the start may be a number at the solution
        if isnan(item._val) or (item._vary and isinf(item._val)):
            raise ValueError(f"{owner(item._name)}: its initial value must be finite, not "
                             f"{item._last_value}")
    return varying


def mark_start(params, list varying):
    """Note the present values as initial ones, and forget standard errors and correlations.

    Returns
    -------
    dict of str to float
        The values of those in ``varying``, by name.
    """
    cdef ParameterBase item
    cdef dict values = {}
    for par in params.values():
        item = <ParameterBase>par
        item.stderr = item.correl = None
        if item._expr is not None:
            item.init_value = item.get()
    for par in varying:
        item = <ParameterBase?>par
        item.init_value = item.get()
        values[item._name] = item._val
    return values


def values_of(params, list names):
    """The values of those of ``params`` that have these names, by name."""
    cdef dict values = {}
    for name in names:
        values[name] = (<ParameterBase?>params[name]).get()
    return values


# ------------------------------------------------------------------------------ expressions

cdef class Constraint:
    """A parameter that is an expression of others.

    Parameters
    ----------
    target : ParameterBase
        What the expression gives the value of.
    program : Program or None
        The expression compiled, or None: then ``fallback`` evaluates it always.
    inputs : tuple of ParameterBase
        The parameters it names, in the order of the program's slots.
    upstream : tuple of Constraint
        Those that must be evaluated before, in order.
    fallback : callable
        () -> float: evaluates the expression by asteval, or raises.
    error : Exception, optional
        Raised instead of evaluating: an unknown name, a circle.
    """

    def __init__(self, ParameterBase target not None, Program program, tuple inputs not None,
                 tuple upstream not None, fallback, error=None):
        if program is not None and program.n_slots != len(inputs):
            raise ValueError(f"inputs must have length {program.n_slots}, not {len(inputs)}")
        for parameter in inputs:
            if not isinstance(parameter, ParameterBase):
                raise TypeError(f"inputs must hold ParameterBase objects, not {parameter!r}")
        for constraint in upstream:
            if not isinstance(constraint, Constraint):
                raise TypeError(f"upstream must hold Constraint objects, not {constraint!r}")
        self.target, self.program, self.inputs = target, program, inputs
        self.upstream, self.fallback, self.error = upstream, fallback, error
        target._constraint = self

    cdef int evaluate(self) except -1:
        cdef double slots[SLOTS]
        cdef double value = 0.0
        cdef Py_ssize_t i
        if self.error is not None:
            raise type(self.error)(*self.error.args)
        if self.program is not None:
            for i in range(len(self.inputs)):
                slots[i] = (<ParameterBase>self.inputs[i])._val
            if self.program.run(slots, -1, &value, NULL) == 0:
                self.target.store(value)
                return 0
        self.target.store(self.fallback())
        return 0

    def partials(self):
        """Derivatives of the expression by its inputs, exact; None where only asteval knows.

        Zero where a bound holds the value. Inputs are taken as they are, without evaluation.

        Returns
        -------
        list of float, or None
        """
        cdef double slots[SLOTS]
        cdef double value = 0.0, derivative = 0.0
        cdef Py_ssize_t i
        if self.error is not None or self.program is None:
            return None
        for i in range(len(self.inputs)):
            slots[i] = (<ParameterBase>self.inputs[i])._val
        found = []
        for i in range(len(self.inputs)):
            if self.program.run(slots, <int>i, &value, &derivative) != 0:
                return None
            clipped = value < self.target._min or value > self.target._max
            found.append(0.0 if clipped else derivative)
        return found


cdef class Group:
    """What the members of one Parameters share: their expressions, resolved when first needed.

    Parameters
    ----------
    parameters : Parameters
        Held by a weak reference unless a member has an expression. Its method ``_resolve()``
        returns the Constraints in order of evaluation.
    """

    def __init__(self, parameters):
        self.owner = weakref.ref(parameters)

    cdef int resolve(self) except -1:
        parameters = self.owner()
        self.constraints = [] if parameters is None else parameters._resolve()
        return 0

    cpdef int update(self) except -1:
        """Evaluate every expression, each after what it depends on."""
        if self.constraints is None:
            self.resolve()
        for constraint in self.constraints:
            (<Constraint?>constraint).evaluate()
        return 0

    def resolved(self):
        """list of Constraint: all of them, in order of evaluation."""
        if self.constraints is None:
            self.resolve()
        return self.constraints

    def invalidate(self, bint expressions=False):
        """Resolve again before the next evaluation; with ``expressions``, keep the owner alive.

        An expression needs the other members also when only its Parameter is still in use.
        """
        self.constraints = None
        if expressions and self.keep is None:
            self.keep = self.owner()
