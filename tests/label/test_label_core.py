# SPDX-License-Identifier: Apache-2.0
"""What our Label app does, without MONAI Label: opening, enhancing, answering, keeping, writing the app."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_datasets import write_dicom, write_series
from label_images import AFFINE, save_nifti
from miniatures import save_picture
from tiny_bundles import SHIFT, image_format, shift_by, write_bundle

from monai_gradprom.cli import main
from monai_gradprom.errors import InputError
from monai_gradprom.label.answer import difference, units, write_answer
from monai_gradprom.label.enhancer import Enhancer
from monai_gradprom.label.keep import keep_in_folder, keep_on_server
from monai_gradprom.label.started import Started
from monai_gradprom.label.study import open_study

NOON = datetime(2024, 5, 6, 12, tzinfo=timezone.utc)


@pytest.fixture
def enhancer(tmp_path):
    """Adds a tenth of the window."""
    bundle = write_bundle(tmp_path / "bundle", SHIFT, shift_by(0.1), image_format(num_channels=1))
    return Enhancer(bundle, lambda key: NOON, device="cpu")


class Store:
    """As MONAI Label's LocalDatastore takes an image."""

    def add_image(self, image_id, file, info):
        self.added = image_id, Path(file).read_bytes(), info
        return image_id


class Client:
    """As dicomweb-client stores objects."""

    def __init__(self, answer=None, error=None):
        self.answer, self.error = answer or pydicom.Dataset(), error

    def store_instances(self, datasets):
        self.stored = datasets
        if self.error:
            raise self.error
        return self.answer


def study_of(enhancer, path):
    return open_study(path, enhancer.network.domain)


def test_values_are_shifted_by_a_tenth_of_the_range_rounded_and_clipped(enhancer, tmp_path):
    save_picture(tmp_path / "x.png", np.array([[0, 100, 254]], np.uint8))
    study = study_of(enhancer, tmp_path / "x.png")
    (result,) = enhancer.enhance(study)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[0, 0, :, 0], [26, 126, 255])  # + 25.5, half to even, clipped
    np.testing.assert_array_equal(difference(study, [result], 1).ravel(), [26, 26, 1])


