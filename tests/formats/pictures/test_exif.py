# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct

import pytest

from monai_gradprom.formats.pictures.exif import finer_exif


def exif(order: str, pointer: int) -> bytes:
    """A width of 30 and a pointer to the Exif directory."""
    entries = struct.pack(f"{order}HHIHH", 0x0100, 3, 1, 30, 0) + struct.pack(f"{order}HHII", 0x8769, 4, 1, pointer)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, 2) + entries + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sides_in_both_directories_are_multiplied(order: str) -> None:
    inner = struct.pack(f"{order}HHHII", 1, 0xA002, 4, 1, 30) + bytes(4)
    data = exif(order, 38) + inner
    assert len(exif(order, 38)) == 38
    finer = finer_exif(data, 4)
    assert struct.unpack_from(f"{order}H", finer, 18) == struct.unpack_from(f"{order}I", finer, 48) == (120,)
    assert finer_exif(data, 1) is data


@pytest.mark.parametrize("pointer", [8, 10_000])
def test_directories_that_lead_nowhere_or_in_a_circle_end(pointer: int) -> None:
    assert len(finer_exif(exif("<", pointer), 2)) == 38
    assert finer_exif(b"no exif", 2) == b"no exif"
