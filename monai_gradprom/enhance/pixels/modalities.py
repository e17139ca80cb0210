# SPDX-License-Identifier: Apache-2.0
"""The words by which bundles name a modality, and the codes by which DICOM does."""

from __future__ import annotations

import re

__all__ = ["Modalities", "codes_of", "is_code"]

Modalities = frozenset[str]
"""DICOM codes."""


# the defined terms of DICOM PS3.3 C.7.3.1.1.1 that images have, and what bundles call them
_WORDS: dict[tuple[str, ...], str] = {
    ("CT",): "computed tomography, cat",
    ("MR",): "mri, magnetic resonance, magnetic resonance imaging",
    ("US",): "ultrasound, ultrasonography, sonography, echocardiography, echo, b-mode",
    ("IVUS",): "intravascular ultrasound",
    ("CR", "DX", "RG"): "x-ray, xray, xr, radiography, radiograph, cxr",
    ("MG",): "mammography, mammogram",
    ("XA", "RF"): "angiography, fluoroscopy",
    ("PX", "IO"): "panoramic x-ray, intra-oral radiography, dental x-ray",
    ("PT",): "pet, positron emission tomography",
    ("NM",): "nuclear medicine, scintigraphy, spect",
    # before DMS became a term (2021), dermoscopy was stored as external-camera photography
    ("DMS", "XC"): "dermoscopy, dermatoscopy, dermatology",
    ("XC",): "photography, photograph, external-camera photography",
    ("SM", "GM"): "histology, histopathology, pathology, microscopy, h&e, wsi, whole slide imaging",
    ("OP",): "fundus, fundus photography, ophthalmic photography, ophthalmology",
    ("OPT", "OCT"): "optical coherence tomography",
    ("ES",): "endoscopy, colonoscopy",
    ("BDUS",): "ultrasound bone densitometry",
    ("OT",): "other",
}
_CODES = frozenset(code for codes in _WORDS for code in codes)
_MEANT = {code.lower(): frozenset((code,)) for code in _CODES}
_MEANT |= {word: frozenset(codes) for codes, words in _WORDS.items() for word in words.split(", ")}
# one kind of picture by three kinds of machine
_MEANT |= dict.fromkeys(("cr", "dx", "rg"), _MEANT["x-ray"])
_OPEN = ("", "*", "any", "all", "n/a", "na", "none", "image", "images")


def is_code(text: str) -> bool:
    """Whether ``text`` is one of DICOM's codes, and not something that only stands in its place."""
    return text in _CODES


def codes_of(words: list[str]) -> Modalities | None:
    """The DICOM codes that a bundle's words for its modality stand for.

    Args:
        words: such as ``["US"]``, ``["chest x-ray"]`` or ``["CT, MR"]``; case does not matter.

    Returns:
        The codes; a word that is not known stands for itself in capitals. None where any modality is meant.
    """
    # "h&e" and "n/a" are one word
    parts = [part.strip() for word in words for part in re.split(r"[,;|]|(?<!n)/|\band\b|\bor\b", word.lower())]
    if not parts or any(part in _OPEN for part in parts):
        return None
    return frozenset().union(*map(_codes_of_part, parts))


def _codes_of_part(part: str) -> Modalities:
    if part in _MEANT:
        return _MEANT[part]
    inside = [codes for word, codes in _MEANT.items() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", part)]
    return frozenset().union(*inside) if inside else frozenset((part.upper(),))
