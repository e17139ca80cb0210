# SPDX-License-Identifier: Apache-2.0
"""Headers of MetaImage files: lines of ``Key = Value``, the last of which says where the voxels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import decoding
from monai_gradprom.formats.volumes.volume import finer_grid

__all__ = ["MetaHeader", "data_files", "read_meta_header"]

_LONGEST = 1 << 20
_BYTE_FOR_BYTE = ("utf-8", "surrogateescape")  # as Python takes file names
_NAMES = {
    "ElementSpacing": ("ElementSpacing", "ElementSize"),
    "Offset": ("Offset", "Position", "Origin"),
    "TransformMatrix": ("TransformMatrix", "Rotation", "Orientation"),
}
_MILLIMETRES = {"mm": 1.0, "um": 0.001, "cm": 10.0}
_UNTRUE_OF_A_RESULT = ("ElementMin", "ElementMax", "HeaderSize", "CompressedDataSize")


class MetaHeader:
    """The lines of a header, in order.

    Args:
        path: of the header.
        lines: pairs of key and value, as they are written.
        size: of the header in bytes; the voxels of a LOCAL file follow.
    """

    def __init__(self, path: Path, lines: list[tuple[str, str]], size: int) -> None:
        self.path, self.lines, self.size = path, lines, size
        self._values = dict(lines)

    def text(self, key: str, default: str = "") -> str:
        """A value as it is written."""
        return next((self._values[name] for name in _NAMES.get(key, (key,)) if name in self._values), default)

    def flag(self, *keys: str) -> bool:
        """Whether any of these is true."""
        return any(self.text(key)[:1] in ("T", "t", "1") for key in keys)

    def numbers(self, key: str, default: np.ndarray) -> np.ndarray:
        """A value of as many numbers as ``default`` has."""
        text = self.text(key)
        values = np.array(text.split(), dtype=np.float64) if text else default.ravel()
        if len(values) != default.size or not np.isfinite(values).all():
            raise InputError(f"{self.path}: {key} is not {default.size} numbers; correct the header or leave it out.")
        return values.reshape(default.shape)

    @property
    def dims(self) -> int:
        """Number of axes."""
        return int(self.text("NDims", "0"))

    def data_file(self) -> Path | None:
        """The file that holds the voxels; None if this one does.

        Raises:
            InputError: there are several, or it lies anywhere but beside the header (a header from elsewhere must not
                make us read, and publish, other files).
        """
        name = self.text("ElementDataFile")
        if name in ("LOCAL", "Local", "local"):
            return None
        if name.startswith("LIST") or "%" in name:
            raise InputError(f"{self.path}: keeps its slices in files of their own; convert it to one .mha file.")
        file = self.path.parent / name
        beside = Path(name).name == name and "\\" not in name and name not in ("", ".", "..")
        if not beside or file.resolve().parent != self.path.parent.resolve() or name == self.path.name:
            raise InputError(
                f"{self.path}: names a data file that is not beside it; put it there and correct the header."
            )
        return file

    def affine(self) -> np.ndarray:
        """Indices to millimetres, RAS (MetaImage itself has LPS), 4 x 4; of the first three axes."""
        dims, known = self.dims, min(self.dims, 3)
        spacing = self.numbers("ElementSpacing", np.ones(dims))[:known]
        affine = np.eye(4)
        # a row of TransformMatrix is the direction of an axis
        affine[:known, :known] = self.numbers("TransformMatrix", np.eye(dims))[:known, :known].T * spacing
        affine[:known, 3] = self.numbers("Offset", np.zeros(dims))[:known]
        affine[:known] *= _MILLIMETRES.get(self.text("DistanceUnits", "mm"), 1.0)
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine

    def of_result(self, axes: tuple[int, ...], finer: int, factor: int, data_file: str, packed: int | None) -> bytes:
        """The header of a result: all lines as they were, but for those that would be untrue.

        Args:
            axes: number of voxels.
            finer: how many axes, from x on, are finer.
            factor: how many times.
            data_file: for the last line.
            packed: bytes of the compressed voxels, if they are.
        """
        changed = {"ElementDataFile": data_file}
        if packed is not None:
            changed["CompressedDataSize"] = str(packed)
        if factor > 1:
            changed |= self._finer(axes, finer, factor)
        kept = [(key, value) for key, value in self.lines if key in changed or key not in _UNTRUE_OF_A_RESULT]
        lines = [(key, changed.pop(key, value)) for key, value in kept]
        lines[-1:-1] = changed.items()  # what the source leaves to defaults; ElementDataFile has to be the last
        return "".join(f"{key} = {value}\n" for key, value in lines).encode(*_BYTE_FOR_BYTE)

    def _finer(self, axes: tuple[int, ...], finer: int, factor: int) -> dict[str, str]:
        dims = self.dims
        spacing = self.numbers("ElementSpacing", np.ones(dims))
        matrix = self.numbers("TransformMatrix", np.eye(dims)).T * spacing
        first = np.where(np.arange(dims) < finer, finer_grid(1, factor)[0, 3], 0.0)
        offset = self.numbers("Offset", np.zeros(dims)) + matrix @ first
        new = {
            "DimSize": " ".join(map(str, axes)),
            "ElementSpacing": _text(np.where(np.arange(dims) < finer, spacing / factor, spacing)),
            "Offset": _text(offset),
        }
        return {name: new[key] for key in new for name in self._present(key)}

    def _present(self, key: str) -> list[str]:
        """All the names under which the header has ``key``, or the usual one."""
        return [name for name in _NAMES.get(key, (key,)) if name in self._values] or [key]


def _text(numbers: np.ndarray) -> str:
    return " ".join(repr(float(number)) for number in numbers)


def read_meta_header(path: Path) -> MetaHeader:
    """Read the lines up to ElementDataFile.

    Raises:
        InputError: there is no such line.
    """
    lines = []
    with decoding(path), path.open("rb") as file:
        while file.tell() < _LONGEST and (line := file.readline(_LONGEST)):
            key, _, value = (part.strip(" \t\r\n") for part in line.decode(*_BYTE_FOR_BYTE).partition("="))
            if key:
                lines.append((key, value))
            if key == "ElementDataFile":
                return MetaHeader(path, lines, file.tell())
    raise InputError(f"{path}: has no ElementDataFile line; put an intact copy in its place or leave it out.")


def data_files(path: Path) -> list[Path]:
    """The files beside a MetaImage header that are its voxels and nothing of their own; empty if it names none.

    Never raises over the content: a header that :func:`open_metaimage` refuses has no data files.
    """
    try:
        file = read_meta_header(path).data_file()
    except InputError:
        return []
    return [] if file is None else [file]
