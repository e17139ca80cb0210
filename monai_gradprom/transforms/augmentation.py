# SPDX-License-Identifier: Apache-2.0
"""The augmentation of the GradProm paper: flips, small rotations, centre crops."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.utils import get_random_patch
from monai.transforms import MapTransform
from monai.utils import MAX_SEED, TransformBackends, ensure_tuple, get_seed
from torch.nn import functional as F

from monai_gradprom.choices import check_choice
from monai_gradprom.transforms.random_streams import Reseeded
from monai_gradprom.transforms.resizing import resize_smoothly
from monai_gradprom.transforms.rotation import rotated, rotation_grid
from monai_gradprom.transforms.shared_pixels import each_once, with_meta_of

__all__ = ["Augmentation", "PatchAugmentation", "ScaleAugmentation", "paper_augmentation"]

_RADIANS = math.radians(10)
_SCALES = 0.5, 1.0


def paper_augmentation(
    keys: KeysCollection,
    mask_keys: KeysCollection = (),
    image_size: int | Sequence[int] = 256,
    crop: str = "scale",
) -> Augmentation:
    """Flips along both axes (each p = 0.5), rotation by up to 10 degrees either way, and a crop, alike on all keys.

    It belongs before the degradation: applied after, the interpolation would smooth the noise away.

    Args:
        keys: images [C, W, H], floating point; interpolated linearly, empty corners are 0.
        mask_keys: integer masks [1, W, H]; nearest neighbour, returned as uint8. An item may lack them.
        image_size: side or (width, height) of the result, pixels.
        crop: ``"scale"`` crops the centre at 50 to 100 % of both sides and resizes that to ``image_size`` (with an
            anti-aliasing filter where it shrinks): the paper's. ``"patch"`` cuts a random patch at native resolution,
            padded with 0 where the frame is smaller; it leaves the noise and speckle statistics of the frame alone.

    Returns:
        A random transform for dictionaries; all outputs have the spatial shape ``image_size``.

    Raises:
        InputError: ``crop`` is unknown.
    """
    kinds: dict[str, type[Augmentation]] = {"scale": ScaleAugmentation, "patch": PatchAugmentation}
    return kinds[check_choice("crop", crop, kinds)](keys, mask_keys, image_size)


class Augmentation(Reseeded, MapTransform):
    """Flips, rotation and a crop in one step.

    A composition of MONAI's ``RandFlipd``, ``RandRotated`` and the like gives the same pixels, and seeds mean the same
    draws; but it takes five times as long, most of it to keep a record of what was done to a frame, and to rotate what
    the crop then drops. Here nothing is traced for ``Invertd``, and metadata stay as they are, the affine included.

    Args:
        keys: see :func:`paper_augmentation`.
        mask_keys: as there.
        image_size: as there.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - MONAI's own way

    def __init__(
        self, keys: KeysCollection, mask_keys: KeysCollection = (), image_size: int | Sequence[int] = 256
    ) -> None:
        self.masks = ensure_tuple(mask_keys)
        MapTransform.__init__(self, (*ensure_tuple(keys), *self.masks), allow_missing_keys=True)
        self.size = _pair(image_size)
        self.flips: list[int] = []
        self.angle = 0.0
        self.streams = [np.random.RandomState(0) for _ in range(4)]
        self.set_random_state(seed=get_seed())

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> Augmentation:
        """Seed the draws, as everywhere in MONAI."""
        super().set_random_state(seed, state)
        # one for each draw, as a MONAI Compose of that many transforms has
        for stream in self.streams:
            stream.seed(int(self.R.randint(MAX_SEED, dtype="uint32")))
        return self

    def randomize(self, data: Sequence[int]) -> None:
        """Draw for a frame of the size ``data``, (width, height)."""
        self.flips = [axis for axis in (1, 2) if self.streams[axis - 1].rand() < 0.5]

    def draw_angle(self, stream: np.random.RandomState) -> None:
        """Draw the rotation, in radians."""
        stream.rand()  # RandRotate draws first whether
        self.angle = float(stream.uniform(-_RADIANS, _RADIANS))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move every key alike.

        Raises:
            ValueError: the images and masks are not of one size.
        """
        d = dict(data)
        present = list(self.key_iterator(d))
        sizes = {tuple(d[key].shape[1:]) for key in present}
        if len(sizes) > 1:
            raise ValueError(f"images and masks are of the sizes {sorted(sizes)}; give one. See EnsureSameSized.")
        for size in sizes:
            self.randomize(size)
            grid = self.grid(size)
            each_once(d, [(key, partial(self._augmented, grid=grid, mask=key in self.masks)) for key in present])
        return d

    def _augmented(self, img: torch.Tensor, grid: torch.Tensor, mask: bool) -> torch.Tensor:
        out = self.move(img.as_subclass(torch.Tensor), grid, mask)
        return with_meta_of(img, out.to(torch.uint8) if mask else out)

    @abstractmethod
    def grid(self, size: tuple[int, int]) -> torch.Tensor:
        """Where the pixels come from that are left of a frame of ``size``; see :func:`rotation_grid`."""

    @abstractmethod
    def move(self, img: torch.Tensor, grid: torch.Tensor, mask: bool) -> torch.Tensor:
        """Flip, sample at ``grid`` and crop, [C, W, H] to float32 [C, *size]."""


class ScaleAugmentation(Augmentation):
    """Crop the centre at a random scale, the same along both axes, so that anatomy keeps its proportions."""

    scale = 1.0

    def randomize(self, data: Sequence[int]) -> None:
        """Draw for a frame of the size ``data``, (width, height)."""
        super().randomize(data)
        self.draw_angle(self.streams[2])
        self.scale = float(self.streams[3].uniform(*_SCALES))

    def grid(self, size: tuple[int, int]) -> torch.Tensor:
        """That of the rotated frame's centre."""
        return rotation_grid(size, self.angle, [math.ceil(self.scale * n) for n in size])

    def move(self, img: torch.Tensor, grid: torch.Tensor, mask: bool) -> torch.Tensor:
        """Flip, rotate, crop, resize."""
        return resize_smoothly(rotated(img.flip(self.flips), grid, mask), self.size, mask)


