# SPDX-License-Identifier: Apache-2.0
"""Writing chest phantoms as COVID-CT unpacks: mixed modes and formats, odd file names, lists of the official split."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError
from .ct_phantom import CT_CLASSES, draw_chest_ct
from .split_sizes import check_seed, split_sizes

__all__ = ["covidct_name", "write_covidct"]


def covidct_name(number: int) -> str:
    """File name of an image, as odd as the real ones, which were cut out of papers: percent signs, spaces, long stems.

    Args:
        number: of the image, >= 1; odd ones belong to COVID, even ones to NonCOVID.
    """
    rank = (number + 1) // 2
    names = {
        "COVID": (
            f"Phantoms-of-chest-slices-for-trying-the-commands-before-the-real-set-has-been-downloaded-and-for-testing-"
            f"that-long-names-are-read_2026_Sample-Data-p{rank + 2}-{7 * rank}%{rank}.png",
            f"2026.{1 + rank % 12:02d}.{1 + rank % 28:02d}.2600{rank:04d}-p{rank % 9 + 3}-{5 * rank}_1%{rank % 4}.png",
            f"never a patient {rank} (figure 2)-p{rank % 9 + 3}-41.png",
            f"PIIS0000SYNTHETIC{rank:04d}%{rank % 6}.png",
        ),
        "NonCOVID": (f"{1000 + rank}.png", f"{rank}%{rank % 4}.png", f"{rank} b%1.jpg", f"{rank}%0.png"),
    }
    return names[CT_CLASSES[(number + 1) % 2]][rank % 4]


def write_covidct(
    root: Path,
    seed: int = 0,
    images: int = 48,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> None:
    """Write a set of phantoms.

    Args:
        root: folder that will hold `Images-processed/CT_{COVID,NonCOVID}/` and `Data-split/{COVID,NonCOVID}/`.
        seed: 0 to 2³² - 1; the same seed gives the same bytes (with the same numpy, scipy, Pillow, zlib and libjpeg).
        images: how many, an even number from 6 to 9998, half of them COVID; an image does not depend on this number,
            its subset does: of 48, 32 are for training, 6 for validation and 10 for testing. Half of the images are
            stored as grey, a quarter as RGB, a quarter as RGBA; a quarter of NonCOVID as JPEG.
        progress: wraps the iteration over file names, as `tqdm` does.

    Raises:
        InputError: for a seed or a number of images out of range.
    """
    check_seed(seed)
    if images % 2 or not 6 <= images <= 9998:
        raise InputError(f"images is {images}; give an even number from 6 to 9998.")
    sizes = split_sizes(images // 2, 3 / 24, 5 / 24)
    names = {covidct_name(number): number for number in range(1, images + 1)}
    for code, diagnosis in enumerate(CT_CLASSES):
        (root / "Images-processed" / f"CT_{diagnosis}").mkdir(parents=True, exist_ok=True)
        lists = root / "Data-split" / diagnosis
        lists.mkdir(parents=True, exist_ok=True)
        left = list(names)[code::2]
        for subset, size in zip(("train", "val", "test"), sizes, strict=True):
            text = "".join(f"{name}\n" for name in left[:size])
            (lists / f"{subset}CT_{diagnosis}.txt").write_text(text, newline="\n")
            left = left[size:]
    for name in progress(list(names)):
        phantom = draw_chest_ct(seed, names[name])
        image = Image.fromarray(_stored(phantom.render(), names[name]))
        options = {"quality": 95} if name.endswith(".jpg") else {"optimize": True}
        image.save(root / "Images-processed" / f"CT_{phantom.diagnosis}" / name, **options)


def _stored(grey: np.ndarray, number: int) -> np.ndarray:
    """The picture with one, three equal, or three equal channels and an opaque fourth one."""
    channels = (1, 3, 1, 4)[(number + 1) // 2 % 4]
    if channels == 1:
        return grey
    picture = np.repeat(grey[..., None], channels, axis=-1)
    picture[..., 3:] = 255
    return picture
