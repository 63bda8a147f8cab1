# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The line shapes of the core for arrays of any shape, and the special functions in them."""

from libc.stdint cimport int64_t, uintptr_t
cimport numpy as cnp

from fitcore._arrays cimport doubles

import numpy as np

cnp.import_array()

__all__ = ["FORMS", "OPERATIONS", "PLAN_DEPTH", "derivatives", "evaluate", "make_plan",
           "plan_address", "special"]

ctypedef void (*shape_eval_t)(int64_t shape, int64_t form, int64_t m, const double *x,
                              const double *x2, const double *p, double *y, int64_t want,
                              double *dy) noexcept nogil
ctypedef void (*special_eval_t)(int64_t which, int64_t m, const double *x, double y,
                                double *f) noexcept nogil

ctypedef void (*plan_eval_t)(int64_t ninstr, const int64_t *code, int64_t m, int64_t nx,
                             const double *x, int64_t n, const double *p, int64_t want_y,
                             double *y, int64_t want_dy, double *dy, int *wrong) noexcept nogil

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    plan_eval_t fitcore_choose_plan_eval(int level)
    shape_eval_t fitcore_choose_shape_eval(int level)
    special_eval_t fitcore_choose_special_eval(int level)

cdef extern from *:
    """int64_t fitcore_shape_size(int64_t shape, int64_t form);"""
    int64_t shape_size "fitcore_shape_size"(int64_t shape, int64_t form) nogil

cdef shape_eval_t shape_eval = fitcore_choose_shape_eval(fitcore_cpu_level())
cdef plan_eval_t plan_eval = fitcore_choose_plan_eval(fitcore_cpu_level())
cdef special_eval_t special_eval = fitcore_choose_special_eval(fitcore_cpu_level())

# Parameters that a shape can have: most_parameters of the core.
cdef enum:
    MOST = 8
# Below this many points a shape takes less time than it takes to give up the GIL and get it back.
cdef Py_ssize_t GIL_POINTS = 256

# Names and numbers of shape_types.f90.
cdef dict SHAPES = {
    "gaussian": 1, "gaussian2d": 2, "lorentzian": 3, "split_lorentzian": 4, "voigt": 5, "pvoigt": 6,
    "moffat": 7, "pearson4": 8, "pearson7": 9, "breit_wigner": 10, "damped_oscillator": 11,
    "dho": 12, "logistic": 13, "lognormal": 14, "students_t": 15, "expgaussian": 16, "doniach": 17,
    "skewed_gaussian": 18, "skewed_voigt": 19, "thermal_distribution": 20, "bose": 21, "fermi": 22,
    "step": 23, "rectangle": 24, "exponential": 25, "powerlaw": 26, "polynomial": 27, "sine": 28,
    "expsine": 29,
}
FORMS = {
    "step": {"linear": 0, "atan": 1, "arctan": 1, "erf": 2, "logistic": 3},
    "thermal": {"bose": 0, "maxwell": 1, "fermi": 2},
}
# Operations and depth of plans, as in shape_types.f90.
OPERATIONS = {"add": 0, "sub": -1, "mul": -2, "truediv": -3}
PLAN_DEPTH = 32
cdef dict SPECIAL = {
    "exp": 1, "expm1": 2, "log": 3, "log1p": 4, "sin": 5, "cos": 6, "arctan": 7, "erf": 8,
    "erfc": 9, "erfcx": 10, "gauss": 11, "voigt": 12, "voigt_by_x": 13, "voigt_by_y": 14,
}
cdef object np_ndarray = np.ndarray
cdef object np_float64 = np.float64


cdef cnp.ndarray real_array(object value, str name):
    """The value as a contiguous array of doubles."""
    cdef cnp.ndarray out
    if type(value) is np_ndarray:
        out = <cnp.ndarray> value
        if cnp.PyArray_TYPE(out) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(out):
            return out
    array = np.asarray(value)
    if array.dtype.kind == "O":
        try:
            array = np.array([float(v) for v in array.flat]).reshape(array.shape)
        except (TypeError, ValueError) as exc:
            raise TypeError(f"{name} must be real numbers, got {value!r:.80}") from exc
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    return np.ascontiguousarray(array, dtype=np_float64).reshape(array.shape)


