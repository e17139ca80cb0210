# SPDX-License-Identifier: Apache-2.0
"""A switch that changes what weights mean but no tensor's shape: written beside them, compared when they are loaded."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from monai_gradprom.errors import InputError

__all__ = ["remember_switch"]


def remember_switch(network: nn.Module, name: str) -> None:
    """Make ``network.state_dict()`` tell its attribute ``name``, and ``load_state_dict`` refuse another value of it.

    The value travels in the state dict's metadata, where PyTorch keeps modules' versions, so that names and tensors
    stay what they were. Weights without it (older ones, or of a file format that keeps tensors alone) are accepted.

    Args:
        network: a network that has the attribute.
        name: of the attribute, a number, text or boolean, which is also the constructor's argument.

    Raises:
        InputError: from ``load_state_dict``, when the weights tell another value; nothing of this network has changed.
    """
    network.register_state_dict_post_hook(partial(_write, name))
    network.register_load_state_dict_pre_hook(partial(_compare, name))


def _write(name: str, network: nn.Module, state_dict: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
    metadata[name] = getattr(network, name)


def _compare(
    name: str, network: nn.Module, state_dict: dict[str, Any], prefix: str, metadata: dict[str, Any], *_: Any
) -> None:
    here = getattr(network, name)
    there = metadata.get(name, here)
    if there != here:
        raise InputError(
            f"the weights were trained with {name} {there!r}, but this {type(network).__name__} has {here!r}; build it "
            f"with the one that they were trained with (of a bundle: --network_def#{name} {there})."
        )
