# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""MINPACK-1's auxiliary programs: chkder, which checks a Jacobian, and covar."""

from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._arrays cimport doubles, number, real_array, zeros

import numpy as np


cdef extern from "fitcore_rows.h" nogil:
    void fitcore_check_point(int64_t n, const double *x, double *xp)
    void fitcore_check_errors(int64_t m, int64_t n, const double *x, const double *fvec,
                              const double *fjac, const double *fvecp,
                              double *err)
    void fitcore_covar(int64_t n, const double *r, int64_t ldr, const int64_t *ipvt, double tol,
                       double *cov, int64_t *rank, double *work)

cnp.import_array()

__all__ = ["check_jacobian", "chkder", "covar"]


def _vector(value, str name, length=None):
    """A vector of real numbers, of that length if it is given."""
    if value is None:
        raise TypeError(f"{name} must be an array of real numbers, got None")
    a = real_array(value, name, 1)
    if a.ndim != 1 or a.size == 0:
        raise ValueError(f"{name} must be a vector of at least one number, got shape {a.shape}")
    if length is not None and a.size != length:
        raise ValueError(f"{name} must have shape ({length},), got {a.shape}")
    return a


def chkder(x, fvec=None, fjac=None, xp=None, fvecp=None):
    """Check a Jacobian against its function, in the two steps of MINPACK's `chkder`.

    With `x` alone the first step (MINPACK's mode 1): a neighbouring point. With all arguments the
    second one (mode 2). :func:`check_jacobian` makes both.

    Parameters
    ----------
    x : array_like, shape (n,)
        Where the Jacobian is to be checked; best a point at which nothing is special, not one of
        zeros or ones.
    fvec : array_like, shape (m,), optional
        The function at `x`.
    fjac : array_like, shape (m, n), optional
        Its Jacobian at `x`.
    xp : array_like, shape (n,), optional
        The neighbouring point, from the first step.
    fvecp : array_like, shape (m,), optional
        The function at `xp`.

    Returns
    -------
    ndarray
        The neighbouring point, shape (n,); or, in the second step, for each component of the
        function a number between 0 and 1, shape (m,): 1 where its gradient is right, 0 where it is
        wrong. Above 0.5 it probably is right, below probably wrong.

    Raises
    ------
    TypeError
        If some but not all of the further arguments are given, or one is not of real numbers.
    ValueError
        If a shape is not the one wanted.

    Notes
    -----
    The change of each component is compared with its directional derivative. A component of which
    some terms are much larger than others, or that is near zero by cancellation, may be judged
    wrongly: try another `x`. One that is zero or does not change
    gets 0, right or not. NaN in the function or the Jacobian counts as wrong.

    References
    ----------
    .. [1] J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
       Laboratory report ANL-80-74 (1980), CHKDER.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.minpack import chkder
    >>> def f(x):
    ...     return np.array([x[0] * x[1], np.sin(x[1])])
    >>> x = np.array([1.3, 0.7])
    >>> xp = chkder(x)
    >>> wrong = [[0.7, 1.3], [0.0, np.sin(0.7)]]       # the last one should be a cosine
    >>> chkder(x, f(x), wrong, xp, f(xp)).round(2)
    array([1.  , 0.15])
    """
    cdef cnp.ndarray at = _vector(x, "x")
    cdef cnp.ndarray f, fp, jac, near, err
    cdef Py_ssize_t n = cnp.PyArray_SIZE(at), m
    if not np.isfinite(at).all():
        raise ValueError(f"x must be finite, got {at}")
    further = {"fvec": fvec, "fjac": fjac, "xp": xp, "fvecp": fvecp}
    missing = [name for name, value in further.items() if value is None]
    if len(missing) == len(further):
        near = zeros(n)
        fitcore_check_point(n, doubles(at), doubles(near))
        return near
    if missing:
        raise TypeError("chkder wants x alone, for the neighbouring point, or all of fvec, fjac, "
                        f"xp and fvecp; missing: {', '.join(missing)}")
    f = _vector(fvec, "fvec")
    m = cnp.PyArray_SIZE(f)
    fp = _vector(fvecp, "fvecp", m)
    _vector(xp, "xp", n)
    given = real_array(fjac, "fjac", 1)
    if n == 1 and given.shape == (m,):
        given = given.reshape(m, 1)
    if given.shape != (m, n):
        raise ValueError(f"fjac must have shape {(m, n)}, got {given.shape}")
    jac = np.ascontiguousarray(given.T)
    err = zeros(m)
    fitcore_check_errors(m, n, doubles(at), doubles(f), doubles(jac), doubles(fp), doubles(err))
    # NaN fails every comparison, and would pass for no difference
    good = np.isfinite(f) & np.isfinite(fp) & np.isfinite(given).all(axis=1)
    return np.where(good, err, 0.0)


