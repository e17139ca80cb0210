# SPDX-License-Identifier: Apache-2.0
"""An enhanced image as a *derived* DICOM image (PS3.3 C.7.6.1.1.2): a new object that harms nothing of its source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pydicom import Dataset

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.quiet import quiet

from .elements import editable_copy
from .encode import encode
from .geometry import enlarge
from .groups import cite_frames, has_groups, mark_frames
from .identity import identify, remove_stale
from .lossy import carry_compression
from .overlays import embedded_groups, extract_overlays, forget_statistics, stored_cells
from .pixels import Layout, describe_pixels, layout_of, stored_frames
from .provenance import Provenance
from .references import Source, cite, contribute
from .syntax import TRANSFER_SYNTAXES, pixel_element, write_file
from .uids import derived_uid

__all__ = ["TRANSFER_SYNTAXES", "Provenance", "derived_uid", "write_derived"]


def write_derived(
    dataset: Dataset,
    target: Path,
    frames: np.ndarray,
    provenance: Provenance,
    factor: int = 1,
    transfer_syntax: str = "explicit",
    source_cells: Iterable[np.ndarray] | None = None,
) -> None:
    """Write ``frames`` as an object derived from ``dataset``; the same arguments give the same bytes.

    Kept: patient, study, equipment, frame of reference, position, orientation, acquisition, all that says what stored
    values mean (rescale, window, tables, padding, bits), references to other objects, private elements, and the
    bytes of all text whatever its character set. An element that was decoded before (by reading its value from
    ``dataset``) is written as pydicom encodes it, which differs only where it broke its own rules.

    New: object, series (UID, number, description), creation and content dates, ImageType value 1, derivation, source,
    contributing equipment. Dropped: what was true of the source alone, such as its signatures and icon.

    Args:
        dataset: the source's header as pydicom read it, pixel data deferred or absent. Its values stay as they are.
        target: the file to write; it appears there piece by piece.
        frames: [n, C, columns, rows] in the source's dtype and stored values; C is 1 for grey, 3 (RGB) for colour; a
            palette of greys may have 1 as well. Values that the bits stored cannot hold are clipped.
        provenance: how it was made.
        factor: how many times larger than the source, in both directions.
        transfer_syntax: a key of :data:`TRANSFER_SYNTAXES`.
        source_cells: the source's frames as stored, [rows, columns] each, with unused bits. Only needed where overlays
            lie in those bits and ``dataset`` was not read from a file that can be read again.

    Raises:
        InputError: the header does not fit the frames, cannot be kept true, or cannot be carried over; the encoder is
            missing. No message quotes a value of the header.
        OSError: ``target`` cannot be written.
    """
    if transfer_syntax not in TRANSFER_SYNTAXES:
        raise InputError(f"--transfer-syntax is not one of {', '.join(TRANSFER_SYNTAXES)}")
    implicit = transfer_syntax == "implicit"
    with quiet():
        try:
            header = editable_copy(dataset, implicit)
            layout = layout_of(header, frames, factor, transfer_syntax)
            if embedded_groups(header):
                extract_overlays(header, stored_cells(dataset) if source_cells is None else source_cells)
            _derive(header, dataset, layout, frames, provenance, factor)
            before = encode(header, implicit, end=0x7FE00000)
            after = encode(header, implicit, first=0x7FE00011)
        except (InputError, MemoryError, OSError):
            raise
        except Exception as error:  # its text may quote the header
            raise InputError(
                f"the DICOM header cannot be carried over ({type(error).__name__}); repair it, for instance with"
                " gdcmconv, or leave the file out"
            ) from None
        stored = stored_frames(frames, layout)
        pixels = pixel_element(stored, len(frames), layout.size(frames), layout, transfer_syntax)
        write_file(target, header, before, pixels, after, transfer_syntax)


def _derive(
    header: Dataset, dataset: Dataset, layout: Layout, frames: np.ndarray, provenance: Provenance, factor: int
) -> None:
    source = Source.of(header)
    remove_stale(header)
    forget_statistics(header)
    if factor > 1:
        enlarge(header, factor)
    describe_pixels(header, layout, frames)
    carry_compression(header, dataset)
    identify(header, provenance)
    if has_groups(header):
        mark_frames(header)
        cite_frames(header, source, len(frames), provenance, factor)
    else:
        cite(header, source, provenance, factor)
    contribute(header, provenance, factor)
