#!/bin/sh
# Runs the whole test-suite, the examples in the docstrings and the one in README.md included.
#
#   tools/test.sh [argument for pytest]...
#
#   JOBS=2                     processes to run it in (default: one for each core)
#   FITCORE_REQUIRE_PEERS=1    fail where a test would be skipped because a peer is missing
#   FITCORE_COVERAGE=1         tell which lines of Python ran (in .venv-3.12/coverage-python.txt, .xml
#                              and as pages in coverage-python/ too), and fail if they are less than
#                              pyproject.toml asks for
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh test)
venv=$(dirname -- "$(dirname -- "$python")")

# Each worker keeps to its core.
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
export MPLBACKEND=Agg

report=$venv/coverage-python
if [ -n "${FITCORE_COVERAGE:-}" ]; then
    "$python" -m pip install --quiet --group coverage >&2
    # Python 3.12 and later can tell coverage what runs at next to no cost.
    "$python" -c 'import sys; sys.exit(not hasattr(sys, "monitoring"))' && export COVERAGE_CORE=sysmon
    export COVERAGE_FILE="$report.data"
    set -- --cov "--cov-report=xml:$report.xml" "--cov-report=html:$report" --cov-fail-under=0 "$@"
fi
rm -f -- "$venv/tests.xml"
"$python" -m pytest -n "${JOBS:-auto}" --dist worksteal --junitxml="$venv/tests.xml" "$@"
if [ "${FITCORE_REQUIRE_PEERS:-}" = 1 ]; then
    "$python" tools/check_skips.py "$venv/tests.xml"
fi
if [ -n "${FITCORE_COVERAGE:-}" ]; then
    status=0
    "$python" -m coverage report --skip-covered --show-missing >"$report.txt" || status=$?
    cat "$report.txt"
    exit "$status"
fi
