# SPDX-License-Identifier: Apache-2.0
"""Too dark, too flat and noisy: the degradation of Deep Perceptual Enhancement, fixed per image or drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.formats.luminance import WEIGHTS
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation, sigma_range
from monai_gradprom.transforms.random_streams import stream

__all__ = ["NOISES", "PAPER_FACTORS", "PAPER_SIGMA", "PerceptualDegradation", "RandPerceptualDegradation"]

NOISES = ("gaussian", "uniform")
"""What may be added: Gaussian noise, or the released code's."""

PAPER_FACTORS = (0.1, 0.8)
"""From where the released code draws the factors of brightness and of contrast."""

PAPER_SIGMA = (0.0, 0.1**1.5 / 2)
"""From where it draws the strength of its noise, here on the [0, 1] scale (0 to 0.0158)."""

Range = float | Sequence[float]


class PerceptualDegradation(Degradation):
    """Less brightness, less contrast, then noise.

    Sharif et al., "Deep Perceptual Enhancement for Medical Image Analysis", IEEE JBHI 26(10), 2022:

    1. ``x1 = brightness * x``;
    2. ``x2 = contrast * x1 + (1 - contrast) * m``, m the mean luminance (BT.601) of ``x1``, as Pillow and torchvision
       change contrast; of images that are not RGB the mean over all channels;
    3. ``x3 = x2 + sigma * n``, n per pixel and channel: N(0, 1) for ``"gaussian"``, U(0, 1) for ``"uniform"``.

    ``"uniform"`` is what the released code adds under the name of Gaussian noise: never negative, it brightens by
    ``sigma / 2`` on average and has the deviation ``sigma / sqrt(12)``. There sigma is drawn from U(0, 0.0316) for
    images in [-1, 1], that is :data:`PAPER_SIGMA` here. Steps 1 and 2 commute, so that the released code's random order
    of them changes nothing; it does them on 8-bit images and loses grey levels, which is not repeated here.

    Each of the three strengths is a number or a pair (low, high). What a pair leaves open is drawn uniformly from the
    seed, before the noise, and the record holds what was drawn.

    Args:
        brightness: factor, 0 to 1; 1 changes nothing.
        contrast: factor, 0 to 1; 1 changes nothing, 0 leaves a flat image.
        sigma: strength of the noise on the [0, 1] scale, >= 0.
        noise: ``"gaussian"`` or ``"uniform"``.
        clip: clamp the result to [0, 1].

    Raises:
        InputError: an argument is outside its range.
    """

    name = "perceptual"

    def __init__(
        self,
        brightness: Range = PAPER_FACTORS,
        contrast: Range = PAPER_FACTORS,
        sigma: Range = PAPER_SIGMA,
        noise: str = "gaussian",
        clip: bool = True,
    ) -> None:
        self.brightness = _factor_range("brightness", brightness)
        self.contrast = _factor_range("contrast", contrast)
        self.sigma = sigma_range(sigma)
        self.noise = check_choice("noise", noise, NOISES)
        self.clip = clip

    def parameters(self) -> dict[str, Any]:
        """All arguments of the constructor: numbers where nothing is left to draw, else pairs."""
        ranges = {"brightness": self.brightness, "contrast": self.contrast, "sigma": self.sigma}
        settled = {name: low if low == high else [low, high] for name, (low, high) in ranges.items()}
        return {**settled, "noise": self.noise, "clip": self.clip}

    def draw(self, random: np.random.RandomState) -> tuple[float, float, float]:
        """Brightness, contrast and sigma; takes three numbers from ``random`` even where nothing is left to draw."""
        brightness, contrast, sigma = (random.uniform(*pair) for pair in (self.brightness, self.contrast, self.sigma))
        return brightness, contrast, sigma

    def __call__(self, img: torch.Tensor | np.ndarray, seed: int) -> torch.Tensor:  # type: ignore[override]
        """Degrade with the strengths and the noise of ``seed``, see :meth:`Degradation.__call__`."""
        settled = PerceptualDegradation(*self.draw(stream(seed)), self.noise, self.clip)
        return super(PerceptualDegradation, settled).__call__(img, seed)

    def degrade(self, clean: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        """Steps 1 to 3."""
        brightness, contrast, sigma = self.draw(random)
        draw = random.standard_normal if self.noise == "gaussian" else random.random_sample
        noise = torch.from_numpy(draw(tuple(clean.shape))).to(clean.device, clean.dtype)
        return self.relight(clean[None], brightness, contrast)[0] + sigma * noise

    @staticmethod
    def relight(clean: torch.Tensor, brightness: float | torch.Tensor, contrast: float | torch.Tensor) -> torch.Tensor:
        """Steps 1 and 2 for images [B, C, *spatial], each with its own mean; the factors broadcast."""
        dark = brightness * clean
        return contrast * dark + (1 - contrast) * _mean_luminance(dark)


class RandPerceptualDegradation(RandDegradation):
    """The degradation drawn anew at every call.

    Args:
        sigma: see :class:`PerceptualDegradation`, also for what follows.
        brightness: as there.
        contrast: as there.
        noise: as there.
        clip: as there.
    """

    def __init__(
        self,
        sigma: Range = PAPER_SIGMA,
        brightness: Range = PAPER_FACTORS,
        contrast: Range = PAPER_FACTORS,
        noise: str = "gaussian",
        clip: bool = True,
    ) -> None:
        super().__init__(partial(PerceptualDegradation, brightness, contrast, noise=noise, clip=clip), sigma)


def _mean_luminance(images: torch.Tensor) -> torch.Tensor:
    """Of each image of [B, C, *spatial], [B, 1, ..., 1]."""
    means = images.flatten(2).mean(dim=2)
    luminance = means @ means.new_tensor(WEIGHTS) if means.shape[1] == len(WEIGHTS) else means.mean(dim=1)
    return luminance.view(-1, *[1] * (images.ndim - 1))


def _factor_range(name: str, factor: Range) -> tuple[float, float]:
    pair = tuple(factor) if isinstance(factor, (list, tuple)) else (factor, factor)
    if len(pair) == 2 and all(isinstance(value, (int, float)) for value in pair) and 0 <= pair[0] <= pair[1] <= 1:
        return float(pair[0]), float(pair[1])
    raise InputError(f"the factor of {name} is {factor!r}; give one number from 0 to 1, or a pair (low, high) of them.")
