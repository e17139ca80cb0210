# SPDX-License-Identifier: Apache-2.0
"""One process of `python -m monai.bundle run`: its files, what it overrides, and what its result depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_gradprom import __version__
from monai_gradprom.enhance.record.run_key import fingerprint

from .bundle_files import BundleFiles
from .fingerprints import WEIGHTS, data_fingerprint, weights_fingerprint

__all__ = ["TRAIN_ALONE", "Stage", "key_of"]

_NEUTRAL = (
    *("output_dir", "bundle_root", "device", "num_workers", "cache_rate", "resume", "checkpoint_interval"),
    *("dataset_dir", "datalist", *WEIGHTS),
)
TRAIN_ALONE = (
    *("strategy", "supervised", "aux_weight", "gate_scope", "gate_every", "gate_last", "warmup_epochs"),
    *("inner_lr", "inner_order", "inner_steps", "gate"),
)
"""The switches that change nothing while the enhancer is trained alone."""


@dataclass(frozen=True)
class Stage:
    """A process that is run once.

    Args:
        name: ``train``, ``evaluate`` …; its log is ``<name>.log``.
        bundle: whose configurations it runs.
        files: the configuration files.
        overrides: id → value, over what the files say.
        output_dir: what the process writes to.
        key: SHA-256 of everything that its result depends on.
        arguments: further arguments of ``monai.bundle run``, such as ``tracking``.
    """

    name: str
    bundle: BundleFiles
    files: list[Path]
    overrides: dict[str, Any]
    output_dir: Path
    key: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def args_file(self, device: str | None, **more: Any) -> dict[str, Any]:
        """The content of an ``--args_file`` for this process."""
        where = {} if device is None else {"device": f"$torch.device({device!r})"}
        files = [str(path) for path in self.files]
        content = {
            "config_file": files if len(files) > 1 else files[0],
            **self.arguments,
            **self.overrides,
            "output_dir": str(self.output_dir),
            **where,
            **more,
        }
        # MONAI drops a plain None
        return {name: "$None" if value is None else value for name, value in content.items()}

    def configuration(self) -> dict[str, Any]:
        """The whole configuration of the process."""
        return self.bundle.resolved(self.files, {**self.overrides, "output_dir": str(self.output_dir)})


def key_of(
    bundle: BundleFiles, content: Mapping[str, Any], without: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """What the result of a run depends on: configuration, data, weights and this software.

    Paths, device and number of workers change nothing, or too little to repeat a run for.

    Args:
        bundle: the bundle.
        content: the run's whole configuration.
        without: further ids that do not matter.
        more: what else matters.
    """
    datalist = content.get("datalist")
    datalist = None if datalist in (None, "$None") else str(datalist)
    folder = None if datalist else bundle.evaluated(content, "dataset_dir")
    compared = {name: value for name, value in content.items() if name not in (*_NEUTRAL, *without)}
    return {
        "bundle": bundle.name,
        "software version": __version__,
        "configuration": fingerprint(json.loads(json.dumps(compared))),
        "data": data_fingerprint(folder, datalist),
        "weights": weights_fingerprint(content),
        **more,
    }
