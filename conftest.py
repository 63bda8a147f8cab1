"""What pytest must leave out where fitcore was built without the originals."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("fitcore._originals") else ["fitcore/originals/*"]
