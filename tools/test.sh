#!/bin/sh
# Runs the whole test-suite, the examples in the docstrings and the one in README.md included.
#
#   tools/test.sh [argument for pytest]...
#
#   JOBS=2                     processes to run it in (default: one for each core)
#   FITCORE_REQUIRE_PEERS=1    fail where a test would be skipped because a peer is missing
#   FITCORE_COVERAGE=1         tell which lines of Python ran (and .venv-3.12/coverage-python.xml),
#                              and fail if they are less than pyproject.toml asks for
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh test)
venv=$(dirname -- "$(dirname -- "$python")")

# Each worker keeps to its core.
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
export MPLBACKEND=Agg

if [ -n "${FITCORE_COVERAGE:-}" ]; then
    "$python" -m pip install --quiet --group coverage >&2
    export COVERAGE_FILE="$venv/coverage-python.data"
    set -- --cov --cov-report=term:skip-covered "--cov-report=xml:$venv/coverage-python.xml" "$@"
fi
rm -f -- "$venv/tests.xml"
"$python" -m pytest -n "${JOBS:-auto}" --junitxml="$venv/tests.xml" "$@"
if [ "${FITCORE_REQUIRE_PEERS:-}" = 1 ]; then
    "$python" tools/check_skips.py "$venv/tests.xml"
fi
