# SPDX-License-Identifier: Apache-2.0
"""Compression without loss, one frame at a time (PS3.5 A.4)."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

import numpy as np
from pydicom.uid import RLELossless

from monai_gradprom.errors import InputError

from .pixels import Layout

__all__ = ["COMPRESSED", "compress"]

COMPRESSED = ("rle", "jpegls", "jpeg2000")
_WIDEST = 16


def compress(frame: np.ndarray, layout: Layout, name: str) -> bytes:
    """One frame as the code stream of a transfer syntax.

    Args:
        frame: [rows, columns] or [rows, columns, 3], contiguous, little-endian.
        layout: of its values.
        name: one of :data:`COMPRESSED`.

    Raises:
        InputError: it cannot hold values of this kind, or the encoder is not installed.
    """
    if layout.dtype.kind == "f" or 8 * layout.dtype.itemsize > _WIDEST:
        raise InputError(f"--transfer-syntax {name} holds integers of at most {_WIDEST} bits; use explicit")
    if name == "rle":
        return _rle(frame, layout)
    codecs = _imagecodecs(name)
    if name == "jpegls":  # has no sign: the reader gives it back by PixelRepresentation
        return bytes(codecs.jpegls_encode(frame.view(f"<u{frame.itemsize}")))
    options = {"mct": True} if layout.colour else {}
    return bytes(
        codecs.jpeg2k_encode(
            frame,
            codecformat="j2k",
            level=0,
            reversible=True,
            bitspersample=layout.bits,
            **options,
        )
    )


def _rle(frame: np.ndarray, layout: Layout) -> bytes:
    from pydicom.encoders import get_encoder

    # GDCM, the third plug-in, ends the process on frames of a few pixels
    fast = find_spec("pylibjpeg") and find_spec("rle")
    code: bytes = get_encoder(RLELossless).encode(
        frame,
        encoding_plugin="pylibjpeg" if fast else "pydicom",
        rows=frame.shape[0],
        columns=frame.shape[1],
        number_of_frames=1,
        samples_per_pixel=3 if layout.colour else 1,
        bits_allocated=8 * layout.dtype.itemsize,
        bits_stored=layout.bits,
        pixel_representation=int(layout.dtype.kind == "i"),
        photometric_interpretation="RGB" if layout.colour else layout.photometric,
        planar_configuration=0,
    )
    return code


def _imagecodecs(name: str) -> ModuleType:
    try:
        import imagecodecs
    except ImportError:
        raise InputError(
            f"--transfer-syntax {name} needs an encoder that is not installed; `pip install monai-gradprom[clinical]`"
        ) from None
    return imagecodecs
