"""Runs attacks one after the other in a process of its own, with a limit on its memory.

Reads (kind, expr) pairs as JSON, writes for each a line: seconds, bytes, outcome.
"""

import json
import resource
import sys
import time
import warnings

import numpy as np

from fitcore.parameter import Parameters, create_params

SYMBOLS = {"np": np, "grid": np.arange(4.0)}


class Thing:
    _secret = 42.0


def from_code(text):
    params = Parameters(usersyms={**SYMBOLS, "thing": Thing()})
    params.add("x", 1.5)
    params.add("y", expr=text)
    return params


def from_file(text):
    states = [["x", 1.5, True, None, None, None, None, None, None, 1.5, None],
              ["y", 0.0, False, text, None, None, None, None, None, None, None]]  # fmt: skip
    params = Parameters(usersyms={**SYMBOLS, "thing": Thing()})
    return params.loads(json.dumps({"params": states}))


def attempt(make, text):
    try:
        params = make(text)
        params.update_constraints()
    except Exception as error:  # noqa: BLE001  # whatever kind it is
        return f"{type(error).__name__}: {str(error)[:300]}"
    return f"value {params['y'].value!r}"


def main():
    warnings.simplefilter("ignore")
    ways = {"code": from_code, "file": from_file}
    create_params(x=1.0, y={"expr": "sum([x])"}).update_constraints()  # imports
    limit = 3 << 30
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for way, text in json.load(sys.stdin):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        outcome = attempt(ways[way], text)
        seconds = time.process_time() - start
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        print(json.dumps([seconds, grown * 1024, outcome]), flush=True)


if __name__ == "__main__":
    main()
