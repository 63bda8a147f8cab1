#!/usr/bin/env python3
"""Compress the members of wheels as well as deflate can: fewer bytes for everyone to download.

    python tools/compress_wheel.py FILE.whl...

Each file is replaced. What it holds stays as it is, and so do names, times and permissions. This
takes libdeflate, as packaged in `deflate` on PyPI; without it, the best that zlib does.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from pathlib import Path

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
UTF8 = 0x800


def deflated(data: bytes) -> bytes:
    """The data as a raw deflate stream."""
    try:
        from deflate import deflate_compress
    except ImportError:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compressor.compress(data) + compressor.flush()
    return bytes(deflate_compress(data, 12))


def rewrite(wheel: Path) -> tuple[int, int]:
    """Replace the file; its numbers of bytes before and after."""
    before = wheel.stat().st_size
    body, directory, count = bytearray(), bytearray(), 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            data = archive.read(member)
            packed, method = deflated(data), zipfile.ZIP_DEFLATED
            if len(packed) >= len(data):
                packed, method = data, zipfile.ZIP_STORED
            name = member.filename.encode()
            year, month, day, hour, minute, second = member.date_time
            common = (
                20,  # the version of the format that a reader must know
                UTF8 if not name.isascii() else 0,
                method,
                hour << 11 | minute << 5 | second // 2,
                (year - 1980) << 9 | month << 5 | day,
                member.CRC,
                len(packed),
                len(data),
                len(name),
                0,
            )
            directory += CENTRAL.pack(
                b"PK\1\2", member.create_system << 8 | 20, *common, 0, 0, member.internal_attr,
                member.external_attr, len(body),
            )  # fmt: skip
            directory += name
            body += LOCAL.pack(b"PK\3\4", *common) + name + packed
            count += 1
    end = END.pack(b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    scratch = wheel.with_suffix(".part")
    scratch.write_bytes(bytes(body + directory + end))
    with zipfile.ZipFile(scratch) as archive:
        damaged = archive.testzip()
    if damaged:
        raise RuntimeError(f"{damaged} is damaged in {scratch}")
    scratch.replace(wheel)
    return before, wheel.stat().st_size


def main(paths: list[str]) -> int:
    if not paths:
        print("usage: compress_wheel.py FILE.whl...", file=sys.stderr)
        return 2
    for path in paths:
        before, after = rewrite(Path(path))
        print(f"{Path(path).name}: {before} bytes, compressed to {after}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
