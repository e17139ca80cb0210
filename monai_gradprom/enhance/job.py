# SPDX-License-Identifier: Apache-2.0
"""One file of the batch, from its pixels to its row in the manifest."""

from __future__ import annotations

import stat
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monai_gradprom.enhance.pixels.pixel_map import PixelMap
from monai_gradprom.enhance.processes.pool import Infer
from monai_gradprom.enhance.record.paths import output_path, shown_path
from monai_gradprom.enhance.record.row import Row, Status
from monai_gradprom.errors import InputError
from monai_gradprom.formats import StoredImage
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.guard import huge_pictures
from monai_gradprom.formats.window import own_window, pixel_range

from .bands import bands
from .faults import reason_for
from .frame_memory import frames_at_once, needs_bands, rows_at_once
from .hashing import sha256_of
from .look import Facts, LookJob, RangeJob, look, open_in_domain, range_of
from .setup import Setup, Window
from .writing import CHANGED, is_unchanged, space_for, version_of, write_result

__all__ = ["EnhanceJob", "Job", "enhance_file", "perform"]


@dataclass(frozen=True)
class EnhanceJob:
    """Enhance one file, given relative to the input folder."""

    path: str
    window: Window | None = None
    """Of the file's series, where the series decides."""
    verdict: tuple[Status, str | None] | None = None
    """Status and reason of a file that is known not to be enhanced: only its hash is wanted."""
    previous: Row | None = None
    """What the manifest of an interrupted run says of it."""
    output: str | None = None
    """Where its result goes, as the survey found."""


Job = LookJob | RangeJob | EnhanceJob


def perform(setup: Setup, job: Job, infer: Infer) -> list[Facts] | Window | Row | None:
    """Do any job; a file's faults are part of the result, never an exception."""
    # quiet: which costs less once than in each of the many places that ask for it
    with quiet(), huge_pictures():
        if isinstance(job, LookJob):
            return look(setup, job)
        if isinstance(job, RangeJob):
            return range_of(setup, job)
        return enhance_file(setup, job, infer)


def enhance_file(setup: Setup, job: EnhanceJob, infer: Infer) -> Row:
    """Read, enhance and write one file; see :class:`Row` for what is told of it.

    Args:
        setup: of the run.
        job: the file.
        infer: the network.
    """
    began = time.perf_counter()
    source = setup.input / job.path
    row = Row(
        path=shown_path(job.path, setup.hash_paths),
        status="done",
        bundle=setup.provenance.bundle,
        bundle_version=setup.provenance.bundle_version,
    )
    try:
        if stat.S_ISREG(source.lstat().st_mode) or not job.verdict:  # else a pipe, or a link to somewhere else
            if not source.is_file():
                raise InputError(f"{source}: {CHANGED}")
            version = version_of(source)
            row = replace(row, sha256_in=sha256_of(source))
        if job.previous and is_unchanged(setup, job.previous, row.sha256_in):
            return job.previous
        if job.verdict:
            row = replace(row, status=job.verdict[0], reason=job.verdict[1])
        else:
            row = replace(row, **_written(setup, job, open_in_domain(setup, job.path), infer, version))
    except Exception as error:
        status, reason = reason_for(error, source, job.path, setup.hash_paths)
        row = replace(row, status=status, reason=reason)
    return replace(row, seconds=round(time.perf_counter() - began, 3))


def _written(
    setup: Setup, job: EnhanceJob, image: StoredImage, infer: Infer, version: tuple[int, int]
) -> dict[str, Any]:
    """Write the enhanced image; return what the row says of it."""
    window = setup.window or job.window or own_window(image)
    window = window or pixel_range(image, frames_at_once(setup, image))
    target = output_path(job.path, getattr(image, "suffix_added", ""), setup.hash_paths)
    if job.output not in (None, target):  # the place that the survey gave it may be another file's now
        raise InputError(CHANGED)
    channels = setup.domain.network_channels(image)
    pixels = PixelMap(image, window, channels, setup.strength)
    with space_for(setup, image) as result:
        _enhance(setup, image, pixels, infer, result)
        sha256 = write_result(setup, image, result, target, version)
    change = pixels.change
    return {
        "output": target,
        "sha256_out": sha256,
        "mean_abs_change": change.mean_abs,
        "max_abs_change": change.max_abs,
    }


def _enhance(setup: Setup, image: StoredImage, pixels: PixelMap, infer: Infer, result: np.ndarray) -> None:
    """Fill ``result``, a few frames at a time, or a few rows of one."""
    if needs_bands(setup, image):
        for number in range(image.frames):
            _enhance_in_bands(setup, image, pixels, infer, number, result[number : number + 1])
        return
    step = frames_at_once(setup, image)
    for start in range(0, image.frames, step):
        stop = min(start + step, image.frames)
        stored = image.read(start, stop)
        made = infer(pixels.to_network(stored), pixels.window)
        pixels.from_network(stored, made, setup.factor, out=result[start:stop])


def _enhance_in_bands(
    setup: Setup, image: StoredImage, pixels: PixelMap, infer: Infer, number: int, result: np.ndarray
) -> None:
    """Fill ``result``, one frame, with what comes out of the whole frame."""
    assert setup.reach is not None  # else the file was refused when it was opened
    frame = image.read(number, number + 1)
    for band in bands(image.shape[1], rows_at_once(setup, image), setup.reach):
        shown = pixels.of_rows(band.start, band.stop).to_network(frame[..., band.start : band.stop])
        made = infer(shown, pixels.window)[..., band.kept]
        rows = slice(band.first, band.last)
        pixels.of_rows(band.first, band.last).from_network(frame[..., rows], made, out=result[..., rows])
