# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pydicom
import pytest
from derived_case import RUN, as_frames, derive, read
from dicom_datasets import write_dicom
from pydicom.encaps import encapsulate
from pydicom.encoders import get_encoder
from pydicom.uid import RLELossless

from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.errors import InputError

RANDOM = np.random.default_rng(1)
PIXELS = RANDOM.integers(0, 4096, (2, 5, 7)).astype(np.uint16)


def with_overlay(folder, plane: np.ndarray, origin=(1, 1), pixels=PIXELS[0], **more):
    """A source of ``pixels`` and one overlay [rows, columns] or [frames, rows, columns] with data of its own."""
    bits = np.packbits(plane.ravel().astype(np.uint8), bitorder="little").tobytes()
    path = write_dicom(folder / "source.dcm", pixels, BitsStored=12, HighBit=11)
    dataset = pydicom.dcmread(path)
    *frames, rows, columns = plane.shape
    elements = {0x10: ("US", rows), 0x11: ("US", columns), 0x40: ("CS", "R"), 0x50: ("SS", list(origin))}
    elements |= {0x100: ("US", 1), 0x102: ("US", 0), 0x3000: ("OW", bits + b"\0" * (len(bits) % 2))}
    elements |= {0x15: ("IS", str(frames[0])), 0x51: ("US", 1)} if frames else {}
    for element, (vr, value) in (elements | more).items():
        dataset.add_new(0x60020000 | element, vr, value)
    dataset.save_as(path)
    return path


def derived(folder, factor=1, pixels=PIXELS[0], **options):
    source = read(folder / "source.dcm")
    write_derived(source, folder / "derived.dcm", as_frames(pixels & 0xFFF, factor), RUN, factor, **options)
    return pydicom.dcmread(folder / "derived.dcm")


def test_overlay_is_kept(tmp_path):
    plane = RANDOM.integers(0, 2, (5, 7))
    with_overlay(tmp_path, plane, (2, -1))
    made = derived(tmp_path)
    assert (made.overlay_array(0x6002) == plane).all() and list(made[0x60020050].value) == [2, -1]


def test_statistics_of_the_old_values_are_dropped_but_not_the_area(tmp_path):
    with_overlay(tmp_path, np.ones((5, 7)))
    dataset = pydicom.dcmread(tmp_path / "source.dcm")
    for element, vr, value in ((0x1301, "IS", "35"), (0x1302, "DS", "7.5"), (0x1303, "DS", "1.5")):
        dataset.add_new(0x60020000 | element, vr, value)
    dataset.save_as(tmp_path / "source.dcm")
    made = derived(tmp_path)
    assert made[0x60021301].value == 35 and 0x60021302 not in made and 0x60021303 not in made
    assert derived(tmp_path, 2)[0x60021301].value == 140


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 5)])
@pytest.mark.parametrize(("origin", "moved"), [((1, 1), (1, 1)), ((2, 4), None), ((-1, 0), None)])
def test_overlay_is_enlarged_over_the_same_pixels(tmp_path, factor, shape, origin, moved):
    plane = RANDOM.integers(0, 2, shape)
    with_overlay(tmp_path, plane, origin, pixels=PIXELS)
    made = derived(tmp_path, factor, pixels=PIXELS)
    assert (made.overlay_array(0x6002) == plane.repeat(factor, -2).repeat(factor, -1)).all()
    assert (made[0x60020010].value, made[0x60020011].value) == (factor * shape[-2], factor * shape[-1])
    # pixel o, counted from 1, has the parts f (o - 1) + 1 to f o
    assert tuple(made[0x60020050].value) == (moved or tuple(factor * (o - 1) + 1 for o in origin))


def test_overlay_without_its_pixels_cannot_be_enlarged(tmp_path):
    with_overlay(tmp_path, np.ones((5, 7)))
    dataset = pydicom.dcmread(tmp_path / "source.dcm")
    dataset[0x60023000].value = b"\1\1"
    dataset.save_as(tmp_path / "source.dcm")
    derived(tmp_path)
    with pytest.raises(InputError, match="overlay has fewer pixels"):
        derived(tmp_path, 2)


