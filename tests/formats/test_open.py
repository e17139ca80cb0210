# SPDX-License-Identifier: Apache-2.0
"""What is no image says what it is."""

from __future__ import annotations

import pytest

from monai_gradprom.formats import NotAnImage, open_image

HEADER = "ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\nElementDataFile = {}\n"


@pytest.mark.parametrize("header, data", [("a.mhd", "a.raw"), ("a.mhd", "a.mhd.raw")])
def test_pixels_of_a_metaimage_header(tmp_path, header, data):
    (tmp_path / header).write_text(HEADER.format(data))
    (tmp_path / data).write_bytes(b"abcd")
    with pytest.raises(NotAnImage, match=r"the \.mhd file beside it"):
        open_image(tmp_path / data)


@pytest.mark.parametrize("named", ["other.raw", "../a.raw"])
def test_a_raw_file_that_no_header_names(tmp_path, named):
    (tmp_path / "a.mhd").write_text(HEADER.format(named))
    (tmp_path / "a.raw").write_bytes(b"abcd")
    with pytest.raises(NotAnImage, match="no format that is known"):
        open_image(tmp_path / "a.raw")
