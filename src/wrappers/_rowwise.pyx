# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Levenberg-Marquardt with the rows of the problem told in pieces: MINPACK-1's lmstr."""

from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset
cimport numpy as cnp

from fitcore._arrays cimport count, doubles, fresh, number, vector, zeros
from fitcore._solver cimport (
    Guarded, check_order, check_subclass, intact, read_state, scale_factors, start_point,
)

import numpy as np

from fitcore._messages import outcome

cdef extern from "fitcore_minpack.h" nogil:
    int TASK_RESIDUAL "FITCORE_TASK_RESIDUAL"
    int TASK_JACOBIAN "FITCORE_TASK_JACOBIAN"
    int TASK_ITERATION "FITCORE_TASK_ITERATION"
    int TASK_DONE "FITCORE_TASK_DONE"
    void fitcore_lm_stop(lm_state *state, int info)
    void fitcore_covariance(int64_t n, const double *r, int64_t ldr, const int64_t *ipvt,
                            double tol, double *cov, int64_t *rank, double *work)

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    fitcore_fold_rows_t fitcore_choose_fold_rows(int level)

cnp.import_array()

cdef fitcore_fold_rows_t fold_rows = fitcore_choose_fold_rows(fitcore_cpu_level())

__all__ = ["StreamingLM"]

# Chunks with fewer numbers than this are too short to be worth giving up the GIL.
cdef Py_ssize_t GIL_ELEMENTS = 16384


