# SPDX-License-Identifier: Apache-2.0
"""Files of a research share: noisy echocardiograms as PNG, JPEG, NIfTI and MetaImage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .camus_layout import write_nifti
from .clinical_ultrasound import noisy_echo

__all__ = ["write_pictures"]


def write_pictures(folder: Path, seed: int) -> None:
    """Write `frame_8bit.png`, `frame_16bit.png`, `frame.jpg`, `sequence.nii.gz`, `frame.mhd` with its `frame.raw`.

    Args:
        folder: receives the files; it is made.
        seed: of the whole clinical folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (first, second), _ = noisy_echo(seed, 8, 2)
    Image.fromarray(first).save(folder / "frame_8bit.png", optimize=True)
    Image.fromarray(second.astype(np.uint16) * 257).save(folder / "frame_16bit.png", optimize=True)
    (photo, frame), view = noisy_echo(seed, 11, 2)
    Image.fromarray(photo).save(folder / "frame.jpg", quality=95)
    _write_metaimage(folder / "frame.mhd", frame, view.sector.spacing)
    sequence, view = noisy_echo(seed, 10, 4)
    write_nifti(folder / "sequence.nii.gz", sequence.transpose(2, 1, 0), view.sector.spacing)


def _write_metaimage(path: Path, picture: NDArray[np.uint8], spacing: float) -> None:
    fields = {
        "ObjectType": "Image",
        "NDims": 2,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 1",
        "Offset": "0 0",
        "ElementSpacing": f"{spacing:.6f} {spacing:.6f}",
        "DimSize": f"{picture.shape[1]} {picture.shape[0]}",
        "ElementType": "MET_UCHAR",
        "ElementDataFile": f"{path.stem}.raw",
    }
    path.write_text("".join(f"{key} = {value}\n" for key, value in fields.items()), newline="\n")
    path.with_suffix(".raw").write_bytes(picture.tobytes())
