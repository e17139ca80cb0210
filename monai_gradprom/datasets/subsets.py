# SPDX-License-Identifier: Apache-2.0
"""What every data set does alike: draw a split by a seed, and say what a subset holds and lacks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError

__all__ = ["SPLITS", "SUBSETS", "check_subset", "draw_parts", "finish_list", "report_list"]

SUBSETS = ("training", "validation", "testing")
SPLITS = ("official", "paper")
_LOGGER = logging.getLogger("monai_gradprom.datasets")


def check_subset(subset: str, split: str) -> None:
    """Refuse an unknown name.

    Raises:
        InputError: ``subset`` is none of ``SUBSETS`` or ``split`` none of ``SPLITS``.
    """
    check_choice("subset", subset, SUBSETS)
    check_choice("split", split, SPLITS)


def draw_parts(names: Iterable[str], seed: int, testing: float, validation: float) -> dict[str, list[str]]:
    """Deal names at random to training, validation and testing.

    Args:
        names: unique names; their order is of no account.
        seed: 0 to 2**32 - 1; the same seed gives the same parts under every NumPy, whose RandomState is frozen.
        testing: the part of all names that goes there, 0 to 1; at least one name, unless it is 0.
        validation: likewise, taken out of what testing leaves.

    Returns:
        ``{"training": [...], "validation": [...], "testing": [...]}``, each sorted.

    Raises:
        InputError: the seed is out of range.
    """
    if not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed}; give a whole number from 0 to {2**32 - 1}.")
    order = np.random.RandomState(seed).permutation(sorted(names)).tolist()
    first, second = (max(1, round(part * len(order))) if part else 0 for part in (testing, validation))
    return {
        "training": sorted(order[first + second :]),
        "validation": sorted(order[first : first + second]),
        "testing": sorted(order[:first]),
    }


def report_list(title: str, what: str, gaps: Mapping[str, int]) -> None:
    """Say in one line on the logger ``monai_gradprom.datasets`` what a list holds; a gap makes it a warning.

    Args:
        title: such as ``"CAMUS training (official split)"``.
        what: such as ``"12 images"``.
        gaps: what is missing → how often.
    """
    missing = _enumerate(gaps)
    level = logging.WARNING if missing else logging.INFO
    _LOGGER.log(level, "%s: %s%s", title, what, f"; missing: {missing}" if missing else "")


def finish_list(
    items: list[dict[str, Any]], title: str, root: str | Path, gaps: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Report a list of images (see :func:`report_list`) and return it.

    Args:
        items: the list.
        title: as in :func:`report_list`.
        root: the folder that was searched, for the message.
        gaps: as in :func:`report_list`.

    Raises:
        InputError: the list is empty.
    """
    if not items:
        missing = f" (missing: {_enumerate(gaps)})" if any(gaps.values()) else ""
        raise InputError(
            f"dataset_dir {str(root)!r} has no image for {title}{missing}; "
            "complete the archive or choose another split."
        )
    report_list(title, f"{len(items)} images", gaps)
    return items


def _enumerate(gaps: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in gaps.items() if count)
