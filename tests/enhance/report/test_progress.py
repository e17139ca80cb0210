# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import re
import sys

import pytest

from monai_gradprom.enhance.report import progress as module
from monai_gradprom.enhance.report.progress import progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("total", [50, None])
def test_a_log_gets_whole_lines_and_few(monkeypatch, total):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(total) as bar:
        for _ in range(50):
            bar.update()
    text = stream.getvalue()
    assert "\r" not in text
    assert text.endswith("\n")
    first, last = text.splitlines()
    assert ("0/50" if total else "0file") in first
    assert ("50/50" if total else "50file") in last


def test_a_log_hears_of_progress_now_and_then(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "_LOG_SECONDS", 0.0)
    with progress(5) as bar:
        for _ in range(4):
            bar.update()
    assert re.findall(r"\d/5", stream.getvalue()) == ["0/5", "1/5", "2/5", "3/5", "4/5", "4/5"]


def test_a_terminal_gets_a_bar_with_rate_and_remaining_time(monkeypatch):
    stream = _Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(50, initial=10) as bar:
        bar.update(40)
    text = stream.getvalue()
    assert "\r" in text
    assert "50/50" in text
    assert "file/s" in text or "s/file" in text