cdef tuple alike(object x, object y):
    """Both as arrays of one shape."""
    xs, ys = real_array(x, "x"), real_array(y, "y")
    if xs.shape != ys.shape:
        xs, ys = (np.ascontiguousarray(a) for a in np.broadcast_arrays(xs, ys))
    return xs, ys


cdef bint read_numbers(tuple given, double *p) except -1:
    """Parameters that are single numbers; False if one is an array."""
    cdef Py_ssize_t i
    cdef object v
    for i in range(len(given)):
        v = given[i]
        if isinstance(v, float):
            p[i] = v
        elif isinstance(v, (int, np.bool_, np.integer, np.floating)):
            p[i] = <double> v
        else:
            array = real_array(v, "a parameter of a line shape")
            if array.ndim:
                return False
            p[i] = <double> float(array)
    return True


cdef object wrapped(object given, cnp.ndarray out):
    """The result in the class of x: a Series for a Series, a masked array for a masked array."""
    if cnp.PyArray_NDIM(out) == 0:
        return out[()]
    if isinstance(given, np.ma.MaskedArray):
        return np.ma.MaskedArray(out, mask=given.mask)
    wrap = getattr(given, "__array_wrap__", None)
    return out if wrap is None else wrap(out)


def evaluate(str name, int64_t form, object x, tuple params, object y=None):
    """Values of a line shape.

    Parameters
    ----------
    name : str
        The shape, one of `SHAPES`.
    form : int
        A number of `FORMS`; the degree of a polynomial, negative if the coefficient of the highest
        power comes first; 0 for others.
    x : array_like
        Independent variable, of any shape.
    params : tuple
        The parameters, single numbers or arrays that broadcast with `x`.
    y : array_like, optional
        The second independent variable; broadcasts with `x`.

    Returns
    -------
    float64, ndarray, or the class of `x`
        The values, of the shape of `x`.

    Raises
    ------
    TypeError
        If `x` or a parameter is not real.
    """
    cdef int64_t shape = SHAPES[name]
    cdef double p[MOST]
    cdef double at, at2 = 0.0, value
    cdef cnp.ndarray xs, ys, out
    cdef Py_ssize_t m
    cdef const double *px
    cdef const double *py = &at2
    cdef double *po
    if len(params) > MOST:
        raise ValueError(f"a line shape has at most {MOST} parameters, got {len(params)}")
    if not read_numbers(params, p):
        return one_by_one(shape, form, x, params, y)
    if y is None and type(x) in (float, np_float64):
        at = x
        shape_eval(shape, form, 1, &at, &at2, p, &value, 0, &value)
        return np_float64(value)
    if y is None:
        xs = real_array(x, "x")
    else:
        xs, ys = alike(x, y)
        py = doubles(ys)
    m = cnp.PyArray_SIZE(xs)
    out = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(xs), cnp.PyArray_DIMS(xs), cnp.NPY_DOUBLE, 0)
    px, po = doubles(xs), doubles(out)
    if m < GIL_POINTS:
        shape_eval(shape, form, m, px, py, p, po, 0, po)
    else:
        with nogil:
            shape_eval(shape, form, m, px, py, p, po, 0, po)
    if type(x) is np_ndarray and cnp.PyArray_NDIM(xs):
        return out
    return wrapped(x, out)


cdef object one_by_one(int64_t shape, int64_t form, object x, tuple params, object y):
    """Values where parameters are arrays."""
    cdef double p[MOST]
    cdef double value
    cdef double at2 = 0.0
    cdef Py_ssize_t i, j, n = len(params)
    cdef cnp.ndarray out
    cdef list arrays = [real_array(x, "x")]
    arrays += [real_array(v, "a parameter of a line shape") for v in params]
    if y is not None:
        arrays.append(real_array(y, "y"))
    arrays = [np.ascontiguousarray(a) for a in np.broadcast_arrays(*arrays)]
    out = np.empty(arrays[0].shape)
    for i in range(out.size):
        for j in range(n):
            p[j] = doubles(arrays[j + 1])[i]
        if y is not None:
            at2 = doubles(arrays[n + 1])[i]
        shape_eval(shape, form, 1, doubles(arrays[0]) + i, &at2, p, &value, 0, &value)
        doubles(out)[i] = value
    return out if (<object> out).shape != np.shape(x) else wrapped(x, out)


