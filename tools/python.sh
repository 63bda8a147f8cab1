# shellcheck shell=sh
# Finds the Python to build for, and makes a virtual environment of it. Sourced after common.sh.

# "3.12" for an interpreter that runs ("3.13t" for a free-threaded one), else nothing.
python_tag() {
    "$1" -c '
import sys
print("%d.%d%s" % (sys.version_info[0], sys.version_info[1], getattr(sys, "abiflags", "")))
' </dev/null 2>/dev/null || true
}

recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' </dev/null >/dev/null 2>&1
}

has_venv() { "$1" -c 'import ensurepip, venv' </dev/null >/dev/null 2>&1; }

has_headers() {
    "$1" -c '
import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
' </dev/null >/dev/null 2>&1
}

# Sets $python. PYTHON from the caller decides; otherwise the first on PATH that is recent enough
# and complete, then the first that is recent enough.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        python=$(command -v "$PYTHON" || true)
        [ -n "$python" ] || die "PYTHON=$PYTHON is not a command"
        tag=$(python_tag "$python")
        [ -n "$tag" ] || die "PYTHON=$PYTHON does not run"
        recent_enough "$python" || die "PYTHON=$PYTHON is Python $tag; fitcore needs 3.11 or newer"
        return
    fi
    python=
    older=
    for candidate in python3.13 python3.12 python3.11 python3 python3.14 python; do
        candidate=$(command -v "$candidate" || true)
        [ -n "$candidate" ] || continue
        tag=$(python_tag "$candidate") # a name on PATH may be a shim with nothing behind it
        if [ -z "$tag" ]; then
            continue
        elif ! recent_enough "$candidate"; then
            older="$older $candidate is $tag;"
        elif has_venv "$candidate" && has_headers "$candidate"; then
            python=$candidate
            return
        elif [ -z "$python" ]; then
            python=$candidate
        fi
    done
    [ -z "$python" ] || return 0
    if [ -n "$older" ]; then
        say "fitcore needs Python 3.11 or newer; found only older ones:${older%;}."
    else
        say "fitcore needs Python 3.11 or newer; none was found on PATH."
    fi
    die "install one and run again, or name it: make demo PYTHON=/path/to/python3.12"
}

# Debian keeps venv and the C headers of its Pythons in packages of their own.
complete_python() {
    version=$(python_tag "$python")
    version=${version%t}
    case $("$python" -c 'import sys; print(sys.prefix)') in
    /usr) manager=$(package_manager) ;;
    *) manager= ;;
    esac
    if ! has_venv "$python"; then
        [ "$manager" = apt ] || die "$python has no venv or ensurepip module: reinstall it with them"
        system_install "$python comes without venv" "python$version-venv" ||
            die "cannot make a virtual environment without it"
    fi
    if [ "$1" = headers ] && ! has_headers "$python"; then
        case $manager in
        apt) set -- "python$version-dev" ;;
        dnf)
            set -- "python$version-devel"
            [ "$(python_tag /usr/bin/python3)" != "$version" ] || set -- python3-devel
            ;;
        *) die "$python comes without Python.h: reinstall it with its C headers" ;;
        esac
        system_install "$python comes without its C headers (Python.h)" "$@" ||
            die "cannot build an extension module without them"
    fi
}

# make_venv DIRECTORY: a virtual environment of $python, made anew if it is not the right one.
make_venv() {
    key=$("$python" -c 'import sys; print(sys.version, sys.base_prefix, sys.argv[1])' "$1")
    if [ -x "$1/bin/python" ] && [ "$(cat "$1/.made-for" 2>/dev/null)" = "$key" ]; then
        return
    fi
    say "making the virtual environment ${1#"$root"/} with $python"
    rm -rf -- "$1"
    "$python" -m venv "$1" >&2 || die "$python could not make a virtual environment"
    # --group, which the set-up uses, came with pip 25.1
    "$1/bin/python" -m pip install --quiet 'pip >= 25.1' >&2 ||
        die "pip could not be brought up to date; is the network reachable?"
    printf '%s\n' "$key" >"$1/.made-for"
}
