# SPDX-License-Identifier: Apache-2.0
"""The epochs before the recognizers are cascaded, which strategies have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_gradprom.bundle import as_bool
from monai_gradprom.enhance.record.run_key import fingerprint
from monai_gradprom.experiments.records import read_record

from .bundle_files import BundleFiles
from .stage import TRAIN_ALONE, Stage, key_of

__all__ = ["WarmUp", "warm_up_of"]


@dataclass
class WarmUp:
    """A training that stops where the recognizers would be cascaded.

    Args:
        group: equal for runs whose enhancers are trained alike until then.
        epochs: how many; None under ``enhancer_only``, which is trained alone to its end.
        folder: where it lies.
        stage: the process.
    """

    group: str
    epochs: int | None
    folder: Path
    stage: Stage

    @property
    def finished(self) -> bool:
        """Whether it has been run."""
        record = read_record(self.folder)
        return record.get("stages", {}).get(self.stage.name, {}).get("key") == self.stage.key


def warm_up_of(
    bundle: BundleFiles,
    content: Mapping[str, Any],
    files: Sequence[Path],
    overrides: Mapping[str, Any],
    output: Path,
    strategy: str,
) -> WarmUp | None:
    """The warm-up of a run; None where there is none to share.

    Recognizers are pre-trained before it. While it lasts they do not reach the enhancer, so that strategy, supervision,
    weight and gate change nothing: what is left of the configuration, data and weights decide what comes out.

    Args:
        bundle: the bundle.
        content: the run's whole configuration.
        files: the run's configuration files.
        overrides: what they are overridden with.
        output: the grid's folder.
        strategy: the run's.
    """
    epochs, alone = int(content.get("warmup_epochs") or 0), strategy == "enhancer_only"
    if not alone and not 0 < epochs < int(content["max_epochs"]):
        return None
    weights = content.get("recognizer_weights") not in (None, "$None")
    pretrained = int(content.get("recognizer_pretrain_epochs") or 0) > 0 and not weights
    supervised = as_bool(content.get("supervised", True), "supervised")
    key = key_of(
        bundle,
        content,
        without=TRAIN_ALONE,
        recognizers=weights or pretrained or not alone,
        labels=pretrained or (supervised and not alone),
    )
    group = fingerprint(key)
    whole = fingerprint({**key, "epochs": epochs})
    folder = output / "warm_ups" / whole[:16]
    run = [line for line in content["run"] if "final_report" not in line]
    # the learning rate's schedule is that of the whole run: only the trainer stops earlier
    shortened = {**overrides, "train#trainer#max_epochs": epochs, "run": run}
    stage = Stage("train", bundle, list(files), shortened, folder, whole)
    return WarmUp(group, None if alone else epochs, folder, stage)
