"""Drop-in functions for those of :mod:`scipy.optimize` that began as MINPACK-1 and L-BFGS-B.

Same names, arguments, defaults and returns; numpy is all they need.
"""

from fitcore.optimize._check_grad import approx_fprime, check_grad
from fitcore.optimize._fsolve import fsolve
from fitcore.optimize._inverse_hessian import LbfgsInvHessProduct
from fitcore.optimize._lbfgsb import fmin_l_bfgs_b, lbfgsb
from fitcore.optimize._leastsq import leastsq
from fitcore.optimize._minimize import minimize
from fitcore.optimize._result import OptimizeResult, OptimizeWarning
from fitcore.optimize._root import root

__all__ = [
    "LbfgsInvHessProduct",
    "OptimizeResult",
    "OptimizeWarning",
    "approx_fprime",
    "check_grad",
    "fmin_l_bfgs_b",
    "fsolve",
    "lbfgsb",
    "leastsq",
    "minimize",
    "root",
]
