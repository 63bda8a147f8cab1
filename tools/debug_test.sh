#!/bin/sh
# A build with every run-time check of the Fortran compiler on: no warning, and the tests pass.
#
#   tools/debug_test.sh [argument for pytest]...
#
#   JOBS=2                processes to run the tests in (default: one for each core)
#   FITCORE_COVERAGE=1    tell which lines of the Fortran ran (and coverage-fortran.txt, .xml and
#                         .html in .venv-3.12-debug), and fail if they are less than 95 %
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh debug)
bin=$(dirname -- "$python")
venv=$(dirname -- "$bin")
log=$venv/warnings.log

# The Fortran is compiled anew each time: a file that is up to date says nothing of its warnings.
say "compiling with -fcheck=all -Wall -Wextra"
find "$venv/build/src/fortran" \( -name '*.f90.o' -o -name '*.gcda' \) -delete
"$bin/ninja" -C "$venv/build" >"$log" 2>&1 || {
    cat "$log" >&2
    die "the debug build failed"
}
grep -q 'fcheck=all' "$venv/build/compile_commands.json" || die "this is not a checked build"
if grep -n -B 8 -A 2 'Warning:' "$log" >&2; then
    die "the Fortran compiler warns: see above, and $log"
fi

# And what else runs the routines for batches, compiled models and special functions.
"$python" -m pytest -n "${JOBS:-auto}" --dist worksteal tests/core tests/wrappers \
    tests/python/test_fit_many_native.py tests/python/test_compiled_model.py \
    tests/python/test_curve_fit.py tests/python/test_expression_special.py "$@"

[ -n "${FITCORE_COVERAGE:-}" ] || exit 0
"$python" -m pip install --quiet --group coverage >&2
# gcov belongs to the compiler: gcov-14 to gfortran-14.
gcov=gcov
case ${FC:-} in gfortran-*) gcov=gcov-${FC#gfortran-} ;; esac
report=$venv/coverage-fortran
"$python" tools/fortran_coverage.py --gcov "$gcov" "$venv/build" "$report.xml"
status=0
"$bin/gcovr" --cobertura-add-tracefile "$report.xml" --txt-metric line --txt "$report.txt" \
    --html-self-contained --html-details "$report.html" --fail-under-line 95 || status=$?
cat "$report.txt"
exit "$status"
