# SPDX-License-Identifier: Apache-2.0
"""What a strategy says about one update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

__all__ = ["GateReport", "mean_report"]


@dataclass(frozen=True)
class GateReport:
    """How one auxiliary task's gradient met the enhancer's own in one update.

    Strategies that never separate the two gradients (``joint`` and ``frozen`` with a fixed λ) cannot know ``cosine``
    and ``ratio``; both are then ``None`` rather than bought with a second backward pass.

    Attributes:
        gate: share of λ G_VR that entered θ's gradient: 1 open, 0 closed, max(0, cos) under ``gradprom_cosine``.
        cosine: cos(G_IP, G_VR) over θ, 0 when either gradient vanishes, NaN when one is not finite.
        ratio: ‖λ G_VR‖ / ‖G_IP‖ before gating, in the field's words how loud the task is.
        finite: False when a gradient held an infinity or NaN: no decision was taken and the caller must skip the step.
    """

    gate: float
    cosine: float | None = None
    ratio: float | None = None
    finite: bool = True


def mean_report(reports: Sequence[GateReport]) -> GateReport:
    """One report for several mini-batches that were decided on apart: the means of what they all know."""
    if len(reports) == 1:
        return reports[0]
    cosines = [report.cosine for report in reports if report.cosine is not None]
    ratios = [report.ratio for report in reports if report.ratio is not None]
    return GateReport(
        gate=fmean(report.gate for report in reports),
        cosine=fmean(cosines) if len(cosines) == len(reports) else None,
        ratio=fmean(ratios) if len(ratios) == len(reports) else None,
        finite=all(report.finite for report in reports),
    )
