# SPDX-License-Identifier: Apache-2.0
"""With what a run was made."""

from __future__ import annotations

import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import monai_gradprom

__all__ = ["versions"]

_PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "scipy")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Name → version of this software, what it stands on, the machine's kind, and the commit where there is one."""
    found = {"monai_gradprom": monai_gradprom.__version__, "python": platform.python_version()}
    found |= {name: number for name in _PACKAGES if (number := _version(name))}
    found |= {"machine": f"{platform.system()} {platform.machine()}", "accelerator": _accelerator()}
    commit = _commit()
    return found | ({"commit": commit} if commit else {})


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _accelerator() -> str:
    """Asked of the driver: PyTorch would occupy the device for as long as the runner lives."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return ", ".join(dict.fromkeys(done.stdout.split("\n"))).strip(", ") if done.returncode == 0 else "none"


def _commit() -> str | None:
    """Of the repository that this package lies in, if it is one."""
    folder = Path(monai_gradprom.__file__).parent.parent
    if not (folder / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
