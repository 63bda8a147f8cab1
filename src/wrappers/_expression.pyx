# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Expressions compiled to arithmetic on doubles: programs for a stack machine."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport (
    M_2_SQRTPI, M_LN2, M_LN10, M_PI, NAN, cos, cosh, erf, erfc, exp, fabs, floor, fmod, hypot,
    isfinite, lgamma, log, pow, signbit, sin, sinh, sqrt, tan, tgamma,
)
from libc.stdint cimport int64_t
cimport numpy as cnp

import numpy as np

cnp.import_array()
cnp.import_ufunc()

__all__ = [
    "BINARY", "CODES", "MAX_DEPTH", "MAX_SLOTS", "PREDICATES", "REAL_LOG_GAMMA", "SCALED_ERFC",
    "SPECIAL", "UNARY", "Program", "log_gamma", "special",
]

ctypedef void (*special_eval_t)(int64_t which, int64_t m, const double *x, double y,
                                double *f) noexcept nogil

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    special_eval_t fitcore_choose_special_eval(int level)

cdef extern from * nogil:
    """
    extern void fitcore_log_gamma_at(double x, double y, double *value, double *slope);
    """
    void fitcore_log_gamma_at(double x, double y, double *value, double *slope)

cdef special_eval_t special_eval = fitcore_choose_special_eval(fitcore_cpu_level())
cdef enum:
    ERFCX_OF_CORE = 10                  # its number in special_eval

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
    # Not numpy's: NaN where the program leaves it to asteval.
    ERF, ERFC, ERFCX, GAMMA, LOG_GAMMA, LOG_BETA, LOG_GAMMA_ABS

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
    tables = {"d->d": {}, "dd->d": {}, "d->?": {}}
    for name, index in _NAMES.items():
        function = getattr(np, name)
        # by getattr: the C field is not there in every numpy
        for i, loop in enumerate(getattr(function, "types")):
            if loop in tables:
                _loops[<int>index] = <loop_t><void *>function.functions[i]
                _loop_data[<int>index] = function.data[i] if function.data != NULL else NULL
                tables[loop][name] = index
                break
    return tables


_tables = _find_loops()
#: Functions of one and two arguments, and tests of one, by their name in numpy.
UNARY = _tables["d->d"]
BINARY = _tables["dd->d"]
PREDICATES = _tables["d->?"]
#: Functions that lmfit adds to asteval's; and those of no name, which only the compiler uses.
SPECIAL = {"erf": ERF, "erfc": ERFC, "gamfcn": GAMMA, "loggammafcn": LOG_GAMMA,
           "betalnfnc": LOG_BETA}
#: Index of exp(x**2) erfc(x), and of the real part of log(gamma(x + i y)).
SCALED_ERFC = ERFCX
REAL_LOG_GAMMA = LOG_GAMMA_ABS
#: The most inputs, and the deepest stack, that a program may have.
MAX_SLOTS = SLOTS
MAX_DEPTH = DEPTH


cdef double special1(int index, double x) noexcept nogil:
    # Special functions of a real number; NaN outside of their domain.
    cdef double result, size
    if index == ERF:
        return erf(x)
    if index == ERFC:
        return erfc(x)
    if index == ERFCX:
        size = fabs(x)
        special_eval(ERFCX_OF_CORE, 1, &size, 0.0, &result)
        return result if x >= 0.0 else 2.0 * exp(x * x) - result
    if index == GAMMA:
        return tgamma(x)
    return lgamma(x) if x > 0.0 else NAN


cdef double special2(int index, double x, double y) noexcept nogil:
    cdef double value[2]
    cdef double slope[2]
    if index == LOG_BETA:
        return lgamma(x) + lgamma(y) - lgamma(x + y) if x > 0.0 and y > 0.0 else NAN
    if not x > 0.0:
        return NAN
    fitcore_log_gamma_at(x, y, value, slope)
    return value[0]


cdef double digamma(double x) noexcept nogil:
    cdef double value[2]
    cdef double slope[2]
    if x <= 0.0:                        # reflection
        return digamma(1.0 - x) - M_PI / tan(M_PI * x)
    fitcore_log_gamma_at(x, 0.0, value, slope)
    return slope[0]


cdef inline double call1(int index, double x) noexcept nogil:
    cdef double result = 0
    if index >= ERF:
        return special1(index, x)
    cdef char *args[2]
    cdef cnp.npy_intp n = 1
    cdef cnp.npy_intp[2] steps = [sizeof(double), sizeof(double)]
    args[0] = <char *>&x
    args[1] = <char *>&result
    _loops[index](args, &n, steps, _loop_data[index])
    return result


cdef inline double call2(int index, double x, double y) noexcept nogil:
    cdef double result = 0
    if index >= ERF:
        return special2(index, x, y)
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
    if index == ERF:
        return M_2_SQRTPI * exp(-x * x)
    if index == ERFC:
        return -M_2_SQRTPI * exp(-x * x)
    if index == ERFCX:
        return 2.0 * x * y - M_2_SQRTPI
    if index == GAMMA:
        return y * digamma(x)
    if index == LOG_GAMMA:
        return digamma(x)
    return 0.0                          # floor, ceil, trunc, sign: steps


cdef void slopes2(int index, double x, double y, double value, double *dx,
                  double *dy) noexcept nogil:
    # Derivatives of a function of two arguments.
    cdef double log_gamma_there[2]
    cdef double slope[2]
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
    elif index == LOG_BETA:
        dx[0] = digamma(x) - digamma(x + y)
        dy[0] = digamma(y) - digamma(x + y)
    elif index == LOG_GAMMA_ABS:
        fitcore_log_gamma_at(x, y, log_gamma_there, slope)
        dx[0] = slope[0]
        dy[0] = -slope[1]
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
                    if arg >= ERF and r != r:
                        return 1
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
                if arg >= ERF and r != r:
                    return 1
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


_CALLED = {
    CALL1: {*UNARY.values(), ERF, ERFC, ERFCX, GAMMA, LOG_GAMMA},
    CALL2: {*BINARY.values(), LOG_BETA, LOG_GAMMA_ABS},
    TEST1: {*PREDICATES.values()},
}


def special(int index, double x, double y=0.0):
    """A special function as programs have it; NaN where it is left to others.

    Parameters
    ----------
    index : int
        As in `SPECIAL`, or `SCALED_ERFC`.
    x, y : float
        `y` for those of two arguments.

    Returns
    -------
    float64
    """
    return np.float64(special2(index, x, y) if index >= LOG_BETA else special1(index, x))


def log_gamma(double x, double y):
    """The logarithm of the gamma function at ``x + i y``, x > 0.

    Returns
    -------
    complex128
    """
    cdef double value[2]
    cdef double slope[2]
    fitcore_log_gamma_at(x, y, value, slope)
    return np.complex128(complex(value[0], value[1]))


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
        needed = _CALLED.get(op)
        if needed is not None and arg not in needed:
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
