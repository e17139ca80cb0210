# SPDX-License-Identifier: Apache-2.0
"""``report.html``: what a run did, for people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.record.paths import REPORT, WORK
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.errors import InputError

from .page import page
from .pictures import CANDIDATES, collect_pictures
from .tally import ReportTally

__all__ = ["write_report"]


def write_report(
    options: Options,
    manifest_rows: Callable[[], Iterator[Row]],
    bundle_name: str,
    bundle_version: str,
    started: datetime,
) -> Path:
    """Write ``OUTPUT/report.html``, all or nothing: one page of some megabytes at most, however many files there were.

    Args:
        options: of the run.
        manifest_rows: begins to read the manifest anew; rows are read once, and not kept.
        bundle_name: of the bundle's metadata.
        bundle_version: of the bundle's metadata.
        started: when the run began; with its time zone.

    Returns:
        The path of the page.

    Raises:
        InputError: the page cannot be written.
    """
    tally = ReportTally(CANDIDATES)
    for row in manifest_rows():
        tally.add(row)
    pictures = collect_pictures(tally.sample.rows(), options)
    text = page(tally, pictures, options, (bundle_name, bundle_version), started)
    target, new = options.output / REPORT, options.output / WORK / REPORT
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8", newline="\n")
        os.replace(new, target)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}); free space and repeat the command.") from None
    return target
