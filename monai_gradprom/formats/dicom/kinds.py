# SPDX-License-Identifier: Apache-2.0
"""What a DICOM file holds, by its SOP class (PS3.4 B.5, PS3.6 A)."""

from __future__ import annotations

from pydicom.uid import UID

__all__ = ["not_an_image"]

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_IMAGES = {f"{_STORAGE}481.1", f"{_STORAGE}481.23", f"{_STORAGE}481.24"}  # RT images among the RT objects
_KINDS = {
    "1.2.840.10008.1.3.10": "a directory of other files",
    f"{_STORAGE}88": "a structured report or a selection of key objects",
    f"{_STORAGE}481.2": "a radiotherapy dose: values, not an image",
    f"{_STORAGE}481.3": "a radiotherapy structure set",
    f"{_STORAGE}481": "a radiotherapy plan or record",
    f"{_STORAGE}11": "a presentation state",
    f"{_STORAGE}66.4": "a segmentation: labels, not an image",
    f"{_STORAGE}66.7": "a segmentation: labels, not an image",
    f"{_STORAGE}66": "raw data, a registration or another object derived from images",
    f"{_STORAGE}67": "a mapping of values",
    f"{_STORAGE}30": "a parametric map: measured values, not an image",
    f"{_STORAGE}104": "a document",
    f"{_STORAGE}9": "a waveform",
    f"{_STORAGE}4.2": "a spectrum",
    f"{_STORAGE}68": "a surface",
    f"{_STORAGE}77.1.5.3": "a relation between images",
    f"{_STORAGE}77.1.5.8": "a measurement of the eye",
    **{f"{_STORAGE}{number}": "a measurement of the eye" for number in (78, 79, 80, 81, 82)},
    f"{_STORAGE}90": "an assessment",
    f"{_STORAGE}91": "annotations",
    f"{_STORAGE}131": "a layout of images",
    "1.2.840.10008.5.1.4.34": "a work list",
    "1.2.840.10008.5.1.4.38": "a hanging protocol",
    "1.2.840.10008.5.1.4.39": "a colour palette",
    "1.2.840.10008.5.1.4.43": "a template of an implant",
    "1.2.840.10008.5.1.4.44": "a template of an implant",
    "1.2.840.10008.5.1.4.45": "a template of an implant",
}


def not_an_image(sop_class: str) -> str | None:
    """What an object that is no image is, in plain words with the SOP class's name.

    Args:
        sop_class: SOP Class UID (0008,0016), or for a file without it the media storage class (0002,0002).

    Returns:
        Such as ``"a structured report or a selection of key objects (Basic Text SR Storage)"``; None for images, and
        for classes that are not known here.
    """
    parts = sop_class.split(".")
    families = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    kind = None if sop_class in _IMAGES else next((_KINDS[f] for f in families if f in _KINDS), None)
    if kind is None:
        return None
    name = UID(sop_class).name
    return kind if name == sop_class else f"{kind} ({name})"
