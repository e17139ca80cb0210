# SPDX-License-Identifier: Apache-2.0
"""Where a figure was measured: machine, versions, commit."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from monai_gradprom.cores import usable_cores

__all__ = ["describe"]


def describe(*packages: str) -> str:
    """Machine, Python, the versions of ``packages`` as far as they are installed, and the commit, in one line."""
    found = ", ".join(f"{name} {number}" for name in packages if (number := _version(name)))
    git = ["git", "describe", "--always", "--dirty"]
    folder = Path(__file__).parent
    commit = subprocess.run(git, capture_output=True, text=True, cwd=folder).stdout.strip() or "unknown"
    return (
        f"{platform.machine()}, {usable_cores()} cores, {torch.get_num_threads()} threads of PyTorch; Python "
        f"{platform.python_version()}, {found}; commit {commit}"
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
