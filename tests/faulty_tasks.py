# SPDX-License-Identifier: Apache-2.0
"""Workers that meet with accidents over files whose names say so; spawned processes import this by name."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path

from monai_gradprom.enhance import job as jobs
from monai_gradprom.enhance.job import EnhanceJob, LookJob, RangeJob


def _names(job):
    paths = job.paths if isinstance(job, LookJob) else (job.path,)
    return [Path(path).name for path in paths]


def accidents(setup, job, infer):
    """In the second pass; "decoder" in both."""
    for name in _names(job):
        if "decoder" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
    if isinstance(job, EnhanceJob):
        (name,) = _names(job)
        source = setup.input / job.path
        if "vanished" in name:
            source.unlink()
        if "replaced" in name:
            infer = _then(infer, lambda: source.write_bytes(source.read_bytes() + b"\0"))
        if "killed" in name:
            infer = _then(infer, lambda: os.kill(os.getpid(), signal.SIGKILL))
        for word, error in (("memory", MemoryError("Doe^Jane")), ("surprise", AttributeError("Doe^Jane"))):
            if word in name:
                infer = _raising(error)
    return jobs.perform(setup, job, infer)


def slow(setup, job, infer):
    """So that there is time for a kill."""
    if not isinstance(job, (LookJob, RangeJob)):
        time.sleep(0.05)
    return jobs.perform(setup, job, infer)


def signed(setup, job, infer):
    """Slow, and tells which process (on a cluster: of which actor) it is."""
    if isinstance(job, EnhanceJob):
        (setup.work / f"busy-{os.getppid()}-{os.getpid()}").touch()
    return slow(setup, job, infer)


def deadly(setup, job, infer):
    """As accidents; "actor" takes the process above with it, and "unlucky" does so once."""
    if isinstance(job, EnhanceJob):
        (name,) = _names(job)
        once = setup.work.parent / "once"
        if "actor" in name or ("unlucky" in name and not once.exists()):
            once.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
    return accidents(setup, job, infer)


def talkative(setup, job, infer):
    """Prints what a decoder might."""
    print("Doe^Jane")
    print("Doe^Jane", file=sys.stderr)
    os.write(2, b"Doe^Jane")
    logging.error("Doe^Jane")
    return jobs.perform(setup, job, infer)


def endless(setup, job, infer):
    """Busy with a file when the main process is killed."""
    if isinstance(job, EnhanceJob):
        (setup.work / f"busy-{os.getpid()}").touch()
        time.sleep(60)
    return jobs.perform(setup, job, infer)


def _then(infer, act):
    def wrapped(*arguments):
        made = infer(*arguments)
        act()
        return made

    return wrapped


def _raising(error):
    def wrapped(*arguments):
        raise error

    return wrapped
