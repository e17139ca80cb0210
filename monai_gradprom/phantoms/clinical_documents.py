# SPDX-License-Identifier: Apache-2.0
"""What lies beside images in a clinical folder and is none: a structured report, the directory of a CD, a torn copy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.fileset import FileSet

from .clinical_dicom import clinical_object, sample_uid

__all__ = ["structured_report", "write_cd"]


def structured_report(seed: int) -> FileDataset:
    """A report of one sentence, Basic Text SR Storage (DICOM PS3.3 A.35.1).

    Args:
        seed: of the whole folder.
    """
    data = clinical_object("1.2.840.10008.5.1.4.1.1.88.11", "SR", "report", 1, seed)
    data.CompletionFlag, data.VerificationFlag = "COMPLETE", "UNVERIFIED"
    data.ReferencedPerformedProcedureStepSequence = []
    data.PerformedProcedureCodeSequence = []
    data.ValueType, data.ContinuityOfContent = "CONTAINER", "SEPARATE"
    data.ConceptNameCodeSequence = [_code("18748-4", "LN", "Diagnostic imaging report")]
    finding = Dataset()
    finding.RelationshipType, finding.ValueType = "CONTAINS", "TEXT"
    finding.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    finding.TextValue = "A phantom. No patient was examined."
    data.ContentSequence = [finding]
    return data


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def write_cd(folder: Path, objects: Sequence[FileDataset], seed: int) -> None:
    """Write objects as on a patient's CD: a DICOMDIR and files without extension (DICOM PS3.10, PS3.11).

    Args:
        folder: receives ``DICOMDIR`` and ``PT000000/ST000000/SE000000/IM000000`` and so on.
        objects: what to write.
        seed: of the whole folder.
    """
    directory = FileSet()
    directory.ID, directory.UID = "SAMPLE", sample_uid(seed, "file-set")
    for item in objects:
        directory.add(item)
    folder.mkdir(parents=True, exist_ok=True)
    directory.write(folder)
