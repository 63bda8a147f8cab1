# shellcheck shell=sh
# What the scripts of this directory share. Sourced, never run.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

# Nothing of the user's Python set-up reaches ours, and nothing of ours reaches theirs.
unset PYTHONPATH PYTHONHOME PYTHONUSERBASE PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT VIRTUAL_ENV
unset PYTHONDONTWRITEBYTECODE # or each process would compile anew what it imports
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'fitcore: %s\n' "$*" >&2; }
die() {
    printf 'fitcore: error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# The package manager of this system: apt, dnf, brew, or nothing.
package_manager() {
    if [ "$(uname -s)" = Darwin ]; then
        if have brew; then echo brew; fi
    elif have apt-get; then
        echo apt
    elif have dnf; then
        echo dnf
    fi
}

# Sets $sudo to what a command that needs root is to be run with; fails if there is no way.
# sudo may ask for a password only where somebody sits at a terminal to give one.
find_root() {
    sudo=
    if [ "$(id -u)" = 0 ]; then
        return 0
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo="sudo -n"
    elif have sudo && [ -t 0 ] && [ -t 2 ]; then
        sudo=sudo
    else
        return 1
    fi
}

# system_install WHY PACKAGE...: say what is missing, then install it. Fails if it cannot.
system_install() {
    say "$1"
    shift
    sudo=
    lock="-o DPkg::Lock::Timeout=300" # another apt-get may be at work
    case $(package_manager) in
    apt) set -- apt-get install -y --no-install-recommends "$@" ;;
    dnf) set -- dnf install -y "$@" ;;
    brew) set -- brew install "$@" ;;
    *)
        say "no apt-get, dnf or brew here: install it with your system's package manager"
        return 1
        ;;
    esac
    if [ -n "${FITCORE_NO_SYSTEM_INSTALL:-}" ]; then
        say "FITCORE_NO_SYSTEM_INSTALL is set, so it is left to you: $*"
        return 1
    fi
    if [ "$1" != brew ] && ! find_root; then # Homebrew refuses to run as root
        say "that needs root, and sudo is not available here; as root, run: $*"
        return 1
    fi
    say "installing it with: ${sudo:+$sudo }$*"
    # shellcheck disable=SC2086  # $sudo is nothing, or a command with an option
    case $1 in
    apt-get)
        # A mirror that does not answer must not stop an install that the others can serve.
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get $lock update -q >&2 ||
            say "apt-get update did not succeed; trying the install all the same"
        shift
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get $lock "$@" </dev/null >&2
        ;;
    dnf) $sudo "$@" </dev/null >&2 ;;
    brew) "$@" </dev/null >&2 ;;
    esac
}
