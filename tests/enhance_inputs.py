# SPDX-License-Identifier: Apache-2.0
"""Folders of tiny files of all kinds, and bundles for them."""

from __future__ import annotations

import nibabel
import numpy as np
from dicom_datasets import CT, US, US_CINE, colour, item, write_dicom
from PIL import Image
from tiny_bundles import SHIFT, image_format, shift_by, write_bundle

WHOLE = {"_target_": "monai_gradprom.inferers.HaloInferer", "tile_size": None}
SHIFTED = 0.2  # what the bundle of `shifting` adds to [0, 1]: 51 of 255


def identity(folder):
    """A bundle that takes everything and changes nothing."""
    return write_bundle(folder, metadata=image_format(num_channels="*", modality="any"), inferer=WHOLE)


def shifting(folder, change=SHIFTED, scale=1.0, **stated):
    """A bundle for grey images of any modality that answers scale * x + change."""
    return write_bundle(folder, SHIFT, shift_by(change, scale), image_format(num_channels=1, **stated), inferer=WHOLE)


def pixels(*shape, dtype=np.uint8, seed=0, high=200):
    return np.random.default_rng(seed).integers(20, high, shape).astype(dtype)


def write_slice(path, values, number=0, series="1.2.3", **more):
    """A slice of a CT series; ``values``: stored, Hounsfield units + 1000."""
    given = {"SOPInstanceUID": f"{series}.{number + 1}", "SeriesInstanceUID": series, "Modality": "CT"}
    given |= {"InstanceNumber": number + 1, "RescaleSlope": 1, "RescaleIntercept": -1000}
    return write_dicom(path, values, **given | {"SOPClassUID": CT} | more)


def write_ultrasound(path, frames=None, region=(2, 3, 9, 8), rows=12, columns=14, **more):
    """RGB, one frame or a cine, with one two-dimensional region (x0, y0, x1, y1: the last ones inside)."""
    data = pixels(frames or 1, rows, columns, 3, seed=3)
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    about = item(RegionSpatialFormat=1, RegionDataType=1, **dict(zip(names, region, strict=True)))
    given = colour(rows, columns, Modality="US", SOPClassUID=US_CINE if frames else US)
    given |= {"SequenceOfUltrasoundRegions": [about]} | ({"NumberOfFrames": frames} if frames else {})
    return write_dicom(path, data.tobytes(), **given | more)


def write_picture(path, side=16, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(side, side, seed=seed)).save(path)
    return path


def write_mhd(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = pixels(5, 6, dtype=np.int16, seed=seed)
    path.with_suffix(".raw").write_bytes(values.tobytes())
    path.write_text(
        "ObjectType = Image\nNDims = 2\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 6 5\n"
        f"ElementType = MET_SHORT\nElementDataFile = {path.with_suffix('.raw').name}\n"
    )
    return path


def write_nifti(path, shape=(6, 5, 3), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(pixels(*shape, dtype=np.int16, seed=seed), np.eye(4)), path)
    return path


def mixed(folder, count=4):
    """A folder with ``count`` of each kind, a report, a text and damaged files."""
    for n in range(count):
        write_slice(folder / "ct" / f"IM{n}", pixels(9, 8, dtype=np.uint16, seed=n), n)
        write_picture(folder / "pictures" / f"{n}.png", seed=n)
        write_picture(folder / "pictures" / f"{n}.tif", seed=n)
        write_picture(folder / "pictures" / "photos" / f"{n}.jpg", seed=n)
        write_nifti(folder / "volumes" / f"{n}.nii.gz", seed=n)
        write_mhd(folder / "volumes" / f"{n}.mhd", seed=n)
        write_ultrasound(folder / "us" / f"{n}", 3, SOPInstanceUID=f"1.2.9.{n}", SeriesInstanceUID=f"1.2.8.{n}")
    (folder / "notes.txt").write_text("nothing to see")
    write_dicom(folder / "report", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    whole = (folder / "pictures" / "0.png").read_bytes()
    (folder / "pictures" / "cut.png").write_bytes(whole[: len(whole) // 2])
    whole = (folder / "ct" / "IM0").read_bytes()
    (folder / "ct" / "cut.dcm").write_bytes(whole[:-9])
    return folder
