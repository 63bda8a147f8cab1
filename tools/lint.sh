#!/bin/sh
# ruff, mypy --strict, cython-lint, and shellcheck where it is installed.
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh lint)
failed=
check() {
    say "$*"
    "$@" || failed="$failed $1"
}

bin=$(dirname -- "$python")
PATH=$bin:$PATH
check ruff check .
check ruff format --check .
check mypy
check cython-lint src/wrappers
if have shellcheck; then
    check shellcheck -x tools/*.sh .ci/run
else
    say "shellcheck is not installed: the shell scripts are not checked"
fi
[ -z "$failed" ] || die "not clean:$failed"
