# SPDX-License-Identifier: Apache-2.0
"""The table of a network whose rounding is known."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from tiny_bundles import SHIFT, shift_by, write_bundle

SCRIPT_NAME = "inference_precision"


def test_a_weight_that_bfloat16_rounds(script: ModuleType, tmp_path: Path, monkeypatch, capsys) -> None:
    """0.5 (1 + 2^-8), of which bfloat16 keeps 0.5; float16 keeps both. The clean image is 0.6."""
    folder = write_bundle(
        tmp_path / "bundle",
        SHIFT,
        shift_by(0.0, 1 + 2**-8),
        inferer={"_target_": "monai_gradprom.inferers.HaloInferer"},
    )
    pictures = [np.full((1, 1, 9, 8), value, np.float32) for value in (0.5, 0.6)]
    monkeypatch.setattr(script, "images", lambda *_: ([pictures[0]], [pictures[1]]))
    script.main(["--bundle", str(folder), "--ways", "bfloat16", "float16", "--rounds", "1"])
    found = re.findall(r"^\| (\w+) \| (\d+) \| ([\d.]+) \| (.*) \|$", capsys.readouterr().out, flags=re.M)
    cells = {way: rest.split(" | ") for way, _, _, rest in found}
    assert set(cells) == {"float32", "bfloat16", "float16"}
    assert cells["bfloat16"][:3] == ["2.0e-03 (0.5 of 255)"] * 2 + ["54.2 dB"]  # -20 log10(2^-9)
    assert cells["float16"][:3] == ["0.0e+00 (0 of 255)"] * 2 + ["inf dB"]
    quality = {way: float(row[3].removesuffix(" dB")) for way, row in cells.items()}
    assert quality["bfloat16"] == pytest.approx(20, abs=1e-3)  # 0.6 - 0.5
    assert quality["float32"] == quality["float16"] == pytest.approx(-20 * np.log10(0.1 - 2**-9), abs=1e-3)
    assert all(row[4:] == ["0e+00", "0e+00"] for row in cells.values())
