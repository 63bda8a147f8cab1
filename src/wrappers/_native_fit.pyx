# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Fits of native functions with Parameters: mapping and expressions without Python."""

from libc.math cimport cbrt
from libc.stdint cimport int64_t
from libc.string cimport memset
cimport numpy as cnp

from fitcore._arrays cimport doubles, finite, multiply, scale
from fitcore._expression cimport SLOTS, Program
from fitcore._fit cimport (
    POLICY_OMIT, POLICY_PROPAGATE, POLICY_RAISE, ParameterResidual, step_size,
)
from fitcore._native cimport (
    DRIVE_DONE, DRIVE_LOOKED, MODEL, OBJECTIVE, NativeCall, leave, start_calls,
)
from fitcore._parameter cimport Constraint, ParameterBase
from fitcore.minpack cimport LevenbergMarquardt

import numpy as np

from fitcore._native import NativeStop
from fitcore._stops import AbortFitException

cnp.import_array()

__all__ = ["ADAPTS", "NativeParameterResidual", "residual_of"]

cdef double EPS = 2.220446049250313e-16


# Settings that may follow the error of the residuals.
ADAPTS = frozenset(("epsfcn", "ftol", "xtol"))


cpdef ParameterResidual residual_of(
        object fcn, object params, list varying, list mapping, tuple args, dict kws,
        str nan_policy, int64_t max_nfev, object iter_cb=None, object callback=None,
        object jac=None, bint col_deriv=False, frozenset adapts=ADAPTS,
        ParameterResidual before=None):
    """The `ParameterResidual` for a function, native or not.

    Parameters
    ----------
    fcn : callable
        The user's function.
    params : Parameters
        Handed to `fcn`; values are set in it.
    varying : list of ParameterBase
        Those of `params` that vary.
    mapping : list of ParameterBase
        Copies of `varying`: the mapping uses their bounds, whatever `fcn` does to its own.
    args, kws : tuple, dict
        Further arguments of `fcn`, `iter_cb` and `jac`.
    nan_policy : {'raise', 'propagate', 'omit'}
    max_nfev : int
        The fit is stopped before an evaluation beyond this number.
    iter_cb, callback : callable or None
        Called after each evaluation, and after each accepted step.
    jac : callable or None
        Jacobian of the residuals by the parameters that vary (external values).
    col_deriv : bool
        Whether it is transposed.
    adapts : frozenset of str
        Those of `ADAPTS` that may be raised for residuals in single precision: the ones that the
        user has not chosen.
    before : ParameterResidual or None
        The one whose fit this continues with other variables: evaluations are counted on, and
        what was found about its residuals holds.
    """
    cdef ParameterResidual made
    if isinstance(fcn, NativeCall):
        made = NativeParameterResidual.__new__(NativeParameterResidual)
    else:
        made = ParameterResidual.__new__(ParameterResidual)
    made.begin(fcn, params, varying, mapping, args, kws, nan_policy, max_nfev, iter_cb, callback,
               jac, col_deriv, adapts, before)
    return made


cdef list needed(list constraints, set wanted):
    """Those of the expressions that the `wanted` ids of parameters depend on, in order."""
    cdef Constraint item
    cdef list found = []
    for item in reversed(constraints):
        if id(item.target) in wanted:
            if item.program is None or item.error is not None:
                return constraints          # on what it depends asteval knows
            found.append(item)
            wanted.update([id(parameter) for parameter in item.inputs])
    return found[::-1]


cdef tuple lay_out_ties(list constraints, list targets, list inputs):
    cdef Constraint item
    cdef Py_ssize_t k
    cdef cnp.ndarray ties = np.zeros(max(1, len(constraints)) * sizeof(tie), dtype=np.uint8)
    cdef cnp.ndarray rows = np.array([i for row in inputs for i in row] or [0], dtype=np.int64)
    cdef tie *at = <tie *> cnp.PyArray_DATA(ties)
    cdef const int64_t *source = <const int64_t *> cnp.PyArray_DATA(rows)
    for k in range(len(constraints)):
        item = constraints[k]
        at[k].program = <void *> item.program
        at[k].target = targets[k]
        at[k].inputs = source
        at[k].size = len(inputs[k])
        at[k].low, at[k].high = item.target._min, item.target._max
        source += at[k].size
    return ties, rows, constraints


