# SPDX-License-Identifier: Apache-2.0
"""Names: where a result goes, what the manifest calls its source, and what a reason may quote."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path, PurePosixPath

from monai_gradprom.errors import InputError

__all__ = [
    "MANIFEST",
    "REPORT",
    "RUN_RECORD",
    "SERIES",
    "WORK",
    "folded",
    "output_path",
    "printable",
    "shown_path",
    "without_path",
]

RUN_RECORD = "run.json"
MANIFEST = "manifest.jsonl"
REPORT = "report.html"
SERIES = "series.jsonl"
WORK = ".work"
"""Folder of temporary files."""

_RESERVED = (RUN_RECORD, MANIFEST, REPORT, SERIES, WORK)
# Anything else after a dot may be part of a name (Doe.John) or of a UID.
_EXTENSION = re.compile(
    r"\.(dcm|dicom|dic|ima|nii\.gz|nii|hdr|img|mhd|mha|raw|zraw|png|tiff?|jpe?g|jp2|bmp|gz|zip|txt|csv|json|xml|pdf)$",
    re.IGNORECASE,
)


def shown_path(relative: str, hash_paths: bool) -> str:
    """What manifest, report and logs call the input file ``relative`` (forward slashes).

    With ``hash_paths``, every component becomes the first 16 hexadecimal digits of the SHA-256 of its bytes; of the
    last one, a usual extension is kept. Whoever can guess a name can check the guess: this hides names from readers, it
    does not anonymise them.
    """
    if not hash_paths:
        return relative
    *folders, name = relative.split("/")
    extension = _EXTENSION.search(name)
    return "/".join([*map(_digest, folders), _digest(name) + (extension.group() if extension else "")])


def output_path(relative: str, suffix_added: str, hash_paths: bool) -> str:
    """Where the result of the input file ``relative`` goes, relative to OUTPUT, with forward slashes.

    Args:
        relative: path of the source, relative to INPUT.
        suffix_added: what the format adds to the name: ``".png"`` for a JPEG, else ``""``.
        hash_paths: see :func:`shown_path`.

    Raises:
        InputError: the result would lie where this program keeps its own files.
    """
    path = shown_path(relative, hash_paths) + suffix_added
    first = path.split("/", 1)[0]
    if folded(first) in _RESERVED:
        raise InputError(f"{first} at the top of OUTPUT is this program's own; rename it in INPUT or use --hash-paths.")
    return path


def folded(path: str) -> str:
    """``path`` as file systems see it that ignore case and the spelling of accents (macOS, Windows, many shares)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def printable(text: str) -> str:
    """``text`` for a terminal: control characters, line breaks and undecodable bytes as escapes, on one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def without_path(text: str, source: Path, relative: str, hash_paths: bool = False) -> str:
    """``text``, the reason of a skipped or failed file, without the place of that file.

    The row names the file already; reasons that do not can be counted together. With ``hash_paths``, every name on the
    way from INPUT to the file (of three characters and more) is replaced by its digest, as in :func:`shown_path`.
    """
    for path, stand_in in ((str(source), "the file"), (str(source.parent) + os.sep, ""), (relative, "the file")):
        for written in (path, repr(path)[1:-1]):
            if os.sep in written or "/" in written:
                text = text.replace(written, stand_in)
    if hash_paths:
        names = [*relative.split("/"), PurePosixPath(relative).stem]
        for name in sorted({name for name in names if len(name) > 2}, key=len, reverse=True):
            for written in (name, repr(name)[1:-1]):
                text = re.sub(_mention(written), _digest(name), text)
    return text.removeprefix("the file: ")


def _mention(name: str) -> str:
    """The pattern of ``name`` as a whole word; of a plain word, such as report, only where it stands for a file."""
    word = re.escape(name)
    if re.fullmatch("[a-z]+", name):
        return rf"""(?<=['"/]){word}(?![^\W_])|(?<![^\W_]){word}(?=['"/]|\.\w)"""
    return rf"(?<![^\W_]){word}(?![^\W_])"


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
