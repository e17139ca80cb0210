# SPDX-License-Identifier: Apache-2.0
"""Loading a network's own weights from a file. Nothing is ever unpickled freely."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.tensor_files import DamagedFile, UnsafeFile, read_tensors

__all__ = ["StateDict", "differences", "load_weights", "read_state_dict"]

StateDict = dict[str, torch.Tensor]


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Load a network's own weights, strictly: every name and shape must agree, and the switches that the file tells.

    On an error nothing is changed.

    Args:
        network: the network to fill.
        path: a file with a bare state dict, or with one under "model" (a checkpoint of training).

    Raises:
        InputError: the file is missing, damaged, not a state dict, unsafe to unpickle, of another architecture, or of
            another value of a switch that :func:`remember_switch` wrote beside them.
    """
    found, expected = read_state_dict(path), network.state_dict()
    misfits = differences(found, expected)
    if misfits:
        raise InputError(
            f"the weights {os.fspath(path)} do not fit {type(network).__name__}: {'; '.join(misfits)}; "
            "use the weights of this network, or build the network with the options that they were trained with."
        )
    try:
        network.load_state_dict(found)
    except InputError as error:  # a switch that no shape tells
        raise InputError(f"{os.fspath(path)}: {error}") from None


def read_state_dict(path: str | os.PathLike[str]) -> StateDict:
    """Read a bare state dict, or one under "model", onto the CPU.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing, damaged, not a state dict, or unsafe to unpickle.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"the weights {file} are not there; give the path of an existing .pt or .pth file.")
    try:
        content = read_tensors(file)
    except UnsafeFile as error:
        raise InputError(
            f"the weights {file} hold more than tensors, which could run code, or are no PyTorch file; "
            "save a bare state dict (torch.save(network.state_dict(), ...)) and use that."
        ) from error
    except DamagedFile as error:
        raise InputError(
            f"the weights {file} cannot be read ({error}): it is damaged or a TorchScript archive; "
            "copy it again or use the .pt file with the state dict."
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise InputError(f"the weights {file} are not a state dict (names to tensors), nor hold one under 'model'.")
    return content if isinstance(content, dict) else dict(content)  # an OrderedDict carries PyTorch's metadata


def differences(found: StateDict, expected: StateDict) -> list[str]:
    """Describe what keeps ``found`` from fitting ``expected``; empty if nothing does."""
    reshaped = [
        f"{name} is {list(found[name].shape)} instead of {list(expected[name].shape)}"
        for name in expected
        if name in found and found[name].shape != expected[name].shape
    ]
    groups = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "of another shape": reshaped,
    }
    return [f"{len(names)} {kind} ({names[0]}{', ...' * (len(names) > 1)})" for kind, names in groups.items() if names]
