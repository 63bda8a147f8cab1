# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The residual function of a fit with Parameters: what runs at every evaluation."""

from cpython.object cimport PyObject_CallObject
from libc.math cimport INFINITY, NAN, cbrt, fabs, fmax, fmin, isfinite
from libc.stdint cimport int64_t
from libc.string cimport memcpy
cimport numpy as cnp

import numpy as np

from fitcore._stops import AbortFitException, NotFinite, ResidualsChanged

from fitcore._arrays cimport doubles, finite
from fitcore._parameter cimport ParameterBase
from fitcore.minpack cimport (
    JAC_ANALYTIC, JAC_CENTRAL, JAC_COMPLEX, JAC_FORWARD, TASK_DONE, TASK_JACOBIAN, Evaluator,
    LevenbergMarquardt,
)

cnp.import_array()

__all__ = ["AbortFitException", "ParameterResidual", "coerce_float64", "twins"]

cdef dict POLICIES = {"raise": POLICY_RAISE, "propagate": POLICY_PROPAGATE, "omit": POLICY_OMIT}
cdef dict SCHEMES = {"analytic": JAC_ANALYTIC, "2-point": JAC_FORWARD, "3-point": JAC_CENTRAL,
                     "cs": JAC_COMPLEX}


cdef inline bint is_plain(object value) noexcept:
    # One-dimensional, float64, aligned, contiguous: as the solver wants it.
    return (type(value) is np_ndarray and cnp.PyArray_TYPE(<cnp.ndarray> value) == cnp.NPY_DOUBLE
            and cnp.PyArray_NDIM(<cnp.ndarray> value) == 1
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> value))

cdef object np_ndarray = np.ndarray
# Residuals of these types have an error far above that of a double.
cdef frozenset SINGLE = frozenset(map(np.dtype, ("f2", "f4", "c8")))


cdef str name_of(object fcn):
    return getattr(fcn, "__qualname__", None) or getattr(fcn, "__name__", None) or repr(fcn)


cdef object to_array(object value, str who):
    """`value` as an array of its own type; masked elements are NaN."""
    if isinstance(value, np.ma.MaskedArray):
        kind = value.dtype if value.dtype.kind in "fc" else np.float64
        value = np.ma.filled(value.astype(kind), np.nan)
    elif hasattr(value, "todense"):
        value = value.todense()
    try:
        return np.asarray(value)
    except ValueError as exc:               # rows of different lengths
        raise TypeError(f"{who} must be an array of numbers, got {value!r:.80}") from exc


cdef object to_float64(object array, str who):
    """An array as one of float64; complex numbers as pairs."""
    if array.dtype.kind == "c":
        return np.ascontiguousarray(array, dtype=np.complex128).view(np.float64)
    if array.dtype.kind not in "fiubO":
        raise TypeError(f"{who} must be an array of real or complex numbers, got dtype "
                        f"{array.dtype}")
    if array.dtype.kind == "O":
        if array.size and any(isinstance(x, complex) for x in array.flat):
            return np.ascontiguousarray(array, dtype=np.complex128).view(np.float64)
        try:
            return np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError) as exc:
            raise TypeError(f"{who} must be an array of numbers, got {array!r:.80}") from exc
    return np.asarray(array, dtype=np.float64)


cdef ParameterBase twin(ParameterBase old):
    cdef ParameterBase new = ParameterBase.__new__(ParameterBase)
    new._val, new._min, new._max = old._val, old._min, old._max
    new._min_obj, new._max_obj = old._min_obj, old._max_obj
    new._name, new._unset = old._name, old._unset
    return new


cpdef list twins(list items):
    """Copies of the values, bounds and names of parameters, without what else they carry."""
    return [twin(<ParameterBase?> item) for item in items]


