# SPDX-License-Identifier: Apache-2.0
"""Diagnoses of skin images from a CSV file: two columns, or one column per diagnosis as in the ISIC challenges."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from monai_gradprom.errors import InputError

__all__ = ["DiagnosisTable", "find_diagnosis_table", "read_diagnosis_table"]

# ISIC 2018 task 3 and ISIC 2019; AK there is what AKIEC was
ONE_HOT = ("MEL", "NV", "BCC", "AKIEC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
_SUBSETS = {"train": "training", "val": "validation", "valid": "validation", "test": "testing"}


@dataclass(frozen=True)
class DiagnosisTable:
    """What a CSV file says about images.

    Attributes:
        path: the file.
        diagnoses: image → diagnosis in upper case; ``""`` where the row leaves it blank. Image names are in lower case,
            without ISIC 2019's ``_downsampled``.
        subsets: image → ``"training"``, ``"validation"`` or ``"testing"``; empty without a ``split`` column.
    """

    path: Path
    diagnoses: dict[str, str]
    subsets: dict[str, str]


def find_diagnosis_table(folders: list[Path], given: str | Path | None = None) -> DiagnosisTable | None:
    """The table that is given, else the only one in the nearest of ``folders`` that has one.

    Args:
        folders: where to look for ``*.csv``, in this order.
        given: a CSV file.

    Returns:
        The table, or ``None`` if none is given or found; CSV files of another kind do not count.

    Raises:
        InputError: the given file is no such table, or several are found.
    """
    if given is not None:
        return read_diagnosis_table(given)
    for folder in folders:
        found = [path for path in sorted(folder.glob("*.csv")) if _is_table(path)]
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InputError(f"{folder} holds several tables of diagnoses ({names}); choose one by --diagnosis_csv.")
        if found:
            return read_diagnosis_table(found[0])
    return None


def read_diagnosis_table(path: str | Path) -> DiagnosisTable:
    """Read ``image_id,diagnosis[,split]`` or the one-hot ``image,MEL,NV,...`` of ISIC 2018 task 3 and ISIC 2019.

    Args:
        path: the CSV file; column names in any case, ``image`` or ``image_id``.

    Raises:
        InputError: the file cannot be read, lacks such columns, or says two things about one image.
    """
    path = Path(path).expanduser()
    rows, named, one_hot = _rows(path)
    table = DiagnosisTable(path, {}, {})
    for row in rows:
        image = (row.get("image_id") or row.get("image") or "").lower().removesuffix("_downsampled")
        diagnosis = row.get("diagnosis", "").upper() if named else _hot(row, one_hot)
        if table.diagnoses.setdefault(image, diagnosis) != diagnosis:
            raise InputError(
                f"{path}: has both {table.diagnoses[image]!r} and {diagnosis!r} for {image!r}; correct it there."
            )
        subset = _SUBSETS.get(row.get("split", "").lower().removesuffix("ing").removesuffix("idation"))
        if subset is not None:
            table.subsets[image] = subset
    return table


def _rows(path: Path) -> tuple[list[dict[str, str]], bool, list[str]]:
    """The rows, whether they have a ``diagnosis``, and the one-hot columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [{str(k).strip().lower(): (v or "").strip() for k, v in row.items() if k} for row in reader]
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"diagnosis_csv {str(path)!r} cannot be read ({reason}); correct the path.") from error
    one_hot = [name for name in ONE_HOT if name.lower() in columns]
    if not {"image_id", "image"} & set(columns) or not ("diagnosis" in columns or one_hot):
        raise InputError(
            f"diagnosis_csv {str(path)!r} has the columns {', '.join(columns) or 'none'}; give one with "
            "image_id,diagnosis or with image,MEL,NV,... as in ISIC 2018 task 3."
        )
    return rows, "diagnosis" in columns, one_hot


def _hot(row: dict[str, str], names: list[str]) -> str:
    return next((name for name in names if _number(row[name.lower()]) >= 0.5), "")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_table(path: Path) -> bool:
    try:
        _rows(path)
    except InputError:
        return False
    return True
