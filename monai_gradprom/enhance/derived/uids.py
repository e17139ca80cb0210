# SPDX-License-Identifier: Apache-2.0
"""Unique identifiers of derived objects: a function of the source and of the run, so that a repeated run agrees."""

from __future__ import annotations

import hashlib

__all__ = ["derived_uid"]


def derived_uid(source_uid: str, run_key: str) -> str:
    """The UID of what a run derives from the object (or series) ``source_uid``.

    ``2.25.`` and the decimal digits of the first 128 bits of SHA-256 over both, the form that DICOM takes over from
    UUIDs (PS3.5 B.2): at most 44 of the 64 characters that a UID may have, and no digits of the source shine through.
    """
    digest = hashlib.sha256(f"{source_uid}\n{run_key}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
