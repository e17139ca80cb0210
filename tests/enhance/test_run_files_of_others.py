# SPDX-License-Identifier: Apache-2.0
"""Every image that the pydicom wheel ships and pydicom can decode is enhanced; the exceptions have reasons."""

from __future__ import annotations

import logging
import shutil
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from enhance_commands import rows
from enhance_inputs import identity

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.formats import open_image

apply_color_lut = pytest.importorskip("pydicom.pixels", reason="pydicom 2 leaves YBR as it is").apply_color_lut
DATA = Path(pydicom.__file__).parent / "data"
# pydicom decodes these numbers, which are no images to be enhanced: labels and doses
NO_IMAGES = {
    "liver_1frame.dcm": "labels",
    "liver_expb_1frame.dcm": "labels",
    "rtdose.dcm": "dose",
    "rtdose_1frame.dcm": "dose",
    "rtdose_expb.dcm": "dose",
    "rtdose_expb_1frame.dcm": "dose",
    "rtdose_rle.dcm": "dose",
    "rtdose_rle_1frame.dcm": "dose",
}
# JPEG of 12 bits, which pydicom decodes with a plug-in under the GPL only
OURS_ALONE = {"JPEG-lossy.dcm", "JPGExtended.dcm"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files in "in", their results in "out"."""
    folder = tmp_path_factory.mktemp("pydicom")
    shutil.copytree(DATA, folder / "in", ignore=shutil.ignore_patterns("*.py", "*.pyc", "__pycache__"))
    bundle = identity(folder / "bundle")
    assert run_enhance(Options(folder / "in", folder / "out", bundle, device="cpu", workers=0)) == 1
    return folder


def decoded(path):
    """Pixels by pydicom, colours as RGB of 8 bits; None if it cannot."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
            array = dataset.pixel_array
            if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
                array = apply_color_lut(array, dataset)
                # entries of 16 bits whose lower 8 are zero: results of ultrasound have 8
                array = array >> 8 if array.dtype == np.uint16 and not (array & 255).any() else array
            return array
    except Exception:
        return None
    finally:
        logging.disable(logging.NOTSET)


def test_what_pydicom_can_decode_is_done(folder):
    found = rows(folder / "out")
    can = {path for path in found if decoded(folder / "in" / path) is not None}
    done = {path for path, row in found.items() if row["status"] == "done"}
    names = [Path(path).name for path in can - done]
    assert set(names) == set(NO_IMAGES) and len(names) == len(NO_IMAGES)
    for path in can - done:
        assert found[path]["status"] == "skipped"
        assert NO_IMAGES[Path(path).name] in found[path]["reason"]
    assert {Path(path).name for path in done - can} == OURS_ALONE
    assert len(done) > 90
    assert all(row["reason"] for path, row in found.items() if path not in done)


def test_a_network_that_changes_nothing_changes_no_pixel(folder):
    """By pydicom's own reading of source and result, whatever they are compressed with."""
    compared = 0
    for path, row in rows(folder / "out").items():
        if row["status"] != "done" or Path(path).name in OURS_ALONE:
            continue
        before, after = decoded(folder / "in" / path), decoded(folder / "out" / row["output"])
        np.testing.assert_array_equal(after, before, path)
        assert row["max_abs_change"] == 0
        compared += 1
    assert compared > 90


def test_what_pydicom_cannot_decode(folder):
    """12 bits: pydicom can read what we made of them, and finds what we had read."""
    for name in OURS_ALONE:
        (path,) = folder.glob(f"out/**/{name}")
        source = open_image(folder / "in" / path.relative_to(folder / "out"))
        np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, source.read()[0, 0].T)
