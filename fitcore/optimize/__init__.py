"""Drop-in functions for those of :mod:`scipy.optimize` that began as MINPACK-1 and L-BFGS-B.

Same names, arguments, defaults and returns; numpy is all they need.
"""

from fitcore.optimize._curve_fit import curve_fit
from fitcore.optimize._inverse_hessian import LbfgsInvHessProduct
from fitcore.optimize._lbfgsb import fmin_l_bfgs_b, lbfgsb
from fitcore.optimize._leastsq import leastsq
from fitcore.optimize._minimize import minimize
from fitcore.optimize._result import OptimizeResult, OptimizeWarning

__all__ = [
    "LbfgsInvHessProduct",
    "OptimizeResult",
    "OptimizeWarning",
    "curve_fit",
    "fmin_l_bfgs_b",
    "lbfgsb",
    "leastsq",
    "minimize",
]
