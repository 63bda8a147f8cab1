"""NIST's certified nonlinear regression problems.

The 27 nonlinear problems of NIST's Statistical Reference Datasets, each with its observations,
model, two starts, and least-squares solution certified to 11 digits. They are here to hold a fit
against figures that are known to be right: from the first start, which is far from the solution,
and from the second, which is nearer.

Functions
---------
names      the names of the problems
load       one problem
problems   all problems, or those of one level of difficulty
digits     how many digits of an estimate are right

Examples
--------
>>> from fitcore import nist
>>> problem = nist.load("Misra1a")
>>> problem.formula
'y = b1*(1 - exp(-b2*x))'
>>> problem.start1
array([5.e+02, 1.e-04])
>>> residual = problem.residual(problem.certified)
>>> round(nist.digits(residual @ residual, problem.rss)) >= 9
True

References
----------
National Institute of Standards and Technology, *Statistical Reference Datasets: Nonlinear
Regression*, https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

from fitcore.nist.accuracy import digits
from fitcore.nist.problem import Problem, load, names, problems

__all__ = ["Problem", "digits", "load", "names", "problems"]
__dir__ = __all__.copy
