# SPDX-License-Identifier: Apache-2.0
"""What is freed and asked for again is not fetched page by page from the system each time."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from monai_gradprom.enhance.processes.kept_memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory(1 << 30)
np.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    np.ones(10_000_000)  # 80 MB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is a setting of glibc")
def test_memory_is_kept():
    faults = {}
    for mode in ("keep", "as it is"):
        made = subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True)
        faults[mode] = int(made.stdout)
    if faults["as it is"] < 100:
        pytest.skip("this system keeps it anyway")
    assert faults["keep"] < faults["as it is"] / 10
