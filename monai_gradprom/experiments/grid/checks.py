# SPDX-License-Identifier: Apache-2.0
"""Whether a bundle has the switches of a grid, and takes their values, before anything is started."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monai_gradprom.bundle import as_bool, check_switches
from monai_gradprom.bundle.switch_rules import RULES
from monai_gradprom.errors import InputError

from .bundle_files import RECOGNIZER_ONLY, BundleFiles
from .cells import Switches

__all__ = ["check_cell", "check_names", "normal"]

_OWN = {
    "output_dir": "each run gets a folder below --output",
    "resume": "runs are continued anyway",
    "bundle_root": "it is --bundle",
}


def check_names(names: Iterable[str], bundle: BundleFiles) -> None:
    """Check that the bundle has these switches (or ids, such as ``network_def#channels``).

    Raises:
        InputError: names the first that it lacks, and the nearest that it has.
    """
    known = bundle.train.keys() | bundle.evaluate.keys()
    for name in names:
        first = name.replace("::", "#").split("#")[0]
        if name in _OWN:
            raise InputError(f"--{name} cannot be set here: {_OWN[name]}.")
        if first not in known or first.startswith("_"):
            near = difflib.get_close_matches(first, known, n=1)
            hint = f"did you mean --{near[0]}?" if near else "its switches stand at the top of configs/train.json."
            raise InputError(f"--{name} is not a switch of {bundle.name}: {hint}")


def normal(switches: Mapping[str, Sequence[Any]], defaults: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Booleans in one spelling, so that ``True`` and ``yes`` are the same experiment as ``true``."""
    return {
        name: [as_bool(value, name) if isinstance(defaults.get(name), bool) else value for value in values]
        for name, values in switches.items()
    }


def check_cell(cell: Switches, bundle: BundleFiles) -> None:
    """Check the values of one run by the bundle's own rules, alone and together.

    Raises:
        InputError: says which value cannot be.
    """
    values = {name: value for name, value in {**bundle.train, **cell}.items() if name in (*RULES, "recognition")}
    if values.get("strategy") == RECOGNIZER_ONLY:
        if not bundle.path(RECOGNIZER_ONLY).is_file():
            raise InputError(f"--strategy {RECOGNIZER_ONLY}: {bundle.name} lacks configs/{RECOGNIZER_ONLY}.json.")
        values["strategy"] = "enhancer_only"
    values = {name: None if value == "$None" else value for name, value in values.items()}
    plain = {name: value for name, value in values.items() if not str(value).startswith(("$", "@"))}
    tasks = bundle.tasks
    check_switches(tasks + ["both"] * (len(tasks) > 1), **plain)
