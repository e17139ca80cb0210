# SPDX-License-Identifier: Apache-2.0
"""A miniature CAMUS archive, and the bundle's workflows in their smallest form."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

BUNDLE = Path(__file__).parents[2] / "bundles" / "camus_denoise"
CFG = "ED: 1\nES: 2\nNbFrame: 2\nSex: F\nAge: 56\nImageQuality: Good\nEF: 54\nFrameRate: 46.5\n"
SPACING = np.diag([0.4, 0.3, 1.0, 1.0])
CPU = "$torch.device('cpu')"
TINY_NETWORK = {"network_def#channels": 4, "network_def#num_blocks": 1}
TINY_RECOGNIZER = {
    "_target_": "UNet",
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": "$len(@structures) + 1",
    "channels": [4, 8],
    "strides": [2],
    "norm": "batch",
}
TINY_TRAIN = {
    "image_size": 32,
    "batch_size": 2,
    "max_epochs": 1,
    "val_interval": 1,
    "warmup_epochs": 0,
    "recognizer_pretrain_epochs": 0,
}


def frame(rng, shape=(48, 40)):
    """An 8-bit frame with a dark surround and a mask: cavity 1, wall 2, in CAMUS's manner."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    radius = np.hypot(x, y)
    mask = np.select([radius < 0.35, radius < 0.6], [1, 2], 0).astype(np.uint8)
    level = np.array([90, 30, 160])[mask] * (radius < 0.95)
    image = np.clip(level * rng.uniform(0.6, 1.4, shape), 0, 255).astype(np.uint8)
    return image, mask


def save(path, array, affine=SPACING):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def write_archive(root):
    """Three patients, one for each subset, in the layout of the NIfTI release."""
    rng = np.random.default_rng(0)
    for number, subset in enumerate(("training", "validation", "testing"), 1):
        name = f"patient{number:04d}"
        for view in ("2CH", "4CH"):
            for phase in ("ED", "ES"):
                stem = root / "database_nifti" / name / f"{name}_{view}_{phase}"
                for suffix, array in zip((".nii.gz", "_gt.nii.gz"), frame(rng), strict=True):
                    save(Path(f"{stem}{suffix}"), array)
            (stem.parent / f"Info_{view}.cfg").write_text(CFG)
        (root / "database_split").mkdir(exist_ok=True)
        (root / "database_split" / f"subgroup_{subset}.txt").write_text(f"{name}\n")
    return root


@pytest.fixture(scope="session")
def camus(tmp_path_factory):
    """The miniature archive; read only."""
    return write_archive(tmp_path_factory.mktemp("camus"))


@pytest.fixture
def workflow(camus):
    """Build one of the bundle's workflows on the miniature archive, with switches."""

    def build(config="train", tiny_network=True, tiny_recognizer=True, **switches):
        kind = "train" if config == "train" else "infer"
        defaults = {"dataset_dir": str(camus), "device": CPU}
        defaults |= TINY_NETWORK if tiny_network else {}
        defaults |= {"recognizer_def": TINY_RECOGNIZER} if tiny_recognizer and config != "inference" else {}
        defaults |= TINY_TRAIN if config == "train" else {}
        return ConfigWorkflow(
            config_file=str(BUNDLE / "configs" / f"{config}.json"),
            workflow_type=kind,
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
    built = workflow("inference")
    built.parser.parse(reset=True)
    state = built.parser.get_parsed_content("network_def").state_dict()
    noisy = {name: v + 0.05 * torch.randn_like(v) if v.is_floating_point() else v for name, v in state.items()}
    torch.save({name: v.abs() if "running_var" in name else v for name, v in noisy.items()}, tmp_path / "tiny.pt")
    return str(tmp_path / "tiny.pt")