cdef int evaluate_ties(const tie *ties, int64_t count, double *values) noexcept nogil:
    cdef double slots[SLOTS]
    cdef double value = 0
    cdef int64_t k
    cdef int i
    for k in range(count):
        for i in range(ties[k].size):
            slots[i] = values[ties[k].inputs[i]]
        if (<Program> ties[k].program).run(slots, -1, &value, NULL) != 0:
            return 1
        if ties[k].low < ties[k].high:
            value = min(max(value, ties[k].low), ties[k].high)
        values[ties[k].target] = value
    return 0


cdef int chain_rule(native_fit *fit, const double *u) noexcept nogil:
    """Derivatives of all parameters by the internal values of the variables, at the values."""
    cdef double slots[SLOTS]
    cdef double value = 0, slope = 0
    cdef double *row
    cdef double *source
    cdef const tie *item
    cdef int64_t k, j
    cdef int i
    memset(fit.chain, 0, fit.total * fit.n * sizeof(double))
    for j in range(fit.n):
        fit.chain[fit.places[j] * fit.n + j] = (<ParameterBase> fit.mapping[j]).gradient(u[j])
    for k in range(fit.nties):
        item = fit.ties + k
        row = fit.chain + item.target * fit.n
        for i in range(item.size):
            slots[i] = fit.values[item.inputs[i]]
        for i in range(item.size):
            if (<Program> item.program).run(slots, i, &value, &slope) != 0:
                return 1
            source = fit.chain + item.inputs[i] * fit.n
            for j in range(fit.n):
                if source[j] != 0:
                    row[j] += slope * source[j]
        # where a bound holds the value nothing moves it
        if item.low < item.high and (value < item.low or value > item.high):
            memset(row, 0, fit.n * sizeof(double))
    return 0


cdef Why slopes_by_variables(native_fit *fit, int64_t m, const double *u,
                             double *fjac) noexcept nogil:
    """The Jacobian by the variables from that by the parameters, in fjac where slopes is NULL."""
    cdef int64_t i, j, k, place
    cdef double factor
    cdef double *column
    cdef double *source
    cdef bint sound = True
    if fit.slopes == NULL:
        for j in range(fit.n):
            factor = (<ParameterBase> fit.mapping[j]).gradient(u[j])
            sound &= scale(m, factor, fjac + j * m)
        return WHY_NOT if sound or not fit.finite_slopes else WHY_JACOBIAN
    if fit.finite_slopes and not finite(fit.slopes, m * fit.taken):
        return WHY_JACOBIAN
    if fit.chain == NULL:
        for j in range(fit.n):
            factor = (<ParameterBase> fit.mapping[j]).gradient(u[j])
            multiply(m, factor, fit.slopes + fit.columns[j] * m, fjac + j * m)
        return WHY_NOT
    if chain_rule(fit, u) != 0:
        return WHY_EXPRESSION
    memset(fjac, 0, fit.n * m * sizeof(double))
    for k in range(fit.taken):
        place = k if fit.chosen == NULL else fit.chosen[k]
        source = fit.slopes + k * m
        for j in range(fit.n):
            factor = fit.chain[place * fit.n + j]
            if factor != 0:
                column = fjac + j * m
                for i in range(m):
                    column[i] += source[i] * factor
    return WHY_NOT


