# SPDX-License-Identifier: Apache-2.0
"""Why a process failed, read from what real processes print."""

import subprocess
import sys

import pytest

from monai_gradprom.experiments.running.reasons import reason_in

WRAPPED = """
try:
    [].lower()
except AttributeError as error:
    raise RuntimeError("Failed to instantiate component 'SRResNet'\\n set '_mode_=debug'.") from error
"""
UNRELATED = """
import logging
try:
    raise ValueError("of before")
except ValueError:
    logging.exception("went on")
raise RuntimeError("out of memory\\n on the device")
"""


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (WRAPPED, "AttributeError: 'list' object has no attribute 'lower', in RuntimeError: Failed to instantiate "
                  "component 'SRResNet' set '_mode_=debug'. (exit code 1)"),
        (UNRELATED, "RuntimeError: out of memory on the device (exit code 1)"),
        ("import sys; print('early', flush=True); sys.exit('no such bundle')", "no such bundle (exit code 1)"),
        ("import sys; print('error: a.nii: is empty.'); [].lower()", "a.nii: is empty. (exit code 1)"),
        ("raise SystemExit(3)", "it said nothing (exit code 3)"),
        ("raise RuntimeError('x' * 1000)", "RuntimeError: " + "x" * 286 + " (exit code 1)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
    ],
    ids=["wrapped", "unrelated", "no-exception", "sentence", "silent", "long", "killed"],
)  # fmt: skip
def test_the_reason(tmp_path, program, reason):
    log = tmp_path / "train.log"
    with log.open("wb") as file:
        code = subprocess.run([sys.executable, "-c", program], stdout=file, stderr=file).returncode
    assert reason_in(log, code) == reason


def test_without_a_log(tmp_path):
    assert reason_in(tmp_path / "absent.log", 1) == "it said nothing (exit code 1)"
    assert reason_in(tmp_path / "absent.log", -250) == "ended by signal 250"
