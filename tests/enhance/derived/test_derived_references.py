# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pydicom
from derived_case import RUN, derive, read
from dicom_datasets import CT, item

from monai_gradprom.enhance.derived.image import write_derived

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)


def code_of(sequence):
    return [(code.CodeValue, code.CodingSchemeDesignator) for code in sequence]


def test_refers_to_its_source(tmp_path):
    older = [item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID="1.2.older")]
    made = derive(tmp_path, PIXELS, SourceImageSequence=older)
    (source,) = made.SourceImageSequence
    assert (source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID) == (CT, "1.2.3.4")
    assert code_of(source.PurposeOfReferenceCodeSequence) == [("121322", "DCM")]
    assert source.SpatialLocationsPreserved == "YES"
    assert derive(tmp_path, PIXELS, 2).SourceImageSequence[0].SpatialLocationsPreserved == "NO"


def test_says_how_it_was_derived(tmp_path):
    made = derive(tmp_path, PIXELS, run=replace(RUN, strength=0.5))
    for fact in ("camus_denoise 1.2", "ab" * 32, "monai-gradprom 0.1.0", "strength 0.5"):
        assert fact in made.DerivationDescription
    assert "strength" not in derive(tmp_path, PIXELS).DerivationDescription
    (code,) = code_of(made.DerivationCodeSequence)
    assert code[1] in [scheme.CodingSchemeDesignator for scheme in made.CodingSchemeIdentificationSequence]
    larger = derive(tmp_path, PIXELS, 3)
    assert code_of(larger.DerivationCodeSequence) == [code, ("113085", "DCM")]
    assert "3 times" in larger.DerivationDescription


def test_what_the_source_said_of_its_derivation_stays_behind(tmp_path):
    mip = item(CodeValue="113078", CodingSchemeDesignator="DCM", CodeMeaning="Maximum intensity projection")
    made = derive(tmp_path, PIXELS, DerivationDescription="MIP of 3 slices", DerivationCodeSequence=[mip])
    assert made.DerivationDescription.endswith("\r\nMIP of 3 slices")
    assert code_of(made.DerivationCodeSequence)[0] == ("113078", "DCM") and len(made.DerivationCodeSequence) == 2
    long = derive(tmp_path, PIXELS, DerivationDescription="x" * 1000)
    assert len(long.DerivationDescription) < 1024 and "x" not in long.DerivationDescription.replace("neural", "")[-9:]


def test_equipment_is_added(tmp_path):
    before = [item(Manufacturer="Scanner Works")]
    first, ours = derive(tmp_path, PIXELS, ContributingEquipmentSequence=before).ContributingEquipmentSequence
    assert first.Manufacturer == "Scanner Works"
    assert code_of(ours.PurposeOfReferenceCodeSequence) == [("109102", "DCM")]
    assert ours.ManufacturerModelName == "camus_denoise"
    assert list(ours.SoftwareVersions) == ["monai-gradprom 0.1.0", "1.2", "ab" * 32]
    assert ours.ContributionDateTime == "20250102203040.678000+0000"


def test_names_that_a_header_cannot_hold_are_made_plain(tmp_path):
    made = derive(tmp_path, PIXELS, run=replace(RUN, bundle="débruit\\" + "x" * 70))
    assert made.ContributingEquipmentSequence[0].ManufacturerModelName == "d_bruit_" + "x" * 56


def test_derived_of_a_derived(tmp_path):
    derive(tmp_path, PIXELS)
    write_derived(read(tmp_path / "derived.dcm"), tmp_path / "two.dcm", PIXELS.T[None, None], replace(RUN, run_key="2"))
    first, second = pydicom.dcmread(tmp_path / "derived.dcm"), pydicom.dcmread(tmp_path / "two.dcm")
    assert second.SourceImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert len(second.CodingSchemeIdentificationSequence) == 1
    assert len(second.ContributingEquipmentSequence) == 2
    assert second.SeriesNumber == 2000
