# SPDX-License-Identifier: Apache-2.0
"""The first pass: what headers tell, so that all files of a series share one intensity map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod

from monai_gradprom.enhance.record.paths import output_path
from monai_gradprom.enhance.record.row import Status
from monai_gradprom.formats import NotAnImage, StoredImage, open_image
from monai_gradprom.formats.window import own_window, pixel_range, shows_whole_range

from .faults import reason_for
from .frame_memory import check_memory, frames_at_once
from .setup import Setup, Window

__all__ = ["Facts", "LookJob", "RangeJob", "look", "open_in_domain", "range_of"]


@dataclass(frozen=True)
class LookJob:
    """Read the headers of some files, given relative to the input folder."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class RangeJob:
    """Read the pixels of a file whose series states no window."""

    path: str
    series: str


@dataclass(frozen=True)
class Facts:
    """What the header of one file tells."""

    path: str
    status: Status | None = None
    """Why the file is not to be enhanced; None: it is."""
    reason: str | None = None
    format: str | None = None
    series: str | None = None
    """The series that decides the intensity map; None where the file decides it alone."""
    window: Window | None = None
    """In modality units, as this file's header states it."""
    pixels: int | None = None
    modality: str | None = None
    output: str | None = None
    """Where its result goes, relative to the output folder."""


def look(setup: Setup, job: LookJob) -> list[Facts]:
    """The facts of each path."""
    return [_facts(setup, path) for path in job.paths]


def range_of(setup: Setup, job: RangeJob) -> Window | None:
    """Range of the file's pixels in modality units; None if it cannot be read, which is said when its turn comes."""
    try:
        image = open_image(setup.input / job.path)
        return pixel_range(image, frames_at_once(setup, image))
    except Exception:
        return None


def open_in_domain(setup: Setup, path: str) -> StoredImage:
    """Open a file whose header says that the bundle is made for it.

    Raises:
        NotAnImage: it is no image, or lies outside the bundle's domain; the text is the reason.
        InputError: it is damaged, or a frame of it takes more memory than is allowed.
    """
    image = open_image(setup.input / path, spatial_dims=setup.domain.spatial_dims)
    reason = setup.domain.refusal(image, setup.any_modality, partial(check_memory, setup))
    if reason:
        raise NotAnImage(reason)
    check_memory(setup, image)
    return image


def _facts(setup: Setup, path: str) -> Facts:
    try:
        image = open_in_domain(setup, path)
        output = output_path(path, getattr(image, "suffix_added", ""), setup.hash_paths)
    except Exception as error:
        return Facts(path, *reason_for(error, setup.input / path, path, setup.hash_paths))
    shared = image.series is not None and setup.window is None and not shows_whole_range(image)
    return Facts(
        path,
        format=image.format,
        series=image.series if shared else None,
        window=own_window(image) if shared else None,
        pixels=image.frames * prod(image.shape),
        modality=image.modality,
        output=output,
    )
