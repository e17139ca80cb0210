# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

from monai_gradprom import __version__


@pytest.mark.parametrize("arguments", [["--help"], ["sample-data", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = f"""
import sys
from monai_gradprom.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    print("exit", stop.code)
print("heavy", [name for name in ("torch", "monai", "numpy", "scipy", "nibabel") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sample-data" in result.stdout
    assert result.stdout.splitlines()[-2:] == ["exit 0", "heavy []"]


def test_module_runs_as_a_program():
    result = subprocess.run(
        [sys.executable, "-m", "monai_gradprom.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == f"monai-gradprom {__version__}"
