# SPDX-License-Identifier: Apache-2.0
"""``record.json``: what of a run is finished, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_gradprom.whole_files import remove_unfinished, whole_file

__all__ = ["RECORD", "read_record", "write_json"]

RECORD = "record.json"


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a run's folder; empty where there is none that can be read."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON under another name, then rename: whoever reads sees the old file or the new one."""
    remove_unfinished(path.parent, path.name)  # of a runner that was killed; one at a time holds the folder
    with whole_file(path) as file:
        file.write(json.dumps(content, indent=4, ensure_ascii=True).encode("ascii"))