def test_strength_blends(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", SHIFT, shift_by(0.2), image_format(num_channels=1))
    save_picture(tmp_path / "x.png", np.full((4, 4), 100, np.uint8))
    half, whole = (Enhancer(bundle, lambda key: NOON, device="cpu", strength=strength) for strength in (0.5, 1))
    study = study_of(half, tmp_path / "x.png")
    assert set(half.enhance(study)[0].ravel()) == {126} and set(whole.enhance(study)[0].ravel()) == {151}
    assert half.provenance.run_key != whole.provenance.run_key


def test_a_series_has_one_window(enhancer, tmp_path):
    """The wider of both: -1000 to 200, of which a tenth is 120."""
    pixels = write_series(tmp_path / "in", count=2, RescaleIntercept=-1024, WindowCenter=None, WindowWidth=None)
    for path, window in zip(sorted((tmp_path / "in").iterdir()), ((-500.5, 1000), (-299.5, 1000)), strict=True):
        dataset = pydicom.dcmread(path)
        dataset.WindowCenter, dataset.WindowWidth = window[0], window[1] + 1
        dataset.save_as(path)
    study = study_of(enhancer, tmp_path / "in")
    assert study.window == (-1001, 200)
    results = enhancer.enhance(study)
    for before, after in zip(pixels, results, strict=True):
        inside = (before.T >= 24) & (before.T <= 1224)
        change = after[0, 0].astype(int) - before.T
        assert inside.any() and (~inside).any()
        assert set(change[inside]) == {120} and set(change[~inside]) == {0}


def test_a_window_that_only_some_headers_state_prevails(enhancer, tmp_path):
    """As in folder enhancement; the pixels of the others, up to 4095, do not widen it."""
    write_series(tmp_path / "in", count=2, WindowCenter=None, WindowWidth=None)
    first, _ = sorted((tmp_path / "in").iterdir())
    dataset = pydicom.dcmread(first)
    dataset.WindowCenter, dataset.WindowWidth = 50.5, 101
    dataset.save_as(first)
    assert study_of(enhancer, tmp_path / "in").window == (0, 100)


def test_the_answer_of_a_series_is_a_volume_in_units(enhancer, tmp_path):
    write_series(tmp_path / "in", count=3, RescaleIntercept=-1024)
    study = study_of(enhancer, tmp_path / "in")
    results = enhancer.enhance(study)
    write_answer(tmp_path / "x.nii.gz", units(study, results), study, 1)
    image = nib.load(tmp_path / "x.nii.gz")
    assert image.shape == (6, 5, 3) and image.get_data_dtype() == np.int32  # uint16 - 1024
    np.testing.assert_allclose(image.affine[:, 2], [0, 0, 2.5, 0], atol=1e-6)
    np.testing.assert_array_equal(image.dataobj[..., 1], results[1][0, 0].astype(int) - 1024)


def test_a_float_image_keeps_its_fractions_unless_whole_numbers_are_asked_for(enhancer, tmp_path):
    save_nifti(tmp_path / "x.nii.gz", np.array([[0.25, 0.5]], np.float32))
    study = study_of(enhancer, tmp_path / "x.nii.gz")
    values = units(study, enhancer.enhance(study))
    for dtype, expected in (("float32", [0.35, 0.6]), ("uint8", [0, 1]), ("float16", [0.35, 0.6])):
        write_answer(tmp_path / "y.nii", values, study, 1, dtype)
        np.testing.assert_allclose(np.asarray(nib.load(tmp_path / "y.nii").dataobj).ravel(), expected, atol=1e-3)
    np.testing.assert_allclose(nib.load(tmp_path / "y.nii").affine, AFFINE, atol=1e-6)
    with pytest.raises(InputError, match="result_dtype is 'colour'"):
        write_answer(tmp_path / "y.nii", values, study, 1, "colour")


def test_what_the_bundle_is_not_made_for_is_refused(enhancer, tmp_path):
    save_picture(tmp_path / "x.png", np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="in colour"):
        study_of(enhancer, tmp_path / "x.png")


@pytest.mark.parametrize(("name", "stored_as"), [("a.b.nii.gz", ".nii.gz"), ("x.PNG", ".PNG"), ("x.jpg", ".png")])
def test_the_image_is_kept_in_a_format_that_loses_nothing(name, stored_as, enhancer, tmp_path):
    path = tmp_path / name
    array = np.full((8, 8), 100, np.uint8)
    if ".nii" in name:
        save_nifti(path, array)
    else:
        save_picture(path, array)
    study, store, seen = study_of(enhancer, path), Store(), []
    store.add_image = lambda image_id, file, info: seen.append(file) or image_id
    assert keep_in_folder(store, "x", study, enhancer.enhance(study), enhancer.provenance, 1) == "x_enhanced"
    assert seen[0].endswith(f"/x_enhanced{stored_as}")


def test_the_kept_image_tells_where_it_comes_from(enhancer, tmp_path):
    save_nifti(tmp_path / "x.nii.gz", np.full((8, 8), 100, np.uint8))
    study, store = study_of(enhancer, tmp_path / "x.nii.gz"), Store()
    keep_in_folder(store, "x", study, enhancer.enhance(study), enhancer.provenance, 1)
    _, content, info = store.added
    (tmp_path / "y.nii.gz").write_bytes(content)
    assert set(np.asarray(nib.load(tmp_path / "y.nii.gz").dataobj).ravel()) == {126}
    assert info["enhanced_from"] == "x" and info["weights_sha256"] == enhancer.network.weights_sha256


@pytest.fixture
def dicom(enhancer, tmp_path):
    write_dicom(tmp_path / "in" / "1", np.full((4, 6), 100, np.uint8))
    study = study_of(enhancer, tmp_path / "in")
    return study, enhancer.enhance(study)


def test_a_derived_object_is_stored_with_its_source_named(enhancer, dicom):
    client = Client()
    series = keep_on_server(client, *dicom, enhancer.provenance, 1)
    (stored,) = client.stored
    assert series == stored.SeriesInstanceUID != "1.2.3" and stored.SOPInstanceUID != "1.2.3.4"
    assert stored.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert (stored.pixel_array == 126).all()
    again = Client()
    assert keep_on_server(again, *dicom, enhancer.provenance, 1) == series
    assert again.stored[0].SOPInstanceUID == stored.SOPInstanceUID


def test_what_a_server_refuses_is_said_without_the_patient(enhancer, dicom):
    refused = pydicom.Dataset()
    refused.FailedSOPSequence = [pydicom.Dataset()]
    with pytest.raises(InputError, match="refused 1 of 1 enhanced objects"):
        keep_on_server(Client(refused), *dicom, enhancer.provenance, 1)
    with pytest.raises(InputError, match=r"did not store the enhanced series \(OSError\)") as error:
        keep_on_server(Client(error=OSError("secret-7 of Doe^Jane")), *dicom, enhancer.provenance, 1)
    assert "secret" not in str(error.value) and error.value.__cause__ is None


def test_dicom_is_not_kept_in_a_folder(enhancer, dicom):
    with pytest.raises(InputError, match="DICOMweb server"):
        keep_in_folder(Store(), "x", *dicom, enhancer.provenance, 1)


def test_the_time_of_a_key_survives_a_restart(tmp_path):
    first = Started(tmp_path / "started.json")("a")
    assert first.tzinfo is not None and abs((datetime.now(timezone.utc) - first).total_seconds()) < 60
    (tmp_path / "started.json").write_text('{"a": "2020-01-01T00:00:00+00:00"}')
    assert Started(tmp_path / "started.json")("a").year == 2020
    Started(tmp_path / "started.json")("b")
    assert Started(tmp_path / "started.json")("a").year == 2020


def test_the_command_writes_an_app(tmp_path, capsys):
    bundles = [write_bundle(tmp_path / name) for name in ("one", "two")]
    app = tmp_path / "new" / "app"
    assert main(["label-app", str(app), "--bundle", *map(str, bundles)]) == 0
    assert "monailabel start_server --app" in capsys.readouterr().out
    assert {path.name for path in (app / "model").iterdir()} == {"one", "two"}
    assert (app / "model" / "two" / "configs" / "inference.json").is_file()
    assert "class App(EnhancementApp, MONAILabelApp)" in (app / "main.py").read_text()
    assert [path.name for path in app.parent.iterdir()] == ["app"]


def test_the_command_refuses_what_it_would_spoil(tmp_path, capsys):
    bundle = write_bundle(tmp_path / "one")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "mine.txt").write_text("")
    cases = {
        "is not an empty folder": [tmp_path / "app", "--bundle", bundle],
        "has no configs/inference.json": [tmp_path / "new", "--bundle", tmp_path],
        "two bundles are called one": [tmp_path / "new", "--bundle", bundle, bundle],
    }
    for sentence, arguments in cases.items():
        assert main(["label-app", *map(str, arguments)]) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "new").exists() and len(list((tmp_path / "app").iterdir())) == 1
