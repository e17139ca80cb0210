# SPDX-License-Identifier: Apache-2.0
"""What Pillow calls the mode of a picture, and where its modes are not enough."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["is_deep_colour", "plain_mode"]


def is_deep_colour(path: Path) -> bool:
    """Whether a file is a PNG of 16 bits a channel and more than one channel, of which Pillow would drop 8."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(26)
        return head.startswith(b"\x89PNG\r\n\x1a\n") and head[24:25] == b"\x10" and head[25:26] != b"\0"
    return False


def plain_mode(image: Any) -> Any:
    """Give a Pillow image a mode whose numbers are intensities."""
    if image.mode == "I" and image.format == "PNG":  # Pillow before 10.3 widens 16-bit PNGs
        return image.convert("I;16")
    plain = {"1": "L", "P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}.get(image.mode)
    return image.convert(plain) if plain else image
