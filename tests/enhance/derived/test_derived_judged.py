# SPDX-License-Identifier: Apache-2.0
"""Derived images before judges that know nothing of this project: dciodvfy and ITK."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from derived_case import RUN

from monai_gradprom.enhance.derived.image import TRANSFER_SYNTAXES, write_derived
from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.image import open_dicom

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in SHIPPED.rglob("*") if path.is_file() and path.suffix in (".dcm", ""))
# MR Pulse Sequence "may be present otherwise" (PS3.3 2024e C.8.13.4), which dciodvfy of 2022 does not know
_MODULES = "MRPulseSequence|BulkMotionSynchronization"
UNFOUNDED = re.compile(rf"which may not be present otherwise\) Type 1C .* Module=<({_MODULES})>")


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def opened(path: Path):
    try:
        return open_dicom(path)
    except InputError as error:
        pytest.skip(f"not read: {type(error).__name__}")


def errors(path: Path) -> Counter:
    result = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    lines = (result.stdout + result.stderr).splitlines()
    return Counter(line for line in lines if line.startswith("Error") and not UNFOUNDED.search(line))


def judgeable(path: Path, folder: Path) -> Path:
    """dciodvfy cannot inflate."""
    dataset = pydicom.dcmread(path, force=True)
    if dataset.file_meta.get("TransferSyntaxUID") != TRANSFER_SYNTAXES["deflated"]:
        return path
    dataset.file_meta.TransferSyntaxUID = TRANSFER_SYNTAXES["explicit"]
    dataset.save_as(folder / "inflated.dcm")
    return folder / "inflated.dcm"


def write(image, path: Path, factor: int = 1, to: str = "explicit") -> np.ndarray:
    try:
        frames = image.read()
    except InputError:
        pytest.skip("its pixels are damaged")
    frames = frames.repeat(factor, 2).repeat(factor, 3)
    write_derived(image.dataset, path, frames, RUN, factor, to)
    return frames


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="install Debian's dicom3tools")
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_no_error_that_the_source_does_not_have(tmp_path, path, factor):
    image = opened(path)
    write(image, tmp_path / "derived.dcm", factor)
    assert not errors(tmp_path / "derived.dcm") - errors(judgeable(path, tmp_path))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="install Debian's dicom3tools")
@pytest.mark.parametrize("to", ["implicit", "rle", "jpegls", "jpeg2000"])
@pytest.mark.parametrize("name", ["CT_small", "examples_rgb_color", "examples_ybr_color", "examples_palette"])
def test_no_new_error_in_other_transfer_syntaxes(tmp_path, name, to):
    source = SHIPPED / f"{name}.dcm"
    write(opened(source), tmp_path / "derived.dcm", to=to)
    assert not errors(tmp_path / "derived.dcm") - errors(source)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_opens_in_itk_with_the_same_pixels_and_geometry(tmp_path, path):
    itk = pytest.importorskip("itk")
    image = opened(path)
    frames = write(image, tmp_path / "derived.dcm")
    if image.channels == 3 and image.dtype != np.uint8:
        pytest.skip("ITK's Python package has no colours of more than 8 bits")
    made = itk.imread(str(tmp_path / "derived.dcm"))
    slope, intercept = image.rescale
    expected = np.moveaxis(frames.swapaxes(2, 3), 1, -1) * slope + intercept
    if image.inverted:  # ITK makes bright of dark
        low, high = (limit * slope + intercept for limit in image.limits)
        expected = low + high - expected
    values = np.asarray(itk.array_view_from_image(made)).reshape(expected.shape)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    try:
        before = itk.imread(str(path))
    except RuntimeError:
        return  # ITK cannot read the source: a compression it does not know, or a broken file
    for name in ("GetSpacing", "GetOrigin"):
        np.testing.assert_allclose(list(getattr(made, name)()), list(getattr(before, name)()))
    assert (np.asarray(made.GetDirection()) == np.asarray(before.GetDirection())).all()


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "examples_overlay.dcm"])
@pytest.mark.parametrize("factor", [2, 3])
def test_itk_finds_every_enlarged_pixel_where_its_source_was(tmp_path, name, factor):
    itk = pytest.importorskip("itk")
    write(opened(SHIPPED / name), tmp_path / "derived.dcm", factor)
    before, after = itk.imread(str(SHIPPED / name)), itk.imread(str(tmp_path / "derived.dcm"))
    for index in ([0, 0, 0], [40, 7, 0]):
        middle = itk.ContinuousIndex[itk.D, 3]()
        for axis in (0, 1):
            middle[axis] = factor * index[axis] + (factor - 1) / 2
        found = after.TransformContinuousIndexToPhysicalPoint(middle)
        np.testing.assert_allclose(list(found), list(before.TransformIndexToPhysicalPoint(index)), atol=1e-4)
