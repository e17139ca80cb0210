# SPDX-License-Identifier: Apache-2.0
"""Lists in which some items lack a label: a mini-batch needs it in all of its items or in none."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from monai_gradprom.errors import InputError

__all__ = ["agree_on_label", "all_labelled"]

_LOGGER = logging.getLogger("monai_gradprom.datasets")


def agree_on_label(items: Sequence[dict[str, Any]], key: str, needed: bool) -> list[dict[str, Any]]:
    """Make all items of a list hold a label, or none.

    Args:
        items: a datalist.
        key: of the label, such as ``"segmentation"``.
        needed: whether somebody learns from it. Then items without it are left out, and counted in a line on the logger
            ``monai_gradprom.datasets``; else the label is left out wherever it is, unless all items have it.

    Returns:
        The items, unchanged or without the key, in their order.

    Raises:
        InputError: the label is needed and no item has it.
    """
    labelled = [item for item in items if key in item]
    if len(labelled) == len(items):
        return list(items)
    if not needed:
        return [{name: value for name, value in item.items() if name != key} for item in items]
    if not labelled:
        raise InputError(
            f"no training image has a {key!r} for the recognizer to learn from: add them to the data, or train with "
            "--strategy enhancer_only --recognizer_pretrain_epochs 0."
        )
    _LOGGER.warning(
        "%d of %d training images have no %s and are left out: the recognizer learns from it.",
        len(items) - len(labelled),
        len(items),
        key,
    )
    return labelled


def all_labelled(items: Sequence[dict[str, Any]], key: str, measure: str) -> bool:
    """Whether every item holds a label; if not, say on the logger which measure is left out for that.

    Args:
        items: a datalist.
        key: of the label, such as ``"segmentation"``.
        measure: what cannot be measured without it, such as ``"mIoU"``.
    """
    lacking = sum(key not in item for item in items)
    if lacking:
        _LOGGER.warning("%s is left out: %d of %d images have no %s.", measure, lacking, len(items), key)
    return not lacking
