#!/bin/sh
# cython, which takes what it would make from a directory if that has been made before: builds for
# several versions of Python, and wheels from the sdist, want the same C where numpy is the same.
#
#   tools/cython_cached.sh CYTHON [argument]... -o FILE.c
#   tools/cython_cached.sh CYTHON [argument]... --generate-shared=FILE.c
#
# FITCORE_CYTHON_CACHE names the directory. (The fingerprints of Cython's own cache hold paths, which
# differ between builds.)
set -eu

for output; do :; done
output=${output#--generate-shared=}
case ${FITCORE_CYTHON_CACHE:+$output} in
*.c) ;;
*) exec "$@" ;;
esac

# What the C depends on: Cython, the declarations of numpy and ours, the source, and the options but
# for where declarations are.
site=$(echo "$(dirname -- "$(command -v -- "$1")")"/../lib/python3*/site-packages)
command=$1
source=
options=
before=
for argument; do
    case $before$argument in
    -I* | -o* | "$command") ;;
    *.pyx) source=$argument ;;
    *) options="$options $argument" ;;
    esac
    before=
    case $argument in -I | -o) before=$argument ;; esac
done
read_files="$(find fitcore -name '*.pxd' | sort | tr '\n' ' ')$source"
# shellcheck disable=SC2086  # a list of files
sums=$(sha256sum -- "$site"/[Cc]ython-*.dist-info/METADATA "$site"/numpy/__init__*.pxd $read_files) ||
    exec "$@"
# The sums without the names of the files.
key=$({ echo "$source $options" && echo "$sums" | cut -c 1-64; } | sha256sum)
made=$FITCORE_CYTHON_CACHE/${key%% *}.c

if [ -e "$made" ]; then
    cp -- "$made" "$output"
    # Without a list of what it depends on Meson would make it again each time.
    printf '%s: %s\n' "$output" "$read_files" >"$output.dep"
else
    "$@"
    mkdir -p -- "$FITCORE_CYTHON_CACHE"
    cp -- "$output" "$made.$$"
    mv -- "$made.$$" "$made"
fi
