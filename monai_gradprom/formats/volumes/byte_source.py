# SPDX-License-Identifier: Apache-2.0
"""Any range of bytes of a file, be it compressed or not."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

__all__ = ["ByteSource", "InflatedBytes", "PlainBytes"]

_PIECE = 1 << 18


class PlainBytes:
    """The bytes of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, position: int, size: int) -> bytes:
        """``size`` bytes from ``position`` on; EOFError if the file ends before."""
        with self.path.open("rb") as file:
            file.seek(position)
            data = file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def finish(self) -> None:
        """Nothing is left to check."""


class InflatedBytes:
    """The bytes of a file that is compressed by gzip or zlib, as if it were not.

    Going forward costs one pass over the file however many pieces are asked for; going back starts it anew. Between
    calls the file stays open, until :meth:`finish`.

    Args:
        path: the file.
        start: where in the file the compressed bytes begin.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path, self.start = path, start
        self._file: BinaryIO | None = None

    def __del__(self) -> None:
        self._close()

    def at(self, position: int, size: int) -> bytes:
        """``size`` bytes from ``position`` on.

        Raises:
            EOFError: the stream ends before.
            zlib.error: it is damaged.
        """
        if self._file is None or position < self._position:
            self._rewind()
        while self._position < position:
            self._take(min(position - self._position, _PIECE))
        return self._take(size)

    def finish(self) -> None:
        """Read on to the end, where the checksum is; raises as :meth:`at`. The file is closed."""
        while self._some(_PIECE):
            pass
        whole = self._inflater.eof
        self._close()
        if not whole:
            raise EOFError

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rewind(self) -> None:
        self._close()
        self._file = self.path.open("rb")
        self._file.seek(self.start)
        self._inflater = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever it is
        self._position = 0

    def _take(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._some(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _some(self, most: int) -> bytes:
        """Up to ``most`` bytes more; none at the end."""
        assert self._file is not None
        while True:
            if self._inflater.eof:
                rest = self._inflater.unused_data
                rest += self._file.read(_PIECE) if len(rest) < 2 else b""
                if rest[:2] != b"\x1f\x8b":  # gzip files may be strung together
                    return b""
                self._inflater = zlib.decompressobj(wbits=31)
            else:
                rest = self._inflater.unconsumed_tail or self._file.read(_PIECE)
            piece = self._inflater.decompress(rest, most)
            self._position += len(piece)
            if piece or not rest:
                return piece


ByteSource = PlainBytes | InflatedBytes
