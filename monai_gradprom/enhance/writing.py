# SPDX-License-Identifier: Apache-2.0
"""Results appear under their names at once and whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.enhance.pixels.memory_order import channels_first
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.errors import InputError
from monai_gradprom.formats import StoredImage

from .hashing import sha256_of
from .setup import Setup

__all__ = ["CHANGED", "is_unchanged", "space_for", "version_of", "write_result"]

CHANGED = "it was changed while the folder was being worked on; run the same command again"


@contextmanager
def space_for(setup: Setup, image: StoredImage) -> Iterator[np.ndarray]:
    """Room for all enhanced frames: in memory, or on disk where they would take more than half of what is allowed."""
    shape = (image.frames, *reversed(_enlarged(setup, image)), image.channels)
    size = float(np.prod(shape)) * image.dtype.itemsize
    if size <= setup.memory * 2**30 / 2:
        yield channels_first(np.empty(shape, image.dtype))
        return
    with tempfile.NamedTemporaryFile(dir=setup.work, prefix="frames-") as spool:
        _reserve(spool.fileno(), int(size))
        yield channels_first(np.memmap(spool, image.dtype, mode="w+", shape=shape))


def _reserve(file: int, size: int) -> None:
    """Take the space now: a disk that is full when mapped memory is written ends the process (SIGBUS)."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)


def _enlarged(setup: Setup, image: StoredImage) -> list[int]:
    return [setup.factor * side for side in image.shape]


def version_of(path: Path) -> tuple[int, int]:
    """What differs after a file was replaced or written to: its size and when it was changed (ns).

    Raises:
        OSError: the file cannot be looked at.
    """
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def write_result(setup: Setup, image: StoredImage, frames: np.ndarray, target: str, version: tuple[int, int]) -> str:
    """Write ``frames`` to ``target``, relative to the output folder.

    The file is made in the run's work folder and moved. It is not forced to disk: after a loss of power the manifest's
    hash does not fit the file, and the same command makes it again.

    Args:
        setup: of the run.
        image: the source.
        frames: its enhanced frames.
        target: path of the result.
        version: of the source when it was first read.

    Returns:
        SHA-256 of the file.

    Raises:
        InputError: the source has changed since, the result does not fit into its format, or a folder on the way to
            ``target`` is a link; nothing has appeared at ``target``.
    """
    place = setup.output / target
    _refuse_links(setup.output, place.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _own_folder(setup.work) as folder:
        made = folder / place.name
        _make(setup, image, frames, made)
        digest = sha256_of(made)
        if version_of(image.path) != version:
            raise InputError(CHANGED)
        # a header moves after the data that it points to
        for part in sorted(folder.iterdir(), key=lambda path: path.name == made.name):
            os.replace(part, place.parent / part.name)
    return digest


def _make(setup: Setup, image: StoredImage, frames: np.ndarray, made: Path) -> None:
    try:
        if image.format == "DICOM":
            write_derived(
                image.dataset,  # type: ignore[attr-defined]
                made,
                frames,
                setup.provenance,
                factor=setup.factor,
                transfer_syntax=setup.transfer_syntax,
            )
        else:
            image.write(made, frames, setup.factor)  # type: ignore[attr-defined]
    except (InputError, MemoryError, OSError):
        raise
    except Exception as error:  # an encoder's own, over something odd in the source; its text may quote that
        raise InputError(
            f"{image.path}: its result cannot be put into its format ({type(error).__name__}); save the file again in "
            "a common way, or leave it out."
        ) from None


def _refuse_links(output: Path, folder: Path) -> None:
    """Refuse to write through a link, which may lead anywhere."""
    while folder != output:
        if folder.is_symlink():
            raise InputError("a link is in the place of a folder of the results; remove it and run the command again")
        folder = folder.parent


@contextmanager
def _own_folder(work: Path) -> Iterator[Path]:
    """A folder of this process alone, empty before and after; to make a new one for each file would take longer."""
    folder = work / f"process-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    _empty(folder)  # a process of the same number may have died here
    try:
        yield folder
    finally:
        _empty(folder)


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        left.unlink()


def is_unchanged(setup: Setup, previous: Row, sha256_in: str | None) -> bool:
    """Whether an interrupted run has finished this very file and its result is still whole."""
    if previous.status != "done" or previous.output is None or previous.sha256_in != sha256_in:
        return False
    result = setup.output / previous.output
    try:
        # the pixels of an .mhd lie in a file of their own, which no hash covers
        return sha256_of(result) == previous.sha256_out and result.suffix.lower() != ".mhd"
    except OSError:
        return False