def coerce_float64(arr, nan_policy="raise", handle_inf=True, ravel=True, ravel_order="C"):
    """An array-like as float64, complex numbers as pairs of real and imaginary part.

    Parameters
    ----------
    arr : array_like
        Real or complex numbers, of any shape. Masked elements count as NaN.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        What becomes of NaN: ValueError, left as they are, or dropped.
    handle_inf : bool, default True
        Whether infinities are treated as NaN are.
    ravel : bool, default True
        Whether the result is made one-dimensional.
    ravel_order : {'C', 'F', 'A', 'K'}, default 'C'
        In which order.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If the policy is 'raise' and there are such values, or the policy is unknown.
    TypeError
        If `arr` is not an array of numbers.

    Examples
    --------
    >>> from fitcore.minimizer import coerce_float64
    >>> coerce_float64([1, 2 + 3j])
    array([1., 0., 2., 3.])
    >>> coerce_float64([1, float("nan")], nan_policy="omit")
    array([1.])
    """
    if nan_policy not in POLICIES:
        raise ValueError(f"nan_policy must be one of {', '.join(POLICIES)}; got {nan_policy!r}")
    array = to_float64(to_array(arr, "arr"), "arr")
    if ravel:
        array = array.ravel(order=ravel_order)
    if nan_policy == "propagate":
        return array
    good = np.isfinite(array) if handle_inf else ~np.isnan(array)
    if good.all():
        return array
    if nan_policy == "omit":
        return array[good]
    raise ValueError(f"arr holds {array.size - good.sum()} values that are NaN or infinite; "
                     "nan_policy='omit' drops them, 'propagate' lets them through")


cdef double magnitude(ParameterBase item, double x) noexcept nogil:
    """The size of the value at the internal value x, 1 for zero."""
    cdef double value = fabs(item.from_internal(x))
    return value if value != 0 else 1


cdef double longest_step(ParameterBase item, double x) noexcept nogil:
    cdef double steepest = 1, most = fmax(1, fabs(x))
    if item._min == -INFINITY and item._max == INFINITY:
        return INFINITY
    if item._min > -INFINITY and item._max < INFINITY:
        steepest, most = 0.5 * item._max - 0.5 * item._min, 1   # an angle, whatever its turns
    return fmax(most, cbrt(magnitude(item, x) / steepest))


cdef double step_size(ParameterBase item, double x, double floor) noexcept nogil:
    """What a difference step in the internal value x is relative to, at least `floor` if free.

    The step is to be relative to the value itself, as it is without bounds, but not long against
    the curvature of the mapping: of order 1, or with one bound |x|. Where bounds are narrow beside
    the value its rounding asks for more: the errors of central differences by rounding and by
    curvature balance at the cube root.
    """
    cdef double slope, most, wanted
    if item._min == -INFINITY and item._max == INFINITY:
        return fmax(fabs(x), floor)
    slope = fabs(item.gradient(x))
    if not slope > 0:
        return longest_step(item, x)
    wanted = fmax(magnitude(item, x), floor) / slope
    most = 1 if item._min > -INFINITY and item._max < INFINITY else fmax(1, fabs(x))
    # Never longer than the longest step, which takes a cube root.
    return wanted if wanted <= most else fmin(longest_step(item, x), wanted)


cdef class ParameterObjective:
    """An objective function for use from Cython: `residuals` of Parameters."""

    cdef object residuals(self, object params):
        raise NotImplementedError("residuals")


