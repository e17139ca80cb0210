# SPDX-License-Identifier: Apache-2.0
"""Where an iteration stands in its epoch, and what it leaves for others to read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from monai.data import MetaTensor
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor
from torch.utils.data import DataLoader

from monai_gradprom.datasets.replayable import EpochSampler
from monai_gradprom.strategies import GateReport

from .distributed import weighted_means

__all__ = ["SKIPPED", "accumulation_window", "mean_terms", "position_sampler", "publish", "with_meta_of"]

SKIPPED = GateReport(gate=math.nan, cosine=math.nan, ratio=math.nan, finite=False)
"""The report of an update that was skipped: its gate was neither open nor closed."""


def accumulation_window(iteration: int, epoch_length: int | None, steps: int) -> tuple[bool, bool]:
    """Whether mini-batch ``iteration`` (from 1) opens and closes an accumulation; an epoch's last one always closes."""
    position = (iteration - 1) % epoch_length if epoch_length else iteration - 1
    return position % steps == 0, (position + 1) % steps == 0 or position + 1 == epoch_length


def position_sampler(loader: Any, iteration: int) -> None:
    """Point the sampler behind ``iteration`` mini-batches, so that data depend on it alone (exact resume)."""
    if isinstance(loader, DataLoader) and isinstance(loader.sampler, EpochSampler):
        passes, batches = divmod(iteration, len(loader))
        loader.sampler.set_position(passes, batches * (loader.batch_size or 1))


def publish(
    state: Any, main_loss: Tensor, losses: Mapping[str, Tensor], terms: Mapping[str, Tensor], share: Tensor | None
) -> None:
    """Leave losses, terms and reports of a mini-batch in ``engine.state``, each loss that of the whole batch.

    Args:
        state: the engine's, with ``task_reports``.
        main_loss: L_IP.
        losses: L_VR of each task.
        terms: of the objective, without their weights.
        share: see :func:`~monai_gradprom.engines.distributed.batch_share`.
    """
    state.output[Keys.LOSS], *means = weighted_means([main_loss, *losses.values()], share)
    state.task_losses = {name: mean.item() for name, mean in zip(losses, means, strict=True)}
    state.loss_terms = mean_terms(terms, share)
    state.output.update({f"{name}_loss": value for name, value in state.loss_terms.items()})
    state.output.update(_task_outputs(state.task_reports, state.task_losses))


def _task_outputs(reports: Mapping[str, GateReport], losses: Mapping[str, float]) -> dict[str, float]:
    """Each task's loss and report as entries of ``engine.state.output``; NaN for what is not known."""
    found: dict[str, float] = {}
    for name, loss in losses.items():
        report = reports.get(name, GateReport(gate=math.nan))
        found[f"{name}_loss"] = loss
        found[f"{name}_gate"] = report.gate
        found[f"{name}_cosine"] = math.nan if report.cosine is None else report.cosine
        found[f"{name}_ratio"] = math.nan if report.ratio is None else report.ratio
    return found


def mean_terms(terms: Mapping[str, Tensor], share: Tensor | None) -> dict[str, float]:
    """Each term of a loss over the whole batch, see :func:`weighted_means`; waits for the device once."""
    if not terms:
        return {}
    means = weighted_means(list(terms.values()), share)
    return dict(zip(terms, torch.stack([mean.float() for mean in means]).tolist(), strict=True))


def with_meta_of(source: Tensor, tensor: Tensor) -> Tensor:
    """``tensor`` with the metadata of ``source``, if that has any."""
    if not isinstance(source, MetaTensor):
        return tensor
    return MetaTensor(tensor).copy_meta_from(source, copy_attr=True)
