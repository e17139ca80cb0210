# SPDX-License-Identifier: Apache-2.0
"""What of a bundle decides the results."""

from __future__ import annotations

from typing import Protocol

from monai_gradprom import __version__

__all__ = ["Loaded", "made_by"]


class Loaded(Protocol):
    """The part of a :class:`~monai_gradprom.enhance.model.network.BundleNetwork` that is compared."""

    name: str
    version: str
    weights_sha256: str
    config_sha256: str
    code_sha256: str | None


def made_by(network: Loaded) -> dict[str, str]:
    """Bundle, weights and this software, in words and digests: equal where the results are."""
    code = {} if network.code_sha256 is None else {"code": network.code_sha256}
    return code | {
        "bundle": network.name,
        "bundle version": network.version,
        "weights": network.weights_sha256,
        "configuration": network.config_sha256,
        "software version": __version__,
    }