def derivatives(str name, int64_t form, object x, tuple params, object y=None):
    """Values of a line shape and its derivatives by the parameters.

    Parameters
    ----------
    name, form, x, y
        As for `evaluate`.
    params : tuple of float
        The parameters, single numbers.

    Returns
    -------
    values : ndarray
        Of the shape of `x`.
    by_parameters : ndarray
        Of the shape (n, \\*x.shape) for n parameters.
    """
    cdef int64_t shape = SHAPES[name]
    cdef double p[MOST]
    cdef double at2 = 0.0
    cdef cnp.ndarray xs, ys, out, dy
    cdef Py_ssize_t m, n = len(params)
    cdef const double *px
    cdef const double *py = &at2
    cdef double *po
    cdef double *pd
    if n > MOST:
        raise ValueError(f"a line shape has at most {MOST} parameters, got {n}")
    if not read_numbers(params, p):
        raise TypeError("the parameters of a line shape must be single numbers for derivatives")
    if y is None:
        xs = real_array(x, "x")
    else:
        xs, ys = alike(x, y)
        py = doubles(ys)
    m = cnp.PyArray_SIZE(xs)
    out = np.empty((<object> xs).shape)
    dy = np.empty((n, *(<object> xs).shape))
    px, po, pd = doubles(xs), doubles(out), doubles(dy)
    with nogil:
        shape_eval(shape, form, m, px, py, p, po, 1, pd)
    return out, dy


def special(str name, object x, double y=0.0):
    """A special function that line shapes are made of, at double numbers.

    Parameters
    ----------
    name : str
        ``exp``, ``expm1``, ``log``, ``log1p`` (of what is not negative), ``sin``, ``cos``,
        ``arctan``, ``erf``, ``erfc``, ``erfcx``, ``gauss``, that is exp(-x**2), or ``voigt``, the
        real part of the Faddeeva function w(x + i y), with its derivatives ``voigt_by_x`` and
        ``voigt_by_y``.
    x : array_like
        Where.
    y : float
        Imaginary part, of ``voigt``.

    Returns
    -------
    ndarray
        The values, of the shape of `x`.
    """
    cdef cnp.ndarray xs = real_array(x, "x")
    cdef cnp.ndarray out = np.empty((<object> xs).shape)
    cdef int64_t which = SPECIAL[name]
    special_eval(which, cnp.PyArray_SIZE(xs), doubles(xs), y, doubles(out))
    return out


cdef int evaluate_plan(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                       double *y, double *dy, void *user_data) noexcept nogil:
    """A plan as a `fitcore_model` of fitcore.h; its user_data is what make_plan made."""
    cdef const int64_t *plan = <const int64_t *> user_data
    cdef double none = 0
    cdef int wrong = 1
    if nx >= plan[1] and n >= plan[2]:
        plan_eval(plan[0], plan + 3, m, nx, x, n, p, y != NULL, y if y != NULL else &none,
                  dy != NULL, dy if dy != NULL else &none, &wrong)
    return wrong


def plan_address():
    """The address of the native function that evaluates plans, of the kind 'model'."""
    return <uintptr_t> evaluate_plan


def make_plan(list instructions, Py_ssize_t nx):
    """The user_data of a composite of line shapes.

    Parameters
    ----------
    instructions : list of tuple
        In postfix notation: ``(shape, form, row, row2, place)`` with the name of a shape, its form
        as for `evaluate`, the rows of its independent variables, and the place of the first of its
        parameters; or the number of an operation.
    nx : int
        How many independent variables there are.

    Returns
    -------
    ndarray of int64
    """
    cdef list rows = []
    cdef int64_t n = 0
    for item in instructions:
        if isinstance(item, int):
            rows.append((item, 0, 0, 0, 0))
        else:
            name, form, row, row2, place = item
            if not (0 <= row < nx and 0 <= row2 < nx and 0 <= place):
                raise ValueError(f"no such row or place in the instruction {item!r}")
            rows.append((SHAPES[name], form, row, row2, place))
            n = max(n, place + shape_size(SHAPES[name], form))
    return np.array([len(rows), nx, n, *(v for row in rows for v in row)], dtype=np.int64)
