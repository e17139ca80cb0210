# SPDX-License-Identifier: Apache-2.0
"""Whether a gate's decision is about the data or about the mini-batch.

    monai-gradprom compare --strategy joint … --output runs/covid
    python benchmarks/gate_noise.py runs/covid/joint_* --passes 4

Takes a finished run of `monai-gradprom compare`, keeps enhancer and recognizers as they were left, and differentiates
both losses over mini-batches drawn as in training, for several passes over the training set. Means over k mini-batches
are the gradients of a k times larger batch (as under accumulation), so that one series of gradients shows what gates of
every batch size would have decided.

Columns: images in a batch; cosine of G_IP and G_VR, mean ± standard deviation over batches; share of batches with an
open gate; share that decides as the mean gradients of all batches do. Below: the cosine of those means, with those
of the two halves of the batches beside it, and for each gradient the share of a mini-batch's squared norm that is the
mean's, estimated without bias from products of different mini-batches.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from gate_agreement import share
from machine import describe
from monai.bundle import ConfigParser
from monai.utils import set_determinism
from torch import Tensor

from monai_gradprom.networks import load_weights
from monai_gradprom.strategies import GateReport, Gradients, GradProm, Weight

_OF_THE_RUN = ("config_file", "output_dir", "resume")


class Series(GradProm):
    """Writes both gradients down and moves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.main: list[Tensor] = []
        self.tasks: dict[str, list[Tensor]] = {}

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`; all gradients become zero."""
        reports, _ = self.settle(gradients, weights)
        self.main.append(_flat(gradients.main))
        for name, task in gradients.tasks.items():
            self.tasks.setdefault(name, []).append(_flat(task))
        for part in (gradients.main, *gradients.phis.values()):
            for gradient in part:
                if gradient is not None:
                    gradient.zero_()
        return reports


def _flat(gradients: Sequence[Tensor | None]) -> Tensor:
    return torch.cat([g.detach().float().flatten().cpu() for g in gradients if g is not None])


def series_of(run: Path, passes: int) -> tuple[Series, int]:
    """Gradients of all mini-batches of ``passes`` passes, and the size of a mini-batch."""
    args = json.loads((run / "train.args.json").read_text(encoding="utf-8"))
    parser = ConfigParser()
    parser.read_config(args["config_file"])
    given = {name: value for name, value in args.items() if name not in _OF_THE_RUN and "checkpoint" not in name}
    given |= {"bundle_root": str(Path(args["config_file"]).parents[1]), "strategy": "gradprom", "warmup_epochs": 0}
    given |= {"recognizer_weights": str(run), "recognizer_pretrain_epochs": 0}
    parser.update({**given, "max_epochs": passes})
    series = Series()
    parser["update_strategy"] = series
    parser["train#trainer#train_handlers"] = []  # nothing is validated or written
    set_determinism(int(given.get("seed", 0)))
    load_weights(parser.get_parsed_content("network"), run / "model.pt")  # which a configuration leaves to its run
    parser.get_parsed_content("train#trainer").run()
    return series, int(parser.get_parsed_content("batch_size"))


def rows(main: np.ndarray, task: np.ndarray, batch: int) -> list[str]:
    """Table rows from the two gradients of each mini-batch, [n, P], of ``batch`` images."""
    whole = cosine(main.mean(0), task.mean(0)) >= 0
    found, k = [], 1
    while len(main) // k >= 4:
        cosines = cosine(grouped(main, k), grouped(task, k))
        opened = cosines >= 0
        found.append(
            f"| {k * batch} | {cosines.mean():+.3f} ± {cosines.std(ddof=1):.3f} | {share(opened)} "
            f"| {share(opened == whole)} |"
        )
        k *= 2
    return found


def grouped(gradients: np.ndarray, k: int) -> np.ndarray:
    """Means over ``k`` mini-batches after the other, [n // k, P]."""
    n = len(gradients) // k
    means: np.ndarray = gradients[: n * k].reshape(n, k, -1).mean(axis=1)
    return means


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Along the last axis; 0 where a gradient vanishes."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    products: np.ndarray = (a * b).sum(-1) / np.maximum(norms, 1e-300)
    return products


def signal(gradients: np.ndarray) -> float:
    """‖E g‖² / E ‖g‖²; products of different mini-batches have no noise in common."""
    n, squares = len(gradients), float((gradients**2).sum())
    total = gradients.sum(0)
    return float(total @ total - squares) / (n - 1) / squares


def report(run: Path, passes: int) -> None:
    series, batch = series_of(run, passes)
    main = torch.stack(series.main).double().numpy()
    for name, found in series.tasks.items():
        task = torch.stack(found).double().numpy()
        half = len(main) // 2
        halves = [cosine(main[part].mean(0), task[part].mean(0)) for part in (slice(half), slice(half, None))]
        print(f"\n{run.name}, {name}: {len(main)} mini-batches of {batch} images, {main.shape[1]:,} parameters\n")
        print("| images | cosine | open | as all together |\n|---|---|---|---|")
        print("\n".join(rows(main, task, batch)))
        print(
            f"\nAll together: cosine {cosine(main.mean(0), task.mean(0)):+.3f} "
            f"(halves {halves[0]:+.3f}, {halves[1]:+.3f}); "
            f"signal of G_IP {100 * signal(main):.1f} %, of G_VR {100 * signal(task):.1f} %",
            flush=True,
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of finished runs with recognizers")
    parser.add_argument("--passes", type=int, default=4, help="over the training set (4)")
    args = parser.parse_args(argv)
    print(describe("torch", "monai"))
    for run in args.runs:
        report(run, args.passes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
