#!/bin/sh
# Builds fitcore with other options than `make test` does, beside it, and runs some tests there.
#
#   tools/variant_test.sh OPTION... -- [argument for pytest]...
#
# OPTIONs are Meson's, as -Doriginals=disabled. What the tests need is taken from the environment of
# `make test`; the build directory is one for all variants, so that the next one compiles only what
# its options change.
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh test)
venv=$(dirname -- "$(dirname -- "$python")")
variant=$venv-variant
PATH=$venv/bin:$PATH
export PATH

# Empty, but for the packages of the other environment: not its editable install of fitcore, since
# files *.pth are not read there.
if [ ! -x "$variant/bin/python" ]; then
    "$python" -m venv --without-pip "$variant"
fi
places=$("$variant/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$places/borrowed.pth"

# The defaults again, for what an earlier variant may have changed.
options="-Doriginals=auto -Doriginals_source="
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options="$options $1"
    shift
done
[ $# -eq 0 ] || shift

say "building a variant:$options"
command=setup
[ ! -e "$variant/build/build.ninja" ] || command=configure
# shellcheck disable=SC2086  # a list of options
meson "$command" "$variant/build" $options "-Dpython.platlibdir=$places" \
    "-Dpython.purelibdir=$places" >&2
rm -rf -- "$places/fitcore"
meson install -C "$variant/build" --quiet >&2

# Not what stands in the checkout.
export PYTHONSAFEPATH=1
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
rm -f -- "$variant/tests.xml"
"$variant/bin/python" -c 'import fitcore; fitcore.show_config()'
"$variant/bin/python" -m pytest -n "${JOBS:-auto}" --junitxml="$variant/tests.xml" "$@"
"$variant/bin/python" tools/check_skips.py "$variant/tests.xml"
