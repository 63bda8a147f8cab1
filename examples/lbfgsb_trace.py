"""
What L-BFGS-B does, iteration by iteration
==========================================

``iprint`` prints what the Fortran printed, through ``sys.stdout``. The solver asked and told by
hand shows the path itself.
"""

# %%
# Rosenbrock's valley, with a bound that cuts it off before its end.

import matplotlib.pyplot as plt
import numpy as np

from fitcore.lbfgsb import LBFGSB
from fitcore.optimize import fmin_l_bfgs_b


def valley(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and gradient."""
    a, b = 1 - x[0], x[1] - x[0] ** 2
    return a * a + 100 * b * b, np.array([-2 * a - 400 * x[0] * b, 200 * b])


bounds = [(-2, 0.8), (-1, 2)]
best, value, info = fmin_l_bfgs_b(valley, [-1.2, 1.0], bounds=bounds, iprint=1)

# %%
# The same run by reverse communication: the solver asks for a point, and is told value and gradient
# there. When ``nit`` grows an iteration is complete, and ``x`` and ``f`` are those of the new
# iterate.

solver = LBFGSB([-1.2, 1.0], bounds)
path, tried, gradients, values = [], [], [], []
while not solver.done:
    point = solver.ask()
    tried.append(point)
    solver.tell(*valley(point))
    if solver.nit > len(path):
        path.append(solver.x)
        values.append(solver.f)
        gradients.append(solver.projected_gradient_norm)
assert np.allclose(solver.x, best)

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
across, up = np.meshgrid(np.linspace(-2, 1.4, 300), np.linspace(-1, 2, 300))
height = (1 - across) ** 2 + 100 * (up - across**2) ** 2
left.contourf(across, up, np.log10(height + 1e-3), 20, cmap="Blues_r", alpha=0.8)
left.axvspan(0.8, 1.4, color="0.3", alpha=0.35)
left.plot(*np.array(tried).T, "x", ms=4, color="0.2", label="evaluations")
left.plot(*np.array([[-1.2, 1.0], *path]).T, "o-", ms=4, color="C1", label="iterates")
left.plot(*best, "*", ms=14, color="C3", label="minimum at the bound")
left.legend(loc="lower left", fontsize=8)
left.set(xlabel="x0", ylabel="x1")
right.semilogy(values, label="f")
right.semilogy(np.maximum(gradients, 1e-17), label="norm of the projected gradient")
right.axhline(1e-5, ls=":", color="0.4", label="pgtol")
right.set(xlabel="iteration")
right.legend(frameon=False, fontsize=8)
plt.show()
