# SPDX-License-Identifier: Apache-2.0
"""Our app on a folder of images: what it keeps is what folder enhancement writes, what it answers never wraps."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
import torch
from label_images import BUNDLES, FACTOR, picture, save_nifti, write_forms
from label_server import BUNDLES as SHIPPED
from label_server import Refused, label_server
from miniatures import save_picture
from PIL import Image

from monai_gradprom.cli import main
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance

pytest.importorskip("monailabel", reason="MONAI Label has an environment of its own: make test-label")

KEPT = ("nifti", "float", "png")


def write_app(folder, *bundles):
    assert main(["label-app", str(folder), "--bundle", *(str(bundle) for bundle in bundles)]) == 0
    return folder


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    return folder, {bundle: write_forms(folder, bundle) for bundle in BUNDLES}


@pytest.fixture(scope="module")
def batch(studies, tmp_path_factory):
    """Bundle -> folder of what `monai-gradprom enhance` makes of its images alone."""
    made, threads = {}, torch.get_num_threads()
    torch.set_num_threads(1)  # as the server has: sums of fractions depend on it in the last bit

    def enhance(bundle):
        if bundle not in made:
            source, out = (tmp_path_factory.mktemp(f"{bundle}_{name}") for name in ("in", "out"))
            for path in studies[1][bundle].values():
                (shutil.copy if path.is_file() else shutil.copytree)(path, source / path.name)
            assert run_enhance(Options(source, out, SHIPPED / bundle, device="cpu", workers=0)) == 0
            made[bundle] = out
        return made[bundle]

    yield enhance
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def server(studies, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    app = write_app(folder / "app", *(SHIPPED / bundle for bundle in BUNDLES))
    with label_server(app, studies[0], folder, MONAI_LABEL_DATASTORE_AUTO_RELOAD="false") as running:
        yield running


def values(path):
    if path.suffix == ".png":
        return np.asarray(Image.open(path))
    return np.asarray(nib.load(path).dataobj)


@pytest.mark.parametrize("form", KEPT)
@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_enhanced_image_is_kept_as_an_image(bundle, form, server, studies, batch, tmp_path):
    source = studies[1][bundle][form]
    name = f"{bundle}_{form}"
    answer = server.infer(bundle, name, result_dtype="uint8")  # as a viewer asks
    assert answer.params["stored"] == f"{name}_enhanced"
    kept = server.get("/datastore/image", image=f"{name}_enhanced")
    assert kept == (batch(bundle) / source.name).read_bytes()
    objects = server.get_json("/datastore/", output="all")["objects"]
    assert objects[f"{name}_enhanced"]["image"]["info"]["enhanced_from"] == name
    assert not objects[name]["labels"] and not objects[f"{name}_enhanced"]["labels"]
    path = tmp_path / source.name
    path.write_bytes(kept)
    size = [FACTOR.get(bundle, 1) * n for n in picture(bundle).shape[:2]]
    assert sorted(values(path).shape[:2]) == sorted(size)
    assert values(path).dtype == (np.float32 if form == "float" else np.uint8)


@pytest.mark.parametrize(("asked", "dtype"), [(None, np.int16), ("uint8", np.uint8), ("float32", np.float32)])
def test_hounsfield_units_are_answered_without_wrapping(asked, dtype, server, studies, tmp_path):
    path = str(studies[1]["covidct_denoise"]["dicom"])
    full = nib.load(server.infer("covidct_denoise", path).save(tmp_path))
    units = np.asarray(full.dataobj)
    assert units.min() < 0 and units.max() > 255
    more = {} if asked is None else {"result_dtype": asked}
    image = nib.load(server.infer("covidct_denoise", path, **more).save(tmp_path))
    assert image.get_data_dtype() == dtype
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "ui" else np.iinfo(np.int32)
    np.testing.assert_array_equal(np.asarray(image.dataobj), units.clip(limits.min, limits.max).astype(dtype))


def test_fractions_are_rounded_not_cut(server, studies, tmp_path):
    path = str(studies[1]["camus_denoise"]["float"])
    full = values(server.infer("camus_denoise", path).save(tmp_path))
    rounded = values(server.infer("camus_denoise", path, result_dtype="int16").save(tmp_path))
    assert full.dtype == np.float32 and ((full > 0.5) & (full < 1)).any()
    np.testing.assert_array_equal(rounded, np.rint(full))


def test_the_answer_is_larger_where_the_network_enlarges(server, studies, tmp_path):
    image = nib.load(server.infer("lizard_sr", str(studies[1]["lizard_sr"]["nifti"])).save(tmp_path))
    rows, columns, _ = picture("lizard_sr").shape
    assert image.shape == (2 * columns, 2 * rows, 1, 1, 3)
    np.testing.assert_allclose(np.abs(np.diag(image.affine)[:2]), [0.2, 0.15], atol=1e-6)


def test_a_difference_map_on_request(server, studies, tmp_path):
    path = str(studies[1]["camus_denoise"]["nifti"])
    changes = values(server.infer("camus_denoise", path, difference=True, result_dtype="uint8").save(tmp_path))
    made = values(server.infer("camus_denoise", path).save(tmp_path))
    before = picture("camus_denoise").T[..., None]
    assert changes.dtype == np.float32 and changes.min() < 0 < changes.max()
    np.testing.assert_array_equal(changes, made.astype(np.float32) - before)


def test_an_image_outside_the_datastore_is_answered_and_not_kept(server, studies):
    before = server.get_json("/datastore/", output="all")["objects"].keys()
    assert server.infer("camus_denoise", str(studies[1]["camus_denoise"]["dicom"])).params["stored"] is None
    assert server.infer("camus_denoise", "camus_denoise_png", store=False).params["stored"] is None
    assert server.get_json("/datastore/", output="all")["objects"].keys() == before


def test_an_image_that_the_bundle_is_not_made_for_is_refused(server):
    with pytest.raises(Refused, match="the image is in colour, the bundle is for grey images"):
        server.infer("covidct_denoise", "lizard_sr_png")


def test_a_batch_is_kept_as_images_not_as_masks(tmp_path):
    studies = tmp_path / "studies"
    studies.mkdir()
    for number in range(2):
        save_nifti(studies / f"case{number}.nii.gz", picture("camus_denoise", number))
    app = write_app(tmp_path / "app", SHIPPED / "camus_denoise")
    with label_server(app, studies, tmp_path, MONAI_LABEL_DATASTORE_AUTO_RELOAD="false") as server:
        server.post_json("/batch/infer/camus_denoise", {"multi_gpu": False}, run_sync="true")
        objects = server.get_json("/datastore/", output="all")["objects"]
    assert sorted(objects) == ["case0", "case0_enhanced", "case1", "case1_enhanced"]
    assert not any(entry["labels"] for entry in objects.values())


def test_what_was_trained_in_the_app_enhances_on_request(tmp_path):
    studies = tmp_path / "studies"
    (studies / "labels" / "final").mkdir(parents=True)
    for number in range(3):
        noisy = picture("camus_denoise", number)
        save_picture(studies / f"case{number}.png", noisy)
        save_picture(studies / "labels" / "final" / f"case{number}.png", noisy // 2)
    app = write_app(tmp_path / "app", SHIPPED / "camus_denoise")
    with label_server(app, studies, tmp_path, MONAI_LABEL_DATASTORE_AUTO_RELOAD="false") as server:
        shipped = values(server.infer("camus_denoise", "case0", store=False).save(tmp_path))
        with pytest.raises(Refused, match="has not been trained in this app"):
            server.infer("camus_denoise", "case0", weights="trained")
        options = {"max_epochs": 20, "device": "cpu", "multi_gpu": False}
        server.post_json("/train/camus_denoise", options, run_sync="true")
        trained = values(server.infer("camus_denoise", "case0", store=False, weights="trained").save(tmp_path))
        again = values(server.infer("camus_denoise", "case0", store=False).save(tmp_path))
    assert (app / "runs" / "camus_denoise" / "model.pt").is_file()
    np.testing.assert_array_equal(again, shipped)
    half = picture("camus_denoise", 0).T[..., None] / 2
    assert np.abs(trained - half).mean() < np.abs(shipped - half).mean()


def test_weights_that_do_not_fit_stop_the_server(tmp_path):
    """MONAI Label's own loader would go on with random weights."""
    app = write_app(tmp_path / "app", SHIPPED / "camus_denoise")
    file = app / "model" / "camus_denoise" / "models" / "model.pt"
    state = torch.load(file, weights_only=True)
    torch.save({f"renamed.{name}": value for name, value in state.items()}, file)
    (tmp_path / "studies").mkdir()
    with pytest.raises(AssertionError, match="do not fit SRResNet"), label_server(app, tmp_path / "studies", tmp_path):
        pass


def test_the_models_are_told_to_viewers(server):
    models = server.get_json("/info/")["models"]
    assert set(models) == set(BUNDLES)
    version = json.loads((SHIPPED / "lizard_sr" / "configs" / "metadata.json").read_text())["version"]
    assert models["lizard_sr"]["version"] == version and models["lizard_sr"]["labels"] == []
