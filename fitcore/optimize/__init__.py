"""Functions of :mod:`scipy.optimize` that began as MINPACK-1 and L-BFGS-B, on the compiled cores.

Same names, arguments, defaults and returns; numpy is all they need. ``from fitcore.optimize import
curve_fit`` in the place of SciPy's import is the whole change.

========================= =========================================================================
a drop-in                 what is not
========================= =========================================================================
`leastsq`                 improper arguments and NaN at the start are reported as such
`curve_fit`               without bounds the same steps; with bounds, and for method 'trf' and
                          'dogbox', a Levenberg-Marquardt method of our own finds the same minima
                          by other steps; loss, tr_solver, diff_step and the like are handed to
                          SciPy (the extra ``fitcore[scipy]``); data or sigma that make no sense are
                          errors
`fmin_l_bfgs_b`           `iprint` and `disp` print, texts are the Fortran's; counts differ where
                          SciPy leaves out an evaluation at the very point before
`minimize`                method 'L-BFGS-B' only, which is the default; others are an error that
                          says that SciPy has them
`lbfgsb`                  a method for SciPy's ``minimize(method=...)``
`LbfgsInvHessProduct`     products and `todense`; no other algebra of SciPy's linear operators
`OptimizeResult`          a class of its own, with the same attributes
`OptimizeWarning`         warnings are of SciPy's class as well where SciPy is imported
========================= =========================================================================

SciPy's own tests of these functions are run on them by
``tests/peers/test_scipy_own_tests.py``, which lists the ones that must fail and why;
docs/differences.md lists the differences with their reasons.
"""

from fitcore.optimize._check_grad import approx_fprime, check_grad
from fitcore.optimize._curve_fit import curve_fit
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
    "curve_fit",
    "fmin_l_bfgs_b",
    "fsolve",
    "lbfgsb",
    "leastsq",
    "minimize",
    "root",
]
__dir__ = __all__.copy