class PatchAugmentation(Augmentation):
    """Cut a random patch at native resolution."""

    corner: Sequence[int] = (0, 0)

    def randomize(self, data: Sequence[int]) -> None:
        """Draw for a frame of the size ``data``, (width, height)."""
        super().randomize(data)
        reach = _reach(self.size)
        padded = [max(n, r) for n, r in zip(data, reach, strict=True)]
        self.corner = [part.start for part in get_random_patch(padded, reach, self.streams[2])]
        self.draw_angle(self.streams[3])

    def grid(self, size: tuple[int, int]) -> torch.Tensor:
        """That of the patch."""
        return rotation_grid(_reach(self.size), self.angle, self.size)

    def move(self, img: torch.Tensor, grid: torch.Tensor, mask: bool) -> torch.Tensor:
        """Cut what the rotated patch can reach out of the flipped and padded frame, and rotate that."""
        widths: list[int] = []
        for axis, (start, side) in enumerate(zip(self.corner, _reach(self.size), strict=True), start=1):
            n = img.shape[axis]
            begin = start - max(side - n, 0) // 2
            low, high = max(begin, 0), min(begin + side, n)
            # flipping the piece is flipping the frame, with the piece's place counted from the other end
            img = img.narrow(axis, n - high if axis in self.flips else low, high - low)
            widths = [low - begin, begin + side - high, *widths]
        return rotated(F.pad(img.flip(self.flips), widths), grid, mask)


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    width, height = (size, size) if isinstance(size, (int, float)) else size
    return int(width), int(height)


def _reach(size: tuple[int, int]) -> tuple[int, int]:
    """Sides of the box that holds a patch of ``size`` under any rotation drawn here, of the same parity as ``size``."""
    cosine, sine = math.cos(_RADIANS), math.sin(_RADIANS)
    width, height = (math.ceil(a * cosine + b * sine) for a, b in (size, size[::-1]))
    return width + (width - size[0]) % 2, height + (height - size[1]) % 2
