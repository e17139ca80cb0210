# SPDX-License-Identifier: Apache-2.0
"""What a network is computed with, and in which precision."""

from __future__ import annotations

import importlib.util

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError

__all__ = ["PRECISIONS", "RUNTIMES", "check_execution"]

RUNTIMES = ("torch", "onnx")
"""PyTorch, or ONNX Runtime on the CPU."""

PRECISIONS = ("float32", "bfloat16", "float16")
"""Of the network's convolutions; all else is done as always."""

_ONNX = ("onnx", "onnxscript", "onnxruntime")


def check_execution(runtime: str, precision: str, device: str) -> None:
    """Check what can be judged without PyTorch and the bundle.

    Args:
        runtime: one of :data:`RUNTIMES`.
        precision: one of :data:`PRECISIONS`.
        device: ``"auto"`` or what PyTorch calls it.

    Raises:
        InputError: a name is unknown, two of them do not go together, or a package is missing.
    """
    check_choice("--runtime", runtime, RUNTIMES)
    check_choice("--precision", precision, PRECISIONS)
    if runtime == "torch":
        return
    if device not in ("auto", "cpu"):
        raise InputError(f"--device {device} does not go with --runtime onnx; write cpu, or leave the runtime out.")
    if precision != "float32":
        raise InputError(f"--precision {precision} does not go with --runtime onnx; leave one of them out.")
    missing = [package for package in _ONNX if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(
            f"--runtime onnx needs {' and '.join(missing)}, not installed here; run: "
            'pip install "monai-gradprom[onnx]".'
        )
