# SPDX-License-Identifier: Apache-2.0
"""What the header of a DICOM file says: window, rescale, padding, regions, place in space, and kinds of objects."""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path
from typing import Any

import itk
import numpy as np
import pydicom
import pytest
from dicom_datasets import CT, US, US_CINE, colour, item, write_dicom
from pydicom.uid import ImplicitVRLittleEndian

from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage
from monai_gradprom.formats.dicom.image import open_dicom
from monai_gradprom.formats.dicom.quiet import quiet

PIXELS = np.arange(24, dtype=np.int16).reshape(4, 6)


def opened(folder: Path, pixels: np.ndarray = PIXELS, **elements: Any):
    return open_dicom(write_dicom(folder / "a.dcm", pixels, **elements))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        # PS3.3 C.11.2.1.2, note 2: c = 2048 and w = 4096 span 0 to 4095
        ({"WindowCenter": 2048, "WindowWidth": 4096}, (0, 4095)),
        ({"WindowCenter": [40, 400], "WindowWidth": [401, 2000]}, (-160.5, 239.5)),
        ({"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}, (-160, 240)),
        ({"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"}, (-160, 240)),
        ({"WindowCenter": 40, "WindowWidth": 1}, None),
        ({"WindowCenter": 40, "WindowWidth": 0}, None),
        ({"WindowCenter": 40}, None),
        ({}, None),
    ],
)
def test_windows(tmp_path: Path, elements: dict, expected: tuple | None) -> None:
    assert opened(tmp_path, **elements).window == expected


def test_rescale(tmp_path: Path) -> None:
    assert opened(tmp_path).rescale == (1, 0)
    assert opened(tmp_path, RescaleSlope=2, RescaleIntercept=-1024).rescale == (2, -1024)
    assert opened(tmp_path, RescaleSlope=0, RescaleIntercept=-1024).rescale == (1, 0)
    table = item(LUTDescriptor=[2, 0, 16], ModalityLUTType="US", LUTData=b"\0\0\1\0")
    scale = {"RescaleSlope": 2, "RescaleIntercept": 5, "WindowCenter": 40, "WindowWidth": 400}
    by_table = opened(tmp_path, ModalityLUTSequence=[table], **scale)
    # the window is one of the table's units, not of what is stored
    assert by_table.rescale == (1, 0) and by_table.window is None


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian])
def test_padding(tmp_path: Path, syntax: str) -> None:
    assert opened(tmp_path).padding is None
    path = write_dicom(tmp_path / "a", PIXELS, syntax, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-2010)
    assert open_dicom(path).padding == (-2010, -2000)


