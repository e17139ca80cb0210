# SPDX-License-Identifier: Apache-2.0
"""A process that ends at a moment of one's choice, as if it were killed."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from pathlib import Path

import torch


def count_operations(output, die_at, report):
    """Number what is done to files of ``output`` and, before that of number ``die_at``, die."""
    count = 0
    writing = os.O_WRONLY | os.O_RDWR
    # TensorBoard writes from a thread, whenever it gets to it; the journal is the test's own
    others = (os.path.join(output, "tensorboard"), os.path.join(output, "journal"))

    def watch(event, given):
        nonlocal count
        if event not in ("open", "os.rename", "os.remove") or not isinstance(given[0], (str, os.PathLike)):
            return
        path = os.path.abspath(os.fspath(given[0]))
        reading = event == "open" and not given[2] & writing
        if reading or path.startswith(others) or not path.startswith(output + os.sep):
            return
        count += 1
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if die_at is None:
            report.write_text(str(count))

    sys.addaudithook(watch)


def tear_a_file(tear_at):
    """Die when half of a file is written."""
    save, count = torch.save, 0

    def torn(content, file, *options, **named):
        nonlocal count
        count += 1
        if count != tear_at:
            return save(content, file, *options, **named)
        whole = io.BytesIO()
        save(content, whole)
        half = whole.getvalue()[: whole.tell() // 2]
        if isinstance(file, (str, os.PathLike)):
            Path(file).write_bytes(half)
        else:
            file.write(half)
            file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    torch.save = torn


def slow_down(seconds):
    fsync = os.fsync

    def slowly(file):
        time.sleep(seconds)
        fsync(file)

    os.fsync = slowly
