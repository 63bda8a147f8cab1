#!/bin/sh
# A build with every run-time check of the Fortran compiler on: no warning, and the tests pass.
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh debug)
bin=$(dirname -- "$python")
venv=$(dirname -- "$bin")
log=$venv/warnings.log

# The Fortran is compiled anew each time: a file that is up to date says nothing of its warnings.
say "compiling with -fcheck=all -Wall -Wextra"
find "$venv/build/src/fortran" -name '*.f90.o' -delete
"$bin/ninja" -C "$venv/build" >"$log" 2>&1 || {
    cat "$log" >&2
    die "the debug build failed"
}
grep -q 'fcheck=all' "$venv/build/compile_commands.json" || die "this is not a checked build"
if grep -n -B 8 -A 2 'Warning:' "$log" >&2; then
    die "the Fortran compiler warns: see above, and $log"
fi

"$python" -m pytest -n "${JOBS:-auto}" tests/core tests/wrappers "$@"
