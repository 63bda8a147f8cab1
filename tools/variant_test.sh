#!/bin/sh
# Builds fitcore with other options than `make test` does, in the place of its build, runs some
# tests on that, and puts the options back.
#
#   tools/variant_test.sh OPTION... -- [argument for pytest]...
#
# OPTIONs are Meson's, as -Doriginals=disabled. Only what they change is compiled.
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh test)
venv=$(dirname -- "$(dirname -- "$python")")
PATH=$venv/bin:$PATH
export PATH

options=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options="$options $1"
    shift
done
[ $# -eq 0 ] || shift

before=$(meson introspect --buildoptions "$venv/build" | "$python" -c '
import json, sys
known = {option["name"]: option["value"] for option in json.load(sys.stdin)}
print("-Doriginals=" + known["originals"], "-Doriginals_source=" + known["originals_source"])
')
build() {
    # shellcheck disable=SC2086  # a list of options
    meson configure "$venv/build" $1 >/dev/null && ninja -C "$venv/build" --quiet >/dev/null
}
trap 'build "$before"' EXIT

say "building a variant:$options"
build "$before $options"

export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
"$python" -c 'import fitcore; fitcore.show_config()'
"$python" -m pytest -n "${JOBS:-auto}" --junitxml="$venv/variant.xml" "$@"
"$python" tools/check_skips.py "$venv/variant.xml"
