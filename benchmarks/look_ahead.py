# SPDX-License-Identifier: Apache-2.0
"""What a look-ahead makes of a task's gradient, over updates of a real training run.

    python benchmarks/look_ahead.py
    python benchmarks/look_ahead.py --bundles camus_denoise --updates 200 --inner_lr 0.01 0.1 --dataset_dir CAMUS

Trains each bundle with its own train.json and joint training (recognizers first on clean images, then the enhancer
alone, then both). In every update of the last part it also looks ahead by one inner step, from the very same networks
and images, with each inner learning rate and in both forms.

Columns: L_VR after the inner step over L_VR before; of the look-ahead gradient over θ, in either form, its cosine with
∇θ L_VR as joint training has it and its norm over that one's. Medians over updates, quartiles in brackets.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

import torch
from gate_agreement import trained, training_parser
from machine import describe
from torch import Tensor

from monai_gradprom.strategies import BiLevel, Gradients, Joint, ParametricLoss, TaskLoss, Weight

__all__ = ["Ahead"]


class Ahead(Joint):
    """Joint training that also notes what looking ahead would have changed."""

    def __init__(self, rates: Sequence[float]) -> None:
        self._rates = list(rates)
        self.found: dict[tuple[str, float], list[list[float]]] = defaultdict(list)

    def setting(self) -> dict[str, Any]:
        """What was noted is no part of the setting."""
        return Joint().setting()

    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """See :meth:`UpdateStrategy.compute`; looks ahead first."""
        for name, loss in aux_losses.items():
            assert isinstance(loss, ParametricLoss)
            now = loss()
            plain = _over_theta(output, *torch.autograd.grad(now, output, retain_graph=True), theta)
            for rate in self._rates:
                row = [_stepped(loss, phis[name], rate) / float(now)]
                for order in (1, 2):
                    seed, _ = BiLevel(order=order, inner_lr=rate).ahead(name, loss).differentiate(output, phis[name])
                    assert seed is not None
                    ahead = _over_theta(output, seed, theta)
                    row += [float(ahead @ plain / ahead.norm() / plain.norm()), float(ahead.norm() / plain.norm())]
                self.found[name, rate].append(row)
        return super().compute(output, main_loss, aux_losses, theta, phis, weights)


def _stepped(loss: ParametricLoss, phi: Sequence[Tensor], rate: float) -> float:
    gradients = torch.autograd.grad(loss(), list(phi), allow_unused=True)
    with torch.no_grad():
        moved = [p if g is None else p - rate / loss.scale * g for p, g in zip(phi, gradients, strict=True)]
        return float(loss.at(moved))


def _over_theta(output: Tensor, seed: Tensor, theta: Sequence[Tensor]) -> Tensor:
    found = torch.autograd.grad([output], list(theta), [seed], retain_graph=True, allow_unused=True)
    return torch.cat([g.flatten() for g in found if g is not None])


def cell(values: Sequence[float]) -> str:
    low, middle, high = quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def report(bundle: str, args: argparse.Namespace) -> None:
    ahead = Ahead(args.inner_lr)
    trained(bundle, args, ahead)
    for (task, rate), rows in ahead.found.items():
        if rate == args.inner_lr[0]:
            print(
                f"\n{bundle}, {task}: {len(rows)} updates\n\n| inner_lr | L_VR after the step | first order: cosine | "
                "norm | second order: cosine | norm |\n|---|---|---|---|---|---|"
            )
        print(f"| {rate:g} | " + " | ".join(cell(column) for column in zip(*rows, strict=True)) + " |", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = training_parser(__doc__)
    parser.add_argument("--inner_lr", nargs="+", type=float, default=[0.01, 0.1, 1.0], help="(0.01 0.1 1)")
    parser.set_defaults(updates=40)
    args = parser.parse_args(argv)
    print(describe("torch", "monai"))
    for bundle in args.bundles:
        report(bundle, args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