def check_jacobian(func, jac, x, args=(), *, bint col_deriv=False):
    """Check a Jacobian against its function at a point, as MINPACK's `chkder` does it.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the function, shape (m,). It is called twice.
    jac : callable
        ``jac(x, *args)`` returns its Jacobian, shape (m, n).
    x : array_like, shape (n,)
        Where; best a point at which nothing is special, not one of zeros or ones.
    args : tuple, optional
        Further arguments of both.
    col_deriv : bool, default False
        Whether `jac` returns the transpose, shape (n, m).

    Returns
    -------
    ndarray, shape (m,)
        For each component of the function 1 where its gradient is right, 0 where it is wrong, and
        between them as many of the digits agree; see :func:`chkder`.

    Raises
    ------
    TypeError
        If `func` or `jac` is not callable or does not return real numbers.
    ValueError
        If a shape is not the one wanted.
    Exception
        Whatever `func` or `jac` raises, unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.minpack import check_jacobian
    >>> def f(x):
    ...     return np.array([x[0] * x[1], np.sin(x[1])])
    >>> def jac(x):
    ...     return np.array([[x[1], x[0]], [0.0, np.cos(x[1])]])
    >>> check_jacobian(f, jac, [1.3, 0.7]).round(2)
    array([1., 1.])
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got {func!r:.80}")
    if not callable(jac):
        raise TypeError(f"jac must be callable, got {jac!r:.80}")
    try:
        more = tuple(args)
    except TypeError as exc:
        raise TypeError(f"args must be a tuple, got {args!r:.80}") from exc
    at = _vector(x, "x")
    near = chkder(at)
    # a function may hand out the same array again: real_array copies
    f = _vector(func(at.copy(), *more), "the value of func")
    fp = _vector(func(near.copy(), *more), "the value of func", f.size)
    j = real_array(jac(at.copy(), *more), "the Jacobian from jac", 1)
    if at.size == 1 and j.shape == (f.size,):
        j = j.reshape(f.size, 1)
    elif col_deriv:
        j = j.T
    if j.shape != (f.size, at.size):
        raise ValueError(f"the Jacobian from jac has shape {(j.T if col_deriv else j).shape}, "
                         f"wanted {(at.size, f.size) if col_deriv else (f.size, at.size)} "
                         f"(col_deriv={int(col_deriv)})")
    return chkder(at, f, j, near, fp)


def covar(r, ipvt, tol=0.0):
    """Covariance from the triangle of a QR factorization with pivoting, as MINPACK's `covar`.

    Parameters
    ----------
    r : array_like, shape (n, n) or more rows
        R in its upper triangle, as in ``fjac.T`` of `leastsq` or
        :class:`~fitcore.minpack.LevenbergMarquardt`; what stands below the diagonal is not read.
    ipvt : array_like of int, shape (n,)
        The order of the columns, counted from 0: column j of R belongs to variable ``ipvt[j]``.
    tol : float, default 0.0
        Columns from the first one on whose diagonal element is at most ``tol * abs(r[0, 0])``
        count as dependent on those before them.

    Returns
    -------
    ndarray, shape (n, n)
        The inverse of J\\ :sup:`T`\\ J, with J P = Q R; zero in the rows and columns of variables
        that count as dependent. To be multiplied by the reduced chi-square for residuals of
        unknown size.

    Raises
    ------
    TypeError
        If `r` is not of real numbers, or `ipvt` not of integers.
    ValueError
        If a shape is not the one wanted, `ipvt` is no permutation, or `tol` is negative.

    Notes
    -----
    The test of dependence is MINPACK's, and depends on the units of the variables. That of
    ``LevenbergMarquardt.covariance`` does not.

    References
    ----------
    .. [1] J. J. Moré, B. S. Garbow, K. E. Hillstrom, MINPACK (1980), subroutine COVAR.

    Examples
    --------
    >>> from fitcore.minpack import covar
    >>> covar([[2.0, 1.0], [0.0, 0.5]], [1, 0])
    array([[ 4.  , -2.  ],
           [-2.  ,  1.25]])
    """
    cdef cnp.ndarray triangle, order, cov, work
    cdef int64_t rank = 0
    cdef Py_ssize_t n
    cdef double relative = number(tol, "tol", 0.0)
    given = real_array(r, "r", 2)
    if given.ndim != 2 or given.size == 0 or given.shape[0] < given.shape[1]:
        raise ValueError("r must be a matrix with at least as many rows as columns, got shape "
                         f"{given.shape}")
    n = given.shape[1]
    given = given[:n]
    if not np.isfinite(np.triu(given)).all():
        raise ValueError("r must be finite in its upper triangle")
    try:
        columns = np.asarray(ipvt)
    except ValueError as exc:
        raise TypeError(f"ipvt must be an array of integers, got {ipvt!r:.80}") from exc
    if columns.dtype.kind not in "iu":
        raise TypeError(f"ipvt must be an array of integers, got dtype {columns.dtype}")
    if columns.shape != (n,) or sorted(columns.tolist()) != list(range(n)):
        raise ValueError(f"ipvt must be a permutation of 0 to {n - 1}, got {ipvt!r:.80}")
    triangle = np.ascontiguousarray(given.T)
    order = columns.astype(np.int64) + 1
    cov = np.empty((n, n))
    work = zeros(n)
    fitcore_covar(n, doubles(triangle), n, <int64_t *> cnp.PyArray_DATA(order), relative,
                  doubles(cov), &rank, doubles(work))
    return cov
