# SPDX-License-Identifier: Apache-2.0
"""Whether the loader keeps up: an epoch through the real transforms against the same steps on one resident batch.

    python benchmarks/loader_speed.py
    python benchmarks/loader_speed.py --epochs 0 --bundles camus_denoise --dataset_dir /path/to/camus
    python benchmarks/loader_speed.py --device cuda --num_workers 14 --batch_size 32

Each bundle trains with its own train.json, cached data and the trainer's own steps, recognizers included, whose weights
stay as they are (learning rate 0). Nothing is validated or written. Epochs through the loader and epochs of as many
steps on one batch that already lies on the device, degraded, take turns; the first of each is the warm-up.

resident, loader: ms a step of both, wall time of whole epochs, the loader's start included; medians over --epochs.
ratio: of both, median; at most 1.1 is asked for on a GPU.
waiting: share of the loader's epochs in which the main process waits for a batch.
sample: ms of CPU time that one sample's transforms take; below, the share of each. With w workers that have a core
    each, steps no shorter than batch size * sample / w find their batch ready.

With --device cpu workers and steps compete for the same cores: the ratio says little there, and `sample` is the figure
to read. --epochs 0 measures it alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from ignite.engine import Events
from loader_profile import TOTAL, profile
from machine import describe
from monai.bundle import ConfigParser
from monai.utils import set_determinism

from monai_gradprom.cores import usable_cores
from monai_gradprom.engines import GradPromTrainer
from monai_gradprom.transforms.batch_degradation import DRAWN

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
NAMES = ("camus_denoise", "covidct_denoise", "isic2018_denoise", "lizard_sr", "isic2018_perceptual")
SWITCHES = ("image_size", "batch_size", "num_workers", "degrade_on", "resize", "crop", "dataset_dir", "strategy")


class Resident:
    """A loader whose batches are all one batch, on the device, as many as another loader has."""

    def __init__(self, batch: dict[str, Any], length: int) -> None:
        self.batch, self.length = batch, length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(self.batch) for _ in range(self.length))


def parsed(bundle: str, args: argparse.Namespace) -> ConfigParser:
    """The bundle's training, its data cached, ready to step."""
    parser = ConfigParser()
    parser.read_config(BUNDLES / bundle / "configs" / "train.json")
    given = {name: getattr(args, name) for name in SWITCHES if getattr(args, name) is not None}
    parser.update({"bundle_root": str(BUNDLES / bundle), "device": args.device, "learning_rate": 0.0, **given})
    set_determinism(0)
    images = parser.get_parsed_content("train#datalist")
    if args.images:
        parser["train#datalist"] = images[:: max(1, len(images) // args.images)][: args.images]
        parser["every_class"] = False  # a few images may lack one
    # recognizers need no teaching to be timed; nothing is validated or written
    parser["train#trainer#warmup_epochs"] = 0
    parser["train#trainer#train_handlers"] = []
    for task in parser.get_parsed_content("tasks"):
        task.trained = True
    return parser


def resident(trainer: GradPromTrainer, batch: dict[str, Any], length: int) -> Resident:
    """The batch as it is when a step's mathematics begins: on the device, and degraded."""
    device = trainer.state.device
    degraded = trainer.batch_transform(batch, device) if trainer.batch_transform else batch
    there = {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in degraded.items()}
    return Resident({key: value for key, value in there.items() if key != DRAWN}, length)


def epoch(trainer: GradPromTrainer, loader: Any) -> tuple[float, float]:
    """One more epoch: seconds per step, and the share of them spent waiting for batches."""
    wait = torch.cuda.synchronize if trainer.state.device.type == "cuda" else lambda: None
    waited, asked = 0.0, 0.0

    def ask() -> None:
        nonlocal asked
        asked = time.perf_counter()

    def get() -> None:
        nonlocal waited
        waited += time.perf_counter() - asked

    handlers = [
        trainer.add_event_handler(Events.GET_BATCH_STARTED, ask),
        trainer.add_event_handler(Events.GET_BATCH_COMPLETED, get),
    ]
    trainer.data_loader = trainer.state.dataloader = loader
    trainer.state.max_epochs = trainer.state.epoch + 1
    wait()
    began = time.perf_counter()
    trainer.run()
    wait()
    taken = time.perf_counter() - began
    for handler in handlers:
        handler.remove()
    return taken / len(loader), waited / taken


def steps(parser: ConfigParser, epochs: int) -> list[str]:
    """Cells of the table: resident, loader, ratio, waiting."""
    if not epochs:
        return [""] * 4
    loader = parser.get_parsed_content("train#dataloader")
    trainer = parser.get_parsed_content("train#trainer")
    stays = resident(trainer, next(iter(loader)), len(loader))
    pairs = [(epoch(trainer, stays), epoch(trainer, loader)) for _ in range(epochs + 1)][1:]
    reference, ours = (median(pair[i][0] for pair in pairs) for i in (0, 1))
    ratio = median(one[0] / other[0] for other, one in pairs)
    waiting = median(one[1] for _, one in pairs)
    return [f"{1000 * reference:.1f}", f"{1000 * ours:.1f}", f"{ratio:.2f}", f"{100 * waiting:.0f} %"]


def rows(bundle: str, args: argparse.Namespace) -> tuple[str, str]:
    """The bundle's row, and a line about its transforms."""
    parser = parsed(bundle, args)
    cells = steps(parser, args.epochs)
    dataset = parser.get_parsed_content("train#dataset")
    spent = profile(dataset)
    total = spent.pop(TOTAL)
    shape = "x".join(map(str, [parser["batch_size"], *dataset[0]["label"].shape]))
    row = " | ".join([bundle, str(len(dataset)), shape, *cells, f"{1000 * total:.2f}"])
    ordered = sorted(spent.items(), key=lambda pair: -pair[1])
    return f"| {row} |", f"{bundle}: " + ", ".join(f"{name} {100 * one / total:.0f} %" for name, one in ordered)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", nargs="+", default=list(NAMES))
    parser.add_argument("--epochs", type=int, default=3, help="of each kind that count (3); 0: only the profile")
    parser.add_argument("--images", type=int, help="of the training subset, evenly picked; default: all")
    parser.add_argument("--num_workers", type=int, default=max(usable_cores() - 1, 1), help="default: cores less one")
    parser.add_argument("--degrade_on", choices=("cpu", "device"), help="default: the bundle's, cpu")
    parser.add_argument("--batch_size", type=int, help="default: the bundle's, 8")
    parser.add_argument("--image_size", type=int, help="default: the bundle's")
    parser.add_argument("--resize", type=int, help="working resolution; default: the stored one")
    parser.add_argument("--crop", choices=("patch", "scale"), help="default: the bundle's")
    parser.add_argument("--strategy", help="default: the bundle's")
    parser.add_argument("--dataset_dir", help="the archive; default: the sample data. For one bundle")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU (1)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    card = f"; {torch.cuda.get_device_name(args.device)}" if args.device.startswith("cuda") else ""
    print(describe("torch", "monai", "numpy", "scipy") + card)
    print(
        f"{args.num_workers} workers, degraded on the {args.degrade_on or 'cpu'}, {args.epochs} epochs of each kind\n"
    )
    print("| | images | batch | resident, ms | loader, ms | ratio | waiting | sample, ms |\n" + "|---" * 8 + "|")
    profiles = []
    for bundle in args.bundles:
        row, line = rows(bundle, args)
        profiles.append(line)
        print(row, flush=True)
    print("\n" + "\n".join(profiles))
    return 0


if __name__ == "__main__":
    sys.exit(main())
