# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from derived_case import derive
from dicom_datasets import US, item

from monai_gradprom.errors import InputError

PIXELS = np.zeros((10, 20), np.uint8)
OBLIQUE = [0.6, 0.8, 0, 0, 0, -1]  # along a row, down a column
PLACED = {"ImageOrientationPatient": OBLIQUE, "PixelSpacing": [3, 2]}  # 3 mm between rows, 2 mm between columns


def centre(dataset, column: float, row: float) -> np.ndarray:
    """PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1, by hand."""
    along, down = np.reshape([float(v) for v in dataset.ImageOrientationPatient], (2, 3))
    between_rows, between_columns = (float(v) for v in dataset.PixelSpacing)
    position = np.array([float(v) for v in dataset.ImagePositionPatient])
    return position + along * between_columns * column + down * between_rows * row


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_every_pixel_stays_over_the_same_tissue(tmp_path, factor):
    placed = PLACED | {"ImagePositionPatient": [-10, 20, 30]}
    before, after = derive(tmp_path, PIXELS, **placed), derive(tmp_path, PIXELS, factor, **placed)
    assert (after.Rows, after.Columns) == (10 * factor, 20 * factor)
    for column, row in ((0, 0), (19, 0), (7, 9)):
        parts = [centre(after, column * factor + i, row * factor + j) for i in range(factor) for j in range(factor)]
        np.testing.assert_allclose(np.mean(parts, 0), centre(before, column, row), atol=1e-9)


def test_position_by_hand(tmp_path):
    made = derive(tmp_path, PIXELS, 2, **PLACED, ImagePositionPatient=[0, 0, 0])
    # a quarter of a pixel back along the row (0.5 mm of 0.6, 0.8, 0) and the column (0.75 mm of 0, 0, -1)
    assert [float(v) for v in made.ImagePositionPatient] == [-0.3, -0.4, 0.75]
    assert [float(v) for v in made.PixelSpacing] == [1.5, 1.0]


@pytest.mark.parametrize(
    "keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ObjectPixelSpacingInCenterOfBeam"]
)
def test_spacing_shrinks(tmp_path, keyword):
    def spacing(factor):
        return [float(v) for v in derive(tmp_path, PIXELS, factor, **{keyword: [0.4, 0.2]})[keyword].value]

    assert spacing(4) == pytest.approx([0.1, 0.05])
    assert spacing(1) == pytest.approx([0.4, 0.2])


def test_decimal_strings_fit_their_16_bytes(tmp_path):
    made = derive(tmp_path, PIXELS, 3, PixelSpacing=["0.66145833333333", "0.1"])
    values = made.get_item("PixelSpacing").value.decode().rstrip().split("\\")
    assert all(len(value) <= 16 for value in values)
    assert float(values[0]) == pytest.approx(0.66145833333333 / 3, rel=1e-12)


def test_what_is_not_counted_in_pixels_stays(tmp_path):
    kept = {
        "PixelAspectRatio": [1, 2], "FieldOfViewDimensions": [200, 300], "FieldOfViewOrigin": [5, 7],
        "DetectorElementSpacing": [0.1, 0.1], "ReconstructionDiameter": "300", "SliceThickness": "2",
        "SpacingBetweenSlices": "3", "SliceLocation": "4", "AcquisitionMatrix": [0, 256, 256, 0],
    }  # fmt: skip
    before, after = derive(tmp_path, PIXELS, **kept), derive(tmp_path, PIXELS, 2, **kept)
    assert [after[k] for k in kept] == [before[k] for k in kept]


def region(**more):
    base = {"RegionLocationMinX0": 2, "RegionLocationMinY0": 3, "RegionLocationMaxX1": 11, "RegionLocationMaxY1": 8}
    return item(**base | {"PhysicalDeltaX": 0.3, "PhysicalDeltaY": -0.6} | more)


