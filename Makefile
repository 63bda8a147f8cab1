# Each task gets the checkout ready first (see tools/bootstrap.sh), then runs. make help lists them.
# PYTHON=python3.12 chooses the interpreter, CC and FC the compilers; ARGS goes to the command.

.PHONY: help demo test lint docs bench debug-test clean

help:
	@echo 'make demo        build fitcore, fit certified NIST data, write nist_demo.png'
	@echo 'make test        build fitcore, run the whole test-suite (ARGS="-k leastsq" for a part)'
	@echo 'make lint        ruff, mypy --strict, cython-lint'
	@echo 'make docs        build the documentation, with its gallery, in docs/_build/html'
	@echo 'make bench       measure side by side with SciPy, lmfit, iminuit, cminpack-numba, the originals'
	@echo 'make debug-test  build with all run-time checks and warnings, run the core tests'
	@echo 'make clean       remove all that these commands made in the checkout'
	@echo ''
	@echo 'PYTHON=python3.12 chooses the interpreter (3.11 or newer); CC and FC the compilers.'

demo:
	@python=$$(tools/bootstrap.sh demo) && "$$python" examples/nist_demo.py

test:
	@tools/test.sh $(ARGS)

lint:
	@tools/lint.sh

docs:
	@tools/docs.sh $(ARGS)

bench:
	@python=$$(tools/bootstrap.sh bench) && cd benchmarks && "$$python" run.py $(ARGS)

debug-test:
	@tools/debug_test.sh $(ARGS)

clean:
	rm -rf .venv-* build dist docs/_build docs/_pictures docs/gallery nist_demo.png benchmarks/results.json benchmarks/results.png benchmarks/.asv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