cdef int mapped(int64_t m, int64_t n, const double *u, double *f, double *fjac,
                void *data) noexcept nogil:
    """Residuals and Jacobian at internal values: what the drivers call."""
    cdef native_fit *fit = <native_fit *> data
    cdef int64_t j
    cdef double *slopes
    fit.at, fit.last, fit.why = u, f, WHY_NOT
    if f != NULL:
        if fit.nfev >= fit.most:
            fit.why = WHY_LIMIT
            return 1
        fit.nfev += 1
    for j in range(n):
        fit.values[fit.places[j]] = (<ParameterBase> fit.mapping[j]).from_internal(u[j])
    if evaluate_ties(fit.ties, fit.nties, fit.values) != 0:
        fit.why = WHY_EXPRESSION
        if f != NULL:
            fit.nfev -= 1
        return 1
    if fit.chosen != NULL:
        for j in range(fit.taken):
            fit.p[j] = fit.values[fit.chosen[j]]
    slopes = fjac
    if fjac != NULL and fit.slopes != NULL:
        slopes = fit.slopes
    fit.code = fit.function(m, fit.taken, fit.p, f, slopes, fit.data)
    if fit.code != 0:
        fit.why = WHY_CODE
        return 1
    if f != NULL and fit.finite_values and not finite(f, m):
        fit.why = WHY_VALUES
        return 1
    if fjac != NULL:
        fit.why = slopes_by_variables(fit, m, u, fjac)
        if fit.why != WHY_NOT:
            return 1
        if fit.counts_slopes:
            fit.nfev = min(fit.most, fit.nfev + fit.n)
    return 0


cdef double mapped_size(int64_t j, double x, void *data) noexcept nogil:
    cdef native_fit *fit = <native_fit *> data
    return step_size(<ParameterBase> fit.mapping[j], x,
                     0 if fit.floors == NULL else fit.floors[j])


