# SPDX-License-Identifier: Apache-2.0
"""How often cheaper gates decide as the exact one does, over a real training run.

    python benchmarks/gate_agreement.py
    python benchmarks/gate_agreement.py --bundles camus_denoise --updates 2000 --dataset_dir /path/to/camus

Trains each bundle with its own train.json and the exact gate (recognizers first on clean images, then the enhancer
alone, then both), and writes down for every update what each parameter contributes to the product of the two gradients
and to their norms. From that, on the very same gradients, the decisions of cheaper gates follow:

held over k updates: the exact decision of the last update whose number divides by k;
last parameters: the sign of the product over the enhancer's last parameters alone, from the layer named to the output;
at the output: the sign of the product of ∂L_IP/∂ŷ and ∂L_VR/∂ŷ, without any walk through the enhancer.

Columns: share of updates with the exact decision; of those that the exact gate closed and opened, the share that the
cheaper one opened and closed. A constant guess is right as often as the gate is in its more frequent state, which the
first line says. Correlation: of the two cosines. Share: of ‖G_IP‖² and ‖G_VR‖² that these parameters hold, median.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gate_recorder import Recorder
from machine import describe
from monai.bundle import ConfigParser
from monai.utils import set_determinism

from monai_gradprom.networks import load_weights
from monai_gradprom.strategies import UpdateStrategy

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
HELD = (2, 4, 8, 16)


def trained(bundle: str, args: argparse.Namespace, recorder: UpdateStrategy) -> list[str]:
    """Train with ``recorder`` as the strategy, and return the names of the enhancer's parameters."""
    parser = ConfigParser()
    parser.read_config(BUNDLES / bundle / "configs" / "train.json")
    given = {"image_size": args.image_size, "batch_size": args.batch_size, "seed": args.seed, "aux_weight": args.weight}
    given |= {"recognizer_pretrain_epochs": args.pretrain, "warmup_epochs": args.warmup}
    given |= {"dataset_dir": args.dataset_dir} if args.dataset_dir else {}
    given |= {"network_def#global_residual": False} if args.no_residual else {}
    parser.update({"bundle_root": str(BUNDLES / bundle), "device": args.device, **given})
    set_determinism(args.seed)
    batches = len(parser.get_parsed_content("train#dataloader"))
    parser["max_epochs"] = args.warmup + math.ceil(args.updates / batches)
    parser["update_strategy"] = recorder
    parser["train#pretraining#handlers"] = []
    # nothing is validated or written; learning rates fall as they do in a run
    parser["train#trainer#train_handlers"] = (
        "$[monai.handlers.LrScheduleHandler(@lr_scheduler, print_lr=False)] + @recognizers.lr_handlers"
    )
    network = parser.get_parsed_content("network")
    if args.trained:
        load_weights(network, BUNDLES / bundle / "models" / "model.pt")
    parser.get_parsed_content("train#pretraining").run()
    parser.get_parsed_content("train#trainer").run()
    return [name for name, _ in network.named_parameters()]


def blocks(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each block's name and its first parameter: head, body.0, ..., tail."""
    found: dict[str, int] = {}
    for i, name in enumerate(names):
        parts = name.split(".")
        found.setdefault(".".join(parts[:2]) if parts[0] == "body" else parts[0], i)
    return list(found.items())


def rows(dots: np.ndarray, mains: np.ndarray, tasks: np.ndarray, names: list[str], seen: np.ndarray) -> Iterator[str]:
    """Table rows from products and squared norms [update, parameter] and the cosine at the output [update]."""
    exact = cosines(dots, mains, tasks)
    gate = exact >= 0
    for k in HELD:
        yield row(f"held over {k} updates", gate[np.arange(len(gate)) // k * k], gate)
    for name, first in blocks(names)[1:]:
        part = cosines(dots[:, first:], mains[:, first:], tasks[:, first:])
        held = [float(np.median(x[:, first:].sum(1) / np.maximum(x.sum(1), 1e-300))) for x in (mains, tasks)]
        yield row(f"last {len(names) - first} parameters, from {name}", part >= 0, gate, part, exact, held)
    yield row("at the output", seen >= 0, gate, seen, exact)


def cosines(dots: np.ndarray, mains: np.ndarray, tasks: np.ndarray) -> np.ndarray:
    return dots.sum(1) / np.maximum(np.sqrt(mains.sum(1) * tasks.sum(1)), 1e-300)


def row(
    name: str,
    guess: np.ndarray,
    gate: np.ndarray,
    cosine: np.ndarray | None = None,
    exact: np.ndarray | None = None,
    held: Sequence[float] = (),
) -> str:
    cells = [share(guess == gate), share(guess[~gate]), share(~guess[gate])]
    cells.append("" if cosine is None or exact is None else f"{np.corrcoef(cosine, exact)[0, 1]:.2f}")
    cells.append(", ".join(f"{100 * one:.0f} %" for one in held))
    return f"| {name} | " + " | ".join(cells) + " |"


def share(which: np.ndarray) -> str:
    return f"{100 * which.mean():.0f} %" if which.size else "-"


def report(bundle: str, args: argparse.Namespace) -> None:
    recorder = Recorder()
    names = trained(bundle, args, recorder)
    for task, found in recorder.arrays().items():
        dots, mains, tasks, seen = found
        gate, values = dots.sum(1) >= 0, cosines(dots, mains, tasks)
        changes = np.mean(gate[1:] != gate[:-1])
        print(
            f"\n{bundle}, {task}: {len(gate)} updates, exact gate open in {share(gate)} of them, another than in the "
            f"update before in {100 * changes:.0f} %; cosine {values.mean():+.3f} ± {values.std():.3f}\n\n"
            "| | right | opens what is closed | closes what is open | correlation | share |\n|---|---|---|---|---|---|"
        )
        print("\n".join(rows(dots, mains, tasks, names, seen)), flush=True)


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of :func:`trained`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", nargs="+", default=["camus_denoise", "covidct_denoise"])
    parser.add_argument("--updates", type=int, default=300, help="with a gate, rounded up to whole epochs (300)")
    parser.add_argument("--warmup", type=int, default=4, help="epochs of the enhancer alone before (4)")
    parser.add_argument(
        "--pretrain", type=int, default=6, help="epochs of the recognizers on clean images before that (6)"
    )
    parser.add_argument("--image_size", type=int, default=64, help="crops, in pixels (64)")
    parser.add_argument("--batch_size", type=int, default=4, help="images (4)")
    parser.add_argument("--weight", default="relative:0.3", help="λ or relative:ρ (relative:0.3)")
    parser.add_argument("--trained", action="store_true", help="begin with the enhancer that the bundle ships")
    parser.add_argument("--no_residual", action="store_true", help="an enhancer that is not the identity at first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dataset_dir", help="the archive; default: the sample data. For one bundle")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = training_parser(__doc__).parse_args(argv)
    print(describe("torch", "monai"))
    settings: dict[str, Any] = vars(args)
    print(", ".join(f"{name} {value}" for name, value in settings.items() if name not in ("bundles", "device")))
    for bundle in args.bundles:
        report(bundle, args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
