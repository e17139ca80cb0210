# SPDX-License-Identifier: Apache-2.0
"""Bundles of a few lines, as JSON in a folder, and a recognizer as small for the real ones."""

from __future__ import annotations

import json

import torch

LOAD = {"_target_": "monai_gradprom.transforms.LoadClinicalImaged", "keys": "image"}
SCALE = {"_target_": "monai_gradprom.transforms.ScaleStoredRanged", "keys": "image"}
INVERT = {
    "_target_": "Invertd",
    "keys": "pred",
    "transform": "@preprocessing",
    "orig_keys": "image",
    "nearest_interp": False,
}
SAVE = {
    "_target_": "monai_gradprom.transforms.SaveEnhancedImaged",
    "keys": "pred",
    "output_dir": "$@no_such_id",  # never evaluated
}
IDENTITY = {"_target_": "torch.nn.Identity"}
SHIFT = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1}
SRRESNET = {"_target_": "monai_gradprom.networks.SRResNet", "channels": 4, "num_blocks": 1, "scale_factor": 2}


def tiny_recognizer(**changed):
    """In the place of a bundle's ``recognizer_defs#segmentation``."""
    return {
        "_target_": "UNet",
        "_disabled_": "$@recognition == 'diagnosis'",
        "spatial_dims": 2,
        "in_channels": "@channels",
        "out_channels": "@num_classes#segmentation",
        "channels": [4, 8],
        "strides": [1],  # no halving: any size works
        "norm": "batch",
    } | changed


def shift_by(change, scale=1.0):
    """Weights of SHIFT: a network that answers scale * x + change."""
    return {"weight": torch.full((1, 1, 1, 1), scale), "bias": torch.full((1,), change)}


def image_format(**stated):
    """Metadata that state this of the input."""
    return {"version": "1.2.3", "network_data_format": {"inputs": {"image": stated}}}


def composed(*transforms):
    return {"_target_": "Compose", "transforms": list(transforms)}


def write_bundle(folder, network=IDENTITY, weights=None, metadata=None, without=(), config=None, **parts):
    """Write a bundle; ``config`` and ``parts`` override entries of inference.json, ``without`` leaves some out."""
    content = {
        "imports": ["$import torch"],
        "bundle_root": "/nowhere",
        "device": "$1 / 0",
        "dataset": "$1 / 0",
        "handlers": ["$1 / 0"],
        "evaluator": {"_target_": "nothing.that.is.there", "amp": False},
        "network_def": network,
        "network": "$@network_def.to(@device)",
        "inferer": {"_target_": "monai_gradprom.inferers.HaloInferer", "tile_size": 64},
        "preprocessing": composed(LOAD, SCALE),
        "postprocessing": composed(INVERT, SAVE),
    }
    content |= parts | (config or {})
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    kept = {name: value for name, value in content.items() if name not in without}
    (folder / "configs" / "inference.json").write_text(json.dumps(kept))
    metadata = image_format(num_channels=1) if metadata is None else metadata
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    if weights is not None:
        torch.save(weights, folder / "models" / "model.pt")
    return folder
