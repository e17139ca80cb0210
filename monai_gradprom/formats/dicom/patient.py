# SPDX-License-Identifier: Apache-2.0
"""Whose image a DICOM file is, to keep one person's images together."""

from __future__ import annotations

from pathlib import Path

import pydicom

from monai_gradprom.formats.dicom.quiet import quiet

__all__ = ["patient_of"]

_TAGS = ["PatientID", "IssuerOfPatientID"]


def patient_of(path: Path) -> str | None:
    """Patient ID (0010,0020) with its issuer, where the file states one. Personal: to compare, not to show or store."""
    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=_TAGS)
            stated = str(header.get("PatientID") or "").strip()
            return f"{stated} {header.get('IssuerOfPatientID') or ''}" if stated else None
    except Exception:  # what cannot be read is told by the loader
        return None
