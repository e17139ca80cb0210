# SPDX-License-Identifier: Apache-2.0
"""How far the enhanced images, as a set, are from a set of good ones."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.utils import convert_to_tensor, evenly_divisible_all_gather
from torch import Tensor

from monai_gradprom.metrics import frechet_distance, kernel_distance

__all__ = ["FeatureDistances"]

_LOGGER = logging.getLogger("monai_gradprom.handlers")
_DISTANCES = {"fid": frechet_distance, "kid": kernel_distance}


class FeatureDistances:
    """FID and KID between an evaluation's images and a set of good ones, which are of other patients.

    An image is described by its features, averaged over all places, so that images may differ in size. What the
    distances mean depends on the features and on the size of the images: compare only what was measured with the same
    network, weights and ``resize``. Inception-v3, which published FIDs are measured with, is not used.

    Writes ``fid, kid`` (the enhanced images) and ``fid_input, kid_input`` (what they were made of) to
    ``engine.state.metrics``; nan, with a warning, where either set has fewer than two images. Put it before
    :class:`MetricReport`. Of several processes each describes its own images.

    Args:
        features: maps images [B, C, W, H] in [0, 1] to features [B, F, ...], such as
            :class:`~monai_gradprom.networks.FeatureNetwork`.
        reference: batches of good images, loaded and scaled as those that are evaluated.
        key: of the image in these batches.
        device: where features are computed.
    """

    def __init__(
        self,
        features: Callable[[Tensor], Tensor],
        reference: Iterable[Mapping[str, Any]],
        key: str = "image",
        device: torch.device | str = "cpu",
    ) -> None:
        self.features = features
        self.reference = reference
        self.key = key
        self.device = torch.device(device)

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        engine.add_event_handler(Events.STARTED, self._restart)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.COMPLETED, self._measure)

    def _restart(self) -> None:
        self._seen: dict[str, list[Tensor]] = {"": [], "_input": []}

    def _collect(self, engine: Engine) -> None:
        state: Any = engine.state
        for item in state.output:
            for key, ending in (("pred", ""), ("baseline", "_input")):
                self._seen[ending].append(self._describe(item[key][None]))

    def _measure(self, engine: Engine) -> None:
        good = torch.cat([self._describe(batch[self.key]) for batch in self.reference])
        state: Any = engine.state
        for ending, parts in self._seen.items():
            # a process without images takes part in the gathering alone
            own = torch.cat(parts) if parts else good[:0]
            seen: Any = evenly_divisible_all_gather(own, concat=True)
            enough = min(len(seen), len(good)) > 1
            if not enough and not ending:
                _LOGGER.warning("FID and KID need two images or more, got %d and %d good ones.", len(seen), len(good))
            for name, distance in _DISTANCES.items():
                state.metrics[name + ending] = float(distance(seen, good)) if enough else math.nan

    @torch.no_grad()
    def _describe(self, images: Tensor) -> Tensor:
        """float32 [B, F] on the CPU."""
        plain = convert_to_tensor(images, track_meta=False).to(self.device, torch.float32)
        return self.features(plain.clamp(0, 1)).flatten(2).mean(dim=2).cpu()
