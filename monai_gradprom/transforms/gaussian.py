# SPDX-License-Identifier: Apache-2.0
"""Gaussian noise, fixed per image or drawn anew, recorded in the metadata.

As in TorchIO, the random transform only draws parameters and then applies its deterministic twin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor, get_track_meta
from monai.transforms import Randomizable, Transform
from monai.utils import MAX_SEED, TransformBackends, convert_to_tensor

from monai_gradprom.errors import InputError

__all__ = [
    "GaussianDegradation",
    "RandGaussianDegradation",
]


def _sigma_range(sigma: float | Sequence[float]) -> tuple[float, float]:
    pair = tuple(sigma) if isinstance(sigma, (list, tuple)) else (sigma, sigma)
    if len(pair) == 2 and all(isinstance(s, (int, float)) for s in pair) and 0 <= pair[0] <= pair[1] < float("inf"):
        return float(pair[0]), float(pair[1])
    raise InputError(f"noise sigma is {sigma!r}; give one number >= 0 or a pair (low, high), on the [0, 1] scale.")


class GaussianDegradation(Transform):
    """Additive white Gaussian noise: ``clip(x + sigma * n)``, n ~ N(0, 1) independent per pixel and channel.

    The noise comes from ``numpy.random.RandomState(seed)``, whose stream NumPy has frozen: the same seed is the same
    noise under every version. With clipping to [0, 1], as in ESTR, the noise is no longer of zero mean near black and
    white.

    Args:
        sigma: standard deviation on the [0, 1] scale, >= 0; 0 leaves the image as it is.
        clip: clamp the result to [0, 1].

    Raises:
        InputError: ``sigma`` is negative or not a number.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - MONAI's own way

    def __init__(self, sigma: float, clip: bool = True) -> None:
        self.sigma, _ = _sigma_range(float(sigma) if isinstance(sigma, np.number) else sigma)
        self.clip = clip

    def __call__(self, img: torch.Tensor | np.ndarray, seed: int) -> torch.Tensor:  # type: ignore[override]
        """Add the noise of ``seed``.

        Args:
            img: floating-point image on the [0, 1] scale, any shape.
            seed: 0 to 2**32 - 1.

        Returns:
            The degraded image, same shape and dtype; a MetaTensor has the record in ``meta["degradation"]``.

        Raises:
            ValueError: ``img`` is of an integer dtype, so that sigma would be in the wrong units.
        """
        clean: torch.Tensor = convert_to_tensor(img, track_meta=get_track_meta())
        if not clean.is_floating_point():
            raise ValueError(f"Expected an image scaled to [0, 1], got {clean.dtype}. Did you apply ScaleStoredRange?")
        noise = torch.from_numpy(np.random.RandomState(seed).standard_normal(tuple(clean.shape)))
        # clone() gives the result metadata of its own: the clean image must not carry the record
        out = clean.clone().add_(self.sigma * noise.to(clean.device, clean.dtype))
        if self.clip:
            out = out.clamp_(0.0, 1.0)
        if isinstance(out, MetaTensor):
            out.meta["degradation"] = {
                "degradation": "gaussian", "sigma": self.sigma, "seed": int(seed), "clip": self.clip
            }  # fmt: skip
        return out


class RandGaussianDegradation(Randomizable, Transform):
    """Gaussian noise drawn anew at every call.

    Args:
        sigma: standard deviation on the [0, 1] scale, or a pair (low, high) to draw it from uniformly.
        clip: see :class:`GaussianDegradation`.
    """

    backend = GaussianDegradation.backend

    def __init__(self, sigma: float | Sequence[float], clip: bool = True) -> None:
        self.sigma_range = _sigma_range(sigma)
        self.clip = clip
        self.sigma, self.seed = self.sigma_range[0], 0

    def randomize(self, data: Any = None) -> None:
        """Draw ``sigma`` and the noise's ``seed``."""
        self.sigma = float(self.R.uniform(*self.sigma_range))
        self.seed = int(self.R.randint(MAX_SEED, dtype="uint32"))

    def __call__(self, img: torch.Tensor | np.ndarray, randomize: bool = True) -> torch.Tensor:
        """Degrade; ``randomize=False`` repeats the last draw."""
        if randomize:
            self.randomize()
        return GaussianDegradation(self.sigma, self.clip)(img, self.seed)
