# shellcheck shell=sh
# Finds the C and Fortran compilers, and installs those missing. Sourced after common.sh.

# compiles COMMAND FILE TEXT: whether the command really compiles, not just whether it is there.
compiles() {
    scratch=$(mktemp -d)
    printf '%s\n' "$3" >"$scratch/$2"
    # shellcheck disable=SC2086  # CC and FC may hold a command with arguments
    if (cd "$scratch" && $1 -c "$2" -o probe.o) </dev/null >/dev/null 2>&1; then
        rm -rf -- "$scratch"
        return 0
    fi
    rm -rf -- "$scratch"
    return 1
}

c_works() {
    compiles "$1" probe.c '#include <stdio.h>
int main(void) { return 0; }'
}

fortran_works() {
    compiles "$1" probe.f90 'subroutine probe(x) bind(c)
use, intrinsic :: iso_c_binding, only: c_double
implicit none (type, external)
real(c_double), intent(inout) :: x
x = 2*x
end subroutine probe'
}

# Sets and exports CC, unless the plain name "cc" or "gcc" does.
find_c() {
    if [ -n "${CC:-}" ]; then
        c_works "$CC" || die "CC=$CC does not compile a C file"
        return 0
    fi
    for command in cc gcc clang; do
        if have $command && c_works $command; then
            CC=$command
            export CC
            return 0
        fi
    done
    return 1
}

# Sets and exports FC. Homebrew and some distributions have gfortran only under a versioned name.
find_fortran() {
    if [ -n "${FC:-}" ]; then
        fortran_works "$FC" || die "FC=$FC does not compile a Fortran 2018 file"
        return 0
    fi
    for command in gfortran gfortran-15 gfortran-14 gfortran-13 gfortran-12 gfortran-11; do
        if have $command && fortran_works $command; then
            FC=$command
            export FC
            return 0
        fi
    done
    return 1
}

ensure_compilers() {
    if ! find_c; then
        case $(package_manager) in
        apt) set -- gcc libc6-dev ;;
        dnf) set -- gcc glibc-devel ;;
        brew) die "no C compiler found: run 'xcode-select --install', then run this again" ;;
        *) set -- gcc ;;
        esac
        system_install "no C compiler found (looked for cc, gcc, clang)" "$@" ||
            die "fitcore is built with a C compiler"
        find_c || die "the C compiler that was installed does not work"
    fi
    if ! find_fortran; then
        case $(package_manager) in
        apt) set -- gfortran ;;
        dnf) set -- gcc-gfortran ;;
        brew) set -- gcc ;; # Homebrew's gcc carries gfortran
        *) set -- gfortran ;;
        esac
        system_install "no Fortran compiler found (looked for gfortran)" "$@" ||
            die "fitcore is built with a Fortran compiler; set FC=... if you have another one"
        find_fortran || die "the Fortran compiler that was installed does not work"
    fi
}
