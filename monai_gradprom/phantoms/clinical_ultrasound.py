# SPDX-License-Identifier: Apache-2.0
"""Synthetic ultrasound screens as DICOM: a grey cine and a colour still, each with the machine's writing around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset, FileDataset

from .clinical_dicom import PATIENT, clinical_object, set_pixels
from .echo_phantom import EchoView, draw_patient
from .texture import image_rng

__all__ = ["NOISE", "noisy_echo", "ultrasound_cine", "ultrasound_still"]

NOISE = 23.0
"""Standard deviation of the electronic noise that is added inside the sector, grey levels of 255."""

_LEFT, _TOP, _RIGHT, _BOTTOM = 28, 34, 34, 30  # room for the writing around the sector
_TRACE = 26  # rows of the electrocardiogram under the still


def noisy_echo(seed: int, number: int, frames: int) -> tuple[NDArray[np.uint8], EchoView]:
    """Frames of one heartbeat with noise as of a receiver whose gain is turned up too far.

    Args:
        seed: of the whole folder.
        number: which examination.
        frames: how many moments between end diastole and end systole and back.

    Returns:
        uint8 [frames, rows, columns], black outside the sector; and what was imaged.
    """
    patient = draw_patient(seed, 9000 + number)
    view = patient.views["4CH"]
    moments = (1 - np.cos(np.linspace(0, 2 * np.pi, frames, endpoint=False))) / 2
    clean = np.moveaxis(view.render([float(moment) for moment in moments]), -1, 0)
    noise = NOISE * image_rng(seed, 9000 + number, 1).standard_normal(clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255) * view.sector.mask()
    return noisy.astype(np.uint8).transpose(0, 2, 1), view


def ultrasound_cine(seed: int, frames: int = 10) -> FileDataset:
    """A grey 8-bit cine, US Multi-frame Image Storage (DICOM PS3.3 A.7).

    Args:
        seed: of the whole folder.
        frames: how many.
    """
    echo, view = noisy_echo(seed, 3, frames)
    screen = np.broadcast_to(_writing(echo.shape[2], echo.shape[1]), (frames, *_screen_size(echo.shape))).copy()
    box = _LEFT, _TOP, _LEFT + echo.shape[2], _TOP + echo.shape[1]
    screen[:, box[1] : box[3], box[0] : box[2]] = echo
    data = clinical_object("1.2.840.10008.5.1.4.1.1.3.1", "US", "echo cine", 1, seed, "HEART")
    _image_module(data)
    data.NumberOfFrames, data.FrameIncrementPointer, data.FrameTime = frames, 0x00181063, "40"
    data.SequenceOfUltrasoundRegions = [_region(box, 1, 1, view.sector.spacing)]
    set_pixels(data, screen, 8, "MONOCHROME2")
    return data


def ultrasound_still(seed: int) -> FileDataset:
    """A colour Doppler still in RGB, with a second region that is a trace and no image (DICOM PS3.3 C.8.5.5).

    Args:
        seed: of the whole folder.
    """
    echo, view = noisy_echo(seed, 6, 2)
    rows, columns = echo.shape[1:]
    screen = np.zeros((rows + _TOP + _BOTTOM + _TRACE, columns + _LEFT + _RIGHT, 3), np.uint8)
    screen[:-_TRACE] = _writing(columns, rows)[..., None]
    flow = replace(view, seed=(seed, 0)).mask(0.0).T == 1
    screen[_TOP : _TOP + rows, _LEFT : _LEFT + columns] = _with_flow(echo[0], flow)
    below = _TOP + rows + _BOTTOM
    _draw_trace(screen[below:, _LEFT : _LEFT + columns])
    data = clinical_object("1.2.840.10008.5.1.4.1.1.6.1", "US", "echo still", 1, seed, "HEART")
    _image_module(data)
    data.SequenceOfUltrasoundRegions = [
        _region((_LEFT, _TOP, _LEFT + columns, _TOP + rows), 1, 2, view.sector.spacing),
        _region((_LEFT, below, _LEFT + columns, below + _TRACE), 4, 10, None),
    ]
    set_pixels(data, screen, 8, "RGB")
    return data


def _image_module(data: Dataset) -> None:
    data.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0001"]
    data.PatientOrientation, data.LossyImageCompression, data.BurnedInAnnotation = "", "00", "YES"
    data.AcquisitionDate, data.AcquisitionTime = data.ContentDate, data.ContentTime


def _region(box: tuple[int, int, int, int], spatial_format: int, data_type: int, spacing: float | None) -> Dataset:
    """One item of the ultrasound regions; `spacing` in mm, None where the axes are no lengths."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = spatial_format, data_type, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = box[:2]
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = box[2] - 1, box[3] - 1  # the last pixel inside
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3 if spacing else 0  # cm; none
    region.PhysicalDeltaX = region.PhysicalDeltaY = spacing / 10 if spacing else 1.0
    return region


def _screen_size(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[-2] + _TOP + _BOTTOM, shape[-1] + _LEFT + _RIGHT


def _writing(columns: int, rows: int) -> NDArray[np.uint8]:
    """What the machine writes around a picture of this size: names, scales, settings; uint8 [height, width]."""
    height, width = _screen_size((rows, columns))
    screen = Image.new("L", (width, height))
    draw = ImageDraw.Draw(screen)
    draw.text((6, 4), f"{PATIENT.upper()}  SAMPLE-0001", fill=230)
    draw.text((6, 18), "PHANTOM HOSPITAL  01.01.2000", fill=160)
    draw.text((width - 62, 4), "MI 1.1", fill=160)
    draw.text((6, height - 16), "S5-1  3.5MHz  15cm  no patient", fill=160)
    grey_bar = np.linspace(255, 0, 100).astype(np.uint8)[:, None].repeat(9, axis=1)
    screen.paste(Image.fromarray(grey_bar), (8, _TOP + 20))
    for k, row in enumerate(np.linspace(_TOP, _TOP + rows - 1, 16)):
        end = width - 10 if k % 5 == 0 else width - 16
        draw.line([(width - 22, row), (end, row)], fill=200)
    return np.array(screen)


def _with_flow(grey: NDArray[np.uint8], cavity: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Paint blood that moves towards the probe red, away from it blue, over the cavity; uint8 [rows, columns, 3]."""
    colour = grey[..., None].repeat(3, axis=-1)
    rows, columns = np.nonzero(cavity)
    speed = (columns - columns.mean()) / np.ptp(columns) * 2 + 0.3 * np.sin(rows / 25)
    fast = np.abs(speed) > 0.35
    towards = np.clip(speed, 0, 1)[fast, None] * [255, 120, 0]
    away = np.clip(-speed, 0, 1)[fast, None] * [0, 120, 255]
    colour[rows[fast], columns[fast]] = np.clip(30 + towards + away, 0, 255)
    return colour


def _draw_trace(strip: NDArray[np.uint8]) -> None:
    """An electrocardiogram in green, drawn into `strip`."""
    phase = np.arange(strip.shape[1]) % 90
    beat = 0.15 * np.exp(-(((phase - 20) / 5) ** 2)) + np.exp(-(((phase - 38) / 1.8) ** 2))
    beat += 0.3 * np.exp(-(((phase - 62) / 8) ** 2))
    rows = (strip.shape[0] - 4) * (1 - beat / beat.max()) + 1
    picture = Image.new("RGB", strip.shape[1::-1])
    ImageDraw.Draw(picture).line(list(enumerate(rows.tolist())), fill=(60, 220, 90), width=1)
    strip[:] = np.array(picture)
