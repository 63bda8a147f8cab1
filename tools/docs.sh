#!/bin/sh
# Builds the documentation in docs/_build/html, with warnings as errors.
#
#   tools/docs.sh [argument for sphinx-build]...
#
# Only pages that have changed are read anew, unless the last run failed: its warnings would not
# come again.
# shellcheck source=tools/common.sh
. "$(dirname -- "$0")/common.sh"

python=$(tools/bootstrap.sh docs)

# Pages depend on these too, of which Sphinx does not know.
key=$(cksum docs/_extensions/*.py tests/markdown_examples.py)
if [ "$(cat docs/_build/built-with 2>/dev/null)" != "$key" ]; then
    rm -rf -- docs/_build/doctrees
fi
mkdir -p docs/_build
rm -f -- docs/_build/built-with

MPLBACKEND=Agg "$python" -m sphinx -b html -W --keep-going -q -j auto -d docs/_build/doctrees "$@" \
    docs docs/_build/html
printf '%s\n' "$key" >docs/_build/built-with
say "docs/_build/html/index.html"
