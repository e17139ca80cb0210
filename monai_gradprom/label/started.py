# SPDX-License-Identifier: Apache-2.0
"""When an app first derived images in the way that a key tells."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

from monai_gradprom.whole_files import whole_file

__all__ = ["Started"]


class Started:
    """Remembers a time for each key, so that a request that is repeated, even after a restart, gives the same objects.

    Args:
        file: JSON, of the app; made when it is needed.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self, key: str) -> datetime:
        """The time, UTC, at which ``key`` was first asked for."""
        known = json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}
        if key not in known:
            known[key] = datetime.now(timezone.utc).isoformat(timespec="seconds")
            with whole_file(self.file) as file:
                file.write(json.dumps(known, indent=4).encode("ascii") + b"\n")
        return datetime.fromisoformat(known[key])
