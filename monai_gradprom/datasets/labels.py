# SPDX-License-Identifier: Apache-2.0
"""Lists in which some items lack a label: a mini-batch needs it in all of its items or in none."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monai_gradprom.errors import InputError

__all__ = ["agree_on_labels", "report_unlabelled", "require_classes"]

_LOGGER = logging.getLogger("monai_gradprom.datasets")


def agree_on_labels(items: Sequence[dict[str, Any]], needed: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Make all items of a list hold the same labels.

    Args:
        items: a datalist.
        needed: key of a label, such as ``"segmentation"`` → whether somebody learns from it. Items without a needed
            label are left out, and counted in a line on the logger ``monai_gradprom.datasets``; a label that nobody
            needs is left out of the remaining items, unless all of them have it.

    Returns:
        The items, unchanged or without some keys, in their order.

    Raises:
        InputError: no item has a needed label, or all of them.
    """
    wanted = [key for key, somebody in needed.items() if somebody]
    kept = [item for item in items if all(key in item for key in wanted)]
    if items and not kept:
        _refuse(items, wanted)
    lacking = [key for key in wanted if any(key not in item for item in items)]
    if lacking:
        _LOGGER.warning(
            "%d of %d training images have no %s and are left out: the others have %s.",
            len(items) - len(kept),
            len(items),
            " or no ".join(lacking),
            "it" if len(lacking) == 1 else "them",
        )
    useless = {key for key in needed if key not in wanted and any(key not in item for item in kept)}
    return [{k: v for k, v in item.items() if k not in useless} if useless else item for item in kept]


def _refuse(items: Sequence[dict[str, Any]], wanted: Sequence[str]) -> None:
    never = next((key for key in wanted if not any(key in item for item in items)), None)
    if never is not None:
        raise InputError(
            f"no training image has a {never!r} for the recognizer to learn from: add them to the data, or train with "
            "--strategy enhancer_only --recognizer_pretrain_epochs 0."
        )
    raise InputError(
        f"no training image has all of {', '.join(wanted)} for the recognizers to learn from: complete the data, or "
        "train with one of them (--recognition)."
    )


def require_classes(items: Sequence[dict[str, Any]], key: str, names: Sequence[str], every: bool = True) -> None:
    """Check that there is something to learn about each class.

    Args:
        items: a datalist; items without the key do not count.
        key: of the class index, such as ``"diagnosis"``.
        names: the classes in the order of their indices.
        every: False asks for two classes only and reports the rest on the logger ``monai_gradprom.datasets``, for
            classes that are not the set's own, such as Lizard's dominant nuclei.

    Raises:
        InputError: a class has no item (or, without ``every``, all but one), or an item's class is no index of
            ``names``.
    """
    counts = Counter(item[key] for item in items if key in item)
    beyond = [value for value in counts if value not in range(len(names))]
    if beyond:
        item = next(item for item in items if item.get(key) == beyond[0])
        raise InputError(
            f"image {item.get('id', item.get('image'))!r} has {key} {beyond[0]!r}; give 0 to {len(names) - 1} for "
            f"{', '.join(names)}."
        )
    absent = [name for index, name in enumerate(names) if not counts[index]]
    if not absent:
        return
    found = ", ".join(f"{counts[index]} {name}" for index, name in enumerate(names))
    if every or len(names) - len(absent) < 2:
        raise InputError(
            f"no training image is of class {' or '.join(map(repr, absent))} ({key}: {found}); add some to the "
            "training data or its table of labels, or leave the class out."
        )
    _LOGGER.warning("no training image is of class %s (%s: %s).", " or ".join(map(repr, absent)), key, found)


def report_unlabelled(items: Sequence[dict[str, Any]], keys: Iterable[str]) -> None:
    """Say on the logger ``monai_gradprom.datasets`` how many images recognition cannot be measured on.

    Args:
        items: a datalist.
        keys: of the labels that recognition is measured by, such as ``"segmentation"``.
    """
    for key in keys:
        lacking = sum(key not in item for item in items)
        if lacking:
            _LOGGER.warning("recognition is measured without %d of %d images: no %s.", lacking, len(items), key)
