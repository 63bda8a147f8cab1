# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True
"""The value of a parameter, its bounds, and expressions compiled to arithmetic on doubles."""

import builtins
import math
import weakref
from copy import deepcopy

from cpython.complex cimport PyComplex_Check
from cpython.dict cimport PyDict_SetItem
from cpython.float cimport PyFloat_AsDouble
from cpython.long cimport PyLong_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject_RichCompare
from libc.math cimport (
    INFINITY, M_LN2, M_LN10, M_PI, M_PI_2, asin, cos, cosh, exp, floor, fmod, hypot, isfinite,
    isnan, log, pow, signbit, sin, sinh, sqrt,
)
cimport numpy as cnp

import numpy as np

cnp.import_array()
cnp.import_ufunc()

__all__ = ["BINARY", "CODES", "MAX_DEPTH", "MAX_SLOTS", "PREDICATES", "UNARY",
           "Constraint", "Group", "ParameterBase", "Program", "as_number", "copy_items"]


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

    def __cinit__(self, *args, **kwargs):
        self._val = self._min = -INFINITY
        self._max = INFINITY
        self._min_obj = NEGATIVE_INFINITY
        self._max_obj = POSITIVE_INFINITY
        self._vary = True
        self._unset = True

    # -- storage

    cdef object get(self):
        if self._expr is not None and self._group is not None:
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
        self._vary = bool(vary)
        if self._vary and self._expr is not None:
            self.get_or_keep()
            self._expr = None
            self.touch()

    cdef int get_or_keep(self) except -1:
        # The value of an expression that is about to go; the last one where it fails.
        try:
            self.get()
        except Exception:
            pass
        return 0

    def _set_expr(self, expr):
        # A checked expression, or None.
        if expr is None and self._expr is None:
            return
        if expr is None:
            self.get_or_keep()
        self._expr = expr
        if expr is not None:
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


# ------------------------------------------------------------------------- compiled programs

cdef enum:
    SLOTS = 64
    DEPTH = 32

cdef enum:
    # Two operands
    ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, MODULO, POWER
    # The same between numpy's float64, which divides by zero and takes roots without an exception
    NUMPY_DIVIDE, NUMPY_POWER
    LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL
    MINIMUM, MAXIMUM, MATH_POW, CALL2
    # One operand
    NEGATE, NOT, CALL1, TEST1
    # None; the argument is an index, or where to continue
    CONSTANT, SLOT, JUMP, JUMP_IF_FALSE, AND_JUMP, OR_JUMP

#: Operation codes by name, for the compiler.
CODES = {
    "ADD": ADD, "SUBTRACT": SUBTRACT, "MULTIPLY": MULTIPLY, "DIVIDE": DIVIDE,
    "FLOOR_DIVIDE": FLOOR_DIVIDE, "MODULO": MODULO, "POWER": POWER, "NUMPY_DIVIDE": NUMPY_DIVIDE,
    "NUMPY_POWER": NUMPY_POWER, "LESS": LESS, "LESS_EQUAL": LESS_EQUAL, "GREATER": GREATER,
    "GREATER_EQUAL": GREATER_EQUAL, "EQUAL": EQUAL, "NOT_EQUAL": NOT_EQUAL, "MINIMUM": MINIMUM,
    "MAXIMUM": MAXIMUM, "MATH_POW": MATH_POW, "CALL2": CALL2, "NEGATE": NEGATE, "NOT": NOT,
    "CALL1": CALL1, "TEST1": TEST1, "CONSTANT": CONSTANT, "SLOT": SLOT, "JUMP": JUMP,
    "JUMP_IF_FALSE": JUMP_IF_FALSE, "AND_JUMP": AND_JUMP, "OR_JUMP": OR_JUMP,
}

ctypedef void (*loop_t)(char **args, const cnp.npy_intp *n, const cnp.npy_intp *steps,
                        void *data) noexcept nogil

cdef enum:
    LOOPS = 64

# The float64 loops of numpy's ufuncs, so that a compiled expression has numpy's bits.
cdef loop_t _loops[LOOPS]
cdef void *_loop_data[LOOPS]

cdef enum:
    SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, SINH, COSH, TANH, ARCSINH, ARCCOSH, ARCTANH, EXP, EXPM1
    EXP2, LOG, LOG10, LOG1P, LOG2, SQRT, SQUARE, ABSOLUTE, FABS, FLOOR, CEIL, TRUNC, SIGN, DEGREES
    RADIANS, ARCTAN2, HYPOT, FMOD, COPYSIGN, NUMPY_MINIMUM, NUMPY_MAXIMUM, ISNAN, ISINF, ISFINITE

