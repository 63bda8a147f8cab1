"""The original MINPACK-1 and L-BFGS-B 3.0 behind the signatures of :mod:`fitcore.optimize`.

The functions here run the Fortran of the algorithms' authors as this build found it: `lmdif`,
`lmder`, `hybrd`, `hybrj` and `setulb`. The default core of fitcore is another implementation of the
same published algorithms. This module is for who wants the originals themselves, or to compare.

It is there when fitcore was built with them, see ``fitcore.show_config()``; without them its import
raises ImportError. :func:`fitcore.minimize` runs whole fits on them with ``backend='originals'``.

What the originals cannot do is refused: another `maxls` than 20, sizes beyond 32 bits.

References
----------
- J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
  Laboratory report ANL-80-74 (1980).
- C. Zhu, R. H. Byrd, P. Lu, J. Nocedal, "Algorithm 778: L-BFGS-B", ACM Trans. Math. Softw.
  23(4), 550-560 (1997).
- J. L. Morales, J. Nocedal, "Remark on Algorithm 778", ACM Trans. Math. Softw. 38(1) (2011).
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("fitcore._originals") is None:
    raise ImportError(
        "this build of fitcore is without the original MINPACK-1 and L-BFGS-B 3.0. Install their "
        "libraries (Debian and Ubuntu: apt install minpack-dev liblbfgsb-dev) and build fitcore "
        "anew in a checkout: pip install . -Csetup-args=-Doriginals=enabled; or compile their "
        "sources: tools/originals_source.sh DIR, then pip install . "
        "-Csetup-args=-Doriginals_source=DIR"
    )

from fitcore._originals import (
    Dcsrch,
    Outcome,
    Setulb,
    chkder,
    chkder_point,
    dogleg,
    easy,
    enorm,
    fdjac1,
    fdjac2,
    hybrd,
    hybrj,
    lmder,
    lmdif,
    lmpar,
    lmstr,
    qrfac,
    qrsolv,
)
from fitcore.originals._lbfgsb import fmin_l_bfgs_b
from fitcore.originals._leastsq import leastsq
from fitcore.originals._systems import fsolve, root

__all__ = [
    "Dcsrch",
    "Outcome",
    "Setulb",
    "chkder",
    "chkder_point",
    "dogleg",
    "easy",
    "enorm",
    "fdjac1",
    "fdjac2",
    "fmin_l_bfgs_b",
    "fsolve",
    "hybrd",
    "hybrj",
    "leastsq",
    "lmder",
    "lmdif",
    "lmpar",
    "lmstr",
    "qrfac",
    "qrsolv",
    "root",
]
__dir__ = __all__.copy