cdef class NativeParameterResidual(ParameterResidual):
    """Residuals of a native function at internal values of the parameters that vary.

    As `ParameterResidual`; the drivers run without the GIL unless `iter_cb`, `callback`,
    nan_policy='omit', a Jacobian from Python or an expression that only asteval knows is in the
    way. Then each evaluation is native.
    """

    cdef int begin(self, fcn, params, list varying, list mapping, tuple args, dict kws,
                   str nan_policy, int64_t max_nfev, iter_cb, callback, jac, bint col_deriv,
                   frozenset adapts, ParameterResidual before) except -1:
        cdef NativeCall function = fcn
        ParameterResidual.begin(self, fcn, params, varying, mapping, args, kws, nan_policy,
                                max_nfev, iter_cb, callback, jac, col_deriv, adapts, before)
        if (self.args or self.kws) and not function.complete:
            raise TypeError("a NativeFunction takes no further arguments: args and kws (fcn_args "
                            f"and fcn_kws) must be empty, got {self.args!r:.40} and "
                            f"{self.kws!r:.40}. Use its user_data")
        if function.m is None:
            if function.code == MODEL:
                raise TypeError("fcn is a NativeFunction of kind 'model': its method "
                                "residual(x, y) makes the function to minimize")
            raise ValueError("m, the number of residuals, must be given to the NativeFunction: "
                             "nothing else tells it")
        self.function, self.is_native, self.rows = function, True, function.m
        return self.prepare()

    cdef int prepare(self) except -1:
        """Indices, programs and memory."""
        cdef native_fit *fit = &self.fit
        cdef list constraints, chosen = None
        cdef Py_ssize_t j, k = 0
        cdef int64_t *room
        cdef bint analytic = self.jac is self.function
        self.items = list(self.params.values())
        if self.function.names is not None:
            chosen = self.chosen(list(self.function.names))
        fit.n, fit.total = len(self.varying), len(self.items)
        fit.taken = fit.total if chosen is None else len(chosen)

        self.memory = []
        room = self.integers(3 * fit.n + fit.total)
        fit.places, fit.columns, fit.mapping = room, room + fit.n, <void **> (room + 2 * fit.n)
        fit.values = fit.p = <double *> (room + 3 * fit.n)
        for j in range(fit.n):
            fit.mapping[j] = <void *> self.mapping[j]
            for _ in range(fit.total):          # most often they are in order
                if <void *> self.items[k] == <void *> self.varying[j]:
                    break
                k = (k + 1) % fit.total
            else:
                raise ValueError("varying must be parameters of params")
            fit.places[j] = k
        fit.chosen = NULL
        if chosen is not None:
            fit.chosen = self.integers(2 * fit.taken)
            fit.p = <double *> (fit.chosen + fit.taken)
            for j in range(fit.taken):
                fit.chosen[j] = chosen[j]
        fit.ties, fit.nties = NULL, 0
        constraints = self.resolved()
        self.compiled = True
        if constraints:
            self.lay_out_constraints(constraints, chosen)
        fit.chain, fit.slopes = NULL, NULL
        if analytic and self.compiled:
            self.lay_out_slopes()
        fit.floors = NULL
        # Those of a Model, for each column one, as of differences: so counts and limits mean the
        # same whether its function has derivatives or not.
        fit.counts_slopes = self.function.model is not None
        fit.finite_slopes = self.policy == POLICY_RAISE
        start_calls(&self.own, True)
        self.function.as_residual(&fit.function, &fit.data)
        self.own.residual, self.own.size, self.own.data = mapped, mapped_size, <void *> fit
        by_python = self.jac is not None and not analytic
        if (self.iter_cb is None and self.callback is None and self.policy != POLICY_OMIT
                and self.compiled and not by_python):
            self.calls = &self.own
        return 0

    cdef list chosen(self, list names):
        """Indices of the parameters of these names; None if they are all of them, in order."""
        cdef dict indices = {name: index for index, name in enumerate(self.params)}
        cdef list missing = [name for name in names if name not in indices]
        if missing:
            raise ValueError(f"params has no {', '.join(missing)}, which the NativeFunction "
                             f"takes: it has {', '.join(indices) or 'none'}")
        return None if names == list(indices) else [indices[name] for name in names]

    cdef int lay_out_constraints(self, list constraints, list chosen) except -1:
        """The expressions on which the parameters depend that the function takes."""
        cdef native_fit *fit = &self.fit
        cdef dict where = {id(self.items[k]): k for k in range(len(self.items))}
        constraints = [c for c in constraints if id(c.target) in where]
        if chosen is not None:
            constraints = needed(constraints, {id(self.items[index]) for index in chosen})
        self.compiled = all([c.program is not None and c.error is None
                             and all([id(x) in where for x in c.inputs]) for c in constraints])
        if constraints and self.compiled:
            ties = lay_out_ties(constraints, [where[id(c.target)] for c in constraints],
                                [[where[id(x)] for x in c.inputs] for c in constraints])
            self.memory.append(ties)
            fit.ties, fit.nties = <const tie *> cnp.PyArray_DATA(ties[0]), len(constraints)
        return 0

    cdef int lay_out_slopes(self) except -1:
        """Memory of derivatives, where those of the function are not those by the variables."""
        cdef native_fit *fit = &self.fit
        cdef int64_t j, k
        cdef bint chained = fit.nties > 0, same = not chained and fit.n == fit.taken
        for j in range(fit.n):
            fit.columns[j] = -1
            for k in range(fit.taken):
                if fit.places[j] == (k if fit.chosen == NULL else fit.chosen[k]):
                    fit.columns[j] = k
                    break
            same = same and fit.columns[j] == j
            chained = chained or fit.columns[j] < 0
        if same:
            return 0
        fit.slopes = self.numbers(self.rows * fit.taken)
        if chained:
            fit.chain = self.numbers(fit.total * fit.n)
        return 0

    cdef double *numbers(self, cnp.npy_intp size) except NULL:
        cdef cnp.ndarray a = cnp.PyArray_ZEROS(1, &size, cnp.NPY_DOUBLE, 0)
        self.memory.append(a)
        return doubles(a)

    cdef int64_t *integers(self, cnp.npy_intp size) except NULL:
        cdef cnp.ndarray a = cnp.PyArray_ZEROS(1, &size, cnp.NPY_INT64, 0)
        self.memory.append(a)
        return <int64_t *> cnp.PyArray_DATA(a)

    def resolved(self):
        """All expressions of the parameters, in order of evaluation."""
        cdef ParameterBase item
        for item in self.items:
            if item._expr is not None and item._group is not None:
                return item._group.resolved()
        return []

    cdef int gather(self) except -1:
        """Take values that no variable determines from the parameters."""
        cdef native_fit *fit = &self.fit
        cdef Py_ssize_t k
        for k in range(fit.total):
            fit.values[k] = (<ParameterBase> self.items[k])._val
        fit.nfev, fit.most = self.nfev, self.max_nfev
        fit.floors = NULL if self.floors is None else doubles(self.floors)
        fit.finite_values = self.policy == POLICY_RAISE and not self.lenient
        return 0

    @property
    def drives(self):
        """Whether solvers may run without coming up to this."""
        return self.calls != NULL

    def columns(self, cnp.ndarray u):
        """Derivatives of the residuals by the internal values `u`, shape (n, m)."""
        cdef cnp.npy_intp shape[2]
        cdef cnp.ndarray out
        shape[0], shape[1] = cnp.PyArray_SIZE(u), self.rows
        if self.policy == POLICY_OMIT and self.kept is not None:
            shape[1] = np.count_nonzero(self.kept)
        out = cnp.PyArray_ZEROS(2, shape, cnp.NPY_DOUBLE, 0)
        self.jacobian(doubles(u), shape[0], doubles(out), shape[1])
        return out

    def run(self, LevenbergMarquardt solver):
        """Run `solver` to its end, or until this stops it; see `stopped`."""
        if self.function.code == OBJECTIVE and not self.scalars:
            self.coerce(0.0)            # says what is wanted
        self.gather()
        super().run(solver)

    cdef int ended(self, int how) except -1:
        self.nfev = self.fit.nfev
        if how == DRIVE_DONE:
            return 0
        if how == DRIVE_LOOKED:
            return leave()
        if self.fit.why == WHY_EXPRESSION:
            self.calls = NULL           # asteval says what happens there
            return 0
        return self.because()

    cdef int because(self) except -1:
        """Leave by the exception that stands for what has ended an evaluation."""
        cdef native_fit *fit = &self.fit
        cdef cnp.npy_intp m = self.rows
        if fit.why == WHY_LIMIT:
            self.stopped = "max_nfev"
            raise AbortFitException()
        if fit.why == WHY_CODE:
            self.stop_code = fit.code
            self.stopped = f"the native function returned {fit.code}"
            raise NativeStop(fit.code)
        if fit.why == WHY_JACOBIAN:
            raise ValueError("the Jacobian of the native function holds NaN or infinity")
        self.assign(fit.at, fit.n)
        self.refuse(np.array(cnp.PyArray_SimpleNewFromData(1, &m, cnp.NPY_DOUBLE, fit.last)))
        return 0

    cdef int by_asteval(self, const double *u, Py_ssize_t n) except -1:
        """Values of all parameters at a point where an expression is not compiled."""
        cdef native_fit *fit = &self.fit
        cdef Py_ssize_t k
        self.assign(u, n)
        for k in range(fit.total):
            fit.values[k] = (<ParameterBase> self.items[k]).get()
        for k in range(fit.taken):
            fit.p[k] = fit.values[k if fit.chosen == NULL else fit.chosen[k]]
        return 0

    cdef int call_there(self, double *f, double *fjac) except -1:
        """The function at p."""
        cdef native_fit *fit = &self.fit
        cdef int64_t m = self.rows
        with nogil:
            fit.code = fit.function(m, fit.taken, fit.p, f, fjac, fit.data)
        if fit.code != 0:
            fit.why = WHY_CODE
            self.because()
        return 0

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        cdef native_fit *fit = &self.fit
        cdef cnp.npy_intp m = self.rows
        cdef cnp.ndarray f = cnp.PyArray_ZEROS(1, &m, cnp.NPY_DOUBLE, 0)
        cdef double *values = doubles(f)
        cdef bint compiled = self.compiled
        cdef int ended
        if self.function.code == OBJECTIVE:
            if not self.scalars:
                self.coerce(0.0)        # says what is wanted
            self.scalar = True
        self.gather()
        if compiled:
            with nogil:
                ended = mapped(m, n, x, values, NULL, fit)
            self.nfev = fit.nfev
            compiled = fit.why != WHY_EXPRESSION
            if ended != 0 and compiled:
                self.because()
        if not compiled:
            if self.nfev >= self.max_nfev:
                fit.why = WHY_LIMIT
                self.because()
            self.nfev += 1
            self.by_asteval(x, n)
            self.call_there(values, NULL)
            if self.policy == POLICY_RAISE and not self.lenient and not finite(values, m):
                self.refuse(f)
        if self.policy == POLICY_OMIT:
            f = self.omit(f)
        if self.iter_cb is not None:
            self.assign(x, n)
            self.report(f, x, n)
        return f

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        cdef native_fit *fit = &self.fit
        cdef Py_ssize_t rows = self.rows
        cdef cnp.npy_intp shape[2]
        cdef cnp.ndarray whole
        cdef double *columns = fjac
        cdef int ended
        if self.jac is not self.function:
            return ParameterResidual.jacobian(self, x, n, fjac, m)
        if m != rows:                   # some are omitted
            shape[0], shape[1] = n, rows
            whole = cnp.PyArray_ZEROS(2, shape, cnp.NPY_DOUBLE, 0)
            columns = doubles(whole)
        self.gather()
        if self.compiled:
            with nogil:
                ended = mapped(rows, n, x, NULL, columns, fit)
            self.nfev = fit.nfev
            if ended != 0 and fit.why != WHY_EXPRESSION:
                self.because()
        if not self.compiled or fit.why == WHY_EXPRESSION:
            self.jacobian_by_asteval(x, n, columns)
        if m != rows:
            shape[0], shape[1] = n, m
            view = cnp.PyArray_SimpleNewFromData(2, shape, cnp.NPY_DOUBLE, fjac)
            view[...] = whole[:, self.kept]
        if self.policy == POLICY_OMIT and not finite(fjac, n * m):
            fit.why = WHY_JACOBIAN
            self.because()
        return 0

    cdef int jacobian_by_asteval(self, const double *x, Py_ssize_t n, double *fjac) except -1:
        """Where derivatives of expressions are not known: by central differences of those."""
        cdef native_fit *fit = &self.fit
        cdef Py_ssize_t m = self.rows, j
        cdef cnp.ndarray own = np.zeros((fit.taken, m)), point = np.empty(n), upper
        cdef double h
        self.by_asteval(x, n)
        self.call_there(NULL, doubles(own))
        columns = np.zeros((n, m))
        for j in range(n):
            point[...] = [x[k] for k in range(n)]
            h = cbrt(EPS) * ParameterResidual.size(self, j, x[j]) or cbrt(EPS)
            point[j] = x[j] + h
            self.by_asteval(doubles(point), n)
            upper = np.array([fit.p[k] for k in range(fit.taken)])
            point[j] = x[j] - h
            self.by_asteval(doubles(point), n)
            lower = np.array([fit.p[k] for k in range(fit.taken)])
            columns[j] = (upper - lower) / (2 * h) @ own
        self.by_asteval(x, n)
        for j in range(n * m):
            fjac[j] = columns.flat[j]
        if self.policy != POLICY_PROPAGATE and not finite(fjac, n * m):
            fit.why = WHY_JACOBIAN
            self.because()
        return 0