_NAMES = {
    "sin": SIN, "cos": COS, "tan": TAN, "arcsin": ARCSIN, "arccos": ARCCOS, "arctan": ARCTAN,
    "sinh": SINH, "cosh": COSH, "tanh": TANH, "arcsinh": ARCSINH, "arccosh": ARCCOSH,
    "arctanh": ARCTANH, "exp": EXP, "expm1": EXPM1, "exp2": EXP2, "log": LOG, "log10": LOG10,
    "log1p": LOG1P, "log2": LOG2, "sqrt": SQRT, "square": SQUARE, "absolute": ABSOLUTE,
    "fabs": FABS, "floor": FLOOR, "ceil": CEIL, "trunc": TRUNC, "sign": SIGN, "degrees": DEGREES,
    "radians": RADIANS, "arctan2": ARCTAN2, "hypot": HYPOT, "fmod": FMOD, "copysign": COPYSIGN,
    "minimum": NUMPY_MINIMUM, "maximum": NUMPY_MAXIMUM, "isnan": ISNAN, "isinf": ISINF,
    "isfinite": ISFINITE,
}


cdef dict _find_loops():
    # Where numpy has no such loop the name stays out of the tables, and asteval evaluates it.
    cdef cnp.ufunc function
    cdef int i
    tables = {(1, cnp.NPY_DOUBLE): {}, (2, cnp.NPY_DOUBLE): {}, (1, cnp.NPY_BOOL): {}}
    for name, index in _NAMES.items():
        function = getattr(np, name)
        for i in range(function.ntypes):
            types = list(<bytes>function.types[i * function.nargs:(i + 1) * function.nargs])
            table = tables.get((function.nin, types[function.nin]))
            if table is not None and types[:function.nin] == [cnp.NPY_DOUBLE] * function.nin:
                _loops[<int>index] = <loop_t><void *>function.functions[i]
                _loop_data[<int>index] = function.data[i] if function.data != NULL else NULL
                table[name] = index
                break
    return tables


_tables = _find_loops()
#: Functions of one and two arguments, and tests of one, by their name in numpy.
UNARY = _tables[1, cnp.NPY_DOUBLE]
BINARY = _tables[2, cnp.NPY_DOUBLE]
PREDICATES = _tables[1, cnp.NPY_BOOL]
#: The most inputs, and the deepest stack, that a program may have.
MAX_SLOTS = SLOTS
MAX_DEPTH = DEPTH


cdef inline double call1(int index, double x) noexcept nogil:
    cdef double result = 0
    cdef char *args[2]
    cdef cnp.npy_intp n = 1
    cdef cnp.npy_intp[2] steps = [sizeof(double), sizeof(double)]
    args[0] = <char *>&x
    args[1] = <char *>&result
    _loops[index](args, &n, steps, _loop_data[index])
    return result


cdef inline double call2(int index, double x, double y) noexcept nogil:
    cdef double result = 0
    cdef char *args[3]
    cdef cnp.npy_intp n = 1
    cdef cnp.npy_intp[3] steps = [sizeof(double), sizeof(double), sizeof(double)]
    args[0] = <char *>&x
    args[1] = <char *>&y
    args[2] = <char *>&result
    _loops[index](args, &n, steps, _loop_data[index])
    return result


cdef inline double test1(int index, double x) noexcept nogil:
    cdef cnp.npy_bool result = 0
    cdef char *args[2]
    cdef cnp.npy_intp n = 1
    cdef cnp.npy_intp[2] steps = [sizeof(double), sizeof(cnp.npy_bool)]
    args[0] = <char *>&x
    args[1] = <char *>&result
    _loops[index](args, &n, steps, _loop_data[index])
    return 1.0 if result else 0.0


cdef double slope1(int index, double x, double y) noexcept nogil:
    # Derivative of a function of one argument at x, where its value is y.
    if index == SIN:
        return cos(x)
    if index == COS:
        return -sin(x)
    if index == TAN:
        return 1.0 + y * y
    if index == ARCSIN:
        return 1.0 / sqrt((1.0 - x) * (1.0 + x))
    if index == ARCCOS:
        return -1.0 / sqrt((1.0 - x) * (1.0 + x))
    if index == ARCTAN:
        return 1.0 / (1.0 + x * x)
    if index == SINH:
        return cosh(x)
    if index == COSH:
        return sinh(x)
    if index == TANH:
        return 1.0 / (cosh(x) * cosh(x))
    if index == ARCSINH:
        return 1.0 / hypot(x, 1.0)
    if index == ARCCOSH:
        return 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0))
    if index == ARCTANH:
        return 1.0 / ((1.0 - x) * (1.0 + x))
    if index == EXP:
        return y
    if index == EXPM1:
        return exp(x)
    if index == EXP2:
        return y * M_LN2
    if index == LOG:
        return 1.0 / x
    if index == LOG10:
        return 1.0 / (x * M_LN10)
    if index == LOG1P:
        return 1.0 / (1.0 + x)
    if index == LOG2:
        return 1.0 / (x * M_LN2)
    if index == SQRT:
        return 0.5 / y
    if index == SQUARE:
        return 2.0 * x
    if index == ABSOLUTE or index == FABS:
        return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)
    if index == DEGREES:
        return 180.0 / M_PI
    if index == RADIANS:
        return M_PI / 180.0
    return 0.0                          # floor, ceil, trunc, sign: steps


