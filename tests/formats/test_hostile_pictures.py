# SPDX-License-Identifier: Apache-2.0
"""Faults of pictures that once went beyond :class:`InputError`."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from dicom_datasets import write_dicom
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.formats import open_image


def test_a_png_with_two_headers(tmp_path):
    """Decoders may believe the second."""
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:33] + data[8:33] + data[33:])
    with pytest.raises(InputError, match="damaged"):
        open_image(path)


def tiff(path, tag, kind, count, value, pixels):
    """A TIFF with one entry of its directory replaced: ``tag`` by (type, count, value)."""
    import tifffile

    tifffile.imwrite(path, pixels, metadata=None, resolution=(100, 100), resolutionunit=3, photometric="rgb")
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    at = next(a for a in range(start + 2, len(data), 12) if struct.unpack_from("<H", data, a)[0] == tag)
    if count is None:  # behind the pointer
        struct.pack_into("<I", data, struct.unpack_from("<I", data, at + 8)[0] + 4, value)
    else:
        struct.pack_into("<HHII", data, at, tag, kind, count, value)
    path.write_bytes(data)
    return path


def test_a_tiff_whose_fourth_sample_is_of_no_known_kind(tmp_path):
    path = tiff(tmp_path / "a.tif", 338, 3, 1, 330, np.zeros((8, 9, 4), np.uint8))
    image = open_image(path)
    image.write(tmp_path / "b.tif", image.read())
    assert (open_image(tmp_path / "b.tif").read() == image.read()).all()


def test_a_tiff_with_a_resolution_over_zero(tmp_path):
    path = tiff(tmp_path / "a.tif", 282, 5, None, 0, np.zeros((8, 9, 3), np.uint8))
    image = open_image(path)
    assert (image.affine == np.eye(4)).all()
    image.write(tmp_path / "b.tif", image.read())
    assert open_image(tmp_path / "b.tif").shape == (9, 8)


def test_a_dicom_file_whose_character_set_is_no_text(tmp_path):
    path = write_dicom(tmp_path / "a", np.zeros((4, 5), np.uint8), SpecificCharacterSet="ISO_IR 100")
    data = path.read_bytes()
    at = data.index(b"\x08\0\x05\0CS") + 4
    path.write_bytes(data[:at] + b"FD" + data[at + 2 :])
    with pytest.raises(InputError, match="is damaged") as caught:
        open_image(path)
    assert "ISO_IR" not in str(caught.value)
