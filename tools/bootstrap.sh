#!/bin/sh
# Gets this checkout ready for a task, and prints the Python to run the task with.
#
#   tools/bootstrap.sh demo | test | lint | docs | debug | bench
#
# A virtual environment inside the checkout (.venv-3.12; .venv-3.12-debug and -bench for those
# builds) holds all that is installed from PyPI; the package is built into it as an editable
# install. Done once: the steps are repeated only where what they depend on has changed, and need
# no network when nothing has.
#
#   PYTHON=python3.12              the interpreter to build for
#   CC=..., FC=...                 the compilers
#   FITCORE_NO_SYSTEM_INSTALL=1    install nothing with the system's package manager
#   FITCORE_COVERAGE=1             debug: the Fortran counts which of its lines run
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"
. tools/python.sh
. tools/compilers.sh

profile=${1:-}
case $profile in
demo) set -- -e '.[plot]' ;;
test) set -- -e '.[all]' --group test ;;
docs) set -- -e '.[all]' --group docs ;;
debug) set -- -e . --group core-test ;;
bench) set -- '.[plot]' --group peers ;; # as users have it: an editable install is slower to import
lint) set -- --group lint ;;
*) die "usage: tools/bootstrap.sh demo|test|lint|docs|debug|bench" ;;
esac

# The originals are libraries of the system. Tests say what they could not compare without them.
# Sets $originals, the option for the build; other tasks leave it as it is.
originals=
ensure_originals() {
    if [ "$(package_manager)" != apt ]; then
        say "the original MINPACK and L-BFGS-B are packages of Debian and Ubuntu only:" \
            "tests against them are skipped where they are not installed"
        return
    fi
    missing=
    for package in minpack-dev liblbfgsb-dev; do
        case $(dpkg-query -W -f='${Status}' $package 2>/dev/null) in
        *"ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    # shellcheck disable=SC2086  # a list of packages
    if [ -z "$missing" ] ||
        system_install "the originals that the tests compare with are missing:$missing" $missing; then
        originals=enabled
        return
    fi
    [ "${FITCORE_REQUIRE_PEERS:-}" != 1 ] || die "FITCORE_REQUIRE_PEERS=1 asks for them"
    say "going on without them: the tests against the originals are skipped"
}

# pip_install STAMP WHAT ARGUMENT...: once for these arguments and this pyproject.toml.
pip_install() {
    stamp=$venv/.installed-$1
    what=$2
    shift 2
    key=$({
        cat pyproject.toml
        echo "$@" "${CC:-}" "${FC:-}" "${CFLAGS:-}" "${FFLAGS:-}" "${LDFLAGS:-}"
        # Only an editable install follows its sources by itself.
        [ "$profile" != bench ] || find meson.build meson.options src fitcore -type f \
            ! -name '*.pyc' -exec cksum {} +
    } | cksum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$key" ] || return 0
    say "installing $what into ${venv#"$root"/}"
    "$venv/bin/python" -m pip install --quiet "$@" >&2 ||
        die "pip could not install $what: see its message above"
    printf '%s\n' "$key" >"$stamp"
}

build_requirements() {
    "$venv/bin/python" -c '
import tomllib
with open("pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["build-system"]["requires"]))
'
}

python= # find_python sets it
find_python
case $profile in
lint) complete_python no-headers ;;
*)
    complete_python headers
    ensure_compilers
    ;;
esac
case $profile in
test | debug | bench) ensure_originals ;;
esac

venv=$root/.venv-$(python_tag "$python")
case $profile in
debug | bench) venv=$venv-$profile ;;
esac
make_venv "$venv"
PATH=$venv/bin:$PATH
export PATH
# By its full path, so that an import which rebuilds finds it whatever the PATH is then.
cached=
[ -z "${FITCORE_CYTHON_CACHE:-}" ] || cached="'$root/tools/cython_cached.sh' "
export CYTHON="$cached'$venv/bin/cython'"

if [ "$profile" = lint ]; then
    pip_install lint "the linters" "$@"
else
    # A configured build directory keeps the compilers and flags it was configured with.
    settings="${CC:-} ${FC:-} ${CFLAGS:-} ${FFLAGS:-} ${LDFLAGS:-}"
    if [ "$(cat "$venv/.configured-with" 2>/dev/null)" != "$settings" ]; then
        rm -rf -- "$venv/build"
        printf '%s\n' "$settings" >"$venv/.configured-with"
    fi

    build_requirements >"$venv/build-requirements.txt"
    pip_install build "the build requirements" -r "$venv/build-requirements.txt" ninja
    set -- --no-build-isolation "--config-settings=build-dir=$venv/build" "$@"
    [ -z "$originals" ] || set -- "--config-settings=setup-args=-Doriginals=$originals" "$@"
    if [ "$profile" = debug ]; then
        counted= # the Fortran alone: the C is Cython's
        [ -z "${FITCORE_COVERAGE:-}" ] || counted="'--coverage'"
        set -- "--config-settings=setup-args=-Dbuildtype=debug" \
            "--config-settings=setup-args=-Dfortran_args=['-Wall','-Wextra'${counted:+,$counted}]" \
            "--config-settings=setup-args=-Dfortran_link_args=[$counted]" \
            "--config-settings=setup-args=-Dc_link_args=[$counted]" "$@"
    fi
    pip_install "$profile" "fitcore (built here) and what '$profile' needs" "$@"
    if [ "$profile" = bench ]; then
        # A peer that has to be compiled: the benchmarks go on without it.
        "$venv/bin/python" -c 'import cminpack_numba' 2>/dev/null ||
            "$venv/bin/python" -m pip install --quiet numba cminpack-numba >&2 ||
            say "cminpack-numba could not be installed: it is left out"
    else
        ninja -C "$venv/build" --quiet >&2 || die "the build failed: see the messages above"
    fi
fi
printf '%s\n' "$venv/bin/python"
