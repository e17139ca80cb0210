# SPDX-License-Identifier: Apache-2.0
"""Side-by-side panels with PSNR, SSIM and an enlarged region (the paper's Figures 4, 6 and 7)."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from monai_gradprom.handlers.pixels import quality_caption

from .cases import CLEAN, Case, View
from .cells import Box, Row, make_cell

__all__ = ["busiest_window", "panel_row"]


def panel_row(case: Case) -> Row:
    """The input, every enhancer's output and the clean image, each with one region enlarged.

    Where there is a clean image, PSNR and SSIM of the whole image stand below the others; where there is none
    (genuinely poor images, Figure 7) there are no numbers.

    Args:
        case: the image in all its versions.
    """
    box = busiest_window(case.best)
    return Row(
        case.name,
        tuple(make_cell(view.title, view.image, _quality(view, case.reference), box) for view in case.views),
    )


def busiest_window(image: torch.Tensor, fraction: int = 4) -> Box:
    """The window with the most gradient energy, of ``1 / fraction`` of each side (at least 8 pixels).

    Args:
        image: [C, W, H]; its channels are averaged.
        fraction: how many windows fit along a side.

    Returns:
        left, top, width, height in pixels; the first such window in MONAI's axis order where several are equal.
    """
    grey = image.double().mean(dim=0)
    width, height = (min(side, max(8, side // fraction)) for side in grey.shape)
    energy = torch.zeros_like(grey)
    energy[:-1] += (grey[1:] - grey[:-1]).square()
    energy[:, :-1] += (grey[:, 1:] - grey[:, :-1]).square()
    # sums over windows as differences of cumulated sums: a window of a large image has a million pixels
    total = F.pad(energy.cumsum(0).cumsum(1), (1, 0, 1, 0))
    sums = total[width:, height:] - total[:-width, height:] - total[width:, :-height] + total[:-width, :-height]
    left, top = divmod(int(sums.argmax()), sums.shape[1])
    return left, top, width, height


def _quality(view: View, reference: torch.Tensor | None) -> str:
    return "" if reference is None or view.title == CLEAN else quality_caption(view.image, reference)
