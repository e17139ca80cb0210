# SPDX-License-Identifier: Apache-2.0
"""File names in a page: whoever named the files did not mean them as HTML, or meant it too well."""

from __future__ import annotations

from monai_gradprom.enhance.record.paths import printable

__all__ = ["shown"]


def shown(text: str, longest: int = 160) -> str:
    """``text`` without control characters and undecodable bytes, cut in the middle if it is too long; not escaped.

    Args:
        text: a path or a reason.
        longest: number of characters that remain.
    """
    clean = printable(text)
    if len(clean) <= longest:
        return clean
    half = (longest - 1) // 2
    return f"{clean[:half]}…{clean[-half:]}"
