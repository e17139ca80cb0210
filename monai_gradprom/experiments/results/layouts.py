# SPDX-License-Identifier: Apache-2.0
"""Which runs belong into which row of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["LAYOUTS", "Layout", "RowOf"]

Wanted = dict[str, Any]


@dataclass(frozen=True)
class RowOf:
    """A row of a table.

    Args:
        title: as printed, or a row that the paper does not have.
        wanted: switch → value of its runs.
        bundle: another bundle than the table's own.
        tested_on: another bundle whose test set counts.
    """

    title: str
    wanted: Wanted
    bundle: str | None = None
    tested_on: str | None = None


@dataclass(frozen=True)
class Layout:
    """A table: what all of its runs have, its rows, and what its captions say."""

    title: str
    bundle: str
    wanted: Wanted
    rows: tuple[RowOf, ...]
    note: str = ""


_STRATEGIES = {
    "Joint training": "joint",
    "Frozen-params.": "frozen",
    "GradProm": "gradprom",
    "GradProm by cosine": "gradprom_cosine",
}
_SUPERVISED = {"Unsup.": False, "Sup.": True}


def _ablation(benchmark: str, multi_task: bool) -> tuple[RowOf, ...]:
    """Tables 1 and 2: benchmarks, then the strategies without and with labels."""
    rows = [RowOf(benchmark, {"strategy": "recognizer_only"}), RowOf("Benchmark-i", {"strategy": "enhancer_only"})]
    for word, supervised in _SUPERVISED.items():
        for title, strategy in _STRATEGIES.items():
            rows.append(RowOf(f"{word} {title}", {"strategy": strategy, "supervised": supervised}))
    if multi_task:
        for word, supervised in _SUPERVISED.items():
            wanted = {"strategy": "gradprom", "supervised": supervised, "recognition": "both"}
            rows.append(RowOf(f"{word} Multi-Task", wanted))
    return tuple(rows)


def _challenge() -> tuple[RowOf, ...]:
    alone = {"Benchmark-iii": "recognizer_only", "Benchmark-i": "enhancer_only"}
    return tuple(RowOf(title, {"strategy": name}) for title, name in {**alone, **_STRATEGIES}.items())


def _generalisation() -> tuple[RowOf, ...]:
    methods = {"ESTR": "frozen", "GradProm": "gradprom"}
    base = [RowOf(f"Base {title}", {"strategy": name}, bundle="lizard_sr") for title, name in methods.items()]
    return (*base, *(RowOf(title, {"strategy": name}, tested_on="lizard_sr") for title, name in methods.items()))


def _state_of_the_art(recognitions: dict[str, str]) -> tuple[RowOf, ...]:
    """Tables 5 to 8; other methods have no runs here. Supervised, since Table 5 repeats Table 1's supervised row."""
    first = next(iter(recognitions.values()))
    rows = [RowOf("SR-ResNet, VGG-22", {"strategy": "enhancer_only"})]
    for backbone in ("ResNet-50", "ResNet-101"):
        wanted = {"strategy": "frozen", "supervised": True, "recognition": first, "backbone": _name(backbone)}
        rows.append(RowOf(f"ESTR, {backbone}", wanted))
    for backbone in ("ResNet-18", "ResNet-34", "ResNet-50", "ResNet-101"):
        for word, recognition in recognitions.items():
            wanted = {"supervised": True, "recognition": recognition, "backbone": _name(backbone)}
            rows.append(RowOf(f"Ours({word}), {backbone}", {"strategy": "gradprom", **wanted}))
    return tuple(rows)


def _name(backbone: str) -> str:
    return backbone.lower().replace("-", "")


_BOTH = {"VR_dia": "diagnosis", "VR_seg": "segmentation"}
_NOISE = {"degradation": "gaussian"}
_ISIC = "isic2018_denoise"

LAYOUTS: dict[int, Layout] = {
    1: Layout(
        "Table 1: ISIC 2018, denoising, diagnosis network",
        _ISIC,
        {**_NOISE, "recognition": "diagnosis"},
        _ablation("Benchmark-ii", multi_task=False),
        note="The paper's diagnosis network is ResNet-101 by the caption and ResNet-50 by the text.",
    ),
    2: Layout(
        "Table 2: ISIC 2018, denoising, segmentation network",
        _ISIC,
        {**_NOISE, "recognition": "segmentation"},
        _ablation("Benchmark-iii", multi_task=True),
    ),
    3: Layout(
        "Table 3: ISIC 2018, noise, Poisson noise and blur, segmentation network",
        _ISIC,
        {"degradation": "challenge", "noise_sigma": 0.3, "recognition": "segmentation"},
        _challenge(),
    ),
    4: Layout(
        "Table 4: trained on ISIC 2018, tested on Lizard (Base: one set), denoising, σ = 0.3",
        _ISIC,
        {**_NOISE, "noise_sigma": 0.3, "recognition": "diagnosis"},
        _generalisation(),
    ),
    5: Layout("Table 5: ISIC 2018, denoising", _ISIC, _NOISE, _state_of_the_art(_BOTH)),
    6: Layout(
        "Table 6: COVID-CT, denoising",
        "covidct_denoise",
        _NOISE,
        _state_of_the_art({"VR_dia": "diagnosis"}),
    ),
    7: Layout(
        "Table 7: Lizard, super-resolution",
        "lizard_sr",
        {"degradation": "downsample"},
        _state_of_the_art(_BOTH),
    ),
    8: Layout(
        "Table 8: CAMUS, denoising",
        "camus_denoise",
        _NOISE,
        _state_of_the_art({"VR_seg": "segmentation"}),
    ),
}
"""Number → the table's layout."""
