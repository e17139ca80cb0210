# SPDX-License-Identifier: Apache-2.0
"""Files of a data set that are not what they should be: one sentence, never another exception."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_gradprom.datasets.camus import camus_datalist
from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.errors import InputError
from monai_gradprom.transforms.frames import split_frames


@pytest.fixture
def camus(tmp_path):
    patient = tmp_path / "database_nifti" / "patient0001"
    patient.mkdir(parents=True)
    image = nibabel.Nifti1Image(np.zeros((4, 4, 3), np.uint8), np.eye(4))
    nibabel.save(image, patient / "patient0001_2CH_half_sequence.nii.gz")
    (tmp_path / "database_split").mkdir()
    (tmp_path / "database_split" / "subgroup_training.txt").write_text("patient0001")
    return tmp_path


@pytest.mark.parametrize("text", ["²", "٣", "9" * 5000, "-1", "1.5", ""])
def test_instants_that_are_no_numbers(camus, text):
    (camus / "database_nifti" / "patient0001" / "Info_2CH.cfg").write_text(f"ED: 1\nES: {text}\n")
    items = camus_datalist(camus, "training", views="2CH", frames="half_sequence")
    assert [item["phase"] for item in items] == ["ED", "between", "between"]


def test_a_list_of_patients_that_is_no_text(camus):
    (camus / "database_split" / "subgroup_training.txt").write_bytes(b"patient0001\xff\xfe")
    with pytest.raises(InputError, match=r"subgroup_training\.txt: cannot be read"):
        camus_datalist(camus, "training", views="2CH")


@pytest.mark.parametrize("side", [0, 32767])
def test_a_header_that_claims_no_frames_or_millions(tmp_path, side):
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 3, 2), np.uint8), np.eye(4)), path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<hh", data, 46, side, side)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"axis without pixels|more than 200000"):
        count_frames(path)


def test_an_axis_without_pixels():
    with pytest.raises(InputError, match="axis without pixels"):
        split_frames(np.zeros((1, 4, 4, 0)), 2, None, Path("a.nii"))
