# SPDX-License-Identifier: Apache-2.0
"""The bundles' switches: what each admits, and what does not go together."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.strategies import STRATEGIES, parse_weight

from .exits import exit_in_one_line
from .workflow import running_workflow

__all__ = ["as_bool", "check_switches", "refuse_unknown_switches"]

_SPELLINGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def as_bool(value: Any, name: str = "switch") -> bool:
    """Read a boolean in any usual spelling: a command line delivers ``false`` as a string, which is truthy.

    Raises:
        InputError: for anything but true/false, yes/no, on/off, 1/0.
    """
    text = str(value).strip().lower()
    if text not in _SPELLINGS:
        raise InputError(f"--{name} must be true or false, got {value!r}.")
    return _SPELLINGS[text]


def check_switches(recognitions: Iterable[str] = ("segmentation",), **switches: Any) -> None:
    """Check every switch before anything is loaded or trained.

    Args:
        recognitions: the recognition tasks that the bundle's data set has labels for.
        switches: name → value of the bundle's top-level switches.

    Raises:
        InputError: for the first value that cannot be, for switches that contradict each other, and for top-level names
            that the bundle does not have (MONAI itself accepts ``--noise_sgima 0.3`` silently).
    """
    exit_in_one_line()  # root() has not been asked where --bundle_root is given
    refuse_unknown_switches()
    rules = {**_RULES, "recognition": _choice(recognitions)}
    for name, value in switches.items():
        if name in rules and value is not None:
            rules[name](name, value)
    _check_together(switches)


def refuse_unknown_switches() -> None:
    """Refuse top-level names that no configuration file of the running bundle defines and that nothing refers to.

    A further configuration file, or MONAI's experiment tracking, may bring names of its own: something refers to those.
    """
    workflow = running_workflow()
    if workflow is None:
        return
    content: Any = workflow.parser.config
    given = {key for key in content if key != workflow.parser.meta_key}
    known = {workflow.init_id, workflow.run_id, workflow.final_id}
    for path in sorted(Path(workflow.config_root_path).glob("*.json")):
        keys = set(json.loads(path.read_text(encoding="utf-8")))
        # the run's own files are those that went into its configuration whole
        known |= keys if keys <= given else set()
    referred = set(re.findall(r"[@%](\w+)", str(content)))
    for name in sorted(given - known - referred):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean --{near[0]}?" if near else "its switches stand at the top of its file."
        raise InputError(f"--{name} is not a switch of this configuration: {hint}")


def _check_together(switches: dict[str, Any]) -> None:
    strategy = switches.get("strategy")
    if switches.get("gate_scope", "each") != "each" and strategy not in (None, "gradprom"):
        raise InputError(f"--gate_scope {switches['gate_scope']} belongs to --strategy gradprom, not {strategy!r}.")
    taught = switches.get("recognizer_weights") is not None or int(switches.get("recognizer_pretrain_epochs") or 0) > 0
    if (switches.get("image_size") or 64) <= 32 and switches.get("batch_size") == 1 and strategy != "enhancer_only":
        raise InputError(
            "--batch_size 1 with --image_size of at most 32 leaves the recognizer's deepest batch normalisation a "
            "single value: raise either."
        )
    if strategy in (None, "enhancer_only"):
        return
    if not taught and (strategy == "frozen" or not as_bool(switches.get("supervised", True), "supervised")):
        setting = "--strategy frozen" if strategy == "frozen" else "--supervised false"
        raise InputError(
            f"{setting} learns from a recognizer, and this one would be untrained: set --recognizer_pretrain_epochs "
            "above 0 or give --recognizer_weights."
        )


def _number(
    low: float, high: float = math.inf, whole: bool = False, open_low: bool = False
) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        kind = "a whole number" if whole else "a number"
        right_kind = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not right_kind or not low <= value <= high or value == math.inf or (open_low and value == low):
            bounds = f"{'above' if open_low else 'of at least'} {low}" + (
                f" and at most {high}" if high < math.inf else ""
            )
            raise InputError(f"--{name} must be {kind} {bounds}, got {value!r}.")

    return check


def _choice(names: Iterable[str]) -> Callable[[str, Any], None]:
    allowed = list(names)

    def check(name: str, value: Any) -> None:
        check_choice(f"--{name}", value, allowed)

    return check


def _structures(name: str, value: Any) -> None:
    whole = isinstance(value, (list, tuple)) and all(type(v) is int and v > 0 for v in value)
    if not whole or not value or len(set(value)) < len(value):
        raise InputError(f"--{name} must list different values of the mask, such as '[1, 2]', got {value!r}.")


def _not_a_file(name: str, value: Any) -> None:
    if Path(str(value)).is_file():
        raise InputError(f"--{name} {value!r} is a file; name a folder.")


def _existing_file(name: str, value: Any) -> None:
    if not Path(str(value)).is_file():
        raise InputError(f"--{name} {value!r}: there is no such file; correct the path.")


def _existing_folder(name: str, value: Any) -> None:
    if not Path(str(value)).expanduser().is_dir():
        raise InputError(f"--{name} {value!r}: there is no such folder; correct the path.")


def _weight(name: str, value: Any) -> None:
    try:
        parse_weight(value)
    except ValueError as error:
        raise InputError(f"--{name}: {error}") from error


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "strategy": _choice(STRATEGIES),
    "supervised": lambda name, value: as_bool(value, name),
    "backbone": _choice(["resnet18", "resnet34", "resnet50", "resnet101"]),
    "degradation": _choice(["gaussian", "none"]),
    "noise_sigma": _number(0, 10),
    "aux_weight": _weight,
    "gate_scope": _choice(["each", "any"]),
    "warmup_epochs": _number(0, whole=True),
    "recognizer_pretrain_epochs": _number(0, whole=True),
    "recognizer_weights": _existing_file,
    "backbone_weights": _existing_file,
    "weights": _existing_file,
    "max_epochs": _number(1, whole=True),
    "batch_size": _number(1, whole=True),
    "num_workers": _number(0, whole=True),
    "image_size": _number(16, whole=True),
    "size_multiple": _number(1, whole=True),
    "crop": _choice(["scale", "patch"]),
    "learning_rate": _number(0, open_low=True),
    "lr_schedule": _choice(["constant", "cosine"]),
    "seed": _number(0, 2**32 - 1, whole=True),
    "split": _choice(["official", "paper"]),
    "dataset_dir": _existing_folder,
    "datalist": _existing_file,
    "output_dir": _not_a_file,
    "structures": _structures,
    "val_interval": _number(1, whole=True),
    "checkpoint_interval": _number(0, whole=True),
    "accumulation_steps": _number(1, whole=True),
    "cache_rate": _number(0, 1),
    "resume": lambda name, value: as_bool(value, name),
    "amp": lambda name, value: as_bool(value, name),
    "compile": lambda name, value: as_bool(value, name),
}
