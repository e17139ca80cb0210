# SPDX-License-Identifier: Apache-2.0
"""Whose bundle it is, and which bytes it is made of; nothing of it is evaluated to tell."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_gradprom.enhance.record.paths import printable
from monai_gradprom.errors import InputError

from .hashing import sha256_of

__all__ = ["BundleProvenance", "code_sha256", "provenance_of", "require_sha256"]

_LONGEST = 100
_BYTECODE = "__pycache__"


@dataclass(frozen=True)
class BundleProvenance:
    """What a bundle says of itself, and the digest of its files.

    Attributes:
        folder: its name.
        title: ``name`` of its metadata; this and the next two are empty where it says nothing.
        version: of its metadata.
        authors: of its metadata.
        files: how many it has.
        sha256: of all of them, see :func:`provenance_of`; None where ``problem`` says why there is none.
        problem: in words; None.
    """

    folder: str
    title: str
    version: str
    authors: str
    files: int
    sha256: str | None
    problem: str | None = None

    @property
    def line(self) -> str:
        """All of it in one line of printable characters."""
        digest = f"SHA-256 of its {self.files} files {self.sha256}" if self.sha256 else f"no digest: {self.problem}"
        return (
            f"bundle {printable(self.folder)}: {self.title or 'of no stated name'}, version "
            f"{self.version or 'not stated'}, by {self.authors or 'nobody stated'}; {digest}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For ``run.json``."""
        names = ("folder", "title", "version", "authors", "sha256")
        return {name: getattr(self, name) for name in names}


def provenance_of(folder: Path) -> BundleProvenance:
    """Read a bundle's metadata as data, and hash its files.

    The digest is the SHA-256 of what ``sha256sum`` prints of all files in the order of their names; docs/security.md
    has the command.

    Args:
        folder: the bundle.

    Raises:
        InputError: a file cannot be read.
    """
    about = _metadata(folder)
    sums, problem = _sums(folder, folder)
    sha256 = None if problem else hashlib.sha256(b"".join(sums)).hexdigest()
    title, version, authors = (_told(about.get(name)) for name in ("name", "version", "authors"))
    own = folder.expanduser().absolute().name
    return BundleProvenance(own, title, version, authors, len(sums), sha256, problem)


def require_sha256(folder: Path, wanted: str) -> None:
    """Check that a bundle's files are the wanted ones, before anything of it is evaluated.

    Args:
        folder: the bundle.
        wanted: the digest, 64 hexadecimal digits.

    Raises:
        InputError: they are others.
    """
    found = provenance_of(folder)
    if found.sha256 is None:
        raise InputError(
            f"--bundle {folder} has no SHA-256 to compare ({found.problem}); use a bundle of plain files, or leave "
            "--require-sha256 out."
        )
    if found.sha256 != wanted.lower():
        raise InputError(
            f"--bundle {folder} has the SHA-256 {found.sha256}, not the required {wanted.lower()}; get the bundle that "
            "was meant, or require the digest of this one if you trust it."
        )


def code_sha256(folder: Path) -> str | None:
    """Digest of a bundle's own Python, like that of :func:`provenance_of`; None if it has none.

    Raises:
        InputError: a file cannot be read.
    """
    sums, _ = _sums(folder / "scripts", folder)
    return hashlib.sha256(b"".join(sums)).hexdigest() if sums else None


def _sums(place: Path, folder: Path) -> tuple[list[bytes], str | None]:
    """``sha256sum``'s lines for all files below ``place``, and why they do not tell everything."""
    lines, problem = [], None
    try:
        for path in sorted(_files(place), key=os.fsencode):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file() or re.search(r"[\\\n\r]", name):
                problem = f"{printable(name)} is a link, no file, or of a strange name"
                continue
            lines.append(sha256_of(path).encode() + b"  " + os.fsencode(name) + b"\n")
    except FileNotFoundError:
        return [], None  # whoever needs the folder says so
    except OSError as error:
        raise InputError(f"--bundle {folder} cannot be read ({error.strerror}); check its permissions.") from None
    return lines, problem


def _files(folder: Path) -> Iterator[Path]:
    """All that is no folder, and links to folders; compiled Python is not read when a digest is required."""
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if name != _BYTECODE]
        linked = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in (*names, *linked))


def _raise(error: OSError) -> None:
    raise error


def _metadata(folder: Path) -> dict[str, Any]:
    from monai.bundle import ConfigParser  # json's and yaml's safe readers

    for suffix in ("json", "yaml", "yml"):
        path = folder / "configs" / f"metadata.{suffix}"
        if path.is_file():
            try:
                content: Any = ConfigParser.load_config_file(str(path))
            except Exception:  # whoever loads the bundle says it
                return {}
            return content if isinstance(content, dict) else {}
    return {}


def _told(value: Any) -> str:
    """A text of the metadata, which anybody may have written, on one line and not too long."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return printable(text[:_LONGEST])
