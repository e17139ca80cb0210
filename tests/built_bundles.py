# SPDX-License-Identifier: Apache-2.0
"""Looking at what a bundle's run has built and written."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


def get(built: Any, name: str) -> Any:
    """The resolved content of an id of a workflow."""
    return built.parser.get_parsed_content(name)


def rows(path: Path) -> list[dict[str, str]]:
    """Of a CSV file with a heading."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
