# SPDX-License-Identifier: Apache-2.0
"""Nothing that a run prints or writes beside its results shows a value of a patient's: grep for what was planted.

File names are shown, since people need them to find a file (docs/security.md). What folder enhancement does with every
element of the dictionary, with flipped bytes and with elements in the place of others is in
tests/enhance/test_run_privacy.py.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from enhance_commands import Command, rows
from enhance_inputs import shifting
from miniatures import save_picture
from patient_values import (
    NAME,
    TEXTS,
    assert_no_patient,
    assert_no_patient_below,
    cut,
    frame,
    write_patient_dicom,
    write_patient_nifti,
    write_patient_png,
    write_patient_tiff,
)
from training_commands import Training

from monai_gradprom.errors import InputError
from monai_gradprom.label.answer import write_answer
from monai_gradprom.label.enhancer import Enhancer
from monai_gradprom.label.keep import keep_in_folder, keep_on_server
from monai_gradprom.label.study import open_study

CONFIGS = Path(__file__).parents[2] / "bundles" / "camus_denoise" / "configs"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Whole files by kind, and damaged ones."""
    folder = tmp_path_factory.mktemp("images")
    write_patient_dicom(folder / "dicom", 1)
    write_patient_dicom(folder / "dicom-invalid", 2, invalid=True)
    write_patient_nifti(folder / "volume.nii.gz", 3)
    write_patient_png(folder / "picture.png", 4)
    write_patient_tiff(folder / "picture.tif", 5)
    broken = folder / "broken"
    broken.mkdir()
    for name in ("dicom", "dicom-invalid", "volume.nii.gz", "picture.png", "picture.tif"):
        cut(folder / name, broken / name)
        cut(folder / name, broken / f"early-{name}", 0.3)
    write_patient_dicom(broken / "lies", 6, invalid=True, Rows=4000)
    write_patient_dicom(broken / "colour", 6, PhotometricInterpretation=NAME, SamplesPerPixel=7)
    write_patient_dicom(broken / "window", 6, WindowCenter=1, WindowWidth=0, RescaleSlope=0)
    return folder


def test_the_planted_values_can_be_found(images):
    for name in ("dicom", "dicom-invalid", "picture.png", "picture.tif"):
        with pytest.raises(AssertionError):
            assert_no_patient((images / name).read_bytes(), name)
    for text in TEXTS:
        with pytest.raises(AssertionError):
            assert_no_patient(f"Bad value: {text.upper()}", "a message")


@pytest.fixture
def bundle_run(tmp_path):
    """One of the bundle's configurations in a process of its own; its exit code, when all was looked through."""

    def run(config, lists=None, is_result=lambda name: False, **switches):
        out = tmp_path / "out"
        given = {"config_file": CONFIGS / f"{config}.json", "output_dir": out, "device": "$torch.device('cpu')"}
        if lists is not None:
            (tmp_path / "list.json").write_text(json.dumps(lists))
            given["datalist"] = tmp_path / "list.json"
        given |= {"network_def#channels": 4, "network_def#num_blocks": 1}
        if config == "train":
            given |= {"image_size": 32, "batch_size": 2, "max_epochs": 1, "strategy": "enhancer_only"}
            given["recognizer_pretrain_epochs"] = 0
        command = Training(given | switches, tmp_path / "log")
        (code,) = command.wait()
        assert_no_patient(command.printed(), "log")
        if out.exists():
            assert_no_patient_below(out, is_result)
        return code, command.printed()

    return run


def lists_of(images, *training):
    whole = [{"image": str(images / name)} for name in ("dicom", "dicom-invalid", "volume.nii.gz", "picture.png")]
    more = [{"image": str(images / name)} for name in training]
    return {"training": whole + more, "validation": whole[:3], "testing": whole}


@pytest.mark.parametrize("num_workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_training_and_evaluation(bundle_run, images, tmp_path, num_workers):
    code, said = bundle_run("train", lists_of(images), num_workers=num_workers)
    assert code == 0, said
    weights = tmp_path / "out" / "model.pt"
    code, said = bundle_run("evaluate", lists_of(images), weights=weights, figures="['panels']")
    assert code == 0, said
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"metrics_per_image.csv", "gate.csv", "before_after_clean.png", "tensorboard"} <= names


