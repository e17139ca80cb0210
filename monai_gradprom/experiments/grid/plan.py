# SPDX-License-Identifier: Apache-2.0
"""The runs of a grid, with their folders and stages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_gradprom.enhance.record.run_key import fingerprint

from .bundle_files import RECOGNIZER_ONLY, BundleFiles
from .cells import Switches, ignored_by
from .evaluations import Evaluations
from .shared_warmup import WarmUp, warm_up_of
from .stage import Stage, key_of

__all__ = ["Plan", "Run", "make_plan"]

# what a folder's name tells, beside the digest of everything
_NAMED = (
    *("strategy", "supervised", "recognition", "backbone", "aux_weight", "gate", "gate_scope", "gate_every"),
    *("gate_last", "inner_lr", "inner_order", "inner_steps"),
    *("degradation", "noise_sigma", "scale_factor", "max_epochs", "learning_rate", "seed"),
)


@dataclass
class Run:
    """One cell of the grid.

    Args:
        folder: where everything of it lies.
        cell: name → value of the switches that the command line gave.
        switches: name → plain value of all of the bundle's switches.
        ignored: those that change nothing under its strategy.
        key: what its training depends on.
        stages: its processes, one after the other.
        warm_up: what it may start from.
    """

    folder: Path
    cell: Switches
    switches: Switches
    ignored: tuple[str, ...]
    key: dict[str, Any]
    stages: list[Stage]
    warm_up: WarmUp | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name


@dataclass
class Plan:
    """All runs, and the warm-ups that several of them start from."""

    runs: list[Run]
    warm_ups: list[WarmUp] = field(default_factory=list)


def make_plan(
    bundle: BundleFiles,
    cells: Sequence[Switches],
    output: Path,
    evaluations: Evaluations | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Plan:
    """Give each cell its folder below ``output``, its stages and their keys.

    Args:
        bundle: the bundle.
        cells: the grid.
        output: the grid's folder.
        evaluations: how each run is tested; None: by the bundle's own test.
        arguments: of every process, such as ``tracking``.
    """
    tests, given = evaluations or Evaluations(), dict(arguments or {})
    plan = Plan([_run(bundle, cell, output, tests, given) for cell in cells])
    groups: dict[str, list[Run]] = {}
    for run in plan.runs:
        if run.warm_up is not None:
            groups.setdefault(run.warm_up.group, []).append(run)
    for group in groups.values():
        _share(plan, group)
    return plan


def _share(plan: Plan, group: list[Run]) -> None:
    """Let runs of one group start from the same warm-up; ``enhancer_only`` is all warm-up and takes the first."""
    lengths: dict[int, list[Run]] = {}
    alone = [run for run in group if run.warm_up and run.warm_up.epochs is None]
    for run in group:
        if run.warm_up and run.warm_up.epochs is not None:
            lengths.setdefault(run.warm_up.epochs, []).append(run)
    for number, runs in enumerate(lengths.values()):
        shared = runs[0].warm_up
        for run in runs + (alone if number == 0 else []):
            run.warm_up = shared
        if shared is not None and len(runs) + (len(alone) if number == 0 else 0) > 1:
            plan.warm_ups.append(shared)
        elif shared is not None and not shared.finished:
            runs[0].warm_up = None  # nobody to share with
    if not lengths:
        for run in alone:
            run.warm_up = None


def _run(
    bundle: BundleFiles,
    cell: Switches,
    output: Path,
    evaluations: Evaluations,
    arguments: dict[str, Any],
) -> Run:
    strategy = str(cell.get("strategy", bundle.train.get("strategy")))
    files = bundle.train_files(strategy)
    alone = strategy == RECOGNIZER_ONLY
    own = {name: value for name, value in cell.items() if name.split("#")[0] in bundle.train}
    overrides = {name: value for name, value in own.items() if not (alone and name == "strategy")}
    content = bundle.resolved(files, overrides)
    key = key_of(bundle, content, files=[path.name for path in files])
    folder = output / _folder_name(cell, fingerprint(key))
    tracked = {**arguments, **({"run_name": folder.name} if arguments else {})}
    train = Stage("train", bundle, files, overrides, folder, fingerprint(key), tracked)
    stages = [train, *evaluations.stages(bundle, cell, folder, train, tracked)]
    switches = {name: value for name, value in bundle.train.items() if _is_plain(value)} | cell
    warm_up = None if alone else warm_up_of(bundle, content, files, overrides, output, strategy)
    ignored = ignored_by(strategy, switches.get("gate"))
    return Run(folder, cell, {**switches, "strategy": strategy}, ignored, key, stages, warm_up)


def _folder_name(cell: Mapping[str, Any], digest: str) -> str:
    told = {name: str(cell[name]).lower() for name in _NAMED if name in cell}
    words = [value if name == "strategy" else f"{name}={value}" for name, value in told.items()]
    text = re.sub(r"[^\w.=-]+", "-", "_".join(words))[:140].strip("_")
    return f"{text}_{digest[:10]}" if text else digest[:10]


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and value[:1] not in ("$", "@"))
