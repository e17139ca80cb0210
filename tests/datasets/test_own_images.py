# SPDX-License-Identifier: Apache-2.0
"""A user's own folder: all frames of a patient on one side of the split, and nobody named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dicom_datasets import write_dicom
from PIL import Image

from monai_gradprom.cli import main
from monai_gradprom.datasets import own_images
from monai_gradprom.datasets.own_images import own_datalist
from monai_gradprom.errors import InputError

SUBSETS = ("training", "validation", "testing")
PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)


@pytest.fixture
def folder(tmp_path):
    """20 patients with a still and a cine of three frames each, scattered over two folders, one without preamble."""
    for patient in range(20):
        name = {"PatientID": f"secret-{patient}", "PatientName": "Doe^Jane"}
        write_dicom(tmp_path / "in" / "a" / f"IM{patient}", PIXELS, **name)
        write_dicom(tmp_path / "in" / "b" / f"{patient}.dcm", np.stack([PIXELS] * 3), **name)
    bare = tmp_path / "in" / "a" / "IM7"
    bare.write_bytes(bare.read_bytes()[132:])
    return tmp_path / "in"


def patients(items):
    return {item["image"].removesuffix(".dcm").split("/")[-1].removeprefix("IM") for item in items}


def test_no_patient_is_on_two_sides(folder):
    parts = [own_datalist(folder, subset) for subset in SUBSETS]
    assert [len(patients(part)) for part in parts] == [17, 1, 2]
    assert sum(map(len, parts)) == 20 * 4
    assert len(set.union(*map(patients, parts))) == 20
    for part in parts:
        assert len(part) == 4 * len(patients(part))


def test_the_seed_decides(folder):
    drawn = [[item["id"] for item in own_datalist(folder, "testing", seed=seed)] for seed in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1]
    assert len(set(map(tuple, drawn))) > 1


def test_an_issuer_tells_two_of_one_number_apart(folder):
    for clinic in ("north", "south", "east"):
        write_dicom(folder / "c" / clinic, PIXELS, PatientID="1", IssuerOfPatientID=clinic)
    assert sum(len(patients(own_datalist(folder, subset))) for subset in SUBSETS) == 23


def test_pictures_go_by_their_folder(tmp_path):
    for patient in range(6):
        for image in range(3):
            path = tmp_path / f"patient{patient}" / "deep" / f"{image}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(PIXELS).save(path)
    parts = [own_datalist(tmp_path, subset) for subset in SUBSETS]
    assert [len(part) for part in parts] == [12, 3, 3]
    assert [len({item["id"].split("/")[0] for item in part}) for part in parts] == [4, 1, 1]


def test_pictures_beside_one_patients_dicom_are_of_that_patient(tmp_path):
    for patient in range(6):
        folder = tmp_path / f"case{patient}"
        write_dicom(folder / "IM1", PIXELS, PatientID=f"secret-{patient // 2}")
        Image.fromarray(PIXELS).save(folder / "export.png")
    parts = [own_datalist(tmp_path, subset) for subset in SUBSETS]
    assert [len(part) for part in parts] == [4, 4, 4]  # two folders of a patient, two files in each
    cases = [{item["id"].split("/")[0] for item in part} for part in parts]
    assert len(set.union(*cases)) == sum(map(len, cases)) == 6


def test_each_file_is_asked_once_for_its_patient(tmp_path, monkeypatch):
    for patient in range(3):
        write_dicom(tmp_path / f"{patient}.dcm", np.stack([PIXELS] * 50), PatientID=f"secret-{patient}")
    asked = []
    monkeypatch.setattr(own_images, "patient_of", lambda path: asked.append(path) or path.name)
    assert len(own_datalist(tmp_path, "testing")) == 50 and len(asked) == 3


def test_pictures_that_lie_there_go_one_by_one(tmp_path):
    for image in range(5):
        Image.fromarray(PIXELS).save(tmp_path / f"{image}.png")
    assert [len(own_datalist(tmp_path, subset)) for subset in SUBSETS] == [3, 1, 1]


def test_two_patients_are_too_few(tmp_path):
    for patient in range(2):
        write_dicom(tmp_path / f"{patient}.dcm", PIXELS, PatientID=f"secret-{patient}")
    with pytest.raises(InputError, match="2 patients") as error:
        own_datalist(tmp_path, "training")
    assert "secret" not in str(error.value)


def test_the_command_writes_a_datalist_that_names_nobody(folder, tmp_path, capsys):
    output = tmp_path / "own.json"
    assert main(["prepare", "folder", str(folder), "--output", str(output), "--check-pixels"]) == 0
    text, printed = output.read_text(), capsys.readouterr().out
    assert [len(json.loads(text)[subset]) for subset in SUBSETS] == [68, 4, 8]
    for secret in ("secret-", "Doe"):
        assert secret not in text + printed
    assert "0 images with a fault" in printed
