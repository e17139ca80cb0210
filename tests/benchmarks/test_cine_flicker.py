# SPDX-License-Identifier: Apache-2.0
"""The table of a cine whose brightness is known."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest
from enhance_inputs import shifting

SCRIPT_NAME = "cine_flicker"


@pytest.fixture
def cine(tmp_path: Path) -> Path:
    """Black beside flat areas of 60, 80 and 40 in three frames; the label is the left half of the area."""
    frames, labels = np.zeros((12, 10, 3), np.uint8), np.zeros((12, 10, 3), np.uint8)
    frames[2:10, 2:8] = 60, 80, 40
    labels[2:6, 2:8] = 2
    (tmp_path / "cines").mkdir()
    for name, array in (("one.nii", frames), ("one_gt.nii", labels)):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "cines" / name)
    return tmp_path


def table(text: str) -> dict[str, list[float]]:
    lines = re.findall(r"^\| (.*?) \| (image|label 2) \| (.*) \|$", text, flags=re.M)
    return {f"{cine} {region}": [float(cell) for cell in cells.split("|")] for cine, region, cells in lines}


@pytest.mark.parametrize(("change", "scale", "added", "offset"), [(-20 / 255, 1.0, 0, -20), (0.0, 0.5, 15, -30)])
def test_what_a_network_adds(script: ModuleType, cine: Path, capsys, change, scale, added, offset) -> None:
    """Darkening all frames alike: no flicker. Halving 60, 80, 40 adds the changes of 30, 40, 20."""
    bundle = shifting(cine / "bundle", change, scale)
    script.main(["--bundle", str(bundle), "--cines", str(cine / "cines"), "--noise", "0"])
    found = table(capsys.readouterr().out)
    assert set(found) == {
        f"{row} {region}" for row in ("one, 3 frames", "mean of 1") for region in ("image", "label 2")
    }
    for clean, noisy, enhanced, by_it, by, *_ in found.values():
        assert (clean, noisy, enhanced, by_it, by) == (30, 30, 30 - added, added, offset)


def test_a_still_cine_holds_nothing_but_noise(script: ModuleType, cine: Path, capsys) -> None:
    bundle = shifting(cine / "bundle", 0.2)
    script.main(["--bundle", str(bundle), "--cines", str(cine / "cines"), "--still", "20", "--noise", "0.01"])
    figures = table(capsys.readouterr().out)["one, 20 frames image"]
    clean_flicker, *_, added, offset, clean, noisy, enhanced = figures
    assert (clean_flicker, clean, added, offset) == (0, 0, 0, 51)
    assert noisy == enhanced == pytest.approx(2.55 * 2 / np.sqrt(np.pi), rel=0.1)
