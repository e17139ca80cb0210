# SPDX-License-Identifier: Apache-2.0
"""Peak memory of one training step, as PyTorch's own allocator tells it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from gate_cases import Case
from gate_methods import Method
from torch.profiler import ProfilerActivity, profile

__all__ = ["peak_memory"]


def peak_memory(case: Case, method: Method) -> int:
    """Bytes: what is there before the step (weights, Adam's moments, batch) and what the step adds at its peak.

    On CUDA ``max_memory_allocated``. On the CPU every allocation of PyTorch that the profiler saw, summed up; oneDNN's
    own scratch buffers are not among them. Not for the first step, which also makes what stays, such as Adam's moments.
    """
    case.zero_grad()
    if case.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(case.device)
        case.step(method)
        peak = torch.cuda.max_memory_allocated(case.device)
        case.zero_grad()
        return peak
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        case.step(method)
    case.zero_grad()
    return sum(tensor.nbytes for tensor in case.resident()) + _highest(found)


def _highest(found: profile) -> int:
    """The highest sum of all bytes that were asked for and not yet given back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        found.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    held = highest = 0
    for event in sorted((e for e in events if e.get("name") == "[memory]"), key=lambda e: e["ts"]):
        held += event["args"]["Bytes"]
        highest = max(highest, held)
    return highest
