# SPDX-License-Identifier: Apache-2.0
"""Where things lie in the two official releases of CAMUS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_gradprom.datasets.archive import open_archive, unlike_archive
from monai_gradprom.errors import InputError

__all__ = ["CamusLayout", "find_layout", "read_cfg", "read_split"]


@dataclass(frozen=True)
class CamusLayout:
    """One release on disk.

    Attributes:
        base: folder that item ids are relative to.
        patients: patient folders by name relative to ``base`` (``patient0001``; ``training/patient0001`` in the older
            release, whose ``testing`` folder counts from 1 again).
        suffix: ``".nii.gz"`` or ``".mhd"``.
        sequence: what the file of a heartbeat is called.
        split_dir: folder of the official split files, or ``None``.
    """

    base: Path
    patients: dict[str, Path]
    suffix: str
    sequence: str
    split_dir: Path | None


def find_layout(root: str | Path) -> CamusLayout:
    """Recognise the release under ``root``: the unpacked archive, or its database folder itself.

    Raises:
        InputError: there is no such folder, or no patients in it.
    """
    root = open_archive(root, "CAMUS")
    for base in (root / "database_nifti", root):
        patients = {p.name: p for p in _patients(base)}
        if patients and any(next(p.glob("*.nii.gz"), None) for p in patients.values()):
            splits = [d / "database_split" for d in (root, root.parent, base)]
            return CamusLayout(
                base, patients, ".nii.gz", "half_sequence", next((d for d in splits if d.is_dir()), None)
            )
    for base, parts in ((root, ("training", "testing")), (root, ("",))):
        patients = {f"{part}/{p.name}".lstrip("/"): p for part in parts for p in _patients(base / part)}
        if patients:
            return CamusLayout(base, patients, ".mhd", "sequence", _split_dir(base))
    raise unlike_archive(root, "CAMUS", "neither database_nifti/patient*/ nor training/patient*/")


def _patients(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("patient*") if p.is_dir())


def _split_dir(*folders: Path) -> Path | None:
    return next((d / "database_split" for d in folders if (d / "database_split").is_dir()), None)


def read_split(layout: CamusLayout, subset: str) -> list[str]:
    """Patient names of ``database_split/subgroup_<subset>.txt``.

    Raises:
        InputError: there is no such file, as in the older release, or it is no text.
    """
    path = layout.split_dir / f"subgroup_{subset}.txt" if layout.split_dir else None
    if path is None or not path.is_file():
        raise InputError(
            f"{layout.base} comes without database_split/subgroup_{subset}.txt (the older CAMUS release has none); "
            "use `--split paper` or add the split files of the newer release."
        )
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}); put an intact copy in its place."
        ) from error


def read_cfg(path: Path) -> dict[str, str] | None:
    """The entries of an ``Info_2CH.cfg``, as text; ``None`` if it is missing or holds none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs} or None
