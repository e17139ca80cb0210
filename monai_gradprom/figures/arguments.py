# SPDX-License-Identifier: Apache-2.0
"""What the figures' switches admit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ignite.engine import Engine

from monai_gradprom.errors import InputError

from .cases import CLEAN, INPUTS

__all__ = ["check_compared", "check_ids", "check_images"]


def check_images(images: int | str | Sequence[str]) -> int | list[str]:
    """Return the number of images, or the list of their ids.

    Raises:
        InputError: no image would be drawn.
    """
    if isinstance(images, int) and images > 0:
        return images
    if isinstance(images, int) or not images:
        raise InputError(f"figure_images is {images!r}; give a number from 1 on, or a list of ids.")
    return [images] if isinstance(images, str) else [str(name) for name in images]


def check_compared(compared: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return title → weights of the compared enhancers.

    Raises:
        InputError: it is no mapping, or two columns would have one title.
    """
    if not isinstance(compared, Mapping):
        raise InputError(f"compared_weights is {compared!r}; give {{'name': 'path of its model.pt'}}.")
    for taken in {title, CLEAN, *INPUTS} & set(compared):
        raise InputError(f"compared_weights calls an enhancer {taken!r}, as another column is called; rename it.")
    return dict(compared)


def check_ids(wanted: Sequence[str], engine: Engine) -> None:
    """Refuse unknown ids before anything is evaluated, where the data set shows its items.

    Raises:
        InputError: names the unknown id and the nearest that there is.
    """
    loader: Any = engine.state.dataloader
    data = getattr(getattr(loader, "dataset", None), "data", None)
    if not isinstance(data, Sequence) or not all(isinstance(item, Mapping) and "id" in item for item in data):
        return
    known = [str(item["id"]) for item in data]
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {near[0]!r}" if near else f"an id looks like {known[0]!r}" if known else "there is none"
            )
            raise InputError(f"figure_images names {name!r}, which is not among the {len(known)} images: {hint}?")
