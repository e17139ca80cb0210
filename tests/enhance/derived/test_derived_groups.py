# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from derived_case import derive
from dicom_datasets import item

from monai_gradprom.enhance.derived.image import derived_uid
from monai_gradprom.errors import InputError

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
PIXELS = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)
AXIAL = [1, 0, 0, 0, 1, 0]


def frame(z: float, **more):
    kind = item(FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"])
    return item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])], MRImageFrameTypeSequence=[kind], **more)


def enhanced(shared=(), frames=None, **more):
    measures = item(PixelSpacing=[2, 4], SliceThickness=5)
    common = item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)])
    for keyword, value in dict(shared).items():
        setattr(common, keyword, value)
    base = {"SOPClassUID": ENHANCED_MR, "StudyInstanceUID": "1.2.9", "ImageType": ["ORIGINAL", "PRIMARY", "M", "NONE"]}
    base |= {"SharedFunctionalGroupsSequence": [common]}
    return base | {"PerFrameFunctionalGroupsSequence": frames or [frame(0), frame(5)]} | more


def test_every_frame_is_derived_from_its_own(tmp_path):
    made = derive(tmp_path, PIXELS, **enhanced())
    for number, group in enumerate(made.PerFrameFunctionalGroupsSequence, 1):
        (derivation,) = group.DerivationImageSequence
        assert len(derivation.DerivationCodeSequence) == 1 and "camus_denoise" in derivation.DerivationDescription
        (source,) = derivation.SourceImageSequence
        assert (source.ReferencedSOPInstanceUID, source.ReferencedFrameNumber) == ("1.2.3.4", number)
        assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert "SourceImageSequence" not in made and "DerivationDescription" not in made
    assert len(made.CodingSchemeIdentificationSequence) == 1


def test_study_and_series_of_the_source_are_named(tmp_path):
    (study,) = derive(tmp_path, PIXELS, **enhanced()).SourceImageEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    found = (study.StudyInstanceUID, series.SeriesInstanceUID, instance.ReferencedSOPInstanceUID)
    assert found == ("1.2.9", "1.2.3", "1.2.3.4")


def test_frame_types_follow_the_image_type(tmp_path):
    shared = {"CTImageFrameTypeSequence": [item(FrameType=["MIXED", "PRIMARY", "VOLUME", "NONE"])]}
    made = derive(tmp_path, PIXELS, **enhanced(shared))
    assert list(made.ImageType) == ["DERIVED", "PRIMARY", "M", "NONE"]
    kinds = [group.MRImageFrameTypeSequence[0] for group in made.PerFrameFunctionalGroupsSequence]
    assert [list(kind.FrameType) for kind in kinds] == [["DERIVED", "PRIMARY", "M", "NONE"]] * 2
    common = made.SharedFunctionalGroupsSequence[0]
    assert list(common.CTImageFrameTypeSequence[0].FrameType) == ["DERIVED", "PRIMARY", "VOLUME", "NONE"]


@pytest.mark.parametrize("place", ["shared", "frames"])
def test_earlier_derivations_stay_behind_ours(tmp_path, place):
    earlier = {"DerivationImageSequence": [item(DerivationDescription="older")]}
    given = enhanced(earlier) if place == "shared" else enhanced(frames=[frame(0, **earlier), frame(5, **earlier)])
    made = derive(tmp_path, PIXELS, **given)
    for group in made.PerFrameFunctionalGroupsSequence:
        assert [d.DerivationDescription for d in group.DerivationImageSequence][1:] == ["older"]
    # a macro is either shared or per frame, never both (PS3.3 C.7.6.16.1.1)
    assert "DerivationImageSequence" not in made.SharedFunctionalGroupsSequence[0]


def test_object_with_shared_groups_alone(tmp_path):
    given = enhanced() | {"PerFrameFunctionalGroupsSequence": None}
    groups = derive(tmp_path, PIXELS, **given).PerFrameFunctionalGroupsSequence
    assert [g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber for g in groups] == [1, 2]


def test_frames_and_descriptions_that_do_not_match(tmp_path):
    with pytest.raises(InputError, match="describes 1 frames in its functional groups and has 2"):
        derive(tmp_path, PIXELS, **enhanced(frames=[frame(0)]))


def positions(made):
    planes = [group.PlanePositionSequence[0] for group in made.PerFrameFunctionalGroupsSequence]
    return [[float(value) for value in plane.ImagePositionPatient] for plane in planes]


def test_spacing_and_positions_of_enlarged_frames(tmp_path):
    made = derive(tmp_path, PIXELS, 2, **enhanced())
    assert list(made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing) == [1, 2]
    assert positions(made) == [[-1, -0.5, 0], [-1, -0.5, 5]]
    derivation = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    assert derivation.SourceImageSequence[0].SpatialLocationsPreserved == "NO"


def test_every_frame_with_a_plane_of_its_own(tmp_path):
    def plane(orientation, side):
        oriented, spaced = item(ImageOrientationPatient=orientation), item(PixelSpacing=[side, side])
        return {"PlaneOrientationSequence": [oriented], "PixelMeasuresSequence": [spaced]}

    frames = [frame(0, **plane(AXIAL, 8)), frame(5, **plane([0, 0, 1, 1, 0, 0], 4))]
    made = derive(tmp_path, PIXELS, 2, **enhanced(frames=frames))
    assert positions(made) == [[-2, -2, 0], [-1, 0, 4]]


def test_positions_in_a_volume_of_ultrasound(tmp_path):
    place = item(PlanePositionVolumeSequence=[item(ImagePositionVolume=[0.0, 0.0, 5.0])])
    shared = {"PlaneOrientationVolumeSequence": [item(ImageOrientationVolume=[1.0, 0, 0, 0, 1, 0])]}
    made = derive(tmp_path, PIXELS, 2, **enhanced(shared, frames=[place, item()]))
    group = made.PerFrameFunctionalGroupsSequence[0]
    assert list(group.PlanePositionVolumeSequence[0].ImagePositionVolume) == [-1, -0.5, 5]


@pytest.mark.parametrize("missing", ["PlaneOrientationSequence", "PixelMeasuresSequence"])
def test_positions_that_cannot_be_moved(tmp_path, missing):
    given = enhanced()
    delattr(given["SharedFunctionalGroupsSequence"][0], missing)
    derive(tmp_path, PIXELS, **given)
    with pytest.raises(InputError, match="ImagePositionPatient"):
        derive(tmp_path, PIXELS, 2, **given)


def test_what_is_in_pixels_deep_in_the_groups(tmp_path):
    inner = [item(ImagerPixelSpacing=[0.4, 0.4])]
    shutter = item(ShutterRightVerticalEdge=3)
    moved = {"FramePixelShiftSequence": [item(MaskSubPixelShift=[1.0, 2.0])], "FrameDisplayShutterSequence": [shutter]}
    frames = [frame(0), frame(5, **moved)]
    shared = {"UnassignedSharedConvertedAttributesSequence": inner}
    made = derive(tmp_path, PIXELS, 2, **enhanced(shared, frames=frames))
    second = made.PerFrameFunctionalGroupsSequence[1]
    assert list(second.FramePixelShiftSequence[0].MaskSubPixelShift) == [2, 4]
    assert second.FrameDisplayShutterSequence[0].ShutterRightVerticalEdge == 6
    unassigned = made.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence[0]
    assert list(unassigned.ImagerPixelSpacing) == [0.2, 0.2]


def test_identity_is_new_as_well(tmp_path):
    assert derive(tmp_path, PIXELS, **enhanced()).SOPInstanceUID == derived_uid("1.2.3.4", "run one")
