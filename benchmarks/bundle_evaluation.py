# SPDX-License-Identifier: Apache-2.0
"""The images and the degradation of a bundle's evaluation, read from its own configs/evaluate.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigParser

from monai_gradprom.bundle import check_switches
from monai_gradprom.errors import InputError

Row = dict[str, Any]
SWITCHES: dict[str, tuple[Callable[[str], Any], str]] = {  # of evaluate.json: type and help
    "dataset_dir": (str, "the archive (default: the sample data)"),
    "datalist": (str, "your own images, as a MONAI datalist, instead of the archive"),
    "subset": (str, "training, validation or testing"),
    "split": (str, "official or paper"),
    "fold": (int, "of Lizard, tested on"),
    "skip_unreadable": (str, "true: leave out corrupt images"),
    "resize": (int, "longest side in pixels"),
    "degradation": (str, "gaussian, speckle, challenge, perceptual, downsample or none"),
    "noise_sigma": (float, "on the [0, 1] scale"),
    "scale_factor": (int, "1, or 2 and 4 for super-resolution"),
    "downsampling": (str, "area or bicubic"),
}


def read_evaluation(bundle: Path, switches: Mapping[str, Any]) -> ConfigParser:
    """The bundle's evaluate.json with the switches that were given, those that are not None.

    Its ``datalist_items`` are the images, and its ``preprocessing`` loads and degrades one.
    """
    path = bundle / "configs" / "evaluate.json"
    if not path.is_file():
        raise InputError(f"--bundle {bundle} lacks configs/evaluate.json; name a folder of bundles/.")
    parser = ConfigParser()
    parser.read_config(path)
    given = {name: value for name, value in switches.items() if value is not None}
    for name in given:
        if name not in parser:
            raise InputError(f"--{name} is not a switch of {path}; leave it out.")
    check_switches(**{name: parser[name] for name in ("degradation", "scale_factor", "noise_sigma")} | given)
    parser.update({"bundle_root": str(bundle.resolve()), **given})
    return parser


def picked(items: list[Row], limit: int | None, every: int | None) -> list[Row]:
    if every is not None:
        return items[::every]
    count = len(items) if limit is None else min(limit, len(items))
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, count).astype(int))]


def describe(parser: ConfigParser, items: list[Row]) -> str:
    """What was measured, in two lines."""
    source, subset = parser["datalist"] or parser.get_parsed_content("dataset_dir"), parser["subset"]
    patients = {item["patient"] for item in items if "patient" in item}
    count = f"{len(items)} images" + (f" of {len(patients)} patients" if patients else "")
    size = f", longest side {parser['resize']} pixels" if parser["resize"] else ""
    degradation = f"noise sigma {parser['noise_sigma']}, seed 0"
    if parser["degradation"] != "gaussian":
        degradation = f"{parser['degradation']}, {degradation}"
    if parser["scale_factor"] != 1:
        degradation = f"down-sampled by {parser['scale_factor']} ({parser['downsampling']})"
    return f"{subset} subset of {source}: {count}{size},\n{degradation}, mean ± standard deviation over images"