cdef void slopes2(int index, double x, double y, double value, double *dx,
                  double *dy) noexcept nogil:
    # Derivatives of a function of two arguments.
    dx[0] = dy[0] = 0.0
    if index == ARCTAN2:
        dx[0] = y / (x * x + y * y)
        dy[0] = -x / (x * x + y * y)
    elif index == HYPOT:
        dx[0], dy[0] = x / value, y / value
    elif index == FMOD:
        dx[0] = 1.0
        dy[0] = -((x - value) / y)      # the truncated quotient
    elif index == COPYSIGN:
        dx[0] = 1.0 if (x < 0.0) == (value < 0.0) else -1.0
    elif value == x:                    # minimum, maximum
        dx[0] = 1.0
    else:
        dy[0] = 1.0


cdef inline double modulo(double x, double y) noexcept nogil:
    # Python's x % y for y != 0: the sign of y.
    cdef double remainder = fmod(x, y)
    if remainder != 0.0:
        return remainder + y if (y < 0.0) != (remainder < 0.0) else remainder
    return -0.0 if signbit(y) else 0.0


cdef inline double floor_divide(double x, double y) noexcept nogil:
    # Python's x // y for y != 0: the integer nearest to (x - x % y) / y.
    cdef double remainder = fmod(x, y)
    cdef double quotient = (x - remainder) / y
    cdef double whole
    if remainder != 0.0 and (y < 0.0) != (remainder < 0.0):
        quotient -= 1.0
    if quotient != 0.0:
        whole = floor(quotient)
        return whole + 1.0 if quotient - whole > 0.5 else whole
    return -0.0 if signbit(x / y) else 0.0


