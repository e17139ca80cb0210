# SPDX-License-Identifier: Apache-2.0
"""What a network declares about itself, read through whatever it is wrapped in."""

from __future__ import annotations

from typing import Any

__all__ = ["declared", "unwrapped"]

# DistributedDataParallel and DataParallel; torch.compile
_WRAPPED = ("module", "_orig_mod")


def unwrapped(network: Any, name: str | None = None) -> Any:
    """Take wrappers off a network until one layer has the attribute ``name``, or until there is no wrapper left.

    Args:
        network: a module, perhaps inside DistributedDataParallel, ``torch.compile`` or both; or any callable.
        name: of an attribute; None takes all wrappers off.
    """
    while name is None or not hasattr(network, name):
        inner = next((getattr(network, key) for key in _WRAPPED if hasattr(network, key)), None)
        if inner is None:
            return network
        network = inner
    return network


def declared(network: Any, name: str, default: Any = None) -> Any:
    """Return the attribute ``name`` of a network, through wrappers and of scripted modules; else ``default``."""
    return getattr(unwrapped(network, name), name, default)
