"""What pytest must leave out: the originals where fitcore was built without, and lmfit's alias."""

from importlib.util import find_spec

# A package named lmfit, which is for processes of its own.
collect_ignore_glob = ["tests/peers/lmfit_alias/*"]
if not find_spec("fitcore._originals"):
    collect_ignore_glob.append("fitcore/originals/*")
