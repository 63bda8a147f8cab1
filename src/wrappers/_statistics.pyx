# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Goodness of fit, and uncertainties from the covariance matrix: the last steps of every fit.

Compiled because in a small fit they would cost as much as ten evaluations of the function.
"""

from libc.math cimport NAN, isfinite, sqrt
cimport numpy as cnp

from fitcore._parameter cimport Constraint, ParameterBase

import numpy as np

cnp.import_array()

__all__ = ["correlations", "goodness", "set_propagated", "set_uncertainties"]

cdef object ZERO = 0.0


cdef cnp.ndarray plain(object a):
    if (cnp.PyArray_CheckExact(a) and cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_DOUBLE
            and cnp.PyArray_NDIM(<cnp.ndarray> a) > 0
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> a)):
        return <cnp.ndarray> a
    return np.ascontiguousarray(a, dtype=np.float64)


cdef double sum_of_squares(const double *a, Py_ssize_t n) noexcept nogil:
    cdef double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0
    cdef Py_ssize_t i, whole = n - n % 4
    for i in range(0, whole, 4):
        s0 += a[i] * a[i]
        s1 += a[i + 1] * a[i + 1]
        s2 += a[i + 2] * a[i + 2]
        s3 += a[i + 3] * a[i + 3]
    for i in range(whole, n):
        s0 += a[i] * a[i]
    return (s0 + s1) + (s2 + s3)


def goodness(residual, Py_ssize_t nvarys):
    """Statistics of the residuals of a fit.

    Parameters
    ----------
    residual : ndarray, shape (N,)
        Residuals at the solution; none if the fit was stopped before there were any.
    nvarys : int
        Number of variables.

    Returns
    -------
    dict of str to number
        By the names that results have for them:

        ndata : int
            Number of residuals, N.
        nfree : int
            Degrees of freedom, N less the number of variables.
        chisqr : float
            Sum of the squared residuals, at least 1e-250 N: a perfect fit has no logarithm.
        redchi : float
            Reduced chi-square: the sum of the squared residuals, however small, over `nfree`,
            or over 1 if there are no degrees of freedom.
        aic : float
            Akaike's information criterion, ``N ln(chisqr/N) + 2 nvarys``.
        bic : float
            Bayesian information criterion, ``N ln(chisqr/N) + ln(N) nvarys``.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore._statistics import goodness
    >>> goodness(np.array([1.0, 1.0, 2.0]), 1)["redchi"]
    3.0
    """
    cdef cnp.ndarray r = plain(residual)
    cdef Py_ssize_t ndata = cnp.PyArray_SIZE(r)
    cdef Py_ssize_t nfree = ndata - nvarys
    cdef double squares
    cdef Goodness found
    if ndata == 0:
        return {"ndata": 0, "nfree": nfree, "chisqr": NAN, "redchi": NAN, "aic": NAN, "bic": NAN}
    squares = sum_of_squares(<double *> cnp.PyArray_DATA(r), ndata)
    if isfinite(squares):
        # as users form it by r @ r, to the last bit; of infinity it would warn
        squares = cnp.PyArray_MatrixProduct(r, r)
    found = rate(squares, ndata, nvarys)
    return {
        "ndata": ndata,
        "nfree": nfree,
        "chisqr": found.chisqr,
        "redchi": found.redchi,
        "aic": found.aic,
        "bic": found.bic,
    }


def correlations(covar):
    """Correlations from a covariance matrix.

    Parameters
    ----------
    covar : ndarray, shape (n, n)
        Covariance, symmetric; a variance of 0 means that nothing is known of that variable.

    Returns
    -------
    ndarray, shape (n, n)
        Symmetric to the last bit; 0 where a variance is 0.
    """
    cdef cnp.ndarray given = plain(covar)
    cdef cnp.ndarray matrix = (cnp.PyArray_NewCopy(given, cnp.NPY_CORDER)
                               if cnp.PyArray_NDIM(given) == 2
                               else np.array(given, order="C", ndmin=2))
    cdef Py_ssize_t i, j, n = cnp.PyArray_DIM(matrix, 0)
    cdef double *c = <double *> cnp.PyArray_DATA(matrix)
    cdef double here, there
    # The inverse roots first: products of two small standard errors underflow.
    for i in range(n):
        here = 1 / sqrt(c[i * n + i]) if c[i * n + i] > 0 else 0.0
        for j in range(i):
            there = c[j * n + j]        # an inverse root by now
            c[i * n + j] = c[i * n + j] * there * here
            c[j * n + i] = c[i * n + j]
        c[i * n + i] = here
    for i in range(n):
        c[i * n + i] = 1.0 if c[i * n + i] > 0 else 0.0
    return matrix


def set_uncertainties(params, list varying, covar, tuple withheld=(), double factor=1.0):
    """Write standard errors and correlations into the parameters.

    Those of fixed parameters are 0; those of expressions are propagated to first order.

    Parameters
    ----------
    params : Parameters
        Where they are written.
    varying : list of Parameter, length n
        The variables, members of `params`.
    covar : ndarray, shape (n, n)
        Their covariance, symmetric; a variance of 0 means that nothing is known of that variable.
    withheld : tuple of str
        Variables on a bound: they get none, and the rest count them as fixed.
    factor : float, default 1.0
        What `covar` is to be multiplied by; correlations do not depend on it, even where it is 0.

    Returns
    -------
    ndarray, shape (n, n)
        `covar` multiplied by `factor`.
    """
    cdef cnp.ndarray matrix = plain(covar), scaled
    cdef Py_ssize_t i, j, n = len(varying)
    cdef const double *c = <const double *> cnp.PyArray_DATA(matrix)
    cdef cnp.ndarray correlated = correlations(matrix)
    cdef const double *r = <const double *> cnp.PyArray_DATA(correlated)
    cdef ParameterBase item
    cdef bint derived = False
    cdef list names = [(<ParameterBase?> value)._name for value in varying]
    cdef dict correl
    if cnp.PyArray_SIZE(matrix) != n * n:
        raise ValueError(f"covar must have shape ({n}, {n}), got {covar.shape}")
    for value in params.values():
        item = <ParameterBase?> value
        item.stderr, item.correl = ZERO, None
        derived |= item._expr is not None
    for i in range(n):
        item = <ParameterBase> varying[i]
        if names[i] in withheld:
            item.stderr = None
            continue
        item.stderr = sqrt(c[i * n + i] * factor)
        correl = {}
        for j in range(n):
            if j != i and (not withheld or names[j] not in withheld):
                correl[names[j]] = r[i * n + j]
        item.correl = correl
    if derived:
        set_propagated(params, [value for value in params.values()
                                if (<ParameterBase> value)._expr is not None],
                       names, matrix, factor)
    scaled = cnp.PyArray_NewCopy(matrix, cnp.NPY_CORDER)
    for i in range(n * n):
        (<double *> cnp.PyArray_DATA(scaled))[i] *= factor
    return scaled


cdef dict compiled_variances(params, list names, cnp.ndarray covar):
    """Variances of all expressions by name, to first order; None if asteval has to help."""
    cdef Py_ssize_t i, j, k, n = len(names), place
    cdef const double *c = <const double *> cnp.PyArray_DATA(covar)
    cdef dict found = {}, places = {}
    cdef list constraints, slopes
    cdef tuple inputs
    cdef Constraint constraint
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray rows
    cdef double *row
    cdef double *source
    cdef double slope, variance
    for i in range(n):
        places[names[i]] = i
    params.update_constraints()
    constraints = params._constraints()
    # The derivatives of each by the variables; those of the variables themselves come first.
    shape[0], shape[1] = n + len(constraints), n
    rows = cnp.PyArray_ZEROS(2, shape, cnp.NPY_DOUBLE, 0)
    for i in range(n):
        (<double *> cnp.PyArray_DATA(rows))[i * n + i] = 1.0
    for k in range(len(constraints)):
        constraint = <Constraint?> constraints[k]
        slopes = constraint.partials()
        if slopes is None:
            return None
        inputs = constraint.inputs
        row = <double *> cnp.PyArray_DATA(rows) + (n + k) * n
        for i in range(len(slopes)):
            place = places.get((<ParameterBase> inputs[i])._name, -1)
            if place < 0:
                continue                        # neither a variable nor an expression
            slope = slopes[i]
            source = <double *> cnp.PyArray_DATA(rows) + place * n
            for j in range(n):
                row[j] += slope * source[j]
        variance = 0.0
        for i in range(n):
            for j in range(n):
                variance += row[i] * c[i * n + j] * row[j]
        places[constraint.target._name] = n + k
        found[constraint.target._name] = variance
    return found


def set_propagated(params, list expressions, list names, covar, double factor=1.0):
    """Write standard errors into parameters that are expressions, to first order.

    Parameters
    ----------
    params : Parameters
    expressions : list of Parameter
        Those to be written to, members of `params`.
    names : list of str, length n
        The variables.
    covar : ndarray, shape (n, n)
        Their covariance.
    factor : float, default 1.0
        What `covar` is to be multiplied by.
    """
    cdef double variance
    cdef dict rows, variances = compiled_variances(params, names, plain(covar))
    if variances is not None:
        for value in expressions:
            variance = variances[(<ParameterBase?> value)._name] * factor
            (<ParameterBase> value).stderr = sqrt(variance) if variance >= 0 else None
        return
    rows = params._expression_jacobian(names)
    for value in expressions:
        row = rows[(<ParameterBase?> value)._name]
        variance = float(row @ covar @ row) * factor
        (<ParameterBase> value).stderr = sqrt(variance) if variance >= 0 else None
