# SPDX-License-Identifier: Apache-2.0
"""Every DICOM file that the pydicom wheel ships, against independent decoders."""

from __future__ import annotations

from pathlib import Path

import gdcm
import imagecodecs
import itk
import numpy as np
import pydicom
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage, identify, open_image

DATA = Path(pydicom.__file__).parent / "data"
# not to be read, and why
REFUSED = {
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    # a delimiter was written over bytes of its JPEG 2000 codestream: no decoder reads it, pydicom neither
    "JPEG2000-embedded-sequence-delimiter.dcm": "cannot be decoded",
    # fragments of headers for tests of pydicom's parser, with a pixel data element of a few bytes
    "meta_missing_tsyntax.dcm": "lacks a value",
    "nested_priv_SQ.dcm": "lacks a value",
}
TWELVE_BITS = ("JPEG-lossy.dcm", "JPGExtended.dcm")
PLAIN_RGB = ("SC_jpeg_no_color_transform.dcm", "SC_jpeg_no_color_transform_2.dcm", "SC_rgb_jpeg_app14_dcmd.dcm")


def dicom_files() -> list[Path]:
    found = [p for p in sorted(DATA.rglob("*")) if p.is_file() and p.suffix not in (".py", ".pyc")]
    return [p for p in found if "TINY_ALPHA" not in p.parts and identify(p) == "DICOM"]


def images() -> list[Path]:
    paths = []
    for path in dicom_files():
        try:
            open_image(path)
        except InputError:
            continue
        paths.append(path)
    return [path for path in paths if path.name not in REFUSED]


IMAGES = images()


def test_each_file_is_an_image_or_refused_for_a_reason() -> None:
    refused, others = {}, []
    for path in dicom_files():
        try:
            open_image(path).read()
        except NotAnImage:
            others.append(path.name)
        except InputError as error:
            refused[path.name] = str(error)
    assert set(refused) == set(REFUSED)
    assert all(REFUSED[name] in reason for name, reason in refused.items())
    # what is no image has no pixels, or is a dose or a segmentation
    for name in others:
        assert "dcm" not in name or name.startswith(("rt", "liver", "badVR")) or not has_pixels(name), name
    assert len(IMAGES) > 80


def has_pixels(name: str) -> bool:
    (path,) = DATA.rglob(name)
    return "PixelData" in pydicom.dcmread(path, force=True)


def by_gdcm(path: Path) -> np.ndarray:
    """[frames, rows, columns, samples] as GDCM decodes them, colours as they are stored."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    image = reader.GetImage()
    change = gdcm.ImageChangePlanarConfiguration()
    change.SetInput(image)
    change.SetPlanarConfiguration(0)
    if image.GetPixelFormat().GetSamplesPerPixel() == 3 and change.Change():
        image = change.GetOutput()
    form = image.GetPixelFormat()
    dtype = np.dtype(f"{'i' if form.GetPixelRepresentation() else 'u'}{form.GetBitsAllocated() // 8}")
    data = image.GetBuffer().encode("utf-8", "surrogateescape")
    columns, rows = (image.GetDimension(i) for i in (0, 1))
    return np.frombuffer(data, dtype).reshape(-1, rows, columns, form.GetSamplesPerPixel())


def by_itk(path: Path) -> np.ndarray:
    """[frames, rows, columns, 3] as ITK shows them: it turns YBR and palettes into RGB by its own code."""
    array = itk.array_from_image(itk.imread(str(path)))
    return array.reshape(-1, *array.shape[-3:])


def by_codecs(path: Path, **options: str) -> np.ndarray:
    """[1, rows, columns, samples] of a file with one JPEG in one piece."""
    data = pydicom.dcmread(path).PixelData
    array = imagecodecs.jpeg8_decode(data[data.index(b"\xff\xd8") :], **options)
    return array.reshape(1, *array.shape[:2], -1)


def reference(path: Path) -> np.ndarray:
    image = open_image(path)
    if path.name in TWELVE_BITS:
        return by_codecs(path)
    if path.name in PLAIN_RGB:  # whatever the markers in the codestream say
        return by_codecs(path, colorspace="RGB", outcolorspace="RGB")
    if path.name == "J2K_pixelrep_mismatch.dcm":  # its codestream says unsigned, its header signed
        return (by_gdcm(path) + 4096) % 8192 - 4096
    for depth in (16, 32):  # the picture of 8 bits, every byte repeated; GDCM mixes these bytes up
        if f"rle_{depth}bit" in path.name:
            small = by_itk(path.with_name(path.name.replace(f"_{depth}bit", ""))).astype(f"u{depth // 8}")
            return small * (np.iinfo(small.dtype).max // 255)
    return by_itk(path) if image.channels == 3 else by_gdcm(path)


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: "/".join(path.parts[-2:]))
def test_pixels_as_another_library_decodes_them(path: Path) -> None:
    image = open_image(path)
    pixels = image.read()
    np.testing.assert_array_equal(pixels.transpose(0, 3, 2, 1), reference(path))
    np.testing.assert_array_equal(image.read(image.frames - 1), pixels[-1:])
    assert image.limits[0] <= pixels.min() and pixels.max() <= image.limits[1]
