# SPDX-License-Identifier: Apache-2.0
"""The GradProm paper's "challenging" mix of two noises and a blur, fixed per image or drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from scipy import ndimage

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation, check_positive, sigma_range
from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd

__all__ = ["ChallengeDegradation", "ChallengeDegradationd", "RandChallengeDegradation", "RandChallengeDegradationd"]


class ChallengeDegradation(Degradation):
    """Gaussian noise, then Poisson noise, then a Gaussian blur (GradProm paper, A-5).

    1. ``x1 = x + sigma * n``, n ~ N(0, 1) independent per pixel and channel;
    2. ``x2 = rate * Poisson(max(x1, 0) / rate)``: mean ``x1``, variance ``rate * x1``;
    3. ``x3`` = a normalised Gaussian kernel, sampled at whole pixels, over the spatial axes of each channel; the border
       is reflected without repeating the edge pixel (SciPy's ``mirror``, PyTorch's ``reflect``);
    4. ``clip(x3)``. Nothing is clamped before, so that the mean survives up to the ``max`` of step 2.

    The paper gives the ingredients ("we further introduce Poisson noise and Gaussian blur on top of" the Gaussian
    noise; rate 0.1, kernel 3, deviation 2.0). Their order and the role of the rate are our reading. Under it the blur
    averages the noise: on mid-grey the variance is (0.09 + 0.05) * 0.112, an 18 dB image, where the Gaussian noise of
    step 1 alone leaves 10.5 dB.

    Args:
        sigma: standard deviation of the Gaussian noise on the [0, 1] scale, >= 0.
        rate: intensity of one count, > 0; larger is noisier.
        kernel_size: side of the blur's kernel in pixels, odd; 1 is no blur.
        blur_sigma: standard deviation of the blur's kernel in pixels, > 0.
        clip: clamp the result to [0, 1].

    Raises:
        InputError: a parameter is outside its range.
    """

    name = "challenge"

    def __init__(
        self,
        sigma: float = 0.3,
        rate: float = 0.1,
        kernel_size: int = 3,
        blur_sigma: float = 2.0,
        clip: bool = True,
    ) -> None:
        if not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
            raise InputError(f"blur kernel_size is {kernel_size!r}; give an odd number of pixels, 1 for no blur.")
        self.sigma, _ = sigma_range(float(sigma) if isinstance(sigma, np.number) else sigma)
        self.rate = check_positive("Poisson rate", rate)
        self.kernel_size = kernel_size
        self.blur_sigma = check_positive("blur_sigma", blur_sigma)
        self.clip = clip

    def parameters(self) -> dict[str, Any]:
        """All arguments of the constructor."""
        names = ("sigma", "rate", "kernel_size", "blur_sigma", "clip")
        return {name: getattr(self, name) for name in names}

    def degrade(self, clean: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        """Steps 1 to 3, in float64 on the CPU, so that replays agree everywhere."""
        image = clean.detach().cpu().double().numpy()
        noisy = image + self.sigma * random.standard_normal(image.shape)
        counted = self.rate * random.poisson(np.maximum(noisy, 0) / self.rate)
        blurred = ndimage.gaussian_filter(
            counted, self.blur_sigma, mode="mirror", radius=self.kernel_size // 2, axes=tuple(range(1, image.ndim))
        )
        return torch.from_numpy(blurred).to(clean.device, clean.dtype)


class RandChallengeDegradation(RandDegradation):
    """The mix drawn anew at every call.

    Args:
        sigma: standard deviation of the Gaussian noise, or a pair (low, high) to draw it from uniformly.
        rate: see :class:`ChallengeDegradation`.
        kernel_size: as there.
        blur_sigma: as there.
        clip: as there.
    """

    def __init__(
        self,
        sigma: float | Sequence[float] = 0.3,
        rate: float = 0.1,
        kernel_size: int = 3,
        blur_sigma: float = 2.0,
        clip: bool = True,
    ) -> None:
        make = partial(ChallengeDegradation, rate=rate, kernel_size=kernel_size, blur_sigma=blur_sigma, clip=clip)
        super().__init__(make, sigma)


class ChallengeDegradationd(Degradationd):
    """Dictionary twin of :class:`ChallengeDegradation`, whose noise belongs to the image.

    Args:
        keys: see :class:`Degradationd`, also for ``id_key``, ``seed`` and ``allow_missing_keys``.
        sigma: see :class:`ChallengeDegradation`, also for the four that follow.
        rate: as there.
        kernel_size: as there.
        blur_sigma: as there.
        clip: as there.
        id_key: as there.
        seed: as there.
        allow_missing_keys: as there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma: float = 0.3,
        rate: float = 0.1,
        kernel_size: int = 3,
        blur_sigma: float = 2.0,
        clip: bool = True,
        id_key: str = "id",
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        mix = ChallengeDegradation(sigma, rate, kernel_size, blur_sigma, clip)
        super().__init__(keys, mix, id_key, seed, allow_missing_keys)


class RandChallengeDegradationd(RandDegradationd):
    """Dictionary twin of :class:`RandChallengeDegradation`: one draw for all keys of an item.

    Args:
        keys: images to degrade.
        sigma: see :class:`RandChallengeDegradation`.
        rate: see :class:`ChallengeDegradation`.
        kernel_size: as there.
        blur_sigma: as there.
        clip: as there.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma: float | Sequence[float] = 0.3,
        rate: float = 0.1,
        kernel_size: int = 3,
        blur_sigma: float = 2.0,
        clip: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        mix = RandChallengeDegradation(sigma, rate, kernel_size, blur_sigma, clip)
        super().__init__(keys, mix, allow_missing_keys)