cdef class Program:
    """Arithmetic on doubles, as compiled by `fitcore.expression`.

    Parameters
    ----------
    code : sequence of (int, int)
        Operations (`CODES`) and their arguments; jumps go forward. The stack must hold one value
        at the end.
    constants : sequence of float
        Numbers of the expression.
    n_slots : int
        Number of inputs, at most `MAX_SLOTS`.
    """

    def __cinit__(self, code, constants, int n_slots):
        cdef Py_ssize_t i
        check_program(code, len(constants), n_slots)
        self.size = <int>len(code)
        self.n_slots = n_slots
        self.code = <int *>PyMem_Malloc(2 * len(code) * sizeof(int))
        self.constants = <double *>PyMem_Malloc(max(1, len(constants)) * sizeof(double))
        if self.code == NULL or self.constants == NULL:
            raise MemoryError()
        for i in range(len(code)):
            self.code[2 * i], self.code[2 * i + 1] = code[i]
        for i in range(len(constants)):
            self.constants[i] = constants[i]

    def __dealloc__(self):
        PyMem_Free(self.code)
        PyMem_Free(self.constants)

    def __call__(self, slots):
        """The value at ``slots`` (n_slots,), or None where asteval must say what happens."""
        cdef double values[SLOTS]
        cdef double value = 0.0
        cdef Py_ssize_t i
        if len(slots) != self.n_slots:
            raise ValueError(f"slots must have length {self.n_slots}, not {len(slots)}")
        for i in range(self.n_slots):
            values[i] = slots[i]
        return value if self.run(values, -1, &value, NULL) == 0 else None

    cdef int run(self, const double *slots, int seed, double *value,
                 double *derivative) noexcept nogil:
        cdef double stack[DEPTH]
        cdef double tangent[DEPTH]
        cdef int i = 0
        cdef int top = -1
        cdef int op, arg
        cdef double x, y, r, dx, dy
        cdef bint dual = seed >= 0
        while i < self.size:
            op = self.code[2 * i]
            arg = self.code[2 * i + 1]
            i += 1
            if op >= CONSTANT:
                if op == CONSTANT or op == SLOT:
                    top += 1
                    stack[top] = self.constants[arg] if op == CONSTANT else slots[arg]
                    if dual:
                        tangent[top] = 1.0 if op == SLOT and arg == seed else 0.0
                elif op == JUMP:
                    i = arg
                elif op == JUMP_IF_FALSE:
                    top -= 1
                    if stack[top + 1] == 0.0:
                        i = arg
                elif (stack[top] == 0.0) == (op == AND_JUMP):
                    i = arg
                else:
                    top -= 1
                continue
            if op >= NEGATE:
                x = stack[top]
                dx = 0.0
                if op == NEGATE:
                    r = -x
                    dx = -1.0
                elif op == NOT:
                    r = 1.0 if x == 0.0 else 0.0
                elif op == CALL1:
                    r = call1(arg, x)
                    if dual and tangent[top] != 0.0:
                        dx = slope1(arg, x, r)
                else:
                    r = test1(arg, x)
                stack[top] = r
                # An infinite slope times no change is no change.
                if dual:
                    tangent[top] = 0.0 if tangent[top] == 0.0 else tangent[top] * dx
                continue
            top -= 1
            x = stack[top]
            y = stack[top + 1]
            dx = dy = 0.0
            if op == ADD:
                r = x + y
                dx = dy = 1.0
            elif op == SUBTRACT:
                r = x - y
                dx = 1.0
                dy = -1.0
            elif op == MULTIPLY:
                r = x * y
                dx = y
                dy = x
            elif op == DIVIDE or op == NUMPY_DIVIDE:
                if y == 0.0 and op == DIVIDE:
                    return 1
                r = x / y
                dx = 1.0 / y
                dy = -r / y
            elif op == FLOOR_DIVIDE:
                if y == 0.0:
                    return 1
                r = floor_divide(x, y)
            elif op == MODULO:
                if y == 0.0:
                    return 1
                r = modulo(x, y)
                dx = 1.0
                dy = -floor_divide(x, y)
            elif op == POWER or op == NUMPY_POWER or op == MATH_POW:
                if y > 10000.0 and op != MATH_POW:
                    return 1
                r = pow(x, y)
                if op != NUMPY_POWER and isfinite(x) and isfinite(y) and not isfinite(r):
                    return 1
                if dual:
                    dx = 0.0 if y == 0.0 else y * pow(x, y - 1.0)
                    dy = 0.0 if x == 0.0 and y > 0.0 else r * log(x)
            elif op == MINIMUM or op == MAXIMUM:
                # As Python's: the later one only when it is strictly better; NaN never is.
                if (y < x) if op == MINIMUM else (y > x):
                    r = y
                    dy = 1.0
                else:
                    r = x
                    dx = 1.0
            elif op == CALL2:
                r = call2(arg, x, y)
                if dual:
                    slopes2(arg, x, y, r, &dx, &dy)
            elif op == LESS:
                r = x < y
            elif op == LESS_EQUAL:
                r = x <= y
            elif op == GREATER:
                r = x > y
            elif op == GREATER_EQUAL:
                r = x >= y
            elif op == EQUAL:
                r = x == y
            else:
                r = x != y
            stack[top] = r
            if dual:
                dx = 0.0 if tangent[top] == 0.0 else tangent[top] * dx
                dy = 0.0 if tangent[top + 1] == 0.0 else tangent[top + 1] * dy
                tangent[top] = dx + dy
        value[0] = stack[0]
        if dual:
            derivative[0] = tangent[0]
        return 0


cdef int check_program(code, Py_ssize_t n_constants, Py_ssize_t n_slots) except -1:
    # Every way through leaves one value, within the stack, and every index is in range.
    depths = {}
    depth = 0
    if not 0 <= n_slots <= SLOTS:
        raise ValueError(f"n_slots must be within 0 and {SLOTS}, not {n_slots}")
    for position, (op, arg) in enumerate(code):
        if position in depths:
            if depth not in (None, depths[position]):
                raise ValueError("code: the depth of the stack depends on the way")
            depth = depths[position]
        if depth is None or not 0 <= op <= OR_JUMP or arg < 0:
            raise ValueError(f"code: operation {op} {arg} at {position} is not possible")
        if op >= JUMP and not position < arg <= len(code):
            raise ValueError(f"code: jump to {arg} from {position}")
        if op == CONSTANT or op == SLOT:
            if arg >= (n_constants if op == CONSTANT else n_slots):
                raise ValueError(f"code: no constant or slot {arg}")
            depth += 1
        elif op < NEGATE:
            depth -= 1
        needed = {CALL1: UNARY, CALL2: BINARY, TEST1: PREDICATES}.get(op)
        if needed is not None and arg not in needed.values():
            raise ValueError(f"code: no function {arg}")
        if op in (JUMP, JUMP_IF_FALSE, AND_JUMP, OR_JUMP):
            after = depth - 1 if op == JUMP_IF_FALSE else depth
            if depths.setdefault(arg, after) != after:
                raise ValueError("code: the depth of the stack depends on the way")
            depth = None if op == JUMP else depth - 1
        # Unary operations and jumps too need a value on the stack.
        if depth is not None and not (0 if op >= JUMP else 1) <= depth <= DEPTH:
            raise ValueError(f"code: stack of {depth} at {position}")
    if depths.get(len(code), depth) != 1 or depth not in (None, 1):
        raise ValueError("code must leave one value")
    return 0
