# SPDX-License-Identifier: Apache-2.0
"""One copy of pixels that several keys of an item hold: an image that is its own clean target, until it is degraded."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import torch
from monai.data import MetaTensor

__all__ = ["each_once", "view_of", "with_meta_of"]


def view_of(img: torch.Tensor) -> torch.Tensor:
    """The same pixels in memory, with metadata of their own."""
    return with_meta_of(img, img.as_subclass(torch.Tensor).detach())


def with_meta_of(img: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The plain tensor ``out`` with a copy of the metadata of ``img``, if that has any."""
    return MetaTensor(out).copy_meta_from(img) if isinstance(img, MetaTensor) else out


def each_once(
    item: dict[Hashable, Any], jobs: Iterable[tuple[Hashable, Callable[[torch.Tensor], torch.Tensor]]]
) -> None:
    """Replace ``item[key]`` by ``job(item[key])``; of keys that share their pixels only the first one's job is done.

    The others get a :func:`view_of` its result, so that they share that too.

    Args:
        item: changed in place.
        jobs: key and job; jobs of keys that may share pixels must be equal.
    """
    done: dict[tuple[Any, ...], torch.Tensor] = {}
    for key, job in jobs:
        place = _place(item[key])
        if place is not None and place in done:
            item[key] = view_of(done[place])
        else:
            item[key] = job(item[key])
            if place is not None:
                done[place] = item[key]


def _place(img: Any) -> tuple[Any, ...] | None:
    """Where and how the pixels lie; None for what is no tensor, or holds none."""
    if not isinstance(img, torch.Tensor):
        return None
    plain = img.as_subclass(torch.Tensor)  # every look at a MetaTensor takes ten times as long
    place = plain.device, plain.data_ptr(), plain.dtype, tuple(plain.shape), plain.stride()
    return place if plain.numel() else None
