"""A model from a text, such as a user may type in: a damped wave, and one with a function.

python examples/expression_model.py
"""

from __future__ import annotations

import numpy as np

from fitcore.models import ExpressionModel

t = np.linspace(0, 12, 240)
data = 4.2 * np.exp(-t / 3.5) * np.cos(2.2 * t) + 0.5
data += np.random.default_rng(2).normal(scale=0.1, size=t.size)

model = ExpressionModel("amp*exp(-t/tau)*cos(omega*t) + off", independent_vars=["t"])
model.set_param_hint("tau", min=0)
model.set_param_hint("period", expr="2*pi/omega")
result = model.fit(data, t=t, amp=3, tau=2, omega=2.1, off=0)
print(result.fit_report())

script = """
def envelope(t, tau):
    return exp(-t/tau)*(t >= 0)
"""
model = ExpressionModel("amp*envelope(t, tau)*cos(omega*t) + off", ["t"], init_script=script)
again = model.fit(data, t=t, amp=3, tau=2, omega=2.1, off=0)
assert np.isclose(again.chisqr, result.chisqr, rtol=1e-2)
print(f"by a function of the script: tau = {again.best_values['tau']:.3f}")
