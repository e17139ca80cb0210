# SPDX-License-Identifier: Apache-2.0
"""What an iteration was: its data in their order, its losses and gates, what it left of networks and generators."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path

import numpy as np
import torch
from ignite.engine import Events


class Journal:
    """A handler that adds a line for each iteration to ``folder``/journal-<rank>.jsonl, in one write.

    An iteration that is done again after a kill adds another line, which must equal the first.
    """

    def __init__(self, folder, rank=0):
        self.path = Path(folder) / f"journal-{rank}.jsonl"

    def attach(self, engine):
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)

    def add(self, engine):
        batch, state = engine.state.batch, engine.state
        line = {
            "iteration": state.iteration,
            "images": [digest(item["image"]) for item in batch],  # noise and augmentation included
            "labels": [digest(item["label"]) for item in batch],
            "loss": float(state.output[0]["loss"]).hex(),
            "tasks": {name: float(loss).hex() for name, loss in state.task_losses.items()},
            "gates": {name: report.gate for name, report in state.task_reports.items()},
            "parameters": digest(*(t for network in engine.networks for t in network.state_dict().values())),
            "random": digest(torch.get_rng_state(), torch.from_numpy(np.random.get_state()[1].astype(np.int64)))
            + hashlib.sha256(repr(random.getstate()).encode()).hexdigest(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.write(file, json.dumps(line).encode() + b"\n")
        os.close(file)


def digest(*tensors):
    """SHA-256 over the bytes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return found.hexdigest()


def read_journal(path):
    """Iteration → its lines, as often as it was done."""
    found = {}
    for text in path.read_text().splitlines() if path.is_file() else ():
        line = json.loads(text)
        found.setdefault(line["iteration"], []).append(line)
    return found