@pytest.mark.parametrize(("factor", "box"), [(1, (2, 3, 11, 8)), (2, (4, 6, 23, 17)), (3, (6, 9, 35, 26))])
def test_region_covers_the_same_pixels(tmp_path, factor, box):
    made = derive(tmp_path, PIXELS, factor, SOPClassUID=US, SequenceOfUltrasoundRegions=[region()])
    found = made.SequenceOfUltrasoundRegions[0]
    assert tuple(found[f"RegionLocation{name}"].value for name in ("MinX0", "MinY0", "MaxX1", "MaxY1")) == box
    assert (found.PhysicalDeltaX, found.PhysicalDeltaY) == (0.3 / factor, -0.6 / factor)
    assert "ReferencePixelX0" not in found and "ReferencePixelPhysicalValueX" not in found


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("value", [None, 7.0])
def test_every_pixel_of_a_region_keeps_its_physical_place(tmp_path, factor, value):
    more = {"ReferencePixelX0": 5, "ReferencePixelY0": -4}
    if value is not None:
        more |= {"ReferencePixelPhysicalValueX": value, "ReferencePixelPhysicalValueY": -value}
    made = derive(tmp_path, PIXELS, factor, SOPClassUID=US, SequenceOfUltrasoundRegions=[region(**more)])
    found = made.SequenceOfUltrasoundRegions[0]
    for axis, start, delta, pixel in (("X", value or 0, 0.3, 9), ("Y", -(value or 0), -0.6, 2)):
        reference = found[f"ReferencePixel{axis}0"].value
        offset = found.get(f"ReferencePixelPhysicalValue{axis}", 0)
        parts = [offset + (pixel * factor + i - reference) * found[f"PhysicalDelta{axis}"].value for i in range(factor)]
        assert np.mean(parts) == pytest.approx(start + (pixel - more[f"ReferencePixel{axis}0"]) * delta)


def test_points_in_a_region_move_with_it(tmp_path):
    points = {"DopplerSampleVolumeXPosition": 4, "TMLinePositionY1": 5}
    made = derive(tmp_path, PIXELS, 3, SOPClassUID=US, SequenceOfUltrasoundRegions=[region(**points)])
    found = made.SequenceOfUltrasoundRegions[0]
    assert (found.DopplerSampleVolumeXPosition, found.TMLinePositionY1) == (13, 16)  # the middle of 12 to 14, 15 to 17


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("name", ["Shutter", "Collimator"])
def test_shutter_hides_the_same_pixels(tmp_path, factor, name):
    edges = {"LeftVerticalEdge": 3, "RightVerticalEdge": 15, "UpperHorizontalEdge": 2, "LowerHorizontalEdge": 9}
    made = derive(tmp_path, PIXELS, factor, **{f"{name}{side}": edge for side, edge in edges.items()})
    sides = {"LeftVertical": 2 * factor + 1, "RightVertical": 15 * factor}
    sides |= {"UpperHorizontal": factor + 1, "LowerHorizontal": 9 * factor}
    assert {side: made[f"{name}{side}Edge"].value for side in sides} == sides


def test_round_and_polygonal_shutters(tmp_path):
    made = derive(
        tmp_path, PIXELS, 3, CenterOfCircularShutter=[5, 10], RadiusOfCircularShutter="4",
        VerticesOfThePolygonalShutter=[1, 1, 10, 20],
    )  # fmt: skip
    assert list(made.CenterOfCircularShutter) == [14, 29] and made.RadiusOfCircularShutter == 12
    assert list(made.VerticesOfThePolygonalShutter) == [2, 2, 29, 59]


def test_nuclear_detectors_move(tmp_path):
    detector = item(ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    made = derive(tmp_path, PIXELS, 2, PixelSpacing=[4, 4], DetectorInformationSequence=[detector])
    assert list(made.DetectorInformationSequence[0].ImagePositionPatient) == [-1, -1, 0]


def test_mask_shift_grows(tmp_path):
    made = derive(tmp_path, PIXELS, 2, MaskSubtractionSequence=[item(MaskSubPixelShift=[0.5, -1.5])])
    assert list(made.MaskSubtractionSequence[0].MaskSubPixelShift) == [1, -3]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"TotalPixelMatrixColumns": 5000}, "tile of a larger matrix"),
        ({"ImagePlanePixelSpacing": [1, 1]}, "radiotherapy image"),
        ({"GraphicAnnotationSequence": [item(GraphicLayer="A")]}, "graphics are drawn"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaic of slices"),
        ({"ImagePositionPatient": [0, 0, 0]}, "ImagePositionPatient, but no orientation"),
        ({"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": OBLIQUE}, "no orientation or spacing"),
    ],
)
def test_what_cannot_be_kept_true_is_refused_by_name(tmp_path, elements, reason):
    derive(tmp_path, PIXELS, **elements)
    with pytest.raises(InputError, match=reason):
        derive(tmp_path, PIXELS, 2, **elements)


def test_more_pixels_than_dicom_can_count(tmp_path):
    with pytest.raises(InputError, match="65535"):
        derive(tmp_path, np.zeros((1, 30000), np.uint8), 3)


def test_retired_position_is_dropped_only_when_it_would_lie(tmp_path):
    retired = PLACED | {"ImagePositionPatient": [1, 2, 3], "ImagePosition": [9, 9, 9]}
    assert "ImagePosition" in derive(tmp_path, PIXELS, **retired)
    assert "ImagePosition" not in derive(tmp_path, PIXELS, 2, **retired)
