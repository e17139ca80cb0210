# SPDX-License-Identifier: Apache-2.0
"""What the manifest says about one input file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Row", "Status"]

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Row:
    """One line of ``manifest.jsonl``; it holds no value of a patient's header, and no exception's raw text.

    ``path`` and ``output`` are relative to INPUT and OUTPUT, with forward slashes. ``mean_abs_change`` and
    ``max_abs_change`` are in stored values; under super-resolution they compare with the interpolated source.
    """

    path: str
    status: Status
    reason: str | None = None
    output: str | None = None
    sha256_in: str | None = None
    sha256_out: str | None = None
    bundle: str | None = None
    bundle_version: str | None = None
    seconds: float = 0.0
    mean_abs_change: float | None = None
    max_abs_change: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row as it is written."""
        return dict(vars(self))
