# SPDX-License-Identifier: Apache-2.0
"""Writing skin phantoms as task 1 of ISIC 2018 unpacks: photographs, masks, and a table of diagnoses beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

from .skin_phantom import draw_skin
from .split_sizes import check_seed, split_sizes

__all__ = ["write_isic2018"]

_NO_MASK, _NO_DIAGNOSIS = 2, 4  # numbers of the images that lack something, as in real folders


def write_isic2018(
    root: Path,
    seed: int = 0,
    images: int = 44,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> None:
    """Write a set of phantoms.

    Args:
        root: folder that will hold `ISIC2018_Task1-2_Training_Input/`, `ISIC2018_Task1_Training_GroundTruth/` and
            `diagnosis.csv` (image_id, diagnosis, split). The second image has no mask, the fourth no diagnosis.
        seed: 0 to 2³² - 1; the same seed gives the same bytes (with the same numpy, scipy, Pillow and libjpeg).
        images: how many, 6 to 9999; an image does not depend on this number, its subset does: of 44, 30 are for
            training, 4 for validation and 10 for testing.
        progress: wraps the iteration over image names, as `tqdm` does.

    Raises:
        InputError: for a seed or a number of images out of range.
    """
    check_seed(seed)
    sizes = split_sizes(images, 4 / 44, 10 / 44, least=6)
    photographs, masks = root / "ISIC2018_Task1-2_Training_Input", root / "ISIC2018_Task1_Training_GroundTruth"
    photographs.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    subsets = [name for name, size in zip(("train", "val", "test"), sizes, strict=True) for _ in range(size)]
    table = ["image_id,diagnosis,split\n"]
    # Task 1 has no such numbers: nobody will take a phantom for a lesion of the archive.
    for name in progress([f"ISIC_{90_000 + number:07d}" for number in range(1, images + 1)]):
        number = int(name[-4:])
        phantom = draw_skin(seed, number)
        # 4:4:4 keeps the colours of hairs and dots, which halved chroma would smear.
        Image.fromarray(phantom.render()).save(photographs / f"{name}.jpg", quality=95, subsampling=0)
        if number != _NO_MASK:
            mask = phantom.mask().astype("uint8") * 255
            Image.fromarray(mask).save(masks / f"{name}_segmentation.png", optimize=True)
        diagnosis = "" if number == _NO_DIAGNOSIS else phantom.diagnosis
        table.append(f"{name},{diagnosis},{subsets[number - 1]}\n")
    (root / "diagnosis.csv").write_text("".join(table), newline="\n")
