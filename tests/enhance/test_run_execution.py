# SPDX-License-Identifier: Apache-2.0
"""Runs in other runtimes and precisions: what may not change does not, and results are not mixed."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from enhance_commands import rows
from enhance_inputs import SHIFTED, pixels, shifting, write_slice, write_ultrasound

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.errors import InputError


@pytest.mark.parametrize("given", [{"runtime": "onnx"}, {"precision": "bfloat16"}, {"precision": "float16"}])
def test_pixels_outside_of_region_window_and_padding_stay(tmp_path, given):
    if "runtime" in given:
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    bundle = shifting(tmp_path / "bundle")
    stored = pixels(9, 8, dtype=np.uint16, high=2000)
    stored[0] = 5
    window = {"WindowCenter": -500, "WindowWidth": 801}  # stored: 99.5 to 899.5
    write_slice(tmp_path / "in" / "ct", stored, PixelPaddingValue=5, **window)
    write_ultrasound(tmp_path / "in" / "us", 2)
    options = Options(tmp_path / "in", tmp_path / "out", bundle, device="cpu", workers=0, **given)
    assert run_enhance(options) == 0
    made = pydicom.dcmread(tmp_path / "out" / "ct").pixel_array.astype(int)
    inside = (stored > 99) & (stored < 900)
    assert (made == stored)[~inside].all() and inside.any()
    assert np.abs(made - stored - SHIFTED * 800)[inside].max() <= 0.01 * 800
    before, after = (pydicom.dcmread(tmp_path / folder / "us").pixel_array for folder in ("in", "out"))
    region = np.zeros(before.shape, bool)
    region[:, 3:9, 2:10] = True
    assert (before == after)[~region].all() and (before != after)[region].mean() > 0.9
    assert set(rows(tmp_path / "out")) == {"ct", "us"}
    assert next(iter(given.values())) in (tmp_path / "out" / "report.html").read_text()
    with pytest.raises(InputError, match=next(iter(given))):  # another setting, in the same OUTPUT
        run_enhance(Options(tmp_path / "in", tmp_path / "out", bundle, device="cpu", workers=0))
