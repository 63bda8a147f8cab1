# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One Levenberg-Marquardt fit: from the start, beside bounds, to the solution and covariance.

Compiled since a small fit would spend as long between its parts as in its function.
"""

import math

from libc.math cimport INFINITY, fabs, isfinite
cimport numpy as cnp

from fitcore._arrays cimport doubles
from fitcore._fit cimport ParameterResidual, twins
from fitcore._leastsq_start cimport (
    ROUNDING_ERROR, between, check_range, has_bounds, leave_bounds,
)
from fitcore._native_fit cimport residual_of
from fitcore._parameter cimport ParameterBase
from fitcore.minpack cimport LevenbergMarquardt, lm_state

import numpy as np

from fitcore._arrays import all_finite
from fitcore._leastsq_start import without_bounds
from fitcore._native_fit import ADAPTS

cnp.import_array()

__all__ = ["CONVERGED", "DEPENDENT", "EPSFCN", "EXHAUSTED", "TOO_MANY", "Fit", "columns_of",
           "dependent_columns"]

# A solution nearer to a bound than this part of the range, or of max(1, |bound|), may be on it.
cdef double NEAR_BOUND_PART = 1e-4
# Columns of the Jacobian count as dependent when the sine of their angle is at most this: what
# differences of each kind leave of an exact dependence.
DEPENDENT = {"2-point": 1e-8, "3-point": 1e-10, "cs": 1e-14, "analytic": 1e-14}

# Forward differences take the square root of it as relative step: wide enough for models that
# are integrated or interpolated to single precision or so. The refinement does not use it.
EPSFCN = 1e-12

# Where the user has chosen no tolerances a fit ends when its next step promises to be no longer
# than this part of a standard error; the refinement takes it. If it then turns out that the
# Jacobian was formed further from the solution than these parts of a standard error and of the
# variables, or has not led to within this part of one, the fit goes on to the tolerances.
cdef double NEARBY = 1e-5
cdef double NEARBY_ERROR = 3e-5
cdef double NEARBY_PART = 1e-6
cdef double NEAR_ENOUGH = 1e-6
# A variable is taken to be of at least this part of its start, for the steps of differences.
cdef double LEAST_SIZE = 1e-6

# A fit with bounds is looked at after this many evaluations for each variable.
PATIENCE = 50

# A fit with bounds may have stalled when the step at its end promises to lower the norm of the
# residuals by more than this part of it, and is longer than this part of the variables. It has if
# steps in the values themselves keep the promise; it is then started again, so often in all.
STALLED = 1e-7
cdef double STALLED_PART = STALLED
RESTARTS = 6
# A bound on which chi-square falls inwards by this part, the others fitted once more, is left,
# so often in all.
RELEASED = 1e-6
RELEASES = 2
# A variable whose mapping has less than this part of its greatest slope is beside a bound.
BESIDE = 0.1
# An angle between two bounds beyond this has been wound up by steps longer than the interval.
WOUND = 1e3

CONVERGED = (1, 2, 3, 4)
TOO_MANY = 5
# The tolerances are below what doubles can tell apart: the solution is as good as it gets.
EXHAUSTED = (6, 7, 8)


cdef cnp.ndarray NOTHING = np.empty(0)


cdef list some(list items, indices):
    return items if len(indices) == len(items) else [items[i] for i in indices]


cdef bint ended_nearby(LevenbergMarquardt solver) noexcept:
    """Whether a solver ended before its tolerances were met."""
    cdef lm_state *s = &solver.state
    return s.nearby > 0 and s.info == 1 and max(s.prered, fabs(s.actred)) > s.ftol


cdef bint is_close(LevenbergMarquardt solver) noexcept:
    """Whether a polished solver is at the solution, and its Jacobian that of the solution."""
    return (solver.stride <= NEARBY_ERROR and solver.part <= NEARBY_PART
            and solver.distance <= NEAR_ENOUGH)


cdef bint is_covariance(cnp.ndarray covar) noexcept:
    """Whether all of it is finite, and no variance is 0."""
    cdef Py_ssize_t i, n = cnp.PyArray_DIM(covar, 0)
    cdef const double *c = doubles(covar)
    for i in range(n * n):
        if not isfinite(c[i]) or (i % (n + 1) == 0 and not c[i] > 0):
            return False
    return True


cdef class Fit:
    """One fit: from the start to the solution and the covariance there."""

    cdef public object fcn, iter_cb, params, why, covar, moved, limit, info
    cdef public tuple args
    cdef public dict kws, settings
    cdef public str nan_policy, scheme, solver_message, beside
    cdef public list names, varying, mapping, limits, on_bound
    cdef public frozenset adapts
    cdef public bint bounded, stalled
    cdef bint loose                     # tolerances may be
    cdef cnp.ndarray floors             # sizes below which variables count as of that size
    cdef public ParameterResidual evaluator
    cdef public object u, residual

    # Whether points are internal values, which know no bounds, and not the values themselves.
    mapped = True

    def __init__(self, fcn, prepared, tuple args, dict kws, iter_cb, str nan_policy, limit,
                 dict settings, dict options):
        cdef cnp.npy_intp i, n = len(prepared.var_names)
        self.fcn, self.args, self.kws, self.iter_cb = fcn, args, kws, iter_cb
        self.nan_policy, self.limit, self.settings = nan_policy, limit, settings
        self.params = prepared.params
        self.names = prepared.var_names
        self.varying = [self.params[name] for name in self.names]
        # `options` are those of the settings that were given.
        self.adapts = frozenset([name for name in ADAPTS if options.get(name) is None])
        # What the user's function does to its parameters must not move the mapping.
        self.mapping = twins(self.varying)
        # Bounds and present values, whatever the points are.
        self.limits = self.mapping
        if not self.mapped:
            self.mapping = without_bounds(self.varying)
        # A variable that gets near zero on its way is still of the order of its start.
        self.floors = cnp.PyArray_SimpleNew(1, &n, cnp.NPY_DOUBLE)
        for i in range(n):
            doubles(self.floors)[i] = LEAST_SIZE * fabs((<ParameterBase> self.mapping[i])._val)
        self.bounded = has_bounds(self.mapping)
        if self.bounded:
            check_range(self.mapping)
        self.moved = leave_bounds(self.mapping) if self.bounded else {}
        self.scheme = "analytic" if settings["Dfun"] is not None else settings["jac"]
        # A Jacobian of the user's costs little: the steps to the tolerances are taken.
        self.loose = (settings["refine"] and self.scheme in ("2-point", "3-point")
                      and "ftol" in self.adapts and "xtol" in self.adapts)
        self.why = None                 # no covariance
        self.covar = None
        self.on_bound = []              # variables, by index
        self.evaluator = self._evaluator(range(len(self.names)))
        self.u = self.evaluator.internal()
        self.residual = NOTHING
        self.info = 0
        self.solver_message = ""
        self.stalled = False            # short of the minimum, beside a bound
        self.beside = ""                # which variable and bound

    @property
    def stopped(self):
        """Why the fit was stopped before its end."""
        return self.evaluator.stopped

    def run(self):
        """Fit."""
        patience = self._patience()
        solver = self._solver(self.evaluator, self.u, patience)
        self.evaluator.run(solver)
        while patience is not None and self.stopped is None and solver.info == TOO_MANY:
            patience *= 2
            solver = self._unstick(solver, patience)
        if self.stopped is None:
            self.info, self.solver_message = solver.info, solver.message
            if len(self.on_bound) == len(self.names):
                self.info, self.solver_message = CONVERGED[0], "All variables are at a bound."
            if self.info in CONVERGED + EXHAUSTED:
                self.finish(solver)
                return
        if self.on_bound:
            return
        best = self.evaluator.best(solver)
        if best is not None:
            self.u, self.residual = best

    def value(self, Py_ssize_t i):
        """The value of variable i at the solution."""
        item = self.mapping[i]
        return float(item.value if i in self.on_bound else item._from_internal(self.u[i]))

    def place(self):
        """Set the values of the parameters to the solution."""
        self._whole().place(self.u)

    def finish(self, LevenbergMarquardt solver):
        """Sharpen a solution that was found, and estimate the covariance, not scaled."""
        covar, patience, released = None, self._patience(), 0
        for _ in range(RESTARTS):
            self.stalled, self.beside, early = False, "", False
            if self.bounded and ended_nearby(solver) and self._near_bound(solver):
                # Whether it belongs there takes all the accuracy there is.
                solver = self._tighter(solver, solver.x, patience)
                self.evaluator.run(solver)
                if self.stopped is not None:
                    self._take(solver)
                    return
            self._take(solver)
            if self.bounded:
                solver = self._settle(patience) or solver
                if self.stopped is not None:
                    return
                inside = self._inside(RELEASED) if released < RELEASES else None
                if inside is not None and self.stopped is None:
                    # With the others fitted once more, the bound is not the minimum.
                    released += 1
                    self.evaluator = self._whole()
                    self.on_bound, self.why = [], None
                    solver = self._solver(self.evaluator, inside, patience)
                    self.evaluator.run(solver)
                    if self.stopped is None:
                        continue
                    self._take(solver)
                    return
            if len(self.on_bound) == len(self.names):
                self.why = "all variables are at a bound"
            if self.why is not None:
                return
            further = solver.x
            if solver.info == TOO_MANY:
                self.stalled = True
            else:
                early = ended_nearby(solver)
                covar, further = self._covariance(solver)
                early = early and not self.loose
                self._take(solver)
                self.stalled = further is not None
            if further is None or self.stopped is not None:
                break
            patience = None if patience is None else 2 * patience
            if early:
                solver = self._tighter(solver, further, patience)
            else:
                solver = self._solver(self.evaluator, further, patience)
            self.evaluator.run(solver)
            if self.stopped is not None:
                self._take(solver)
                return
        if self.stalled and solver.info != TOO_MANY:
            self.beside = self._beside()
            self.stalled = bool(self.beside)
        if covar is not None and self.on_bound:
            free = self._free()
            whole = np.zeros((len(self.names), len(self.names)))
            whole[np.ix_(free, free)] = covar
            covar = whole
        self.covar = None if self.stalled else covar

    def _take(self, LevenbergMarquardt solver):
        """Make the solver's point the solution."""
        if solver.fvec is None or len(self.on_bound) == len(self.names):
            return
        self.residual = solver.fvec
        if self.on_bound:
            self.u[self._free()] = solver.x
        else:
            self.u = solver.x

    def _patience(self):
        """Evaluations after which a fit with bounds is looked at for variables stuck beside them.

        None where it is not: without bounds, or if the user has set a limit of this kind.
        """
        if not self.bounded or self.settings["maxfev"] != 2 * self.limit:
            return None
        return PATIENCE * (len(self.names) + 1)

    def _unstick(self, LevenbergMarquardt solver, patience):
        """Put the variables that slow the fit down beside their bounds onto them.

        The mapping has little slope there, and several such variables hinder each other. Those
        towards whose bounds chi-square falls are put onto them and the others are fitted; if that
        is the minimum, chi-square rising from there into each bounded interval, it is the
        solution. Where chi-square falls again, the fit goes on from there, and if the others could
        not be fitted from where it was. Returns the solver that came last.
        """
        whole, u = self.evaluator, solver.x
        self.u, self.residual = u, solver.fvec
        settled = self._settle(patience)
        if self.stopped is not None:
            return solver
        everything = len(self.on_bound) == len(self.names)
        done = settled is not None and settled.info in CONVERGED + EXHAUSTED
        if everything or done:
            inside = self._inside()
            if inside is None:
                # Which solver it is does not matter when all variables are at bounds.
                return settled or self._solver(whole, u)
            u = inside
        whole.nfev, self.evaluator = self.evaluator.nfev, whole
        self.on_bound, self.why = [], None
        solver = self._solver(whole, u, patience)
        whole.run(solver)
        return solver

    def _inside(self, double least=1e-12):
        """A point off the bounds where chi-square is lower, by at least that part; None if none.

        Variables on their bounds are moved inside one by one, by small parts of their ranges, and
        then together.
        """
        if not self.on_bound:
            return None
        chisqr = float(self.residual @ self.residual) * (1 - least)
        together, best, lowest = self.u.copy(), None, chisqr
        for i in self.on_bound:
            item = self.mapping[i]
            low, high, bound = item.min, item.max, float(item.value)
            lowest_here = chisqr
            for part in (1e-9, 1e-6, 1e-3):
                step = part * between(low, high, bound)
                item.value = bound + step if bound == low else bound - step
                u = self.u.copy()
                u[i] = item._setup()
                item.value = bound
                there = self._chisqr_at(u)
                if there < lowest_here:
                    lowest_here, together[i] = there, u[i]
                if there < lowest:
                    lowest, best = there, u
        if best is not None and self._chisqr_at(together) < lowest:
            best = together
        return best

    def _chisqr_at(self, u):
        """Chi-square at internal values of all variables, infinite where it cannot be had."""
        there = math.inf
        residual = self._at(u)
        if residual is None or residual.shape != self.residual.shape:
            return there
        with np.errstate(all="ignore"):
            there = float(residual @ residual)
        return there if math.isfinite(there) else math.inf

    def _free(self):
        if not self.on_bound:
            return list(range(len(self.names)))
        return [i for i in range(len(self.names)) if i not in self.on_bound]

    def _evaluator(self, indices, ParameterResidual before=None):
        """The residuals by some of the variables, the rest fixed where they are."""
        jacobian, col_deriv = self.settings["Dfun"], self.settings["col_deriv"]
        if jacobian is not None and jacobian is not self.fcn and len(indices) < len(self.names):
            jacobian = columns_of(jacobian, list(indices), col_deriv)
        cdef ParameterResidual made = residual_of(
            self.fcn,
            self.params,
            some(self.varying, indices),
            some(self.mapping, indices),
            self.args,
            self.kws,
            self.nan_policy,
            self.limit,
            self.iter_cb,
            self.settings["callback"],
            jacobian,
            col_deriv,
            self.adapts,
            before,
        )
        made.set_floors(self.floors if len(indices) == len(self.names)
                        else self.floors[list(indices)])
        return made

    def _tighter(self, LevenbergMarquardt solver, cnp.ndarray u, maxfev):
        """A solver that goes on from where another one has ended, with the tight tolerances.

        The solution is near: a first step as long as from a start would lead away from it.
        """
        cdef lm_state *s = &solver.state
        cdef double factor = 10 * s.delta / s.xnorm if s.xnorm > 0 else 1.0
        self.loose = False
        return self._solver(self.evaluator, u, maxfev,
                            min(max(factor, 1e-3), self.settings["factor"]))

    def _solver(self, ParameterResidual evaluator, cnp.ndarray u, maxfev=None, factor=None):
        cdef dict settings = self.settings
        cdef LevenbergMarquardt made
        cdef double epsfcn, ftol, xtol, error = evaluator.error
        diag = settings["diag"]
        if diag is not None:
            # Given in external units: a step of the internal value is `gradient` times as long.
            diag = np.asarray(diag, dtype=np.float64)
            if diag.shape != (len(self.names),):
                raise ValueError(
                    f"diag must have shape ({len(self.names)},), a scale for each variable; "
                    f"got {diag.shape}"
                )
            chosen = [self.names.index(item.name) for item in evaluator.varying]
            diag = diag[chosen] * np.abs(evaluator.external(u)[1])
        epsfcn = EPSFCN if settings["epsfcn"] is None else settings["epsfcn"]
        ftol, xtol = settings["ftol"], settings["xtol"]
        if error > 0:
            epsfcn = max(epsfcn, error) if "epsfcn" in self.adapts else epsfcn
            ftol = max(ftol, error) if "ftol" in self.adapts else ftol
            xtol = max(xtol, error) if "xtol" in self.adapts else xtol
        made = LevenbergMarquardt.__new__(LevenbergMarquardt)
        made.begin(u, self.scheme, ftol, xtol, settings["gtol"],
                   settings["maxfev"] if maxfev is None else maxfev, epsfcn,
                   settings["factor"] if factor is None else factor, diag)
        if self.loose:
            made.state.nearby = NEARBY
        return made

    def _covariance(self, LevenbergMarquardt solver):
        """Refine the solution; the covariance, and a better point if the solver has stalled.

        Beside bounds the solver may stop for lack of slope in the mapping.
        """
        cdef ParameterResidual evaluator = self.evaluator
        cdef str refined = self.scheme if self.scheme in ("analytic", "cs") else "3-point"
        cdef str scheme = self.scheme
        cdef double before = solver.state.fnorm, promised = 0.0
        if self.settings["refine"] and (
                evaluator.max_nfev - evaluator.nfev >= evaluator.polish_cost(refined)):
            scheme = refined
            evaluator.polish(solver, refined)
            if evaluator.stopped is not None:
                return None, None
            promised = solver.promised
            if ended_nearby(solver) and not is_close(solver):
                self.loose = False
                return None, solver.x
        tol = DEPENDENT[scheme]
        covar = evaluator.covariance(solver, tol)
        if covar is None:
            self.why = dependent_columns(solver, [item.name for item in evaluator.varying], tol)
            return None, None
        further = None
        if self.bounded and evaluator.step > STALLED_PART and promised > self._noise():
            if before - solver.state.fnorm > max(0.25 * promised, self._noise()) * before:
                further = solver.x
            else:
                further = self._descend(solver, promised)
        if not is_covariance(covar):
            self.why = "the covariance is beyond the range of doubles"
            return None, further
        return covar, further

    def _noise(self):
        """Part of the norm that a step may promise because of errors in the residuals alone.

        Central differences with the best step have an error of epsfcn^(2/3).
        """
        error = max(self.settings["epsfcn"] or 0.0, self.evaluator.error)
        return max(STALLED, float(error ** (2 / 3)))

    def _descend(self, LevenbergMarquardt solver, double promised):
        """A point that lowers the norm as promised, on the Gauss-Newton step of the values.

        None if there is none: then errors of the residuals have promised it. `solver` has the
        triangle of the values themselves.
        """
        evaluator, order = self.evaluator, solver.ipvt
        n = order.size
        triangle = solver.fjac[:, :n].T
        start = evaluator.external(solver.x)[0]
        step = np.empty(n)
        step[order] = np.linalg.solve(np.triu(triangle), -solver.qtf)
        if not all_finite(step):
            return None
        free, norm = self._free(), solver.state.fnorm
        for part in (1.0, 0.1, 0.01, 0.001):
            u = self.u.copy()
            for i, value, change in zip(free, start, part * step, strict=True):
                item = self.mapping[i]
                last = item.value
                # Not onto a bound: there the mapping has no slope.
                item.value = max(value + change, value + 0.99 * (float(item.min) - value))
                item.value = min(item.value, value + 0.99 * (float(item.max) - value))
                u[i] = item._setup()
                item.value = last
            residual = self._at(u)
            if self.stopped is not None:
                return None
            if residual is None or residual.shape != self.residual.shape:
                continue
            gain = 0.25 * promised * part * (2 - part)
            if float(np.linalg.norm(residual)) <= norm * (1 - max(gain, self._noise())):
                return u[free]
        return None

    def _beside(self):
        """The bound, and its variable, that leaves its mapping the least part of its slope."""
        worst, least = "", BESIDE
        for i in self._free():
            item = self.mapping[i]
            low, high, u = float(item.min), float(item.max), self.u[i]
            if low == -math.inf and high == math.inf:
                continue
            both = low > -math.inf and high < math.inf
            slope = abs(item._gradient(u)) / (0.5 * high - 0.5 * low if both else 1.0)
            if slope < least:
                value = item._from_internal(u)
                near = f"min={low:g}" if value - low <= high - value else f"max={high:g}"
                worst, least = f"{near} of {item.name}", slope
        return worst

    def _settle(self, patience=None):
        """Put variables whose solution is a bound onto it, and fit the others once more.

        Repeated until no more reach a bound. Returns the solver of the others, or None if nothing
        was changed or there are no others. A fit of the others that takes more than `patience`
        evaluations is broken off, to look for more variables at bounds.
        """
        solver = None
        while True:
            found = self._reached()
            if not found or self.stopped is not None:
                return solver
            settled = self._fit_others(found, patience)
            if not settled:
                return solver
            solver = settled[0]
            if solver is None:
                return None

    def _reached(self):
        """Variables, by index, whose solution is one of their bounds, and which.

        A solution beside a bound is taken for the bound if chi-square does not rise on the way
        there. So is any whose angle has been wound up, by steps far longer than the interval, if
        chi-square is lower there.
        """
        cdef dict found = {}
        cdef ParameterBase item
        cdef Py_ssize_t i
        cdef double u, value, low, high, bound, scale, distance
        for i in range(len(self.names)):
            item = <ParameterBase> self.mapping[i]
            low, high = item._min, item._max
            if (low == -INFINITY and high == INFINITY) or i in self.on_bound:
                continue
            u = doubles(<cnp.ndarray> self.u)[i]
            value = item.from_internal(u)
            bound = low if value - low <= high - value else high
            scale = between(low, high, bound)
            distance = fabs(value - bound)
            if fabs(u) > WOUND and -INFINITY < low and high < INFINITY:
                beyond = self._better_bound(i)
                if beyond is not None:
                    found[i] = beyond
                continue
            if distance > NEAR_BOUND_PART * scale:
                continue
            if distance <= ROUNDING_ERROR * fabs(bound):
                found[i] = bound
                continue
            nearer = self.u.copy()
            item.store(bound + (value - bound) / 64)
            nearer[i] = item.setup()
            item.store(value)
            residual = self._at(nearer)
            if residual is None or residual.shape != self.residual.shape:
                continue
            if np.array_equal(residual, self.residual):
                # Too near to make a difference; or it never makes one.
                reached = distance <= 1e-12 * scale
            else:
                chisqr = float(self.residual @ self.residual)
                reached = float(residual @ residual) <= chisqr * (1 + 1e-12)
            if reached:
                found[i] = bound
        return found

    cdef bint _near_bound(self, LevenbergMarquardt solver) except -1:
        """Whether any variable is so near to a bound that it may be on it."""
        cdef ParameterBase item
        cdef Py_ssize_t i
        cdef double u, value, bound, reach
        for i in range(len(self.evaluator.varying)):
            item = <ParameterBase> self.evaluator.mapping[i]
            if item._min == -INFINITY and item._max == INFINITY:
                continue
            u = doubles(solver._x)[i]
            value = item.from_internal(u)
            bound = item._min if value - item._min <= item._max - value else item._max
            reach = NEAR_BOUND_PART * between(item._min, item._max, bound)
            if fabs(u) > WOUND or fabs(value - bound) <= reach:
                return True
        return False

    def _better_bound(self, i):
        """The bound of variable i at which chi-square is lower than here, the lowest if both."""
        item, chisqr = self.mapping[i], float(self.residual @ self.residual) * (1 - 1e-12)
        value, best = item.value, None
        for bound in (item.min, item.max):
            u = self.u.copy()
            item.value = bound
            u[i] = item._setup()
            item.value = value
            residual = self._at(u)
            if residual is not None and residual.shape == self.residual.shape:
                there = float(residual @ residual)
                if there < chisqr:
                    best, chisqr = float(bound), there
        return best

    def _whole(self):
        """The evaluator of all variables."""
        if len(self.evaluator.varying) == len(self.names):
            return self.evaluator
        return self._evaluator(range(len(self.names)), self.evaluator)

    def _at(self, cnp.ndarray u):
        """The residuals at internal values of all variables.

        None if the function raises an exception there, for it is our wish to look and not the
        user's, or if the fit is stopped.
        """
        evaluator = self._whole()
        with np.errstate(all="ignore"):
            residual = evaluator.evaluate(u)
        self.evaluator.nfev, self.evaluator.stopped = evaluator.nfev, evaluator.stopped
        # Evaluators of some of the variables leave the others where they are.
        evaluator.place(self.u)
        return residual

    def _fit_others(self, dict found, patience):
        """Fix variables at bounds and fit the rest; the solver if there is a rest.

        None if that is not possible, or not better: the solution is then as before.
        """
        on_bound = sorted({*self.on_bound, *found})
        free = [i for i in range(len(self.names)) if i not in on_bound]
        chisqr = float(self.residual @ self.residual)
        u = self.u.copy()
        for i, bound in found.items():
            self.mapping[i].value = bound
            u[i] = self.mapping[i]._setup()
        solver = after = None
        residual = self._at(u)
        if residual is None or residual.shape != self.residual.shape or not all_finite(residual):
            return None
        if free:
            self._whole().place(u)
            after = self._evaluator(free, self.evaluator)
            solver = self._solver(after, u[free], patience)
            after.run(solver)
            self.evaluator.nfev = after.nfev
            ended = CONVERGED + EXHAUSTED + ((TOO_MANY,) if patience else ())
            if after.stopped is not None or solver.info not in ended:
                if after.stopped not in (None, "max_nfev"):
                    self.evaluator.stopped = after.stopped
                else:
                    self.why = "a variable is at its bound, and the others did not settle"
                return None
            u[free], residual = solver.x, solver.fvec
        if not float(residual @ residual) <= chisqr * (1 + 1e-12):
            return None
        self.u, self.residual, self.on_bound = u, np.array(residual), on_bound
        if after is not None:
            self.evaluator = after
        return (solver,)