@pytest.mark.parametrize(
    "name, num_workers",
    [(name, 0) for name in ("dicom", "early-dicom", "colour", "early-volume.nii.gz", "early-picture.png")]
    + [("lies", workers) for workers in (0, 1)],
)
def test_training_that_fails(bundle_run, images, name, num_workers):
    code, said = bundle_run("train", lists_of(images, f"broken/{name}"), num_workers=num_workers)
    assert code == 1 and name in said


def test_training_that_a_bug_ends(bundle_run, images, tmp_path):
    """With a traceback, and what MONAI's transforms log about their input."""
    save_picture(tmp_path / "small.png", frame(9, (20, 22)))
    lists = lists_of(images, str(tmp_path / "small.png"))
    code, said = bundle_run("train", lists, crop="none")
    assert code == 1, said
    code, said = bundle_run("train", lists_of(images), **{"train#preprocessing#transforms#3#long_side": "$'seven'"})
    assert code == 1, said


@pytest.mark.parametrize("skip", [pytest.param(False, marks=pytest.mark.slow), True])
def test_inference(bundle_run, images, skip):
    given = {"dataset_dir": images, "weights": "$None", "skip_unreadable": skip}
    code, said = bundle_run("inference", is_result=lambda name: "_enhanced" in name, **given)
    assert code == int(not skip) and "broken" in said, said


HASHED = ["--hash-paths", "--thumbnails", "--any-modality"]


@pytest.mark.parametrize("flags", [pytest.param([], marks=pytest.mark.slow), HASHED])
def test_folder_enhancement(images, tmp_path, flags):
    """And while it is at work, and when it was killed: names of temporary files, and those of the system."""
    bundle, system = shifting(tmp_path / "bundle"), tmp_path / "tmp"
    system.mkdir()
    given = [images, tmp_path / "out", "--bundle", bundle, "--device", "cpu", "--workers", "2", *flags]
    environment = {"TMPDIR": str(system), "SQLITE_TMPDIR": str(system)}
    killed = Command(given, tmp_path, tasks="slow", environment=environment)
    killed.wait_until(
        lambda: len(list((tmp_path / "out").glob(".work/*"))) > 1 or (tmp_path / "out" / "dicom").exists()
    )
    killed.kill()
    texts = [killed.printed(), *(str(p) for folder in (tmp_path / "out", system) for p in folder.rglob("*"))]
    command = Command(given, tmp_path, environment=environment)
    assert command.wait() == 1
    found = rows(tmp_path / "out").values()
    assert {row["status"] for row in found} >= {"done", "failed"}
    for data in [*texts, command.printed()]:
        assert_no_patient(data, "printed, or names")
    results = {row["output"] for row in found}
    assert_no_patient_below(tmp_path / "out", lambda name: name in results)
    beside = {path.name for path in (tmp_path / "out").iterdir() if path.is_file() and path.name not in results}
    assert beside == {"manifest.jsonl", "report.html", "run.json", "series.jsonl"}
    assert not [path for path in system.rglob("*") if path.is_file()]
    if not flags:  # the results are still those of the patient
        assert b"Zeugin7Q" in (tmp_path / "out" / "dicom").read_bytes()


class Server:
    """A DICOMweb client whose server refuses, and whose errors quote what was sent."""

    def store_instances(self, datasets):
        raise OSError(str(datasets[0]))


class Store:
    """As MONAI Label's LocalDatastore takes an image."""

    def add_image(self, image_id, file, info):
        assert_no_patient(json.dumps([image_id, Path(file).name, info]), "what the datastore is told")
        return image_id


def test_the_label_app(images, tmp_path, capfd, caplog):
    enhancer = Enhancer(shifting(tmp_path / "bundle"), lambda key: datetime.now(timezone.utc), device="cpu")
    said = []
    for path in (path for path in images.rglob("*") if path.is_file()):
        try:
            study = open_study(path, enhancer.network.domain)
            results = enhancer.enhance(study)
            write_answer(tmp_path / "answer.nii.gz", np.stack([r[0] for r in results]), study, 1)
            if study.is_dicom:
                keep_on_server(Server(), study, results, enhancer.provenance, 1)
            else:
                keep_in_folder(Store(), "image", study, results, enhancer.provenance, 1)
        except InputError as error:
            said.append(str(error))
    assert len(said) > 8
    assert_no_patient("\n".join([*said, *capfd.readouterr(), caplog.text]), "messages and logs")
