# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The residuals of a model: its functions are called and compared with the data without Python.

And the arguments that its functions get, which each fit asks for several times.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
cimport numpy as cnp

from fitcore._arrays cimport sole_owner
from fitcore._fit cimport ParameterObjective
from fitcore._parameter cimport ParameterBase

import numpy as np

from fitcore._complex import ComplexParameter

cnp.import_array()

cdef extern from *:
    """
    #define FITCORE_ITEMS(t) (((PyTupleObject *)(t))->ob_item)
    """
    PyObject **FITCORE_ITEMS(object t)
    object PyObject_Vectorcall(object func, PyObject *const *args, size_t nargs, object kwnames)

__all__ = ["Call", "ModelObjective", "function_arguments", "number_of", "squares",
           "unresolved_arguments"]

cdef object np_ndarray = np.ndarray


cdef inline bint is_vector(object value) noexcept:
    return (type(value) is np_ndarray and cnp.PyArray_TYPE(<cnp.ndarray> value) == cnp.NPY_DOUBLE
            and cnp.PyArray_NDIM(<cnp.ndarray> value) == 1
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> value))


cdef inline const double *doubles(object a) noexcept:
    return <const double *> cnp.PyArray_DATA(<cnp.ndarray> a)


def squares(data, best):
    """Sums of squares of ``data - best`` and of ``data - mean(data)``.

    Parameters
    ----------
    data, best : array_like
        Real or complex, of one shape; `best` may be a number.

    Returns
    -------
    tuple of float
    """
    cdef double left = 0, whole = 0, mean = 0
    cdef const double *y
    cdef const double *f
    cdef Py_ssize_t i, n
    if is_vector(data) and is_vector(best) and len(data) == len(best):
        y, f, n = doubles(data), doubles(best), len(data)
        for i in range(n):
            mean += y[i]
        mean /= max(n, 1)
        for i in range(n):
            left += (y[i] - f[i]) * (y[i] - f[i])
            whole += (y[i] - mean) * (y[i] - mean)
        return left, whole
    data = np.asarray(data)
    with np.errstate(all="ignore"):
        parts = [np.ravel(data - best), np.ravel(data - data.sum() / max(data.size, 1))]
        return tuple([float(np.vdot(part, part).real) for part in parts])


cpdef object number_of(object value):
    """The value of a Parameter; anything else as it is."""
    if isinstance(value, ParameterBase):
        return (<ParameterBase> value).get()
    return value.value if isinstance(value, ComplexParameter) else value


def function_arguments(model, params, given):
    """The keyword arguments with which a model calls its function.

    Options and defaults of independent variables, then the parameters, then what is given by
    name, with or without the prefix. With a prefix, names without it are looked for among the
    parameters only if none has it.

    Parameters
    ----------
    model : Model
        Not a composite one.
    params : mapping of str to Parameter or number, or None
    given : mapping
        Independent variables, and values that take the place of those in `params`.

    Returns
    -------
    dict
    """
    cdef dict args = unresolved_arguments(model, params, given)
    for name, value in args.items():
        args[name] = number_of(value)       # no new keys: the dict may be changed meanwhile
    return args


cpdef dict unresolved_arguments(model, params, given):
    """The same with the Parameter objects themselves."""
    cdef str prefix = model.prefix
    cdef dict args = {**model.independent_vars_defvals, **model.opts}
    cdef dict names
    cdef object known = None if model._func_haskeywords else model._func_allargs
    cdef bint any_prefixed = not prefix
    if params is not None:
        names = {}
        for root in model._param_root_names or ():
            names[root] = full = prefix + root
            any_prefixed = any_prefixed or full in params
        if not any_prefixed:
            names = {root: root for root in names}
        # Parameters which hints have added may be arguments too.
        for root in model.param_hints:
            if known is None or root in known:
                names.setdefault(root, prefix + root)
        # Variables that need not be given may have been made parameters.
        for root in model.independent_vars_defvals:
            names.setdefault(root, prefix + root)
        for root, full in names.items():
            if full in params:
                args[root] = params[full]
    for name, value in given.items():
        if known is None or name in known:
            args[name] = value
    if prefix:
        for name, value in given.items():
            root = name.removeprefix(prefix)
            if root != name and (known is None or root in known):
                args.pop(name, None)
                args[root] = value
    return args


