# SPDX-License-Identifier: Apache-2.0
"""Folders of clinical files in the sizes of real ones, from waves and noise, for measuring `monai-gradprom enhance`."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from PIL import Image

from monai_gradprom.phantoms.clinical_dicom import clinical_object, save_object, set_pixels

_CT, _US_FRAMES = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.3.1"


def mixed_folder(folder: Path, copies: int = 1) -> Path:
    """Grey and colour ultrasound cines, a CT series, PNG, NIfTI and MetaImage: 32 frames, 15 MB a copy."""
    for copy in range(copies):
        sub = folder / f"exam{copy}"
        ultrasound(sub / "us" / "colour", (600, 800, 3), 6, copy)
        ultrasound(sub / "us" / "grey.dcm", (480, 640), 6, copy)
        for number in range(6):
            ct_slice(sub / "ct" / f"IM{number:04}", 512, number, f"ct {copy}")
        for number in range(2):
            Image.fromarray(_grey((600, 800), number)).save(sub / f"still{number}.png")
        volume = np.stack([_grey((256, 256), number) for number in range(8)])
        nib.save(nib.Nifti1Image(volume.T, np.eye(4)), sub / "sequence.nii.gz")
        _metaimage(sub / "frames.mhd", volume[:4])
    return folder


def plain_dicom_folder(folder: Path, slices: int, cines: int) -> Path:
    """Uncompressed DICOM: CT slices of 512 x 512 and 16 bits, and grey 8-bit cines of 10 frames of 480 x 640."""
    for number in range(slices):
        ct_slice(folder / f"ct{number // 200}" / f"IM{number:06}", 512, number, f"ct {number // 200}")
    for number in range(cines):
        ultrasound(folder / f"cine{number}", (480, 640), 10, number)
    return folder


def tiny_folder(folder: Path, count: int) -> Path:
    """So many CT slices of 16 x 16."""
    for number in range(count):
        ct_slice(folder / f"series{number // 100}" / f"IM{number:06}", 16, number, f"tiny {number // 100}")
    return folder


def long_cine(folder: Path, frames: int, shape: tuple[int, int] = (480, 640)) -> Path:
    """One grey cine."""
    ultrasound(folder / "long", shape, frames, 0)
    return folder


def identity_bundle(folder: Path) -> Path:
    """A bundle for images of any kind whose network changes nothing."""
    return _bundle(folder, {"_target_": "torch.nn.Identity"})


def darkening_bundle(folder: Path) -> Path:
    """A bundle for images of any kind whose network takes 0.01 from every pixel."""
    return _bundle(folder, {"_target_": "torch.nn.Softshrink", "lambd": 0.01})


def radius_bundle(folder: Path) -> Path:
    """A bundle for images of any kind with a small untrained network that changes every pixel and may be tiled."""
    from monai_gradprom.networks import SRResNet

    network = {"_target_": "monai_gradprom.networks.SRResNet", "channels": 4, "num_blocks": 1, "scale_factor": 1}
    inferer = {"_target_": "monai_gradprom.inferers.HaloInferer", "tile_size": 512}
    _bundle(folder, network, inferer)
    (folder / "models").mkdir()
    torch.manual_seed(0)
    torch.save(SRResNet(channels=4, num_blocks=1, scale_factor=1).state_dict(), folder / "models" / "model.pt")
    return folder


def _bundle(folder: Path, network: dict[str, object], inferer: dict[str, object] | None = None) -> Path:
    (folder / "configs").mkdir(parents=True)
    inference = {
        "device": "cpu",
        "network_def": network,
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "monai_gradprom.transforms.ScaleStoredRanged", "keys": "image"},
    }
    inference |= {"inferer": inferer} if inferer else {}
    (folder / "configs" / "inference.json").write_text(json.dumps(inference))
    stated = {"modality": "*", "num_channels": 1, "spatial_shape": ["*", "*"]}
    metadata = {"version": "1.0.0", "network_data_format": {"inputs": {"image": stated}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    return folder


def ct_slice(path: Path, side: int, number: int, series: str) -> None:
    stored = _grey((side, side), number).astype(np.int16) * 8 - 1024
    data = clinical_object(_CT, "CT", series, number, 0, "CHEST")
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, 0, "HU"
    data.WindowCenter, data.WindowWidth = -600, 1500
    data.PixelSpacing, data.SliceThickness = [0.7, 0.7], 1.0
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    set_pixels(data, stored, 16, "MONOCHROME2")
    save_object(data, path)


def ultrasound(path: Path, shape: tuple[int, ...], frames: int, number: int) -> None:
    """[rows, columns] is grey, [rows, columns, 3] colour."""
    pixels = np.stack([_grey(shape[:2], number + frame) for frame in range(frames)])
    colour = len(shape) == 3
    if colour:
        pixels = np.stack([pixels, pixels // 2, 255 - pixels], axis=-1)
    data = clinical_object(_US_FRAMES, "US", f"us {path.parent.parent.name}", number, 0, "HEART")
    data.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0001"]
    data.NumberOfFrames, data.FrameIncrementPointer, data.FrameTime = frames, 0x00181063, "40"
    set_pixels(data, pixels[0] if colour else pixels, 8, "RGB" if colour else "MONOCHROME2")
    if colour:
        data.PixelData = pixels.tobytes()
    save_object(data, path)


def _grey(shape: tuple[int, int], number: int) -> np.ndarray:
    """Waves with noise, which compress as real images do: uint8 [rows, columns]."""
    rows, columns = np.indices(shape, dtype=np.float32)
    waves = 110 + 60 * np.sin(rows / 23 + number) + 40 * np.cos(columns / 31 - number)
    noise = np.random.default_rng(number).standard_normal(shape, np.float32)
    return np.clip(waves + 8 * noise, 0, 255).astype(np.uint8)


def _metaimage(path: Path, pixels: np.ndarray) -> None:
    sides = " ".join(str(side) for side in pixels.shape[::-1])
    path.write_text(
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nElementSpacing = 1 1 1\n"
        f"DimSize = {sides}\nElementType = MET_UCHAR\nElementDataFile = {path.stem}.raw\n"
    )
    path.with_suffix(".raw").write_bytes(pixels.tobytes())
