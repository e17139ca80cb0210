# SPDX-License-Identifier: Apache-2.0
"""Functional groups of enhanced multi-frame objects (PS3.3 C.7.6.16)."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

__all__ = ["macros", "value_of"]


def macros(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a functional group macro: one if all frames share it, else one for every frame that has it.

    Args:
        dataset: the header.
        keyword: the macro's sequence, such as ``"PixelMeasuresSequence"``.
    """
    for group in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        found = [frame[keyword].value[0] for frame in dataset.get(group) or () if frame.get(keyword)]
        if found:
            return found
    return []


def value_of(dataset: Dataset, macro: str, keyword: str) -> Any:
    """The value of ``keyword`` at the top of the header, else in ``macro`` of the first frame, else None."""
    value = dataset.get(keyword)
    if value in (None, ""):
        value = next((item.get(keyword) for item in macros(dataset, macro)), None)
    return None if value == "" else value
