# SPDX-License-Identifier: Apache-2.0
"""The bundles' workflows in their smallest form, on miniature archives."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_bundles
import torch
from miniatures import WRITERS
from monai.bundle import ConfigWorkflow

BUNDLES = Path(__file__).parents[2] / "bundles"
CPU = "$torch.device('cpu')"
TINY_NETWORK = {"network_def#channels": 4, "network_def#num_blocks": 1}
TINY_DPENET = {"network_def#channels": [4, 6, 8]}
TINY_HQGNET = {"width": 4}
TINY_DISCRIMINATOR = {"discriminator_def#channels": [4, 6]}
TINY_TRAIN = {
    "image_size": 32,
    "batch_size": 2,
    "max_epochs": 1,
    "val_interval": 1,
    "warmup_epochs": 0,
    "recognizer_pretrain_epochs": 0,
}


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Bundle → its miniature archive; read only."""
    made = {}

    def get(bundle):
        if bundle not in made:
            made[bundle] = WRITERS[bundle](tmp_path_factory.mktemp(bundle))
        return made[bundle]

    return get


@pytest.fixture(scope="session")
def camus(archive):
    """The miniature CAMUS archive; read only."""
    return archive("camus_denoise")


@pytest.fixture
def workflow(archive):
    """Build one of a bundle's workflows on its miniature archive (or its sample data), with switches."""

    def build(
        config="train",
        tiny_network=True,
        tiny_recognizer=True,
        bundle="camus_denoise",
        extra=(),
        sample_data=False,
        **switches,
    ):
        defaults = {"device": CPU} | ({} if sample_data else {"dataset_dir": str(archive(bundle))})
        tiny = {"isic2018_perceptual": TINY_DPENET, "camus_unpaired": TINY_HQGNET}
        defaults |= tiny.get(bundle, TINY_NETWORK) if tiny_network else {}
        defaults |= TINY_DISCRIMINATOR if bundle in tiny and config == "train" else {}
        if tiny_recognizer and config != "inference" and bundle != "covidct_denoise":
            defaults |= {"recognizer_defs#segmentation": tiny_bundles.tiny_recognizer()}
        defaults |= TINY_TRAIN if config == "train" else {}
        files = [str(BUNDLES / bundle / "configs" / f"{name}.json") for name in (config, *extra)]
        return ConfigWorkflow(
            config_file=files if extra else files[0],
            workflow_type="train" if config == "train" else "infer",
            logging_file=False,
            **defaults | switches,
        )

    yield build
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = False, False


@pytest.fixture
def run(workflow, tmp_path):
    """Build, initialize, run and finalize; returns the workflow."""

    def go(config="train", **switches):
        built = workflow(config, **{"output_dir": str(tmp_path / "out")} | switches)
        built.initialize()
        built.run()
        built.finalize()
        return built

    return go


@pytest.fixture
def weights(workflow, tmp_path):
    """Weights of the tiny network that visibly change an image."""
    return tiny_weights(workflow("inference"), tmp_path / "tiny.pt")


def tiny_weights(built, path):
    """Save weights of a workflow's network that visibly change an image."""
    built.parser.parse(reset=True)
    state = built.parser.get_parsed_content("network_def").state_dict()
    noisy = {name: v + 0.05 * torch.randn_like(v) if v.is_floating_point() else v for name, v in state.items()}
    torch.save({name: v.abs() if "running_var" in name else v for name, v in noisy.items()}, path)
    return str(path)
