# SPDX-License-Identifier: Apache-2.0
"""What a training run shows at its end: the best model's table and picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import ignite.distributed as idist
from monai.engines import SupervisedEvaluator
from torch import nn

from monai_gradprom.engines.distributed import broadcast_state
from monai_gradprom.handlers import ComparisonPicture, quality_table
from monai_gradprom.networks import load_weights

__all__ = ["FinalReport"]


class FinalReport:
    """Evaluate the best weights of a run once more, print the table, save the picture.

    Args:
        evaluator: the validation engine.
        networks: file name → network, as :class:`~monai_gradprom.handlers.BestModelSaver` saved them.
        output_dir: the run's folder; the picture is ``before_after_clean.png`` there.
        epochs: the run's last epoch; it is validated too where the validation interval passed it over.
    """

    def __init__(
        self, evaluator: SupervisedEvaluator, networks: Mapping[str, nn.Module], output_dir: str | Path, epochs: int = 0
    ) -> None:
        self.evaluator = evaluator
        self.networks = dict(networks)
        self.output_dir = Path(output_dir)
        self.epochs = int(epochs)

    def run(self) -> None:
        """Load, evaluate, print, draw."""
        if self.evaluator.state.epoch < self.epochs:
            self.evaluator.run(global_epoch=self.epochs)
        best = self.evaluator.state.best_metric_epoch
        files = {self.output_dir / name: network for name, network in self.networks.items()}
        first = idist.get_rank() == 0  # all processes evaluate, since metrics gather; the first one reads and speaks
        # a run shorter than its validation interval has no best epoch, whatever files an earlier run has left here
        found = first and best > 0 and all(path.is_file() for path in files)
        for path, network in files.items():
            if found:
                load_weights(network, path)
            broadcast_state(network)
        picture = self.output_dir / "before_after_clean.png"
        if first:
            ComparisonPicture(picture).attach(self.evaluator)
        self.evaluator.run(global_epoch=max(best, 1))
        if not first:
            return
        print(f"\nvalidation, {f'best epoch ({best})' if found else 'last epoch'}")
        print(quality_table(self.evaluator.state.metrics))
        weights = ", ".join(str(path) for path in files)
        print(f"  picture: {picture}\n  weights: {weights}", flush=True)