def embedded(folder, pixels, bit=13, syntax="1.2.840.10008.1.2.1"):
    """``pixels`` with an overlay in one of the four unused bits."""
    plane = RANDOM.integers(0, 2, pixels.shape).astype(np.uint16)
    cells = pixels | plane << bit
    size = {"Rows": 5, "Columns": 7, "BitsAllocated": 16, "SamplesPerPixel": 1, "PixelRepresentation": 0}
    size |= {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 12, "HighBit": 11}
    size |= {"NumberOfFrames": len(pixels)} if pixels.ndim == 3 else {}
    data = cells
    if syntax == RLELossless:
        encoder = get_encoder(RLELossless)
        options = {"rows": 5, "columns": 7, "samples_per_pixel": 1, "bits_allocated": 16, "bits_stored": 16}
        options |= {"pixel_representation": 0, "photometric_interpretation": "MONOCHROME2", "number_of_frames": 1}
        each = cells.reshape(-1, 5, 7)
        data = encapsulate([encoder.encode(cell, encoding_plugin="pydicom", **options) for cell in each])
    path = write_dicom(folder / "source.dcm", data, syntax, **size)
    dataset = pydicom.dcmread(path)
    for element, vr, value in ((0x10, "US", 5), (0x11, "US", 7), (0x100, "US", 16), (0x102, "US", bit)):
        dataset.add_new(0x60000000 | element, vr, value)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.save_as(path)
    return plane, cells


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", RLELossless])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("factor", [1, 2])
def test_embedded_overlay_gets_data_of_its_own(tmp_path, frames, syntax, factor):
    pixels = PIXELS if frames == 2 else PIXELS[0]
    plane, _ = embedded(tmp_path, pixels, syntax=syntax)
    made = derived(tmp_path, factor, pixels)
    assert (made.overlay_array(0x6000) == plane.repeat(factor, -2).repeat(factor, -1)).all()
    assert (made[0x60000100].value, made[0x60000102].value) == (1, 0)
    assert made.pixel_array.max() < 4096
    assert (0x60000015 in made) == (frames == 2)


def test_cells_may_be_given(tmp_path):
    plane, cells = embedded(tmp_path, PIXELS[0])
    dataset = read(tmp_path / "source.dcm")
    dataset.filename = None
    with pytest.raises(InputError, match="source_cells"):
        write_derived(dataset, tmp_path / "derived.dcm", as_frames(PIXELS[0]), RUN)
    write_derived(dataset, tmp_path / "derived.dcm", as_frames(PIXELS[0]), RUN, source_cells=[cells])
    assert (pydicom.dcmread(tmp_path / "derived.dcm").overlay_array(0x6000) == plane).all()


def test_position_within_the_values_is_no_embedded_overlay(tmp_path):
    _, _ = embedded(tmp_path, PIXELS[0], bit=3)
    assert 0x60003000 not in derived(tmp_path)


def test_overlay_with_data_of_its_own_is_not_looked_for_in_the_pixels(tmp_path):
    plane = RANDOM.integers(0, 2, (5, 7))
    path = with_overlay(tmp_path, plane)
    dataset = pydicom.dcmread(path)
    dataset[0x60020102].value = 14
    dataset.save_as(path)
    made = derived(tmp_path)
    bits = np.unpackbits(np.frombuffer(made[0x60023000].value, np.uint8), bitorder="little")
    assert (bits[:35] == plane.ravel()).all()


def test_overlay_of_a_plain_image_is_no_reason_to_read_the_source(tmp_path):
    made = derive(tmp_path, PIXELS[0])
    assert not [tag for tag in made.keys() if tag.group & 0xFF00 == 0x6000]  # noqa: SIM118
