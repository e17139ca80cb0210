# SPDX-License-Identifier: Apache-2.0
"""Writing histology phantoms as Lizard lays out its release: two image folders, `.mat` labels, `info.csv`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat
from skimage.measure import regionprops

from ..errors import InputError
from .nuclei_phantom import NucleiPhantom, draw_composition, nuclei_phantom
from .split_sizes import check_seed
from .texture import image_rng

__all__ = ["draw_slide", "lizard_folds", "write_lizard", "write_lizard_label"]

DOMINANT = (2, 3, 6, 4, 1, 5)
"""Dominant class of three images each, one for every fold, and then from the start; the rarer in life come last."""

HEADER = b"MATLAB 5.0 MAT-file, synthetic nuclei".ljust(116)
"""In the place of scipy's, which names the time and the platform: the same labels are the same bytes."""


def lizard_folds(images: int) -> dict[str, int]:
    """Fold (1 to 3) of each image, "phantom_1" and so on, one after the other.

    Raises:
        InputError: for fewer than 5 images or more than 9999.
    """
    if not 5 <= images <= 9999:
        raise InputError(f"images is {images}; give 5 (a named one for each fold, two with less) to 9999.")
    return {f"phantom_{number}": (number - 1) % 3 + 1 for number in range(1, images + 1)}


def draw_slide(seed: int, number: int) -> NucleiPhantom:
    """Draw an image of a set, of 256 to 320 rows and columns.

    Args:
        seed: of the set, 0 to 2³² - 1.
        number: of the image, 1 or more. Of 18 images in sequence, every class is dominant in one image of each fold.
    """
    rng = image_rng(seed, number)
    shape = int(rng.randint(256, 321)), int(rng.randint(256, 321))
    return nuclei_phantom(rng, shape, draw_composition(rng, DOMINANT[(number - 1) // 3 % len(DOMINANT)]))


def write_lizard(
    root: Path, seed: int = 0, images: int = 30, progress: Callable[[Iterable[str]], Iterable[str]] = iter
) -> None:
    """Write a set of phantoms.

    As folders in use are: the last image has no label file, and in the one before it all classes are 0, unknown.

    Args:
        root: folder that will hold `lizard_images1/`, `lizard_images2/` and `lizard_labels/`.
        seed: 0 to 2³² - 1; the same seed gives the same bytes (with the same numpy, scipy, Pillow and zlib).
        images: how many, 5 to 9999; an image does not depend on this number.
        progress: wraps the iteration over image names, as `tqdm` does.

    Raises:
        InputError: for a seed or a number of images out of range.
    """
    check_seed(seed)
    folds = lizard_folds(images)
    labels = root / "lizard_labels" / "Lizard_Labels"
    folders = [root / f"lizard_images{part}" / f"Lizard_Images{part}" for part in (1, 2)]
    for folder in (*folders, labels / "Labels"):
        folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{name},phantom,{fold}\n" for name, fold in folds.items())
    (labels / "info.csv").write_text(f"Filename,Source,Split\n{rows}", newline="\n")
    for number, name in enumerate(progress(list(folds)), start=1):
        slide = draw_slide(seed, number)
        # The official release has 80 and 158 images in its two folders.
        Image.fromarray(slide.image).save(folders[3 * number > images] / f"{name}.png", optimize=True)
        if number < images:
            classes = slide.classes if number < images - 1 else np.zeros_like(slide.classes)
            write_lizard_label(labels / "Labels" / f"{name}.mat", slide.inst_map, classes)


def write_lizard_label(path: Path, inst_map: NDArray[np.int32], classes: NDArray[np.int32]) -> None:
    """Write one label file, reproducibly.

    Args:
        path: the `.mat` file. It holds `inst_map`, and for each nucleus `id` [N, 1], `class` [N, 1], `bbox` [N, 4]
            (first row, row after the last, first column, column after the last) and `centroid` [N, 2] (x, y).
        inst_map: int [rows, columns] with the numbers 0 (outside) to N, each of which occurs.
        classes: int [N], 0 (unknown) to 6.
    """
    regions = regionprops(inst_map)
    boxes = [(row, row_end, column, column_end) for row, column, row_end, column_end in (r.bbox for r in regions)]
    content = {
        "inst_map": np.asarray(inst_map, np.int32),
        "id": np.array([[region.label] for region in regions], np.int32),
        "class": np.asarray(classes, np.int32)[:, None],
        "bbox": np.array(boxes, np.int32),
        "centroid": np.array([region.centroid[::-1] for region in regions], np.float64),
    }
    stream = io.BytesIO()
    savemat(stream, content, do_compression=True)
    path.write_bytes(HEADER + stream.getvalue()[len(HEADER) :])
