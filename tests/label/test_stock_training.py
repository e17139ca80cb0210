# SPDX-License-Identifier: Apache-2.0
"""`POST /train` of the unmodified app fine-tunes each bundle on the pairs of the datastore."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from label_images import BUNDLES, FACTOR, picture, save_nifti
from label_server import BUNDLES as SHIPPED
from label_server import label_server, stock_app
from miniatures import save_picture
from monai.bundle import ConfigParser

from monai_gradprom.networks import load_weights

pytest.importorskip("monailabel", reason="MONAI Label has an environment of its own: make test-label")

PAIRS = 5
# one that learns without pairs does not bring each image nearer to its own label
PAIRED = [bundle for bundle in BUNDLES if bundle != "camus_unpaired"]


@pytest.fixture(scope="module", params=PAIRED)
def trained(request, tmp_path_factory):
    """A server after training on pairs, the folder of the run, and the bundle."""
    bundle, folder = request.param, tmp_path_factory.mktemp("train")
    studies = folder / "studies"
    (studies / "labels" / "final").mkdir(parents=True)
    for number in range(PAIRS):
        noisy = picture(bundle, seed=number)
        clean = noisy // 2  # so that the network visibly learns from the labels
        if bundle == "camus_denoise":
            save_nifti(studies / f"case{number}.nii.gz", noisy)
            save_nifti(studies / "labels" / "final" / f"case{number}.nii.gz", clean)
        else:
            save_picture(studies / f"case{number}.png", noisy)
            save_picture(studies / "labels" / "final" / f"case{number}.png", clean)
    conf = {"models": bundle, "zoo_source": "local", "sam2": "false"}
    with label_server(stock_app(folder, [bundle]), studies, folder, conf) as server:
        options = {"max_epochs": 20, "device": "cpu", "multi_gpu": False, "val_split": 0.2}
        server.post_json(f"/train/{bundle}", options, run_sync="true")
        yield bundle, folder / "runs" / bundle, server.printed()


def test_the_weights_are_those_of_the_bundle_further_trained(trained):
    bundle, run, _ = trained
    shipped = torch.load(SHIPPED / bundle / "models" / "model.pt", weights_only=True)
    shipped = shipped.get("model", shipped)
    tuned = torch.load(run / "model.pt", weights_only=True)
    assert tuned.keys() == shipped.keys()
    weights = [name for name in shipped if name.endswith("weight") and shipped[name].ndim == 4]
    change = max((tuned[name] - shipped[name]).abs().max().item() for name in weights)
    size = max(shipped[name].abs().max().item() for name in weights)
    assert 0 < change < 0.1 * size  # a network begun anew would have nothing in common


def test_it_was_this_trainer_and_it_learnt_from_the_labels(trained):
    bundle, run, _ = trained
    state = torch.load(max(run.glob("checkpoint_*.pt"), key=lambda path: path.stat().st_mtime), weights_only=True)
    assert state["trainer"]["setting"]["strategy"]["name"] == "EnhancerOnly"
    image = torch.from_numpy(picture(bundle).astype(np.float32) / 255)
    image = image.permute(2, 0, 1) if image.ndim == 3 else image[None]
    image = image[None]
    wanted = image.repeat_interleave(FACTOR.get(bundle, 1), -1).repeat_interleave(FACTOR.get(bundle, 1), -2)
    if bundle not in FACTOR:  # super-resolution ignores the images of the pairs
        wanted = wanted / 2
    before, after = (
        _distance(bundle, folder / "model.pt", image, wanted) for folder in (SHIPPED / bundle / "models", run)
    )
    assert after < (before if bundle not in FACTOR else 1.1 * before)


def _distance(bundle, weights, image, wanted):
    """How far the network's result lies from what the labels say."""
    config = ConfigParser(ConfigParser.load_config_file(SHIPPED / bundle / "configs" / "inference.json"))
    network = config.get_parsed_content("network_def").eval()
    load_weights(network, weights)
    with torch.no_grad():
        return (network(image) - wanted).abs().mean().item()


def test_what_changed_for_want_of_labels_is_said(trained):
    bundle, _, log = trained
    assert "the enhancer is trained alone" in log
    assert (
        "the small images are made from them" if bundle == "lizard_sr" else "nothing is degraded in addition"
    ) in log


def test_the_shipped_weights_are_left_alone(trained):
    bundle, run, _ = trained
    assert run.parent.name == "runs" and not (SHIPPED / bundle / "runs").exists()
