# SPDX-License-Identifier: Apache-2.0
"""The colour space that a JPEG codestream itself names, where the DICOM header around it errs."""

from __future__ import annotations

import struct

__all__ = ["jpeg_colours"]

_START_OF_FRAME = (0xC0, 0xC1, 0xC2, 0xC3, 0xF7)
_START_OF_SCAN = 0xDA


def jpeg_colours(stream: bytes, photometric: str) -> str:
    """As pydicom 3 decides it when it decodes; earlier versions believe the header.

    Args:
        stream: JPEG or JPEG-LS of three components.
        photometric: what the header says.

    Returns:
        ``"RGB"`` for components named R, G and B; ``"YBR_FULL"`` for a JFIF marker within what claims to be RGB; else
        ``photometric``.
    """
    position, jfif = 2, False
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        (length,) = struct.unpack_from(">H", stream, position + 2)
        segment = stream[position + 4 : position + 2 + length]
        if marker in _START_OF_FRAME and segment[6::3][:3] in (b"RGB", b"rgb"):
            return "RGB"
        jfif = jfif or (0xE0 <= marker <= 0xEF and segment.startswith(b"JFIF"))
        if marker == _START_OF_SCAN:
            break
        position += 2 + length
    return "YBR_FULL" if jfif and "YBR" not in photometric else photometric
