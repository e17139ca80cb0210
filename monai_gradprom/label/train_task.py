# SPDX-License-Identifier: Apache-2.0
"""Training on the pairs of the datastore, with results in the app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monailabel.tasks.train.bundle import BundleTrainTask

__all__ = ["TrainTask"]


class TrainTask(BundleTrainTask):
    """As the stock app trains a bundle, but into a folder of the app, from which ``weights: trained`` enhances.

    Args:
        bundle: its folder.
        output: folder of the run; ``model.pt`` appears there.
        conf: of the app.
    """

    def __init__(self, bundle: Path, output: Path, conf: dict[str, str]) -> None:
        super().__init__(str(bundle), conf)
        self.output = output

    def _update_overrides(self, overrides: dict[str, Any]) -> dict[str, Any]:
        overrides["output_dir"] = str(self.output)
        return overrides
