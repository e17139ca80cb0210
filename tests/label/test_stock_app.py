# SPDX-License-Identifier: Apache-2.0
"""The unmodified `monaibundle` app serves every bundle, and its answers are what `monai.bundle run` computes."""

from __future__ import annotations

import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from dicom_datasets import US_CINE, write_dicom
from label_images import BUNDLES, FACTOR, FORMS, picture, write_forms
from label_server import BUNDLES as FOLDER
from label_server import Refused, label_server, offline, stock_app
from PIL import Image

pytest.importorskip("monailabel", reason="MONAI Label has an environment of its own: make test-label")


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Folder of all images, bundle -> form -> path."""
    folder = tmp_path_factory.mktemp("studies")
    return folder, {bundle: write_forms(folder, bundle) for bundle in BUNDLES}


@pytest.fixture(scope="module")
def server(studies, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stock")
    conf = {"models": ",".join(BUNDLES), "zoo_source": "local", "sam2": "false"}
    with label_server(stock_app(folder, BUNDLES), studies[0], folder, conf) as running:
        yield running


@pytest.fixture(scope="module")
def ran(studies, tmp_path_factory):
    """bundle -> form -> (values [x, y(, 3)], affine or None) that `python -m monai.bundle run` writes."""
    made = {}

    def run(bundle):
        if bundle not in made:
            made[bundle] = _run(bundle, studies[1][bundle], tmp_path_factory.mktemp(f"run_{bundle}"))
        return made[bundle]

    return run


def _run(bundle, paths, folder):
    (folder / "list.json").write_text(json.dumps({"testing": [{"image": str(path)} for path in paths.values()]}))
    config = str(FOLDER / bundle / "configs" / "inference.json")
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", config]
    command += ["--datalist", str(folder / "list.json"), "--output_dir", str(folder / "out")]
    subprocess.run(command, check=True, env=offline(folder), cwd=folder, capture_output=True)
    out = {}
    for form, path in paths.items():
        stem = path.name.removesuffix(".nii.gz").removesuffix(".png")
        (written,) = (folder / "out").glob(f"{stem}_enhanced*")
        out[form] = read(written)
    return out


def read(path):
    """Values [x, y(, 3)] as stored, and the affine if the format has one."""
    if path.suffix == ".png":
        return np.asarray(Image.open(path)).swapaxes(0, 1), None
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    return values.reshape(*values.shape[:2], *(n for n in values.shape[2:] if n > 1)), image.affine


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bundle", BUNDLES)
def test_infer_equals_the_bundle_run(bundle, form, server, studies, ran, tmp_path):
    expected, affine = ran(bundle)[form]
    answer = server.infer(bundle, str(studies[1][bundle][form]))
    values, placed = read(answer.save(tmp_path))
    factor = FACTOR.get(bundle, 1)
    assert answer.name.endswith(".nii.gz")
    assert values.shape[:2] == tuple(factor * n for n in picture(bundle).shape[1::-1])
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)
    if affine is None:  # a PNG lies at the origin; a finer grid begins within the first pixel
        affine = np.diag([1 / factor, 1 / factor, 1, 1])
        affine[:2, 3] = (1 / factor - 1) / 2
    np.testing.assert_allclose(placed, affine, atol=1e-6)


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_network_did_something(bundle, ran):
    if bundle not in FACTOR:
        before = picture(bundle).swapaxes(0, 1)
        assert np.abs(ran(bundle)["nifti"][0].astype(int) - before).mean() > 1


def test_an_image_of_the_datastore_is_found_by_its_id(server, ran, tmp_path):
    values, _ = read(server.infer("camus_denoise", "camus_denoise_nifti").save(tmp_path))
    np.testing.assert_array_equal(values, ran("camus_denoise")["nifti"][0])


def test_a_frame_of_a_sequence(server, studies, ran, tmp_path):
    frames = np.stack([picture("camus_denoise", seed) for seed in (1, 0)])
    cine = write_dicom(tmp_path / "cine", frames, SOPClassUID=US_CINE, Modality="US")
    values, _ = read(server.infer("camus_denoise", str(cine), frame=1).save(tmp_path))
    np.testing.assert_array_equal(values, ran("camus_denoise")["png"][0])


def test_viewers_that_ask_for_bytes_get_no_wrapped_values(server, studies, ran, tmp_path):
    """3-D Slicer and OHIF always ask for uint8; Hounsfield units are clipped to what it holds."""
    path = studies[1]["covidct_denoise"]["dicom"]
    values, _ = read(server.infer("covidct_denoise", str(path), result_dtype="uint8").save(tmp_path))
    full, _ = ran("covidct_denoise")["dicom"]
    assert full.min() < 0 and full.max() > 255
    np.testing.assert_array_equal(values, full.clip(0, 255).astype(np.uint8))


def test_an_image_of_the_wrong_kind_is_refused(server, studies):
    """A sentence of ours is in the server's log."""
    with pytest.raises(Refused, match="colour"):
        server.infer("covidct_denoise", str(studies[1]["lizard_sr"]["png"]))
