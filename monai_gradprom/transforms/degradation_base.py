# SPDX-License-Identifier: Apache-2.0
"""What all degradations share: a check, a seed, a limit, a record.

As in TorchIO, a random transform only draws parameters and then applies its deterministic twin.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from monai.data import MetaTensor, get_track_meta
from monai.transforms import Transform
from monai.utils import MAX_SEED, TransformBackends, convert_to_tensor

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.random_streams import Reseeded, stream

__all__ = ["Degradation", "RandDegradation", "check_positive", "sigma_range"]


def sigma_range(sigma: float | Sequence[float]) -> tuple[float, float]:
    """``sigma`` as a pair (low, high); one number is both.

    Raises:
        InputError: it is negative, infinite, no number, or not increasing.
    """
    pair = tuple(sigma) if isinstance(sigma, (list, tuple)) else (sigma, sigma)
    if len(pair) == 2 and all(isinstance(s, (int, float)) for s in pair) and 0 <= pair[0] <= pair[1] < float("inf"):
        return float(pair[0]), float(pair[1])
    raise InputError(f"noise sigma is {sigma!r}; give one number >= 0 or a pair (low, high), on the [0, 1] scale.")


def check_positive(argument: str, value: float, zero: bool = False) -> float:
    """Return ``value`` if it is a finite number above 0, or equal to it where ``zero`` allows.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, (int, float)) and (0 < value < float("inf") or (zero and value == 0)):
        return float(value)
    raise InputError(f"{argument} is {value!r}; give a number {'>=' if zero else '>'} 0.")


class Degradation(Transform, ABC):
    """A degradation that is the same for the same image and seed.

    All randomness comes from ``numpy.random.RandomState(seed)``, whose stream NumPy has frozen: the same seed is the
    same noise under every version.

    A subclass has a ``name``, says its ``parameters()``, which are also the keyword arguments of its constructor, and
    computes ``degrade()``.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - MONAI's own way
    name: ClassVar[str]
    #: False for a degradation that draws nothing, so that its images need no id
    seeded: ClassVar[bool] = True
    clip: bool = True

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments that make an equal transform; plain numbers and names, which JSON can hold."""

    @abstractmethod
    def degrade(self, clean: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        """The degraded image, not yet clamped; ``clean`` [C, *spatial] stays as it is."""

    def __call__(self, img: torch.Tensor | np.ndarray, seed: int) -> torch.Tensor:  # type: ignore[override]
        """Degrade with the noise of ``seed``.

        Args:
            img: floating-point image [C, *spatial] on the [0, 1] scale, grey or colour, 2-D or 3-D.
            seed: 0 to 2**32 - 1.

        Returns:
            The degraded image, same dtype, clamped to [0, 1] if ``clip``; a MetaTensor has the record in
            ``meta["degradation"]``.

        Raises:
            ValueError: ``img`` is of an integer dtype, so that sigma would be in the wrong units.
        """
        clean: torch.Tensor = convert_to_tensor(img, track_meta=get_track_meta())
        if not clean.is_floating_point():
            raise ValueError(f"Expected an image scaled to [0, 1], got {clean.dtype}. Did you apply ScaleStoredRange?")
        tensor = clean.as_tensor() if isinstance(clean, MetaTensor) else clean
        out = self.degrade(tensor, stream(seed))
        if self.clip:
            out = out.clamp(0.0, 1.0)
        if not isinstance(clean, MetaTensor):
            return out
        # the copy has metadata of its own: the clean image must not carry the record
        degraded = MetaTensor(out).copy_meta_from(clean)
        noise = {"seed": int(seed)} if self.seeded else {}
        degraded.meta["degradation"] = {"degradation": self.name, **self.parameters(), **noise}
        return degraded


class RandDegradation(Reseeded, Transform):
    """A degradation drawn anew at every call.

    Args:
        make: builds the deterministic twin for a sigma.
        sigma: standard deviation on the [0, 1] scale, or a pair (low, high) to draw it from uniformly.

    Raises:
        InputError: ``sigma`` or another parameter is unusable.
    """

    backend = Degradation.backend

    def __init__(self, make: Callable[[float], Degradation], sigma: float | Sequence[float]) -> None:
        self.sigma_range = sigma_range(sigma)
        self.make = make
        self.sigma, self.seed = self.sigma_range[0], 0
        make(self.sigma)

    def randomize(self, data: Any = None) -> None:
        """Draw ``sigma`` and the noise's ``seed``."""
        self.sigma = float(self.R.uniform(*self.sigma_range))
        self.seed = int(self.R.randint(MAX_SEED, dtype="uint32"))

    def __call__(self, img: torch.Tensor | np.ndarray, randomize: bool = True) -> torch.Tensor:
        """Degrade, see :meth:`Degradation.__call__`; ``randomize=False`` repeats the last draw."""
        if randomize:
            self.randomize()
        return self.make(self.sigma)(img, self.seed)
