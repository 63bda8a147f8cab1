#!/bin/sh
# Fetches the sources of the original MINPACK-1 and L-BFGS-B 3.0, for -Doriginals_source=DIR.
#
#   tools/originals_source.sh DIR
#
# They are Debian's source packages lbfgsb and minpack: what their authors published, and Debian's
# corrections of it. apt-get downloads them, and checks their signatures, with settings of its own
# below DIR: neither root nor an entry in the system's list of sources is needed, nothing of the
# system is changed. Does nothing if DIR has them already.
#
#   DEBIAN_MIRROR=http://deb.debian.org/debian    where from
#   DEBIAN_SUITE=bookworm                         which release
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

[ $# -eq 1 ] || die "usage: tools/originals_source.sh DIR"
mkdir -p -- "$1" || die "cannot make the directory $1"
directory=$(CDPATH='' cd -- "$1" && pwd)
if [ -e "$directory/lbfgsb/lbfgsb.f" ] && [ -e "$directory/minpack/lmdif.f" ]; then
    say "$1 has the sources already"
    exit 0
fi
for command in apt-get dpkg-source; do
    have $command || die "$command is missing (Debian and Ubuntu: package dpkg-dev has dpkg-source);" \
        "elsewhere get the sources from their authors and put them below $1"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || die "$keyring is missing: install the package debian-archive-keyring"

scratch=$directory/.apt
mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" \
    "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" "${DEBIAN_SUITE:-bookworm}" >"$scratch/sources.list"
apt() {
    apt-get -q -o "Dir::Etc::SourceList=$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" \
        -o APT::Sandbox::User= "$@" >&2
}
say "fetching Debian's source packages lbfgsb and minpack into $1"
apt update || die "apt-get update failed: see its message above"
(cd "$scratch" && apt source --download-only lbfgsb minpack) || die "the sources could not be fetched"
for package in lbfgsb minpack; do
    rm -rf -- "${directory:?}/$package"
    dpkg-source --no-check -x "$scratch/${package}"_*.dsc "$directory/$package" >&2 ||
        die "the source package $package could not be unpacked"
done
rm -rf -- "$scratch" "$directory"/*.orig.tar.gz
