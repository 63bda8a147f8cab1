"""
A model from a text
===================

A formula that a user has typed in becomes a model, with parameters of the names that it has. It
cannot open files or reach Python's inside.
"""

# %%
# A damped wave. Names that are no functions or constants are parameters; hints give bounds and
# derived parameters.

import matplotlib.pyplot as plt
import numpy as np

from fitcore.models import ExpressionModel

t = np.linspace(0, 12, 240)
data = 4.2 * np.exp(-t / 3.5) * np.cos(2.2 * t) + 0.5
data += np.random.default_rng(2).normal(scale=0.3, size=t.size)

model = ExpressionModel("amp*exp(-t/tau)*cos(omega*t) + off", independent_vars=["t"])
model.set_param_hint("tau", min=0)
model.set_param_hint("period", expr="2*pi/omega")
result = model.fit(data, t=t, amp=3, tau=2, omega=2.1, off=0)
print(result.fit_report())

# %%
# The band in which the curve lies with a probability of 99.7 per cent.

width = result.eval_uncertainty(sigma=3)
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(t, data, ".", ms=4, color="0.5", label="data")
ax.plot(t, result.best_fit, color="C0", label="fit")
ax.fill_between(t, result.best_fit - width, result.best_fit + width, alpha=0.3, label=r"3 $\sigma$")
ax.set(xlabel="t", ylabel="signal")
ax.legend(frameon=False)
plt.show()

# %%
# Functions of one's own come in a script.

script = """
def envelope(t, tau):
    return exp(-t/tau)*(t >= 0)
"""
model = ExpressionModel("amp*envelope(t, tau)*cos(omega*t) + off", ["t"], init_script=script)
again = model.fit(data, t=t, amp=3, tau=2, omega=2.1, off=0)
assert np.isclose(again.chisqr, result.chisqr, rtol=1e-6)
print(f"by a function of the script: tau = {again.best_values['tau']:.3f}")
