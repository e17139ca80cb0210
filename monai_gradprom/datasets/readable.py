# SPDX-License-Identifier: Apache-2.0
"""Which files of a list can be decoded, found out before training rather than hours into it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.loading import LoadClinicalImage

__all__ = ["Decoded", "decode_files", "drop_unreadable", "find_faults"]

FILE_KEYS = ("image", "label", "segmentation")
_LOGGER = logging.getLogger("monai_gradprom.datasets")


class Decoded(NamedTuple):
    """What came of decoding a file: its spatial shape, or the reason why not, a sentence that names the file."""

    shape: tuple[int, ...] = ()
    fault: str = ""


def decode_files(
    items: Iterable[dict[str, Any]],
    keys: Iterable[str] = FILE_KEYS,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
    channels: int | None = None,
) -> dict[tuple[str, int | None], Decoded]:
    """Decode every file of a list once (of a sequence, every listed frame), on several threads.

    Args:
        items: a datalist.
        keys: which entries are files; items may lack them.
        progress: wraps the sequence of files, as tqdm does.
        channels: that images must have; see :class:`LoadClinicalImage`. Masks must have one.

    Returns:
        (path, frame) → what came of it; pixels are not kept.
    """
    keys = tuple(keys)
    loaders = {key: LoadClinicalImage(channels=1 if key == "segmentation" else channels) for key in keys}
    wanted = {(str(item[k]), item.get("frame")): loaders[k] for item in items for k in keys if k in item}

    def decode(file: tuple[str, int | None]) -> Decoded:
        try:
            return Decoded(shape=tuple(wanted[file](file[0], frame=file[1]).shape[1:]))
        except InputError as error:
            return Decoded(fault=str(error))

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results = pool.map(decode, wanted)
        return {file: next(results) for file in progress(list(wanted))}


def find_faults(
    items: Sequence[dict[str, Any]],
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
    channels: int | None = None,
) -> dict[str, list[str]]:
    """Decode images and masks, and compare their sizes.

    Args:
        items: a datalist.
        progress: as in :func:`decode_files`.
        channels: as there.

    Returns:
        ``id`` of a faulty item → sentences that name a file and what is wrong with it.
    """
    files = decode_files(items, progress=progress, channels=channels)
    faults = {}
    for item in items:
        found = {key: files[str(item[key]), item.get("frame")] for key in FILE_KEYS if key in item}
        reasons = list(dict.fromkeys(decoded.fault for decoded in found.values() if decoded.fault))
        image, mask = found["image"].shape, found.get("segmentation", found["image"]).shape
        if not reasons and image != mask:
            sizes = " x ".join(map(str, mask)), " x ".join(map(str, image))
            reasons = [f"{item['segmentation']}: is {sizes[0]} (width x height) where its image is {sizes[1]}"]
        if reasons:
            faults[str(item["id"])] = reasons
    return faults


def drop_unreadable(
    items: Sequence[dict[str, Any]],
    keys: Iterable[str] = FILE_KEYS,
    allowed: bool = False,
    channels: int | None = None,
) -> list[dict[str, Any]]:
    """Leave out items with a file that cannot be decoded, where the user allows it.

    Each such file gets a line on the logger ``monai_gradprom.datasets``, and so does their number.

    Args:
        items: a datalist; ``"unreadable": True`` marks an item that a data set could not read itself.
        keys: which entries are files.
        allowed: False decodes no more than what is marked, so that the loader stops at the first other such file.
        channels: as in :func:`decode_files`.

    Returns:
        The items all of whose files can be decoded, in their order.

    Raises:
        InputError: there is no such item; or one is marked, and leaving it out is not allowed.
    """
    keys = tuple(keys)
    suspects = items if allowed else [item for item in items if item.get("unreadable")]
    faults = {file: found.fault for file, found in decode_files(suspects, keys, iter, channels).items() if found.fault}
    if not allowed:
        if faults:
            raise InputError(next(iter(faults.values())))
        return list(items)
    for fault in faults.values():
        _LOGGER.warning("left out: %s", fault)
    kept = [i for i in items if not any((str(i[k]), i.get("frame")) in faults for k in keys if k in i)]
    if items and not kept:
        raise InputError(
            f"none of {len(items)} images can be read (the first: {next(iter(faults.values()))}); "
            "unpack or download them again."
        )
    if faults:
        _LOGGER.warning("%d of %d images are left out: they cannot be read.", len(items) - len(kept), len(items))
    return kept
