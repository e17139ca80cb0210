# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["sha256_of"]

_BLOCK = 1 << 18


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal digits, read block by block.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(block):
            digest.update(block[:count])
    return digest.hexdigest()