cdef class ParameterResidual(Evaluator):
    """Residuals of ``fcn(params, *args, **kws)`` at internal values of the parameters that vary.

    Made by `fitcore._native_fit.residual_of`.
    """

    def __init__(self):
        raise TypeError("residual_of makes a ParameterResidual, for its function is native or not")

    cdef int begin(self, fcn, params, list varying, list mapping, tuple args, dict kws,
                   str nan_policy, int64_t max_nfev, iter_cb, callback, jac, bint col_deriv,
                   frozenset adapts, ParameterResidual before) except -1:
        cdef object item
        cdef list items
        for items in (varying, mapping):
            for item in items:
                if not isinstance(item, ParameterBase):
                    raise TypeError(f"varying and mapping must hold parameters, got {item!r}")
        if len(varying) != len(mapping):
            raise ValueError("varying and mapping must have the same length")
        self.fcn, self.params, self.varying, self.mapping = fcn, params, varying, mapping
        self.native = fcn if isinstance(fcn, ParameterObjective) else None
        self.args, self.kws = args, kws
        self.given = (params, *args)
        self.policy = POLICIES[nan_policy]
        self.max_nfev = max_nfev
        self.iter_cb, self.callback = iter_cb, callback
        self.jac, self.col_deriv = jac, col_deriv
        self.adapts = adapts
        if before is not None:
            self.nfev, self.error = before.nfev, before.error
            self.kept, self.size_before = before.kept, before.size_before
        return 0

    def set_floors(self, cnp.ndarray floors):
        """Sizes below which the variables count as of that size, for the steps of differences."""
        if not is_plain(floors) or cnp.PyArray_SIZE(floors) != len(self.varying):
            raise ValueError(f"floors must be float64 of shape ({len(self.varying)},)")
        self.floors = floors

    # ------------------------------------------------------------------ the hot path

    cdef int assign(self, const double *u, Py_ssize_t n) except -1:
        cdef Py_ssize_t i
        cdef cnp.npy_intp size = 2 * n
        cdef double *last
        if self.mapped is None:
            self.mapped = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
            for i in range(n):
                doubles(self.mapped)[i] = NAN
        last = doubles(self.mapped)
        for i in range(n):
            if u[i] != last[i]:         # from one difference to the next few are
                last[i] = u[i]
                last[n + i] = (<ParameterBase> self.mapping[i]).from_internal(u[i])
            (<ParameterBase> self.varying[i]).assign(last[n + i])
        return 0

    cdef object call(self):
        if self.native is not None:
            return self.native.residuals(self.params)
        if self.kws:
            return self.fcn(*self.given, **self.kws)
        return PyObject_CallObject(self.fcn, self.given)

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        cdef object value
        cdef cnp.ndarray f
        if self.nfev >= self.max_nfev:
            self.stopped = "max_nfev"
            raise AbortFitException()
        self.assign(x, n)
        self.nfev += 1
        value = self.call()
        if is_plain(value):
            f = <cnp.ndarray> value
        else:
            f = self.coerce(value)
        if self.policy == POLICY_RAISE:
            if not self.lenient and not finite(doubles(f), cnp.PyArray_SIZE(f)):
                self.refuse(f)
        elif self.policy == POLICY_OMIT:
            f = self.omit(f)
        if self.iter_cb is not None:
            self.report(f, x, n)
        return f

    cdef double size(self, Py_ssize_t j, double x) noexcept:
        return step_size(<ParameterBase> self.mapping[j], x,
                         0 if self.floors is None else doubles(self.floors)[j])

    cdef double longest(self, Py_ssize_t j, double x) noexcept:
        return longest_step(<ParameterBase> self.mapping[j], x)

    # ------------------------------------------------------------------ the rest

    cdef cnp.ndarray coerce(self, object value):
        cdef object array, given
        cdef str who = f"the residuals returned by {name_of(self.fcn)}"
        if value is None:
            raise TypeError(f"{who} must be an array of numbers, got None: does it return its "
                            "result?")
        given = to_array(value, who)
        array = to_float64(given, who)
        if given.ndim == 0 and self.scalars:
            if given.dtype.kind == "c":
                raise TypeError(f"the number returned by {name_of(self.fcn)} must be real, got "
                                f"{value!r:.80}")
            self.scalar = True
        elif given.ndim == 0:
            raise TypeError(f"{who} must be an array with at least as many elements as variables, "
                            f"{len(self.varying)}; got the scalar {value!r:.80}. method='leastsq' "
                            "minimizes the sum of squares of an array")
        if (self.solver is not None and self.solver.state.jac == JAC_COMPLEX
                and given.dtype.kind == "c"):
            raise TypeError(f"{who} are complex: jac='cs' wants real ones for real parameters; "
                            "return real and imaginary parts as separate residuals, or use "
                            "jac='3-point'")
        if given.dtype in SINGLE:
            self.adapt(float(np.finfo(given.dtype).eps))
        return np.ascontiguousarray(array).reshape(-1)

    cdef int adapt(self, double error) except -1:
        """Note the relative error of the residuals, and let the solver's settings follow."""
        if error <= self.error:
            return 0
        self.error = error
        if self.solver is None:
            return 0
        if "epsfcn" in self.adapts:
            self.solver.state.epsfcn = fmax(self.solver.state.epsfcn, error)
        if "ftol" in self.adapts:
            self.solver.state.ftol = fmax(self.solver.state.ftol, error)
        if "xtol" in self.adapts:
            self.solver.state.xtol = fmax(self.solver.state.xtol, error)
        return 0

    cdef cnp.ndarray omit(self, cnp.ndarray f):
        """The residuals that are finite: always the same ones, and those alone while `lenient`.

        Sums of squares of different residuals cannot be compared.
        """
        cdef Py_ssize_t size = cnp.PyArray_SIZE(f)
        if self.size_before == 0:
            self.size_before = size
            good = np.isfinite(f)
            self.kept = None if good.all() else good
        elif size != self.size_before:
            raise ValueError("The array returned by a function changed size between calls: "
                             f"{self.size_before} residuals before, {size} now")
        elif not self.lenient and (self.kept is not None or not finite(doubles(f), size)):
            good = np.isfinite(f)
            changed = ~good if self.kept is None else good != self.kept
            if changed.any():
                self.refuse_change(np.flatnonzero(changed), good)
        return f if self.kept is None else f[self.kept]

    def refuse_change(self, changed, good):
        """Raise the error that NaN and infinities at other places than before are."""
        shown = ", ".join(map(str, changed[:8].tolist())) + (", ..." if changed.size > 8 else "")
        first = int(changed[0])
        now = "is finite now" if good[first] else "is not finite now"
        at = ", ".join(f"{name}={value!r}" for name, value in self.values().items())
        raise ResidualsChanged(
            f"the objective function {name_of(self.fcn)} generated NaN or infinite residuals at "
            f"other indices than at first: {shown} changed (index {first} {now}), for {at}. "
            "nan_policy='omit' drops the same residuals throughout a fit, or their sum of squares "
            "would fall because some leave it; bounds on the parameters may keep the fit away "
            "from there, and nan_policy='propagate' lets it retreat from such points")

    def refuse(self, f):
        """Raise the error that residuals which hold NaN or infinity are under 'raise'."""
        model = getattr(self.fcn, "model", None)
        good = np.isfinite(f)
        at = ", ".join(f"{name}={value!r}" for name, value in self.values().items())
        bad = f[~good]
        what = "NaN" if np.isnan(bad).any() or model is not None else "infinite"
        who = (f"the objective function {name_of(self.fcn)}" if model is None
               else "The model function")
        of = "" if model is None else f" {model.name}:"
        raise NotFinite(
            f"{who} generated {what} values and the fit aborted!{of} {bad.size} of {f.size} "
            f"residuals are not finite, the first at index {int(np.argmin(good))}, for {at}. "
            "Bounds on the parameters may keep the fit away from there; nan_policy='propagate' "
            "lets it retreat from such points, 'omit' drops such residuals (always the same ones)")

    def values(self):
        """Values of all parameters, as the function saw them."""
        return {name: float(item) for name, item in self.params.items()}

    cdef int stop(self, object why, const double *u, Py_ssize_t n) except -1:
        cdef cnp.npy_intp size = n
        self.stopped = why
        self.last_u = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
        memcpy(cnp.PyArray_DATA(self.last_u), u, n * sizeof(double))
        raise AbortFitException()

    cdef int report(self, cnp.ndarray f, const double *x, Py_ssize_t n) except -1:
        self.reporting = True
        try:
            # A copy: the solver goes on with f, and what the user keeps or changes is the user's.
            enough = self.iter_cb(self.params, self.nfev, f.copy(), *self.args, **self.kws)
        except (StopIteration, AbortFitException):
            enough = True
        # A solver that asks for an array of pandas or a bool gets a truth value of its own.
        if enough is not None and enough is not False and bool(enough):
            self.last = f
            self.stop("iter_cb", x, n)
        self.reporting = False
        return 0

    cdef cnp.ndarray residual_complex(self, const double complex *x, Py_ssize_t n):
        cdef Py_ssize_t i
        cdef ParameterBase item
        cdef dict steps = {}
        if self.nfev >= self.max_nfev:
            self.stopped = "max_nfev"
            raise AbortFitException()
        for i in range(n):
            item = <ParameterBase> self.mapping[i]
            (<ParameterBase> self.varying[i]).assign(item.from_internal(x[i].real))
            if x[i].imag != 0:
                steps[item._name] = item.gradient(x[i].real) * x[i].imag
        self.nfev += 1
        from fitcore._complex import complex_parameters

        value = self.fcn(complex_parameters(self.params, steps), *self.args, **self.kws)
        array = np.asarray(value)
        if array.dtype.kind != "c":
            raise TypeError(f"{name_of(self.fcn)} must return complex residuals for complex "
                            f"parameters when jac='cs', got dtype {array.dtype}; it must not "
                            "convert values to float")
        array = np.ascontiguousarray(array, dtype=np.complex128).reshape(-1)
        return array if self.kept is None else np.ascontiguousarray(array[self.kept])

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        cdef cnp.npy_intp shape[2]
        cdef Py_ssize_t i, j
        cdef double g
        cdef object given, view
        cdef str who = f"the Jacobian returned by {name_of(self.jac)}"
        # Line shapes that the core has differentiated, see `residual_jacobian`.
        cdef int64_t columns = getattr(self.jac, "columns", 0)
        self.nfev = min(self.max_nfev, self.nfev + columns)
        self.assign(x, n)
        given = to_array(self.jac(self.params, *self.args, **self.kws), who)
        if given.dtype.kind not in "fiubc":
            raise TypeError(f"{who} must be an array of numbers, got dtype {given.dtype}")
        if given.ndim == 1 and n == 1:
            given = given.reshape(1, -1)
        elif given.ndim == 2 and not self.col_deriv:
            given = given.T
        if given.dtype.kind == "c":
            given = np.ascontiguousarray(given, dtype=np.complex128).view(np.float64)
        if self.kept is not None and given.ndim == 2 and given.shape[1] == self.kept.size:
            given = given[:, self.kept]
        if given.shape != (n, m):
            shown = given.shape if self.col_deriv or given.ndim != 2 else given.shape[::-1]
            wanted = (n, m) if self.col_deriv else (m, n)
            raise ValueError(f"{who} has shape {shown}, wanted {wanted} for {m} residuals and the "
                             f"{n} parameters that vary (col_deriv={int(self.col_deriv)})")
        shape[0], shape[1] = n, m
        view = cnp.PyArray_SimpleNewFromData(2, shape, cnp.NPY_DOUBLE, fjac)
        view[...] = given
        if self.policy != POLICY_PROPAGATE and not finite(fjac, n * m):
            raise ValueError(f"{who} holds NaN or infinity")
        for j in range(n):
            g = (<ParameterBase> self.mapping[j]).gradient(x[j])
            for i in range(m):
                fjac[j * m + i] *= g
        return 0

    cdef int iteration(self, object solver) except -1:
        cdef cnp.ndarray x = (<LevenbergMarquardt> solver)._x
        if self.callback is None:
            return 0
        self.assign(doubles(x), cnp.PyArray_SIZE(x))
        try:
            enough = self.callback(self.params, solver)
        except (StopIteration, AbortFitException):
            enough = True
        if enough:
            self.stopped = "callback"
            return 1
        return 0

    # ------------------------------------------------------------------ a whole fit

    def run(self, LevenbergMarquardt solver):
        """Run `solver` to its end, or until this stops it; see `stopped`."""
        self.solver = solver
        try:
            solver.drive(self)
        except AbortFitException:
            if self.stopped is None:
                self.stopped = "exception"
        finally:
            self.solver = None
        if self.stopped is None and solver.state.task == TASK_DONE and solver.state.info < 0:
            self.stopped = "callback"           # which called stop()

    def best(self, LevenbergMarquardt solver):
        """Internal values and residuals of the best point seen; None before the first."""
        cdef bint started = solver.allocated and solver.state.nfev > 0
        if self.last is not None and self.last_u is not None:
            if not started or np.sqrt(self.last @ self.last) < solver.state.fnorm:
                return self.last_u, np.array(self.last)
        if not started:
            return None
        return solver._x, solver._fvec

    def polish(self, LevenbergMarquardt solver, str scheme, bint move=True):
        """Jacobian at the solution anew, and the Gauss-Newton step it gives if that is better.

        With `move` False the step is not tried. `step` is then the longest change of a variable
        by it, relative to the variable, and `trial` where it leads to. The solver is at the end of
        a fit, or has been told the residuals of its start.
        """
        self.trial = None
        if not (solver.allocated and isfinite(solver.state.fnorm)
                and (solver.state.task == TASK_DONE or solver.state.task == TASK_JACOBIAN)):
            return
        if "epsfcn" in self.adapts:
            solver.state.epsfcn = self.error    # 0 stands for that of doubles
        cdef double *xt = doubles(solver.xt)
        cdef Py_ssize_t i, n = cnp.PyArray_SIZE(solver._x)
        cdef cnp.ndarray before = cnp.PyArray_NewCopy(solver._x, cnp.NPY_CORDER)
        self.step = 0
        self.slopes = self.external(before)[1]
        self.lenient = True
        try:
            solver.polish(self, SCHEMES[scheme], move)
            self.trial = cnp.PyArray_NewCopy(solver.xt, cnp.NPY_CORDER)
            for i in range(n):
                self.step = fmax(self.step, fabs(xt[i] - doubles(before)[i])
                                 / fmax(fabs(doubles(before)[i]), 1e-300))
        except AbortFitException:
            if self.stopped is None:
                self.stopped = "exception"
        finally:
            self.lenient = False

    def covariance(self, LevenbergMarquardt solver, double tol):
        """Covariance of the external values, not scaled; None when there are dependent columns.

        The columns of R, not of the covariance, are divided by the slope of the mapping: squares
        of the slopes of very wide bounds overflow. It is the slope where the Jacobian was formed,
        which :meth:`polish` may have left. The solver's R is that of the external values
        afterwards.
        """
        cdef Py_ssize_t i, j, k, n = cnp.PyArray_SIZE(solver._x)
        cdef Py_ssize_t m = solver.state.m
        cdef int64_t *ipvt = <int64_t *> cnp.PyArray_DATA(solver._ipvt)
        cdef double *r = doubles(solver._fjac)
        cdef double g
        cdef cnp.ndarray slopes = self.slopes
        if slopes is None:
            slopes = self.external(solver._x)[1]
        self.slopes = None
        for k in range(n):
            j = ipvt[k] - 1
            g = doubles(slopes)[j]
            if g != 0:
                for i in range(k + 1):
                    r[k * m + i] /= g
        return solver.covariance(tol)

    def polish_cost(self, str scheme):
        """Evaluations which :meth:`polish` takes."""
        cdef Py_ssize_t n = len(self.varying)
        return (0 if scheme == "analytic" else 2 * n if scheme == "3-point" else n) + 1

    def residuals(self, cnp.ndarray u):
        """Residuals at internal values `u`, one number as one residual: see `scalar`."""
        self.scalar = False
        return self.residual(doubles(u), cnp.PyArray_SIZE(u))

    def evaluate(self, cnp.ndarray u):
        """Residuals at internal values `u` that the user did not ask for, finite or not.

        None where the function raises an exception, or the fit is stopped. What `iter_cb` raises
        is raised.
        """
        self.lenient, self.reporting = True, False
        try:
            return self.residual(doubles(u), cnp.PyArray_SIZE(u))
        except AbortFitException:
            if self.stopped is None:
                self.stopped = "exception"
            return None
        except Exception:
            if self.reporting:
                raise
            return None
        finally:
            self.lenient = False

    def external(self, cnp.ndarray u):
        """External values and gradients of the mapping at the internal values `u`."""
        cdef Py_ssize_t i, n = cnp.PyArray_SIZE(u)
        cdef cnp.npy_intp size = n
        cdef cnp.ndarray p = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
        cdef cnp.ndarray g = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
        cdef ParameterBase item
        for i in range(n):
            item = <ParameterBase> self.mapping[i]
            doubles(p)[i] = item.from_internal(doubles(u)[i])
            doubles(g)[i] = item.gradient(doubles(u)[i])
        return p, g

    def internal(self):
        """Internal values of the parameters as they are in `mapping`."""
        cdef Py_ssize_t i, n = len(self.mapping)
        cdef cnp.npy_intp size = n
        cdef cnp.ndarray u = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
        for i in range(n):
            doubles(u)[i] = (<ParameterBase> self.mapping[i]).setup()
        return u

    def place(self, cnp.ndarray u):
        """Set the values of the parameters from the internal values `u`."""
        self.assign(doubles(u), cnp.PyArray_SIZE(u))
