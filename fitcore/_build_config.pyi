from typing import Final

VERSION: Final[str]
COMPILERS: Final[dict[str, tuple[str, str]]]
MACHINE: Final[str]
BUILDTYPE: Final[str]
KERNELS: Final[str]
ORIGINALS: Final[str]
