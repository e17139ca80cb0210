# SPDX-License-Identifier: Apache-2.0
"""Lizard's nuclei labels (Graham et al., ICCV workshops 2021) as a map of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.io
from monai.config import PathLike
from monai.data import ImageReader, is_supported_format
from monai.utils import MetaKeys, ensure_tuple

__all__ = ["LIZARD_CLASSES", "UNKNOWN_NUCLEUS", "LizardLabelReader", "NotNuclei", "nuclei_class_map", "read_nuclei"]

LIZARD_CLASSES = ("neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective")
UNKNOWN_NUCLEUS = len(LIZARD_CLASSES) + 1
_FIELDS = ("inst_map", "id", "class")
_MOST_NUCLEI = 2**24
_MOST_VALUES = 2**27  # a hundred times the pixels of Lizard's largest image


class NotNuclei(ValueError):
    """A file is no nuclei label of Lizard's. Its text is this module's own and quotes no text of the file."""


def read_nuclei(path: PathLike) -> dict[str, np.ndarray]:
    """Read ``inst_map`` [H, W] and the vectors ``id`` and ``class`` [N] of one of Lizard's ``.mat`` files.

    Args:
        path: the file, of MATLAB's formats up to version 7.

    Raises:
        NotNuclei: the file is of MATLAB 7.3 or another version, holds something else, or claims an absurd size.
    """
    try:
        _refuse_huge(path)
        found = scipy.io.loadmat(str(path), variable_names=_FIELDS)
    except NotImplementedError as error:
        raise NotNuclei("it is of MATLAB 7.3; save it again with MATLAB's option -v7") from error
    lacking = [name for name in _FIELDS if name not in found]
    if lacking:
        raise NotNuclei(f"it lacks {', '.join(lacking)} and so is no nuclei label of Lizard's")
    inst_map = np.squeeze(found["inst_map"]) if found["inst_map"].ndim > 2 else found["inst_map"]
    label = {"inst_map": inst_map, "id": found["id"].ravel(), "class": found["class"].ravel()}
    if inst_map.ndim != 2 or any(array.dtype.kind not in "buif" for array in label.values()):
        raise NotNuclei(f"its inst_map is no image of numbers but {inst_map.dtype.name} of shape {inst_map.shape}")
    if label["id"].size != label["class"].size:
        raise NotNuclei(f"it has {label['id'].size} ids but {label['class'].size} classes")
    return label


def _refuse_huge(path: PathLike) -> None:
    """Refuse by its headers what a few kilobytes, inflated, would need gigabytes for."""
    for name, shape, _ in scipy.io.whosmat(str(path)):
        if name in _FIELDS and math.prod(shape) > _MOST_VALUES:
            raise NotNuclei(f"its {name} has {' x '.join(map(str, shape))} values")


def nuclei_class_map(label: dict[str, np.ndarray]) -> np.ndarray:
    """The class of each pixel.

    Args:
        label: as :func:`read_nuclei` gives it; ids may have gaps and any order.

    Returns:
        uint8 [H, W]: 0 background, 1 to 6 Lizard's classes, 7 a nucleus of unknown class (0, or not listed).

    Raises:
        NotNuclei: nuclei are numbered beyond 2**24.
    """
    instances = np.maximum(label["inst_map"], 0).astype(np.int64)
    most = int(instances.max(initial=0))
    if most > _MOST_NUCLEI:
        raise NotNuclei(f"its inst_map numbers nuclei up to {most}")
    ids, classes = label["id"].astype(np.int64), label["class"].astype(np.int64)
    table = np.full(most + 1, UNKNOWN_NUCLEUS, np.uint8)
    known = (ids > 0) & (ids <= most) & (classes > 0) & (classes < UNKNOWN_NUCLEUS)
    table[ids[known]] = classes[known]
    table[0] = 0
    return table[instances]


class LizardLabelReader(ImageReader):
    """Read Lizard's ``.mat`` labels (``inst_map``, ``id``, ``class``) as a map of classes, see `nuclei_class_map`.

    The axes are those of an image that MONAI's PILReader reads, [W, H], so that label and PNG lie on each other.
    :class:`~monai_gradprom.transforms.LoadClinicalImage` uses it for every ``.mat`` file; ``LoadImage(reader=...)`` of
    MONAI takes it as well.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether all the names end in ``.mat``."""
        return bool(is_supported_format(filename, ["mat"]))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        """Read one file, or several.

        Raises:
            NotNuclei: a file is no nuclei label of Lizard's.
        """
        labels = [read_nuclei(path) for path in ensure_tuple(data)]
        return labels if len(labels) > 1 else labels[0]

    def get_data(self, img: Any) -> tuple[np.ndarray, dict]:
        """The map, uint8 [W, H] (several are stacked in front), and its metadata.

        Raises:
            NotNuclei: nuclei are numbered beyond 2**24.
        """
        stacked = isinstance(img, list)
        maps = np.stack([nuclei_class_map(label).T for label in (img if stacked else [img])])
        meta = {
            MetaKeys.AFFINE: np.eye(4),
            MetaKeys.ORIGINAL_AFFINE: np.eye(4),
            MetaKeys.SPATIAL_SHAPE: np.asarray(maps.shape[1:]),
            MetaKeys.ORIGINAL_CHANNEL_DIM: 0 if stacked else float("nan"),
        }
        return (maps if stacked else maps[0]), meta