def dependent_columns(solver, names, tol):
    """Say which variables make the Jacobian singular.

    Parameters
    ----------
    solver : LevenbergMarquardt or alike
        With the factor R of its pivoted Jacobian, in `fjac` and `ipvt`.
    names : sequence of str
        The variables.
    tol : float
        Sine of an angle between columns that counts as none.

    Returns
    -------
    str
        The reason in words.
    """
    n = len(names)
    r = solver.fjac[:, :n]  # row k is column k of R
    order = [names[i] for i in solver.ipvt.tolist()]
    norms = [float(np.linalg.norm(r[k, : k + 1])) for k in range(n)]
    if not np.isfinite(norms).all():
        return "the Jacobian is not finite"
    idle = [order[k] for k in range(n) if norms[k] == 0]
    if idle:
        has = "has" if len(idle) == 1 else "have"
        return f"{', '.join(sorted(idle, key=list(names).index))} {has} no effect on the residuals"
    bound = [order[k] for k in range(n) if not abs(r[k, k]) > tol * norms[k]]
    return (
        f"the effects of {', '.join(names)} are not independent"
        if not bound
        else f"the effect of {', '.join(bound)} is a combination of those of other variables"
    )


def columns_of(jacobian, indices, col_deriv):
    """A function for some of the columns of a Jacobian; rows if it is transposed."""

    def columns(*args, **kws):
        whole = np.asarray(jacobian(*args, **kws))
        return whole[indices] if col_deriv else whole[:, indices]

    return columns
