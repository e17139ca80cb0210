# SPDX-License-Identifier: Apache-2.0
"""A list as training and evaluation take it: what a bundle's configuration asks for in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monai_gradprom.datasets.labels import agree_on_labels, report_unlabelled, require_classes
from monai_gradprom.datasets.readable import drop_unreadable

__all__ = ["readable_items", "training_items"]

LABELS = ("diagnosis", "segmentation")


def readable_items(
    items: Sequence[dict[str, Any]],
    skip_unreadable: bool = False,
    channels: int | None = None,
    labels: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """The items that can be evaluated or enhanced.

    Args:
        items: a datalist.
        skip_unreadable: leave out what cannot be decoded; see :func:`drop_unreadable`.
        channels: as there.
        labels: that recognition is measured by; see :func:`report_unlabelled`.
    """
    kept = drop_unreadable(items, allowed=skip_unreadable, channels=channels)
    report_unlabelled(kept, labels)
    return kept


def training_items(
    items: Sequence[dict[str, Any]],
    labels_needed: Mapping[str, bool],
    class_names: Mapping[str, Sequence[str]],
    skip_unreadable: bool = False,
    labelled_only: bool = True,
    every_class: bool = True,
    channels: int | None = None,
) -> list[dict[str, Any]]:
    """The items that can be trained on together: with the same labels, of all classes, and readable.

    Two strategies must see the same images to be compared. So an image without a label that the recognition task has
    elsewhere is left out even where nobody learns from labels, unless ``labelled_only`` is False.

    Args:
        items: a datalist.
        labels_needed: key of a label → whether somebody learns from it; ``diagnosis`` and ``segmentation`` are not
            needed where they are not mentioned. See :func:`agree_on_labels`.
        class_names: key of a class index → its classes; checked where the label is needed.
        skip_unreadable: leave out what cannot be decoded; see :func:`drop_unreadable`.
        labelled_only: see above.
        channels: of the images; see :func:`drop_unreadable`.
        every_class: see ``every`` of :func:`require_classes`.

    Raises:
        InputError: by any of these functions.
    """
    readable = drop_unreadable(items, allowed=skip_unreadable, channels=channels)
    wanted = {
        key: needed or (labelled_only and any(key in item for item in readable))
        for key, needed in labels_needed.items()
    }
    kept = agree_on_labels(readable, dict.fromkeys(LABELS, False) | wanted)
    for key, names in class_names.items():
        if labels_needed.get(key):
            require_classes(kept, key, names, every_class)
    return kept