cdef class Call:
    """A function of a model with its arguments: parameters, and what stays the same.

    Parameters
    ----------
    func : callable
    arguments : dict
        By name: a Parameter stands for its present value.
    first : bool
        Whether the value is the first of what the function returns.
    """

    cdef object func
    cdef tuple names
    cdef list items
    cdef bint first

    def __init__(self, func, dict arguments, bint first):
        self.func, self.first = func, first
        self.names, self.items = tuple(arguments), list(arguments.values())

    cdef object value(self):
        cdef Py_ssize_t i, n = len(self.items)
        cdef tuple args = PyTuple_New(n)
        cdef object item, found
        for i in range(n):
            item = self.items[i]
            if isinstance(item, ParameterBase):
                item = (<ParameterBase> item).get()
            Py_INCREF(item)
            PyTuple_SET_ITEM(args, i, item)
        found = PyObject_Vectorcall(self.func, FITCORE_ITEMS(args), 0, self.names)
        return found[0] if self.first else found


cdef class ModelObjective(ParameterObjective):
    """Residuals ``(data - model) * weights`` as a function of parameters.

    Parameters
    ----------
    model : Model
    data : array_like
    weights : array_like or None
    given : dict
        Independent variables and options.
    translate : callable
        ``translate(model, params, given)`` returns how the model is evaluated: a list with, in the
        order of postfix notation, each a :class:`Call`, or a function of the parameters in a tuple,
        or an operator of two values.
    coerce : callable
        What makes an array of what a function returned.
    compare : callable
        ``compare(model, data, weights, value)`` returns the residuals of data that are no vector of
        doubles.
    """

    cdef readonly object model, data, weights
    cdef readonly dict given
    cdef object translate, coerce, compare
    cdef tuple cached          # (params, program): in one, so that threads see both
    cdef Py_ssize_t size       # of the data; -1 if they are to be compared by `compare`
    cdef double factor         # weight, where it is a number

    def __init__(self, model, data, weights, dict given, translate, coerce, compare):
        self.model, self.data, self.weights, self.given = model, data, weights, given
        self.translate, self.coerce, self.compare = translate, coerce, compare
        self.cached = (None, None)
        self.size, self.factor = -1, 1
        if not is_vector(data):
            return
        if isinstance(weights, (int, float)):
            self.factor = weights
        elif weights is not None and not (is_vector(weights) and len(weights) == len(data)):
            return
        self.size = len(data)

    @property
    def __name__(self):
        return self.model.name

    def __call__(self, params, *args, **kws):
        """Residuals, in the shape of the data; data and variables are those it was made with."""
        return self.compare(self.model, self.data, self.weights,
                            self.model.eval(params, **self.given))

    def __reduce__(self):
        return type(self), (self.model, self.data, self.weights, self.given, self.translate,
                            self.coerce, self.compare)

    cdef list program(self, object params):
        cdef tuple cached = self.cached
        if cached[0] is not params:
            cached = (params, self.translate(self.model, params, self.given))
            self.cached = cached
        return cached[1]

    cdef object evaluate(self, object step, object params):
        cdef object value
        if type(step) is Call:
            value = (<Call> step).value()
        else:
            value = (<tuple> step)[0](params)
        return value if is_vector(value) else self.coerce(value)

    cdef object residuals(self, object params):
        cdef list program = self.program(params), stack
        cdef object value, step, right
        if len(program) == 1:
            value = self.evaluate(program[0], params)
        else:
            stack = []
            for step in program:
                if type(step) is Call or type(step) is tuple:
                    stack.append(self.evaluate(step, params))
                else:
                    right = stack.pop()
                    stack.append(step(stack.pop(), right))
            value = stack.pop()
        if self.size >= 0 and is_vector(value) and len(value) == self.size:
            return self.subtract(value, sole_owner(<cnp.ndarray> value))
        return self.compare(self.model, self.data, self.weights, value)

    cdef object subtract(self, object value, bint owned):
        # A function's own array may take the residuals.
        cdef cnp.npy_intp size = self.size
        cdef cnp.ndarray out = <cnp.ndarray> value
        cdef double *r
        cdef const double *y = doubles(self.data)
        cdef const double *f = doubles(value)
        cdef const double *w
        cdef double factor = self.factor
        cdef Py_ssize_t i
        if not owned:
            out = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
        r = <double *> cnp.PyArray_DATA(out)
        if self.weights is None:
            for i in range(size):
                r[i] = y[i] - f[i]
        elif is_vector(self.weights):
            w = doubles(self.weights)
            for i in range(size):
                r[i] = (y[i] - f[i]) * w[i]
        else:
            for i in range(size):
                r[i] = (y[i] - f[i]) * factor
        return out
