# SPDX-License-Identifier: Apache-2.0
"""Degradation of whole mini-batches on the device where they are trained on.

The worker that loads an item only draws what shall happen to it, by the same draws as if it degraded it itself; the
trainer then degrades the batch. What an item gets depends on its draw alone, not on its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Randomizable
from torch import Tensor
from torch.nn import functional as F

from monai_gradprom.transforms.challenge import ChallengeDegradation
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation
from monai_gradprom.transforms.degradation_dict import RandDegradationd
from monai_gradprom.transforms.downsample import DownsampleDegradation
from monai_gradprom.transforms.gaussian import GaussianDegradation
from monai_gradprom.transforms.perceptual import PerceptualDegradation
from monai_gradprom.transforms.random_streams import Reseeded, stream
from monai_gradprom.transforms.speckle import SpeckleDegradation

__all__ = ["DRAWN", "BatchDegradation", "DrawDegradationd"]

DRAWN = "degradation_draw"
"""Batch key of what was drawn: ``sigma`` (float64) and ``seed`` (int64), [B] each."""


class DrawDegradationd(RandDegradationd):
    """:class:`RandDegradationd` that leaves the images as they are and notes its draw under ``DRAWN``.

    Args:
        keys: images that :class:`BatchDegradation` will degrade.
        degradation: draws sigma and seed; of a degradation without randomness nothing is drawn.
    """

    def __init__(self, keys: KeysCollection, degradation: RandDegradation | Degradation) -> None:
        MapTransform.__init__(self, keys)
        self.degradation = degradation  # type: ignore[assignment]

    def set_random_state(self, seed: int | None = None, state: Any = None) -> DrawDegradationd:
        """Seed the draws, as everywhere in MONAI."""
        Reseeded.set_random_state(self, seed, state)
        if isinstance(self.degradation, Randomizable):
            self.degradation.set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw for one item."""
        draw = {"sigma": 0.0, "seed": 0}
        if isinstance(self.degradation, Randomizable):
            self.degradation.randomize()
            draw = {"sigma": self.degradation.sigma, "seed": self.degradation.seed}
        return {**data, DRAWN: draw}


class BatchDegradation:
    """Degrade the images of a mini-batch on a device, each as :class:`DrawDegradationd` has drawn for it.

    The formulas are those of the degradation's own class. The noise is torch's, from a generator of the device that is
    seeded for each image: the same draw is the same noise on the same kind of device, but other than NumPy's of the
    per-image transform. All is computed in the images' own dtype.

    Args:
        degradation: what is done; its own sigma does not matter.
        key: of the images in the batch.
    """

    def __init__(self, degradation: Degradation | None, key: str = "image") -> None:
        self.degradation = degradation
        self.key = key

    def __call__(self, batch: Mapping[str, Any], device: torch.device | None = None) -> dict[str, Any]:
        """A batch with degraded images on ``device``; one without draws, degraded already, as it is.

        Args:
            batch: the images, floating-point [B, C, *spatial] in [0, 1], and the draws under ``DRAWN``.
            device: where to; by default where the images are.

        Raises:
            ValueError: the images are of an integer dtype.
        """
        if DRAWN not in batch or self.degradation is None:
            return dict(batch)
        images = batch[self.key]
        clean = (images.as_tensor() if isinstance(images, MetaTensor) else images).to(device, non_blocking=True)
        if not clean.is_floating_point():
            raise ValueError(f"Expected images scaled to [0, 1], got {clean.dtype}. Did you apply ScaleStoredRange?")
        draw = batch[DRAWN]
        sigma = torch.as_tensor(draw["sigma"]).to(clean).view(-1, *[1] * (clean.ndim - 1))
        noise = _Noise([int(seed) for seed in draw["seed"]], clean.device)
        out = _APPLY[type(self.degradation)](self.degradation, clean, sigma, noise)
        return {**batch, self.key: out.clamp(0.0, 1.0) if self.degradation.clip else out}


class _Noise:
    """A stream of random numbers for each image of a batch."""

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.seeds = list(seeds)
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal numbers in the shape of ``like`` [B, ...]."""
        out = torch.empty_like(like)
        for image, generator in zip(out, self.generators, strict=True):
            image.normal_(generator=generator)
        return out

    def uniform(self, like: Tensor) -> Tensor:
        """Numbers from 0 to 1 in the shape of ``like`` [B, ...]."""
        out = torch.empty_like(like)
        for image, generator in zip(out, self.generators, strict=True):
            image.uniform_(generator=generator)
        return out

    def poisson(self, mean: Tensor) -> Tensor:
        """Counts of the mean ``mean`` [B, ...]."""
        pairs = zip(mean, self.generators, strict=True)
        return torch.stack([torch.poisson(image, generator=generator) for image, generator in pairs])


def _gaussian(degradation: Any, clean: Tensor, sigma: Tensor, noise: _Noise) -> Tensor:
    return degradation.add(clean, sigma, noise.normal(clean))


def _challenge(degradation: Any, clean: Tensor, sigma: Tensor, noise: _Noise) -> Tensor:
    noisy = clean + sigma * noise.normal(clean)
    out = degradation.rate * noise.poisson(noisy.clamp_min(0) / degradation.rate)
    radius = degradation.kernel_size // 2
    offsets = torch.arange(-radius, radius + 1, dtype=clean.dtype, device=clean.device)
    weights = torch.exp(-(offsets**2) / (2 * degradation.blur_sigma**2))
    for axis in range(2, clean.ndim):
        out = _blur(out.movedim(axis, -1), weights / weights.sum()).movedim(-1, axis)
    return out.contiguous()


def _blur(lines: Tensor, weights: Tensor) -> Tensor:
    """Weighted means along the last axis, which is reflected without repeating the edge."""
    radius, n = len(weights) // 2, lines.shape[-1]
    padded = F.pad(lines.reshape(1, -1, n), (radius, radius), mode="reflect").view(*lines.shape[:-1], n + 2 * radius)
    # sums of shifted copies: convolutions on a GPU may round to TF32
    return torch.stack([weight * padded[..., k : k + n] for k, weight in enumerate(weights)]).sum(dim=0)


def _perceptual(degradation: Any, clean: Tensor, sigma: Tensor, noise: _Noise) -> Tensor:
    # the factors are those of the per-image transform; only the noise is torch's
    drawn = torch.tensor([degradation.draw(stream(seed)) for seed in noise.seeds], dtype=torch.float64)
    brightness, contrast, _ = drawn.to(clean).T.view(3, *sigma.shape)
    added = noise.normal(clean) if degradation.noise == "gaussian" else noise.uniform(clean)
    return degradation.relight(clean, brightness, contrast) + sigma * added


def _downsample(degradation: Any, clean: Tensor, sigma: Tensor, noise: _Noise) -> Tensor:
    out = degradation.degrade(clean.flatten(0, 1), None)  # images and channels alike are shrunk each by itself
    return out.view(*clean.shape[:2], *out.shape[1:])


_APPLY: dict[type[Degradation], Callable[[Any, Tensor, Tensor, _Noise], Tensor]] = {
    GaussianDegradation: _gaussian,
    SpeckleDegradation: _gaussian,
    ChallengeDegradation: _challenge,
    PerceptualDegradation: _perceptual,
    DownsampleDegradation: _downsample,
}
