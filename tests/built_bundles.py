# SPDX-License-Identifier: Apache-2.0
"""Looking at what a bundle's run has built and written."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events


class Spy:
    """A handler of one event: ``look`` is called with the engine."""

    def __init__(self, look: Callable[[Engine], Any], event: Events = Events.ITERATION_COMPLETED) -> None:
        self.look, self.event = look, event

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(self.event, self.look)


def get(built: Any, name: str) -> Any:
    """The resolved content of an id of a workflow."""
    return built.parser.get_parsed_content(name)


def rows(path: Path) -> list[dict[str, str]]:
    """Of a CSV file with a heading."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def assert_equal(first: Any, second: Any, where: str = "checkpoint") -> None:
    """Equal to the bit, however deep; NaN equals NaN."""
    assert type(first) is type(second), where
    if isinstance(first, torch.Tensor):
        assert first.dtype == second.dtype and torch.equal(first, second), where
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for name in first:
            assert_equal(first[name], second[name], f"{where}/{name}")
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second), where
        for number, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_equal(a, b, f"{where}/{number}")
    else:
        assert first == second or first != first, where
