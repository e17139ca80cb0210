# SPDX-License-Identifier: Apache-2.0
"""The network that a bundle describes, and the weights that it ships."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import nn

from monai_gradprom.enhance.hashing import sha256_of
from monai_gradprom.errors import InputError
from monai_gradprom.networks import load_weights

from .bundle_config import BundleConfig

__all__ = ["built_network", "load_bundle_weights"]


def built_network(config: BundleConfig) -> nn.Module:
    """The bundle's network, without its weights.

    Raises:
        InputError: it cannot be built, or is no module.
    """
    network = config.built("network" if "network" in config else "network_def")
    if not isinstance(network, nn.Module):
        raise InputError(f"{config.path}: its network is a {type(network).__name__}, not a torch.nn.Module.")
    return network


def load_bundle_weights(config: BundleConfig, network: nn.Module) -> str:
    """Fill ``network`` strictly from the file that ``weights`` names, else from ``models/model.pt``.

    Args:
        config: the bundle.
        network: its network; one without parameters and buffers needs no file.

    Returns:
        The file's SHA-256.

    Raises:
        InputError: the file is missing, damaged, of another network, holds more than tensors, or lies outside of a
            sealed bundle.
    """
    path = config.built("weights") if "weights" in config else config.folder / "models" / "model.pt"
    if not network.state_dict() and (not path or not Path(path).is_file()):
        return hashlib.sha256().hexdigest()
    if not path:
        raise InputError(f"{config.path}: names no weights, so that the network would be untrained; set its weights.")
    if config.sealed and config.folder.resolve() not in Path(path).resolve().parents:
        raise InputError(
            f"the weights {path} lie outside of the bundle, so that --require-sha256 says nothing about them; put them "
            "into the bundle, or leave --require-sha256 out."
        )
    load_weights(network, path)
    return sha256_of(Path(path))
