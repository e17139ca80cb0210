# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.formats.dicom.fragments import find_fragments, group_frames
from monai_gradprom.formats.dicom.jpeg import jpeg_colours


def items(*pieces: bytes, end: bool = True) -> bytes:
    """PS3.5 A.4: items, then the delimiter."""
    chain = b"".join(b"\xfe\xff\x00\xe0" + len(piece).to_bytes(4, "little") + piece for piece in pieces)
    return chain + (b"\xfe\xff\xdd\xe0" + bytes(4) if end else b"")


def test_the_chain_is_followed() -> None:
    """A delimiter within a codestream is none."""
    data = b"before" + items(b"\0" * 8, b"ab\xfe\xff\xdd\xe0", b"cd") + b"after"
    table, fragments, end = find_fragments(io.BytesIO(data), 6, len(data))
    assert table == (0, 0) and [data[at : at + size] for at, size in fragments] == [b"ab\xfe\xff\xdd\xe0", b"cd"]
    assert data[end:] == b"after"


def test_offsets_tell_where_frames_begin() -> None:
    data = items(b"", b"aa", b"bb", b"cc", b"dd", b"ee")
    file = io.BytesIO(data)
    _, fragments, _ = find_fragments(file, 0, len(data))
    frames = group_frames(file, (0, 30, 40), fragments, 3)  # each item is 10 bytes long
    assert [b"".join(data[at : at + size] for at, size in frame) for frame in frames] == [b"aabbcc", b"dd", b"ee"]
    with pytest.raises(ValueError, match="where each frame begins"):
        group_frames(file, (), fragments, 3)
    with pytest.raises(ValueError, match="fewer"):
        group_frames(file, (), fragments, 6)
    assert group_frames(file, (), fragments, 1) == [fragments]


@pytest.mark.parametrize("data", [b"", items(b"", end=False)[:4], b"\0" * 20, items(b"", b"abcd", end=False)[:-1]])
def test_a_broken_chain(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"broken|no fragment"):
        find_fragments(io.BytesIO(data), 0, len(data))


@pytest.mark.parametrize(
    ("options", "claimed", "told"),
    [
        ({}, "RGB", "YBR_FULL"),
        ({}, "YBR_FULL_422", "YBR_FULL_422"),
        ({"keep_rgb": True}, "YBR_FULL", "RGB"),
        ({"keep_rgb": True}, "RGB", "RGB"),
    ],
)
def test_colours_of_a_jpeg(options: dict, claimed: str, told: str) -> None:
    data = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(data, "JPEG", **options)
    assert jpeg_colours(data.getvalue(), claimed) == told
    assert jpeg_colours(data.getvalue()[:30], "YBR_FULL") == "YBR_FULL"
