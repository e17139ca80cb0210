# SPDX-License-Identifier: Apache-2.0
"""A list as training and evaluation take it: what a bundle's configuration asks for in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_gradprom.datasets.labels import agree_on_labels, require_classes
from monai_gradprom.datasets.readable import drop_unreadable

__all__ = ["readable_items", "training_items"]

LABELS = ("diagnosis", "segmentation")


def readable_items(items: Sequence[dict[str, Any]], skip_unreadable: bool = False) -> list[dict[str, Any]]:
    """The items, without those that cannot be decoded if the user allows it; see :func:`drop_unreadable`."""
    return drop_unreadable(items, allowed=skip_unreadable)


def training_items(
    items: Sequence[dict[str, Any]],
    labels_needed: Mapping[str, bool],
    class_names: Mapping[str, Sequence[str]],
    skip_unreadable: bool = False,
    every_class: bool = True,
) -> list[dict[str, Any]]:
    """The items that can be trained on together: with the same labels, of all classes, and readable.

    Args:
        items: a datalist.
        labels_needed: key of a label → whether somebody learns from it; ``diagnosis`` and ``segmentation`` are not
            needed where they are not mentioned. See :func:`agree_on_labels`.
        class_names: key of a class index → its classes; checked where the label is needed.
        skip_unreadable: leave out what cannot be decoded; see :func:`drop_unreadable`.
        every_class: see ``every`` of :func:`require_classes`.

    Raises:
        InputError: by any of these functions.
    """
    agreed = agree_on_labels(items, dict.fromkeys(LABELS, False) | dict(labels_needed))
    kept = drop_unreadable(agreed, allowed=skip_unreadable)
    for key, names in class_names.items():
        if labels_needed.get(key):
            require_classes(kept, key, names, every_class)
    return kept
