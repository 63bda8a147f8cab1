#!/bin/sh
# cython, which looks into its cache first where CYTHON_CACHE_DIR names one: builds for several
# versions of Python want the same C.
#
#   tools/cython_cached.sh CYTHON [argument]... -o FILE.c
#
# What comes from the cache brings no list of what it depends on, without which Meson would make it
# again each time. So such a module is not made again where a .pxd has changed: this is for
# builds that are made once, as in CI.
set -eu

[ -n "${CYTHON_CACHE_DIR:-}" ] || exec "$@"
"$@" --cache
for output; do :; done
case $output in
*.c) [ -e "$output.dep" ] || printf '%s:\n' "$output" >"$output.dep" ;;
esac
