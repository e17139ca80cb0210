# SPDX-License-Identifier: Apache-2.0
"""What each of the bundles' switches admits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.figures import FIGURES
from monai_gradprom.networks import BACKBONES
from monai_gradprom.strategies import STRATEGIES, parse_weight
from monai_gradprom.transforms import DEGRADATIONS

__all__ = ["OPTIONAL", "RULES", "Rule", "as_bool", "one_of"]

Rule = Callable[[str, Any], Any]

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


def one_of(names: Iterable[Any]) -> Rule:
    """The rule that admits ``names`` only, and names the nearest of them."""
    allowed = list(names)

    def check(name: str, value: Any) -> None:
        if all(isinstance(choice, str) for choice in allowed):
            check_choice(f"--{name}", value, allowed)
        elif isinstance(value, bool) or value not in allowed:
            raise InputError(f"--{name} must be one of {', '.join(map(str, allowed))}, got {value!r}.")

    return check


def _number(low: float, high: float = math.inf, whole: bool = False, open_low: bool = False) -> Rule:
    def check(name: str, value: Any) -> None:
        kind = "a whole number" if whole else "a number"
        right_kind = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not right_kind or not low <= value <= high or value == math.inf or (open_low and value == low):
            bounds = f"{'above' if open_low else 'of at least'} {low}" + (
                f" and at most {high}" if high < math.inf else ""
            )
            raise InputError(f"--{name} must be {kind} {bounds}, got {value!r}.")

    return check


def _boolean(name: str, value: Any) -> None:
    as_bool(value, name)


def _structures(name: str, value: Any) -> None:
    entries = value if isinstance(value, (list, tuple)) else []
    values = [v for entry in entries for v in (entry if isinstance(entry, (list, tuple)) else [entry])]
    whole = all(type(v) is int and v > 0 for v in values)
    if not values or not whole or len(set(values)) < len(values) or [] in entries:
        raise InputError(
            f"--{name} must list different values of the mask, such as '[1, 2]', or groups of them that are one class, "
            f"such as '[1, [2, 3]]', got {value!r}."
        )


def _class_names(name: str, value: Any) -> None:
    names = value if isinstance(value, (list, tuple)) else []
    if len(names) < 2 or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise InputError(f"--{name} must list at least two different names, such as \"['NV', 'MEL']\", got {value!r}.")


def _figures(name: str, value: Any) -> None:
    for figure in value if isinstance(value, (list, tuple)) else [value]:
        check_choice(f"--{name}", figure, FIGURES)


def _figure_images(name: str, value: Any) -> None:
    if not isinstance(value, (list, tuple)):
        _number(1, whole=True)(name, value)


def _compared(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"--{name} must map names to files, such as \"{{'joint': 'joint.pt'}}\", got {value!r}.")
    for file in value.values():
        _existing_file(name, file)


def _not_a_file(name: str, value: Any) -> None:
    if Path(str(value)).is_file():
        raise InputError(f"--{name} {value!r} is a file; name a folder.")


def _existing_file(name: str, value: Any) -> None:
    if not Path(str(value)).is_file():
        raise InputError(f"--{name} {value!r}: there is no such file; correct the path.")


def _existing_folder(name: str, value: Any) -> None:
    if not Path(str(value)).expanduser().is_dir():
        raise InputError(f"--{name} {value!r}: there is no such folder; correct the path.")


def _recognizer_files(name: str, value: Any) -> None:
    for path in value.values() if isinstance(value, Mapping) else [value]:
        if not Path(str(path)).exists():
            raise InputError(f"--{name} {str(path)!r}: there is no such file or folder; correct the path.")


def _weight(name: str, value: Any) -> None:
    try:
        parse_weight(value)
    except ValueError as error:
        raise InputError(f"--{name}: {error}") from error


OPTIONAL = frozenset(
    {"weights", "recognizer_weights", "backbone_weights", "resize", "tile_size"}
    | {"dataset_dir", "datalist", "diagnosis_csv"}
)
"""The switches that may be None."""

RULES: dict[str, Rule] = {
    "strategy": one_of(STRATEGIES),
    "supervised": _boolean,
    "backbone": one_of(BACKBONES),
    "degradation": one_of(DEGRADATIONS),
    "noise_sigma": _number(0, 10),
    "scale_factor": one_of([1, 2, 4]),
    "downsampling": one_of(["area", "bicubic"]),
    "resize": _number(16, whole=True),
    "aux_weight": _weight,
    "gate_scope": one_of(["each", "any"]),
    "warmup_epochs": _number(0, whole=True),
    "recognizer_pretrain_epochs": _number(0, whole=True),
    "recognizer_weights": _recognizer_files,
    "backbone_weights": _existing_file,
    "weights": _existing_file,
    "max_epochs": _number(1, whole=True),
    "batch_size": _number(1, whole=True),
    "num_workers": _number(0, whole=True),
    "image_size": _number(16, whole=True),
    "size_multiple": _number(1, whole=True),
    "tile_size": _number(16, whole=True),
    "crop": one_of(["scale", "patch"]),
    "learning_rate": _number(0, open_low=True),
    "lr_schedule": one_of(["constant", "cosine"]),
    "seed": _number(0, 2**32 - 1, whole=True),
    "split_seed": _number(0, 2**32 - 1, whole=True),
    "labelled_only": _boolean,
    "every_class": _boolean,
    "split": one_of(["official", "paper"]),
    "subset": one_of(["training", "validation", "testing"]),
    "fold": one_of([1, 2, 3]),
    "dataset_dir": _existing_folder,
    "datalist": _existing_file,
    "diagnosis_csv": _existing_file,
    "skip_unreadable": _boolean,
    "output_dir": _not_a_file,
    "structures": _structures,
    "diagnoses": _class_names,
    "figures": _figures,
    "figure_images": _figure_images,
    "compared_weights": _compared,
    "val_interval": _number(1, whole=True),
    "checkpoint_interval": _number(0, whole=True),
    "accumulation_steps": _number(1, whole=True),
    "cache_rate": _number(0, 1),
    "resume": _boolean,
    "amp": _boolean,
    "compile": _boolean,
}