cdef class StreamingLM(Guarded):
    """Levenberg-Marquardt for any number of residuals in little memory: MINPACK-1's `lmstr`.

    The residuals and the Jacobian are never held: they come in passes over the data, in chunks of
    any length, and what is kept of them is an n by n triangle. Memory is
    that of n\\ :sup:`2` numbers and a block of at least 64 rows, however many residuals there are.
    Chunks of other lengths, single rows too, give the same bits.

    :meth:`run` drives a fit from Python functions. Or the solver is asked and told:
    :meth:`ask` gives a point, :meth:`tell` takes the next chunk there, :meth:`end_pass` says that
    it was the last one. Between any two of them the solver can be pickled and resumed elsewhere.

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Starting point. It is copied.
    m : int, optional
        Number of residuals, at least n. If None it is what the first pass tells. Every pass must
        tell as many.
    ftol : float, default 1.49012e-8
        Relative error wanted in the sum of squares.
    xtol : float, default 1.49012e-8
        Relative error wanted in the solution.
    gtol : float, default 0.0
        Greatest cosine wanted between the residuals and a column of the Jacobian.
    maxfev : int, default 0
        Limit on passes for residuals, looked at once per step. 0 means 100 (n + 1).
    factor : float, default 100.0
        First bound on the step, in units of the scaled norm of `x0`.
    diag : array_like, shape (n,), optional
        Positive scale factors of the variables. Default: norms of the Jacobian's columns.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Best point so far.
    fnorm : float
        Euclidean norm of the residuals there.
    nfev, njev, nit : int
        Passes for residuals, passes for rows of the Jacobian, accepted steps.
    told : int
        Residuals told in the present pass.
    done : bool
        Whether the fit is finished.
    info : int
        MINPACK's outcome: 1 to 4 converged, 5 too many evaluations, 6 to 8 tolerances too small,
        9 NaN or infinity at the present point, negative if stopped.
    message : str
        `info` in words.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The columns of the triangle are not pivoted unless one of them depends exactly on those
    before it, as in `lmstr`. The sum of squares is compensated for rounding, so that it keeps its
    digits over many millions of rows.

    References
    ----------
    .. [1] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture
       Notes in Mathematics 630, 105-116 (1978).
    .. [2] J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
       Laboratory report ANL-80-74 (1980), LMSTR.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.minpack import StreamingLM
    >>> solver = StreamingLM([-1.2, 1.0])          # Rosenbrock's function, one row at a time
    >>> while not solver.done:
    ...     x = solver.ask()
    ...     if solver.task == "residual":
    ...         solver.tell(10 * (x[1] - x[0]**2))
    ...         solver.tell(1 - x[0])
    ...     else:
    ...         solver.tell(10 * (x[1] - x[0]**2), [-20 * x[0], 10.0])
    ...         solver.tell(1 - x[0], [-1.0, 0.0])
    ...     solver.end_pass()
    >>> solver.x.round(6), solver.info
    (array([1., 1.]), 4)
    """

    def __init__(self, x0, m=None, *, ftol=1.49012e-8, xtol=1.49012e-8, gtol=0.0, maxfev=0,
                 factor=100.0, diag=None):
        cdef lmstr_state fit
        cdef Py_ssize_t n
        cdef cnp.ndarray scale
        self.check_free()
        start = start_point(x0)
        n = start.size
        rows = 0 if m is None else count(m, "m")
        if m is not None and rows < n:
            raise ValueError(f"m={m} residuals are fewer than the {n} variables; "
                             "Levenberg-Marquardt wants at least as many residuals as variables")
        scale = zeros(n) if diag is None else scale_factors(diag, n)
        limit = count(maxfev, "maxfev") or 100 * (n + 1)
        bound = number(factor, "factor", 0.0)
        if bound == 0.0:
            raise ValueError(f"factor={factor} must be positive")
        memset(&fit, 0, sizeof(lmstr_state))
        fitcore_lmstr_init(&fit, rows, n, 1 if diag is None else 2, number(ftol, "ftol", 0.0),
                           number(xtol, "xtol", 0.0), number(gtol, "gtol", 0.0), limit, bound,
                           doubles(scale))

        # nothing but memory can fail from here on
        self._x = None
        self.state = fit
        self._diag = scale
        self._qtf = zeros(n)
        self._ipvt = np.arange(1, n + 1, dtype=np.int64)
        self._r = np.zeros((n, n))
        self.xt = start.copy()
        self.allocate()
        self._x = start
        self.step()

    cdef int allocate(self) except -1:
        """Block and scratch."""
        cdef Py_ssize_t n = self.state.lm.n
        self.store = zeros(fitcore_lmstr_block_rows(n) * (n + 1) + 8)
        self.block = <double *> ((<size_t> doubles(self.store) + 63) & ~(<size_t> 63))
        self.wa = zeros(fitcore_lmstr_work_size(n))
        return 0

    cdef bint ready(self) noexcept:
        return self._x is not None

    cdef int step(self) except -1:
        """Let the core go on to its next task."""
        fitcore_lmstr_step(&self.state, doubles(self._x), doubles(self._r), doubles(self._diag),
                           doubles(self._qtf), <int64_t *> cnp.PyArray_DATA(self._ipvt),
                           doubles(self.xt), self.block, doubles(self.wa), fold_rows)
        return 0

    cdef int finish(self) except -1:
        cdef lmstr_state *s = &self.state
        if s.lm.m == 0 and s.told < s.lm.n:
            raise ValueError(f"{s.told} residuals are fewer than the {s.lm.n} variables; "
                             "Levenberg-Marquardt wants at least as many residuals as variables")
        if s.lm.m != 0 and s.told != s.lm.m:
            raise ValueError(f"this pass has told {s.told} of {s.lm.m} residuals: every pass must "
                             "tell all of them")
        return self.step()

    cdef int take(self, const double *f, Py_ssize_t k, const double *jac, Py_ssize_t row,
                  Py_ssize_t column) except -1:
        cdef lmstr_state *s = &self.state
        cdef double *r = doubles(self._r)
        cdef double *qtf = doubles(self._qtf)
        cdef double *block = self.block
        cdef double *wa = doubles(self.wa)
        if s.lm.m != 0 and s.told + k > s.lm.m:
            raise ValueError(f"this pass has told {s.told + k} residuals, more than the {s.lm.m} "
                             "there are")
        if k * (1 if jac == NULL else s.lm.n) < GIL_ELEMENTS:
            fitcore_lmstr_tell(s, k, f, jac, row, column, r, qtf, block, wa, fold_rows)
        else:
            with nogil:
                fitcore_lmstr_tell(s, k, f, jac, row, column, r, qtf, block, wa, fold_rows)
        return 0

    cdef int take_pair(self, residuals, rows, str what) except -1:
        """One chunk, checked; its rows are looked at when the task wants them."""
        cdef cnp.ndarray f = vector(residuals, cnp.NPY_DOUBLE, "the residuals " + what)
        cdef Py_ssize_t k = cnp.PyArray_SIZE(f), n = self.state.lm.n
        cdef cnp.ndarray a
        if self.state.lm.task == TASK_RESIDUAL:
            return self.take(doubles(f), k, NULL, 0, 0)
        try:
            given = np.asarray(rows)
        except ValueError as exc:
            raise TypeError(f"the rows {what} must be an array of real numbers, got {rows!r:.80}"
                            ) from exc
        if given.dtype.kind not in "fiub":
            raise TypeError(f"the rows {what} must be real numbers, got dtype {given.dtype}")
        if given.ndim < 2 and given.size == k * n and (k == 1 or n == 1):
            given = given.reshape(k, n)
        if given.shape != (k, n):
            raise ValueError(f"the rows {what} have shape {given.shape}, wanted {(k, n)} for {k} "
                             f"residuals and {n} variables")
        if given.dtype != np.float64 or not given.flags.aligned or not given.flags.forc:
            given = np.ascontiguousarray(given, dtype=np.float64)
        a = given
        if given.flags.c_contiguous:
            return self.take(doubles(f), k, doubles(a), n, 1)
        return self.take(doubles(f), k, doubles(a), 1, k)

    cdef int take_all(self, chunks, bint only_residuals, str name) except -1:
        """The chunks of one pass, until they end or the fit is stopped from inside."""
        if not hasattr(type(chunks), "__iter__"):
            raise TypeError(f"{name} must return the chunks of a pass, an iterable or generator, "
                            f"got {chunks!r:.80}")
        for chunk in chunks:
            if self.state.lm.task == TASK_DONE:
                break
            if only_residuals:
                self.take_pair(chunk, None, f"of a chunk from {name}")
                continue
            if not isinstance(chunk, (tuple, list)) or len(chunk) != 2:
                raise TypeError(f"{name} must give pairs (residuals, rows of the Jacobian), got "
                                f"{type(chunk).__name__}: {chunk!r:.80}")
            self.take_pair(chunk[0], chunk[1], f"of a chunk from {name}")
        return 0

    def run(self, rows, residuals=None, args=(), *, callback=None):
        """Run the fit to its end, calling Python functions for each pass over the data.

        Resumes wherever the solver stands, after an exception or after unpickling; a pass that
        was broken off begins anew.

        Parameters
        ----------
        rows : callable
            ``rows(x, *args)`` returns the chunks of a pass, in the same order each time: an
            iterable, best a generator, of pairs of residuals, shape (k,), and of rows of the
            Jacobian, shape (k, n). k may change from chunk to chunk. A single row may come as a
            number and a vector of shape (n,).
        residuals : callable, optional
            ``residuals(x, *args)`` returns the chunks without rows of the Jacobian, for the passes
            that want none: an iterable of residuals, shape (k,). By default `rows` is called for
            them too, and its second items are dropped.
        args : tuple, optional
            Further arguments of both.
        callback : callable, optional
            ``callback(solver)`` after each accepted step from which the fit goes on; a true value
            or StopIteration stops the fit with ``info`` -1.

        Returns
        -------
        StreamingLM
            The solver itself.

        Raises
        ------
        TypeError
            If an argument is not callable or the chunks are not real numbers.
        ValueError
            If a pass tells another number of residuals than the one before, or fewer than n.
        Exception
            Whatever `rows`, `residuals` or `callback` raises, unchanged.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore.minpack import StreamingLM
        >>> def data():                             # a file, say, that is read piece by piece
        ...     for t in np.linspace(0, 4, 9000).reshape(-1, 1000):
        ...         yield t, 3 * np.exp(-t / 2)
        >>> def residuals(p):
        ...     for t, y in data():
        ...         yield p[0] * np.exp(-t / p[1]) - y
        >>> def rows(p):
        ...     for t, y in data():
        ...         e = np.exp(-t / p[1])
        ...         yield p[0] * e - y, np.stack([e, p[0] * e * t / p[1]**2], axis=1)
        >>> solver = StreamingLM([1.0, 1.0]).run(rows, residuals)
        >>> solver.x.round(6), solver.m
        (array([3., 2.]), 9000)
        """
        cdef lmstr_state *s = &self.state
        if not callable(rows):
            raise TypeError(f"rows must be callable, got {rows!r:.80}")
        if residuals is not None and not callable(residuals):
            raise TypeError(f"residuals must be callable or None, got {residuals!r:.80}")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable or None, got {callback!r:.80}")
        try:
            more = tuple(args)
        except TypeError as exc:
            raise TypeError(f"args must be a tuple, got {args!r:.80}") from exc
        self.check_idle()
        self.running = True
        try:
            if s.told != 0:
                self.restart()
            while s.lm.task != TASK_DONE:
                if s.lm.task == TASK_ITERATION:
                    if callback is not None and self.leave(callback):
                        break
                    self.step()
                    continue
                only = s.lm.task == TASK_RESIDUAL and residuals is not None
                func, name = (residuals, "residuals") if only else (rows, "rows")
                point = self.xt if s.lm.task == TASK_RESIDUAL else self._x
                self.take_all(func(point.copy(), *more), only, name)
                if s.lm.task != TASK_DONE:
                    self.finish()
        finally:
            self.running = False
        return self

    cdef bint leave(self, callback) except -1:
        """Whether the callback ends the fit."""
        try:
            wanted = bool(callback(self))
        except StopIteration:
            wanted = True
        if wanted and self.state.lm.task != TASK_DONE:
            fitcore_lm_stop(&self.state.lm, -1)
        return self.state.lm.task == TASK_DONE

    cdef int restart(self) except -1:
        fitcore_lmstr_restart(&self.state, doubles(self._r), doubles(self._qtf))
        return 0

    def ask(self):
        """The point of this pass.

        Returns
        -------
        ndarray, shape (n,)
            Where the residuals are wanted, for task 'residual'; where residuals and rows of the
            Jacobian are, for task 'rows'. A new array each time.

        Raises
        ------
        RuntimeError
            If the fit is finished, or a driver is at work on it.
        """
        self.check_idle()
        if self.state.lm.task == TASK_DONE:
            raise RuntimeError(f"the fit is finished (info={self.state.lm.info}): nothing to ask")
        if self.state.lm.task == TASK_ITERATION:
            self.step()
        return (self.xt if self.state.lm.task == TASK_RESIDUAL else self._x).copy()

    def tell(self, residuals, rows=None):
        """Tell the next chunk of this pass.

        Parameters
        ----------
        residuals : array_like, shape (k,), or float
            The next k residuals at the point that :meth:`ask` gives.
        rows : array_like, shape (k, n), optional
            The rows of the Jacobian that belong to them. Wanted for task 'rows'; not looked at
            for task 'residual'. For k = 1, shape (n,) will do.

        Raises
        ------
        RuntimeError
            If the fit is finished, or a driver is at work on it.
        ValueError
            If the shape is not the one wanted, or the pass has more residuals than the others.
            The chunk is not taken then.
        TypeError
            If the values are not real numbers.
        """
        self.check_idle()
        self.running = True
        try:
            if self.state.lm.task == TASK_DONE:
                raise RuntimeError(f"the fit is finished (info={self.state.lm.info}): nothing to "
                                   "tell")
            if self.state.lm.task == TASK_ITERATION:
                self.step()
            if self.state.lm.task == TASK_JACOBIAN and rows is None:
                raise TypeError("rows must be given for task 'rows': the rows of the Jacobian at "
                                "the point that ask() gives")
            self.take_pair(residuals, rows, "told")
        finally:
            self.running = False

    def end_pass(self):
        """Say that all residuals of this pass have been told, and let the solver go on.

        Raises
        ------
        RuntimeError
            If the fit is finished, or a driver is at work on it.
        ValueError
            If they are fewer than in the other passes, or than variables; more may be told then.
        """
        self.check_idle()
        if self.state.lm.task == TASK_DONE:
            raise RuntimeError(f"the fit is finished (info={self.state.lm.info}): no pass to end")
        if self.state.lm.task == TASK_ITERATION:
            self.step()
        self.finish()
        if self.state.lm.task == TASK_ITERATION:
            self.step()

    def restart_pass(self):
        """Forget what has been told in this pass; it begins anew at the same point."""
        self.check_idle()
        if self.state.lm.task == TASK_RESIDUAL or self.state.lm.task == TASK_JACOBIAN:
            self.restart()

    def stop(self):
        """End the fit here, with ``info`` -1; `x` stays the best point so far.

        A finished fit stays as it is.
        """
        self.check_ready()
        if self.state.lm.task != TASK_DONE:
            fitcore_lm_stop(&self.state.lm, -1)

    def covariance(self, tol=0.0):
        """Inverse of J\\ :sup:`T`\\ J at the last Jacobian.

        Parameters
        ----------
        tol : float, default 0.0
            A column of J whose angle to the ones before it has a sine of at most `tol` counts as
            dependent on them. With 0 only an exact dependence is found.

        Returns
        -------
        ndarray, shape (n, n), or None
            None when J has dependent columns. Not scaled: multiply by the reduced chi-square,
            ``fnorm**2 / (m - n)``, for residuals of unknown size.

        Raises
        ------
        RuntimeError
            If no pass for the Jacobian is complete: before the first one, and while one goes on.
        """
        cdef Py_ssize_t n = self.state.lm.n
        cdef int64_t rank = 0
        cdef cnp.ndarray cov, work
        cdef double sine = number(tol, "tol", 0.0)
        self.check_ready()
        if not self.state.lm.factored:
            raise RuntimeError("there is no finished Jacobian to take it from")
        cov = np.empty((n, n))
        work = zeros(n)
        fitcore_covariance(n, doubles(self._r), n, <int64_t *> cnp.PyArray_DATA(self._ipvt), sine,
                           doubles(cov), &rank, doubles(work))
        return cov if rank == n else None

    @property
    def x(self):
        """Best point so far, shape (n,); a copy."""
        self.check_ready()
        return self._x.copy()

    @property
    def r(self):
        """Triangle R of the last Jacobian, shape (n, n), its columns in the order `ipvt`; a copy.

        None before there is one and while a new one is being told.
        """
        self.check_ready()
        return np.triu(np.asarray(self._r).T) if self.state.lm.factored else None

    @property
    def ipvt(self):
        """Order of the columns in R, counted from 0, shape (n,)."""
        self.check_ready()
        return self._ipvt - 1

    @property
    def qtf(self):
        """First n elements of Q^T f for the last Jacobian, shape (n,); a copy."""
        self.check_ready()
        return self._qtf.copy()

    @property
    def diag(self):
        """Scale factors of the variables, shape (n,); a copy."""
        self.check_ready()
        return self._diag.copy()

    @property
    def task(self):
        """What is to be told: 'residual', 'rows', or 'done'."""
        if self.state.lm.task == TASK_DONE:
            return "done"
        return "residual" if self.state.lm.task == TASK_RESIDUAL else "rows"

    @property
    def done(self):
        """Whether the fit is finished."""
        return self.state.lm.task == TASK_DONE

    @property
    def n(self):
        """Number of variables."""
        return self.state.lm.n

    @property
    def m(self):
        """Number of residuals, None while it is not known."""
        return self.state.lm.m or None

    @property
    def told(self):
        """Residuals told in the present pass."""
        return self.state.told

    @property
    def info(self):
        """MINPACK's outcome; None while the fit goes on."""
        return self.state.lm.info if self.state.lm.task == TASK_DONE else None

    @property
    def success(self):
        """Whether the fit has converged (info 1 to 4)."""
        return self.state.lm.task == TASK_DONE and 1 <= self.state.lm.info <= 4

    @property
    def message(self):
        """`info` in words."""
        cdef lm_state *s = &self.state.lm
        if s.task != TASK_DONE:
            return "The fit goes on."
        return outcome(max(s.info, -1), s.ftol, s.xtol, s.gtol, s.maxfev)

    @property
    def nfev(self):
        """Passes for residuals."""
        return self.state.lm.nfev

    @property
    def njev(self):
        """Passes for rows of the Jacobian."""
        return self.state.lm.njev

    @property
    def nit(self):
        """Accepted steps."""
        return self.state.lm.nit

    @property
    def fnorm(self):
        """Euclidean norm of the residuals at x; NaN before the first pass is over."""
        return self.state.lm.fnorm if self.state.lm.nfev > 0 else NAN

    @property
    def gnorm(self):
        """Greatest cosine between the residuals and a column of the last Jacobian."""
        return self.state.lm.gnorm

    @property
    def delta(self):
        """Bound on the scaled length of the next step."""
        return self.state.lm.delta

    @property
    def par(self):
        """Levenberg-Marquardt parameter."""
        return self.state.lm.par

    def __repr__(self):
        cdef lm_state *s = &self.state.lm
        how = f"info={s.info}" if s.task == TASK_DONE else f"task={self.task!r}"
        return (f"<StreamingLM n={s.n} m={self.m} nit={s.nit} nfev={s.nfev} "
                f"fnorm={self.fnorm:.6g} {how}>")

    def __reduce__(self):
        cdef Py_ssize_t rows, n
        cdef bytes raw
        cdef cnp.ndarray flat
        self.check_ready()
        raw = (<char *> &self.state)[:sizeof(lmstr_state)]
        n = self.state.lm.n
        rows = fitcore_lmstr_block_rows(n)
        flat = fresh(self.block, rows * (n + 1))
        waiting = flat.reshape(n + 1, rows)[:, :self.state.waiting].copy()
        arrays = (self._x, self.xt, self._diag, self._qtf, self._ipvt, self._r, waiting)
        return _restore, (type(self), raw, arrays)


