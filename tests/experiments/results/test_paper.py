# SPDX-License-Identifier: Apache-2.0
"""The printed figures: complete, and flagged where they contradict themselves."""

from __future__ import annotations

import math

import pytest

from monai_gradprom.experiments.results.layouts import LAYOUTS
from monai_gradprom.experiments.results.paper import column, contradictions, printed

# rows and figures of each table, counted in the paper: dashes are no figures
SIZES = {1: (8, 84), 2: (10, 108), 3: (5, 24), 4: (4, 16), 5: (11, 66), 6: (8, 48), 7: (10, 40), 8: (8, 48)}


@pytest.mark.parametrize("number", SIZES)
def test_every_figure_is_there(number):
    rows = printed(number)
    assert (len(rows), sum(map(len, rows.values()))) == SIZES[number]


@pytest.mark.parametrize(
    "number, row, name, mean, std",
    [
        (1, "Sup. GradProm", "σ=0.1 PSNR", 34.646, 1.11),
        (1, "Benchmark-ii", "σ=0.3 Acc", 0.626, None),
        (2, "Unsup. Multi-Task", "σ=0.2 SSIM", 0.755, 0.002),
        (3, "GradProm", "Sup. mIoU", 0.597, None),
        (4, "Base ESTR", "Unsup. PSNR", 15.326, None),
        (5, "Ours(VR_seg), ResNet-101", "σ=0.3 SSIM", 0.761, None),
        (6, "DVANet, ResNet-101", "σ=0.2 PSNR", 23.075, None),
        (7, "SR-ResNet, VGG-22", "γ=4 SSIM", 0.494, None),
        (8, "DDM, ResNet-50", "σ=0.3 PSNR", 29.767, None),
    ],
)
def test_figures_as_printed(number, row, name, mean, std):
    cell = printed(number)[row][name]
    assert (cell.mean, cell.std) == (mean, std)


def test_every_flag_is_explained_and_used():
    used = {
        flag for number in SIZES for row in printed(number).values() for cell in row.values() for flag in cell.flags
    }
    assert used == set(contradictions())


def test_what_lies_below_the_noisy_input_is_flagged():
    for number in (1, 2, 5, 6, 8):
        for row in printed(number).values():
            for name, cell in row.items():
                if column(name).metric == "psnr":
                    below = cell.mean < -20 * math.log10(column(name).sigma)
                    assert below == ("n" in cell.flags), (number, name, cell)
    # the first reading of the paper: 15.26 dB on COVID-CT, whose noisy input has 20
    assert "n" in printed(6)["SR-ResNet, VGG-22"]["σ=0.1 PSNR"].flags


def test_equal_figures_of_different_networks_are_flagged():
    for task, number in (("dia", 1), ("seg", 2)):
        for name, cell in printed(5)[f"Ours(VR_{task}), ResNet-50"].items():
            assert printed(number)["Sup. GradProm"][name].mean == cell.mean
            assert "a" in cell.flags and "a" in printed(number)["Sup. GradProm"][name].flags


def test_rows_that_have_runs_bear_the_papers_names():
    own = {1: 2, 2: 2, 3: 1, 4: 0, 5: 4, 6: 2, 7: 4, 8: 2}  # gradprom_cosine; ResNet-18 and 34
    for number, layout in LAYOUTS.items():
        titles = [row.title for row in layout.rows]
        assert len(set(titles)) == len(titles)
        assert len(set(titles) - set(printed(number))) == own[number], number
