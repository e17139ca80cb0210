# SPDX-License-Identifier: Apache-2.0
"""The figures that the paper prints, and what contradicts them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

__all__ = ["Column", "Printed", "column", "contradictions", "printed"]


@dataclass(frozen=True)
class Printed:
    """One printed figure, its ``text`` digit by digit; ``flags`` are keys of :func:`contradictions`."""

    mean: float
    std: float | None
    flags: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Column:
    """A column of a table: which metric, under which supervision (Tables 3, 4), noise (σ) or enlargement (γ)."""

    metric: str
    supervised: bool | None = None
    sigma: float | None = None
    factor: int | None = None


@lru_cache(maxsize=1)
def _tables() -> dict[int, dict[str, dict[str, Printed]]]:
    """Table → row → column → figure, in the paper's order."""
    tables: dict[int, dict[str, dict[str, Printed]]] = {}
    for row in _rows("paper.csv"):
        std = float(row["std"]) if row["std"] else None
        text = row["mean"] + (f" ± {row['std']}" if row["std"] else "")
        cell = Printed(float(row["mean"]), std, tuple(row["flags"].split()), text)
        tables.setdefault(int(row["table"]), {}).setdefault(row["row"], {})[row["column"]] = cell
    return tables


def printed(table: int) -> dict[str, dict[str, Printed]]:
    """Row → column → figure of Table ``table`` (1 to 8)."""
    return _tables()[table]


@lru_cache(maxsize=1)
def contradictions() -> dict[str, str]:
    """Flag → what contradicts the figures that bear it."""
    return {row["flag"]: row["contradiction"] for row in _rows("paper_flags.csv")}


def column(title: str) -> Column:
    """Read a column's title, such as ``σ=0.1 PSNR``, ``γ=2 SSIM`` or ``Unsup. mIoU``."""
    head, _, metric = title.rpartition(" ")
    name = {"PSNR": "psnr", "SSIM": "ssim", "Acc": "accuracy", "mIoU": "miou"}[metric]
    if match := re.fullmatch(r"([σγ])=([\d.]+)", head):
        greek, value = match.groups()
        return Column(name, sigma=float(value)) if greek == "σ" else Column(name, factor=int(value))
    return Column(name, supervised={"Unsup.": False, "Sup.": True}[head])


def _rows(name: str) -> list[dict[str, str]]:
    text = files("monai_gradprom.experiments.results").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