def test_padding_of_the_wrong_sign(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a", PIXELS)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00280120, "US", 63536)
    dataset.save_as(path)
    assert open_dicom(path).padding == (-2000, -2000)
    dataset = pydicom.dcmread(write_dicom(tmp_path / "b", PIXELS.astype(np.int8)))
    dataset.add_new(0x00280120, "US", 0xFF80)  # -128 in 16 bits
    dataset.save_as(tmp_path / "b")
    assert open_dicom(tmp_path / "b").padding == (-128, -128)


def groups(**macros: dict) -> list:
    return [item(**{name: [item(**values)] for name, values in macros.items()})]


def enhanced(folder: Path, shared: dict, frames: list[dict], **elements: Any):
    per_frame = [groups(**frame)[0] for frame in frames]
    return opened(
        folder,
        np.stack([PIXELS] * len(frames)),
        SharedFunctionalGroupsSequence=groups(**shared),
        PerFrameFunctionalGroupsSequence=per_frame,
        **elements,
    )


def test_enhanced_objects_speak_through_functional_groups(tmp_path: Path) -> None:
    shared = {
        "PixelValueTransformationSequence": {"RescaleSlope": 1, "RescaleIntercept": -1000},
        "PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.25], "SliceThickness": 3},
        "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    }
    frames = [
        {
            "FrameVOILUTSequence": {"WindowCenter": 40 + 100 * n, "WindowWidth": 401},
            "PlanePositionSequence": {"ImagePositionPatient": [10, 20, 30 + 3 * n]},
        }
        for n in range(2)
    ]
    image = enhanced(tmp_path, shared, frames)
    assert image.rescale == (1, -1000)
    assert image.window == (-160.5, 339.5)  # of both frames
    # x counts columns, which are 0.25 mm apart; L and P become R and A
    expected = [[-0.25, 0, 0, -10], [0, -0.5, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(image.affine, expected)


def test_frames_with_rescales_of_their_own_are_refused(tmp_path: Path) -> None:
    frames = [{"PixelValueTransformationSequence": {"RescaleSlope": n, "RescaleIntercept": 0}} for n in (1, 2)]
    with pytest.raises(InputError, match="rescaled to units in different ways"):
        enhanced(tmp_path, {"PixelMeasuresSequence": {"PixelSpacing": [1, 1]}}, frames)


def region(box: tuple, form: int = 1, **more: Any):
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    return item(RegionSpatialFormat=form, **dict(zip(names, box, strict=True)), **more)


def test_regions_are_half_open_and_clipped(tmp_path: Path) -> None:
    boxes = [region((1, 0, 2, 3)), region((3, 2, 99, 99)), region((0, 0, 5, 3), form=3), region((7, 0, 9, 3))]
    image = opened(tmp_path, SOPClassUID=US, SequenceOfUltrasoundRegions=boxes)
    assert image.regions == ((1, 0, 3, 4), (3, 2, 6, 4))
    assert opened(tmp_path, SOPClassUID=US).regions is None
    spectrum = [region((0, 0, 5, 3), form=3)]
    assert opened(tmp_path, SOPClassUID=US, SequenceOfUltrasoundRegions=spectrum).regions == ()


@pytest.mark.parametrize(
    ("below", "above", "form", "cut"),
    [(1, 0, 4, True), (3, 2, 3, True), (0, 1, 4, False), (0, 0, 4, False), (1, 1, 4, False), (1, 0, 0, False)],
)
def test_a_trace_above_a_two_dimensional_region_is_cut_out(tmp_path: Path, below, above, form, cut) -> None:
    """PS3.3 C.8.5.5.1.3: bit 0 is 0 for high priority, which overwrites 1, for low."""
    boxes = [region((0, 0, 4, 3), RegionFlags=below), region((1, 1, 9, 2), form=form, RegionFlags=above)]
    image = opened(tmp_path, SOPClassUID=US, SequenceOfUltrasoundRegions=boxes)
    inside = np.zeros(image.shape, int)
    for x0, y0, x1, y1 in image.regions or ():
        inside[x0:x1, y0:y1] += 1  # no pixel twice
    expected = np.zeros(image.shape, int)
    expected[:5, :4] = 1
    if cut:
        expected[1:6, 1:3] = 0
    np.testing.assert_array_equal(inside, expected)


def test_spacing_of_an_ultrasound_region_is_in_centimetres(tmp_path: Path) -> None:
    units = {"PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3}
    time = {"PhysicalUnitsXDirection": 4, "PhysicalUnitsYDirection": 3, "PhysicalDeltaX": 9.0, "PhysicalDeltaY": 9.0}
    regions = [region((0, 0, 5, 3), **time), region((0, 0, 5, 3), PhysicalDeltaX=0.03, PhysicalDeltaY=-0.02, **units)]
    image = opened(tmp_path, SOPClassUID=US, SequenceOfUltrasoundRegions=regions)
    np.testing.assert_allclose(image.affine, np.diag([-0.3, -0.2, 1, 1]))
    image = opened(tmp_path, SOPClassUID=US, SequenceOfUltrasoundRegions=regions, PixelSpacing=[1, 2])
    np.testing.assert_allclose(image.affine, np.diag([-2, -1, 1, 1]))


def test_no_spacing_no_place(tmp_path: Path) -> None:
    np.testing.assert_array_equal(opened(tmp_path).affine, np.eye(4))
    np.testing.assert_allclose(opened(tmp_path, ImagerPixelSpacing=[0.1, 0.2]).affine, np.diag([-0.2, -0.1, 1, 1]))
    # slices may overlap or leave gaps: from centre to centre counts
    slices = {"PixelSpacing": [1, 1], "SliceThickness": 5, "SpacingBetweenSlices": 2.5}
    np.testing.assert_allclose(opened(tmp_path, **slices).affine, np.diag([-1, -1, 2.5, 1]))


def test_an_oblique_slice_lies_where_itk_puts_it(tmp_path: Path) -> None:
    turn, tilt = np.radians([25, 40])
    row = np.array([np.cos(turn), np.sin(turn), 0])
    column = np.cross([np.sin(tilt) * np.sin(turn), -np.sin(tilt) * np.cos(turn), np.cos(tilt)], row)
    elements = {
        "ImageOrientationPatient": [f"{v:.10f}" for v in (*row, *column)],
        "ImagePositionPatient": [-31.5, 12.25, 87],
        "PixelSpacing": [0.5, 0.75],
        "SliceThickness": 2.5,
        "Modality": "CT",
    }
    image = opened(tmp_path, **elements)
    other = itk.imread(str(image.path), itk.SS)
    direction = itk.array_from_matrix(other.GetDirection())
    lps = np.eye(4)
    lps[:3, :3] = direction @ np.diag(np.array(other.GetSpacing()))
    lps[:3, 3] = np.array(other.GetOrigin())
    lps[:, 2] *= 2.5  # ITK takes a single slice to be 1 mm thick
    np.testing.assert_allclose(image.affine, np.diag([-1, -1, 1, 1]) @ lps, atol=1e-4)


def test_modality_and_series(tmp_path: Path) -> None:
    image = opened(tmp_path, Modality="CT")
    assert (image.modality, image.series) == ("CT", "1.2.3")
    image = opened(tmp_path, SeriesInstanceUID=None)
    assert (image.modality, image.series) == (None, None)


def test_elements_after_the_pixels_belong_to_the_header(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a", PIXELS)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x7FE10010, "LO", "MAKER")
    dataset.add_new(0x7FE11001, "UN", b"\1\2\3\4")
    dataset.save_as(path)
    header = open_dicom(path).dataset
    assert header[0x7FE11001].value == b"\1\2\3\4" and header[0x7FE10010].value == "MAKER"
    assert "PixelData" not in header and header.PatientID == "secret-7"


def test_zeros_after_the_last_element_are_no_elements(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a", PIXELS)
    elements = len(open_dicom(path).dataset)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 64_000_000)  # eight million of them would take a quarter of a minute
    began = time.perf_counter()
    assert len(open_dicom(path).dataset) == elements
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("rubbish", [b"\xcc" * 300, b"\x80" * 301, b"\xff" * 64, b"no element at all"])
def test_rubbish_after_the_last_element_is_no_element(tmp_path: Path, rubbish: bytes) -> None:
    path = write_dicom(tmp_path / "a", PIXELS)
    elements = set(open_dicom(path).dataset.keys())
    with path.open("ab") as file:
        file.write(rubbish)
    assert set(open_dicom(path).dataset.keys()) == elements


KINDS = {
    "1.3.10": "directory",
    "5.1.4.1.1.88.33": "structured report",
    "5.1.4.1.1.88.59": "key objects",
    "5.1.4.1.1.481.3": "structure set",
    "5.1.4.1.1.481.5": "radiotherapy plan",
    "5.1.4.1.1.481.2": "dose",
    "5.1.4.1.1.11.1": "presentation state",
    "5.1.4.1.1.66.4": "segmentation",
    "5.1.4.1.1.30": "parametric map",
    "5.1.4.1.1.104.1": "document",
    "5.1.4.1.1.9.1.1": "waveform",
    "5.1.4.1.1.66.1": "registration",
}


@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize("pixels", [PIXELS, None], ids=["with pixels", "without"])
def test_objects_that_are_no_images(tmp_path: Path, ending: str, pixels: np.ndarray | None) -> None:
    path = write_dicom(tmp_path / "a", pixels, SOPClassUID=f"1.2.840.10008.{ending}")
    with pytest.raises(NotAnImage, match=KINDS[ending]) as caught:
        open_dicom(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("ending", ["2", "6.1", "7", "481.1", "77.1.4", "1.1", "4.1", "77.1.6"])
def test_objects_that_are(tmp_path: Path, ending: str) -> None:
    assert opened(tmp_path, SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{ending}").frames == 1


def test_no_pixels_and_bit_masks(tmp_path: Path) -> None:
    with pytest.raises(NotAnImage, match="without pixel data"):
        open_dicom(write_dicom(tmp_path / "a", None))
    mask = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "Rows": 4, "Columns": 4, "SamplesPerPixel": 1}
    with pytest.raises(NotAnImage, match="bit mask"):
        open_dicom(write_dicom(tmp_path / "b", b"\1\2", PixelRepresentation=0, **mask))


def test_a_header_cut_short(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a", PIXELS, PatientName="Doe^Jane" * 20)
    path.write_bytes(path.read_bytes().partition(b"Jane")[0] + b"Ja")
    with pytest.raises(InputError, match="truncated: it ends within its header") as caught:
        open_dicom(path)
    assert not isinstance(caught.value, NotAnImage)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        open_dicom(tmp_path / "none.dcm")


def bad_header(folder: Path) -> Path:
    path = write_dicom(folder / "a", PIXELS)
    dataset = pydicom.dcmread(path)
    with quiet():
        dataset.add_new(0x00100030, "DA", "secret born")
        dataset.add_new(0x00281050, "DS", "1")
        dataset.add_new(0x00281051, "DS", "2")
        dataset.save_as(path)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"DS\x02\x001 ", b"DS\x02\x00ZZ"))  # a window that is no number
    return path


def test_nothing_of_the_header_gets_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """pydicom's warnings, log lines and exceptions quote values that break its rules."""
    path = bad_header(tmp_path)
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(InputError) as caught:
            open_dicom(path)
        with quiet():
            assert pydicom.dcmread(path).PatientBirthDate == "secret born"
    told = " ".join([str(caught.value), caplog.text, *(str(w.message) for w in heard)])
    assert "secret" not in told and "ZZ" not in told and str(caught.value.__cause__) == "None"
    assert not heard and not caplog.records


def test_quiet_is_quiet_to_the_bottom(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with quiet():
            logging.getLogger("pydicom.pixels.decoders.base").error("a value")
            warnings.warn("a value", stacklevel=1)
    assert not caplog.records and not heard


def test_quiet_ends(tmp_path: Path) -> None:
    modes, level = pydicom.config.settings.reading_validation_mode, logging.getLogger("pydicom").level
    with quiet(), quiet():
        assert pydicom.config.settings.reading_validation_mode == pydicom.config.IGNORE
    assert pydicom.config.settings.reading_validation_mode == modes
    assert logging.getLogger("pydicom").level == level


def test_colour_has_no_grey_scale(tmp_path: Path) -> None:
    elements = colour(2, 2, WindowCenter=100, WindowWidth=50, RescaleSlope=2, RescaleIntercept=1, PixelPaddingValue=0)
    image = open_dicom(write_dicom(tmp_path / "a", bytes(12), SOPClassUID=US_CINE, **elements))
    assert (image.window, image.rescale, image.padding) == (None, (1, 0), None)


def test_a_cine_of_two_gigabytes_opens_at_once(tmp_path: Path) -> None:
    """The file is sparse; its last frame is not."""
    pixels = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    frames = 2**31 // pixels.nbytes - 1
    path = write_dicom(tmp_path / "a", pixels, NumberOfFrames=frames, SOPClassUID=CT)
    head = path.read_bytes()
    at = head.index(b"\xe0\x7f\x10\x00OW") + 8
    path.write_bytes(head[:at] + (frames * pixels.nbytes).to_bytes(4, "little"))
    with path.open("rb+") as file:
        file.seek(at + 4 + (frames - 1) * pixels.nbytes)
        file.write(pixels.tobytes())
    begin = time.perf_counter()
    image = open_dicom(path)
    last = image.read(frames - 1)
    assert time.perf_counter() - begin < 0.5
    np.testing.assert_array_equal(last[0, 0].T, pixels)
