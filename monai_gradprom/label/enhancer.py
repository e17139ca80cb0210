# SPDX-License-Identifier: Apache-2.0
"""A bundle that enhances the studies of a server, one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from monai_gradprom import __version__
from monai_gradprom.enhance.derived.provenance import Provenance
from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.pixels.pixel_map import PixelMap
from monai_gradprom.enhance.record.run_key import fingerprint
from monai_gradprom.formats import StoredImage

from .study import Study

__all__ = ["Enhancer"]

_FRAMES = 4


class Enhancer:
    """A bundle's network, with weights loaded strictly, and the pixel map of folder enhancement around it.

    So a result has the source's type, is rounded once and clipped, never wrapped, keeps what lies outside the window,
    and is larger where the network enlarges.

    Args:
        bundle: its folder.
        weights: instead of the shipped file.
        device: as PyTorch calls it, or ``"auto"``.
        strength: 0 keeps the input, 1 takes the result.
        started: of what the derived DICOM objects say, from their key; see :class:`~.started.Started`.

    Raises:
        InputError: the bundle or its weights are at fault.
    """

    def __init__(
        self,
        bundle: Path,
        started: Callable[[str], datetime],
        weights: Path | None = None,
        device: str = "auto",
        strength: float = 1.0,
    ) -> None:
        settings = {} if weights is None else {"weights": str(weights)}
        self.network = BundleNetwork.load(bundle, device, settings)
        self.strength = strength
        self._lock = threading.Lock()  # a server answers several requests at once
        key = fingerprint(
            {
                "by": "MONAI Label",
                "bundle": self.network.name,
                "bundle version": self.network.version,
                "weights": self.network.weights_sha256,
                "configuration": self.network.config_sha256,
                "software version": __version__,
                "strength": float(strength),
            }
        )
        self.provenance = Provenance(
            bundle=self.network.name,
            bundle_version=self.network.version,
            software_version=__version__,
            weights_sha256=self.network.weights_sha256,
            run_key=key,
            started=started(key),
            strength=strength,
        )

    @property
    def factor(self) -> int:
        """By how much the network enlarges."""
        return self.network.factor

    def enhance(self, study: Study) -> list[np.ndarray]:
        """Of each file of ``study`` all frames, [n, C, *(factor * spatial)], in its dtype and stored values.

        Raises:
            InputError: the pixels cannot be read, or the network cannot be applied to them.
        """
        with self._lock:
            return [self._enhanced(image, study.window) for image in study.images]

    def _enhanced(self, image: StoredImage, window: tuple[float, float]) -> np.ndarray:
        pixels = PixelMap(image, window, self.network.domain.network_channels(image), self.strength)
        parts = []
        for start in range(0, image.frames, _FRAMES):
            stored = image.read(start, min(start + _FRAMES, image.frames))
            (made,) = self.network.infer([pixels.to_network(stored)], [pixels.window], _FRAMES)
            parts.append(pixels.from_network(stored, made, self.factor))
        return np.concatenate(parts)
