"""The inverse of the Hessian as L-BFGS-B knows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore.lbfgsb import LBFGSB

Array = NDArray[np.float64]


class LbfgsInvHessProduct:
    r"""Inverse Hessian of a limited memory BFGS matrix, as a linear operator of shape (n, n).

    It begins with the identity and takes in the pairs one after the other, so that the secant
    equation :math:`H y = s` holds for the last of them [1]_, eq. 7.20. Bounds are not considered.

    Parameters
    ----------
    sk : array_like, shape (n_corrs, n)
        Steps, oldest first.
    yk : array_like, shape (n_corrs, n)
        Changes of the gradient.

    Attributes
    ----------
    sk, yk : ndarray, shape (n_corrs, n)
        The pairs, oldest first.
    rho : ndarray, shape (n_corrs,)
        :math:`1 / s_k^T y_k`.
    n_corrs : int
        Number of pairs.
    shape : tuple of int
        (n, n).
    dtype : dtype
        float64.

    Raises
    ------
    ValueError
        If `sk` and `yk` are not matrices of the same shape.

    References
    ----------
    .. [1] J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd ed., Springer (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import LbfgsInvHessProduct
    >>> H = LbfgsInvHessProduct([[1.0, 0.0]], [[2.0, 1.0]])
    >>> H @ np.array([2.0, 1.0])
    array([1., 0.])
    >>> H.todense()
    array([[ 0.75, -0.5 ],
           [-0.5 ,  1.  ]])
    """

    __array_ufunc__ = None  # an array on the left of @ leaves the product to this class

    def __init__(self, sk: ArrayLike, yk: ArrayLike) -> None:
        s, y = (np.array(a, dtype=np.float64) for a in (sk, yk))
        if s.shape != y.shape or s.ndim != 2:
            raise ValueError(
                f"sk and yk must have matching shape, (n_corrs, n), got {s.shape} and {y.shape}"
            )
        self._solver: LBFGSB | None = None
        self._set(s, y)

    @classmethod
    def _of(cls, solver: LBFGSB) -> LbfgsInvHessProduct:
        """The matrix of a finished run. The pairs are copied when first asked for."""
        self = cls.__new__(cls)
        self._solver = solver
        self.shape = (solver.n, solver.n)
        self.n_corrs = solver.details["corrections"]
        return self

    def _set(self, s: Array, y: Array) -> None:
        self._sk, self._yk = s, y
        self.n_corrs, n = s.shape
        self.shape = (n, n)
        with np.errstate(divide="ignore"):
            self._rho: Array = 1 / np.einsum("ij,ij->i", s, y)

    def _load(self) -> None:
        if self._solver is not None:
            self._set(*self._solver.corrections())
            self._solver = None

    @property
    def sk(self) -> Array:
        """Steps, oldest first, shape (n_corrs, n)."""
        self._load()
        return self._sk

    @property
    def yk(self) -> Array:
        """Changes of the gradient, shape (n_corrs, n)."""
        self._load()
        return self._yk

    @property
    def rho(self) -> Array:
        """Inverse products of each step and its change of the gradient, shape (n_corrs,)."""
        self._load()
        return self._rho

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """float64."""
        return np.dtype(np.float64)

    @property
    def ndim(self) -> int:
        """Two."""
        return 2

    @property
    def T(self) -> LbfgsInvHessProduct:
        """The matrix itself: it is symmetric."""
        return self

    @property
    def H(self) -> LbfgsInvHessProduct:
        """The matrix itself: it is symmetric."""
        return self

    def matvec(self, x: ArrayLike) -> Array:
        """Product with a vector, shape (n,) or (n, 1)."""
        v = np.asarray(x, dtype=np.float64)
        if v.shape not in ((self.shape[0],), (self.shape[0], 1)):
            raise ValueError(f"x must have shape ({self.shape[0]},), got {v.shape}")
        return self._product(v)

    def matmat(self, x: ArrayLike) -> Array:
        """Product with a matrix, shape (n, k)."""
        v = np.asarray(x, dtype=np.float64)
        if v.ndim != 2 or v.shape[0] != self.shape[0]:
            raise ValueError(f"x must have shape ({self.shape[0]}, k), got {v.shape}")
        return self._product(v)

    rmatvec = matvec
    rmatmat = matmat

    def dot(self, x: ArrayLike) -> Array:
        """Product with a vector or a matrix, whose first dimension is n."""
        v = np.asarray(x, dtype=np.float64)
        return self.matvec(v) if v.ndim == 1 else self.matmat(v)

    __matmul__ = dot

    def __rmatmul__(self, x: ArrayLike) -> Array:
        product: Array = self.dot(np.asarray(x, dtype=np.float64).T).T
        return product

    def __call__(self, x: ArrayLike) -> Array:
        return self.dot(x)

    def _product(self, v: Array) -> Array:
        # the two loops of [1], algorithm 7.4
        s, y, rho = self.sk, self.yk, self.rho
        q = np.array(v)
        alpha: list[Any] = [None] * self.n_corrs
        for i in reversed(range(self.n_corrs)):
            alpha[i] = rho[i] * (s[i] @ q)
            q -= np.multiply.outer(y[i], alpha[i])
        for i in range(self.n_corrs):
            beta = rho[i] * (y[i] @ q)
            q += np.multiply.outer(s[i], alpha[i] - beta)
        return q

    def todense(self) -> Array:
        """The matrix itself, shape (n, n)."""
        return self.matmat(np.eye(self.shape[0]))

    def __getstate__(self) -> tuple[Array, Array]:
        return self.sk, self.yk

    def __setstate__(self, state: tuple[Array, Array]) -> None:
        self._solver = None
        self._set(*state)

    def __repr__(self) -> str:
        n = self.shape[0]
        return f"<{n}x{n} {type(self).__name__} with dtype=float64, {self.n_corrs} corrections>"