cdef bint _plausible(const lmstr_state *s) noexcept:
    """Whether every field is in its range."""
    cdef const lm_state *lm = &s.lm
    return (TASK_RESIDUAL <= lm.task <= TASK_DONE and TASK_RESIDUAL <= lm.stage < TASK_DONE
            and (lm.task == lm.stage or lm.task == TASK_DONE)
            and -1 <= lm.info <= 9 and 1 <= lm.mode <= 2 and lm.jac == 0
            and 0 <= lm.factored <= 1 and 1 <= lm.n < 2**31
            and lm.nfev >= 0 and lm.njev >= 0 and lm.nit >= 0 and lm.maxfev >= 0
            and (lm.m >= lm.n if lm.nfev > 0 else lm.m == 0 or lm.m >= lm.n)
            and lm.ftol >= 0 and lm.xtol >= 0 and lm.gtol >= 0 and lm.factor > 0
            and lm.delta >= 0 and lm.par >= 0
            and 0 <= s.told < 2**62 and (lm.m == 0 or s.told <= lm.m)
            and 0 <= s.waiting <= s.told and s.waiting < fitcore_lmstr_block_rows(lm.n))


def _restore(cls, bytes raw, tuple arrays):
    """A solver from its pickled state; every size is checked before it is trusted."""
    cdef StreamingLM solver
    cdef lmstr_state state
    cdef Py_ssize_t n, rows, waiting, j
    cdef cnp.ndarray block
    check_subclass(cls, StreamingLM)
    read_state(raw, &state, sizeof(lmstr_state))
    if not _plausible(&state):
        raise ValueError("the pickled state is damaged: a field is out of its range")
    n, waiting = state.lm.n, state.waiting
    copies = intact(arrays, (*[((n,), float)] * 4, ((n,), np.int64), ((n, n), float),
                             ((n + 1, waiting), float)))
    check_order(copies[4])
    solver = cls.__new__(cls)
    solver.state = state
    solver._x, solver.xt, solver._diag, solver._qtf, solver._ipvt, solver._r, block = copies
    solver.allocate()
    rows = fitcore_lmstr_block_rows(n)
    for j in range(n + 1):
        memcpy(solver.block + j * rows, doubles(block) + j * waiting, waiting * sizeof(double))
    return solver
