# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
import pytest

CFG = "ED: 1\nES: 3\nNbFrame: 3\nSex: F\nAge: 56\nImageQuality: {quality}\nEF: 54\nFrameRate: 46.5\n"


def _write(path: Path, shape: tuple) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    if path.suffix == ".mhd":
        itk.imwrite(itk.image_from_array(np.ascontiguousarray(array.T)), str(path))
    else:
        nib.save(nib.Nifti1Image(array, np.diag([0.3, 0.2, 1, 1])), path)


def _patient(folder: Path, suffix: str, sequence: str, quality: str) -> None:
    folder.mkdir(parents=True)
    still = (6, 5, 1) if suffix == ".mhd" else (6, 5)
    for view in ("2CH", "4CH"):
        for kind, shape in (("ED", still), ("ES", still), (sequence, (6, 5, 3))):
            for mask in ("", "_gt"):
                if not (suffix == ".mhd" and kind == sequence and mask):  # the older release lacks these
                    _write(folder / f"{folder.name}_{view}_{kind}{mask}{suffix}", shape)
        (folder / f"Info_{view}.cfg").write_text(CFG.format(quality=quality))


@pytest.fixture
def nifti_archive(tmp_path: Path) -> Path:
    """Ten patients in the layout of the newer release: 7 / 1 / 2, quality Good, Medium, Poor, Good, ..."""
    root = tmp_path / "CAMUS_public"
    names = [f"patient{i:04d}" for i in range(1, 11)]
    for i, name in enumerate(names):
        _patient(root / "database_nifti" / name, ".nii.gz", "half_sequence", ("Good", "Medium", "Poor")[i % 3])
    (root / "database_split").mkdir()
    for subset, part in (("training", names[:7]), ("validation", names[7:8]), ("testing", names[8:])):
        (root / "database_split" / f"subgroup_{subset}.txt").write_text("\n".join(part) + "\n")
    return root


@pytest.fixture
def mhd_archive(tmp_path: Path) -> Path:
    """Four patients in the layout of the older release, where ``testing`` counts from 1 again."""
    root = tmp_path / "CAMUS_2019"
    for part, count in (("training", 3), ("testing", 1)):
        for i in range(1, count + 1):
            _patient(root / part / f"patient{i:04d}", ".mhd", "sequence", "Good")
    return root


@pytest.fixture
def write_image() -> Callable[[Path, tuple], None]:
    return _write
