# SPDX-License-Identifier: Apache-2.0
"""What each of the bundles' switches admits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.datasets import DIVISIONS
from monai_gradprom.datasets.camus import QUALITIES
from monai_gradprom.errors import InputError
from monai_gradprom.figures import FIGURES
from monai_gradprom.networks import BACKBONES, FEATURE_BACKBONES
from monai_gradprom.strategies import GATES, STRATEGIES, parse_weight
from monai_gradprom.transforms import DEGRADATIONS, NOISES

from .switch_kinds import Rule, as_bool, boolean, number, number_or_range, one_of

__all__ = ["OPTIONAL", "RULES", "Rule", "as_bool", "one_of"]


def _structures(name: str, value: Any) -> None:
    entries = value if isinstance(value, (list, tuple)) else []
    values = [v for entry in entries for v in (entry if isinstance(entry, (list, tuple)) else [entry])]
    whole = all(type(v) is int and v > 0 for v in values)
    if not values or not whole or len(set(values)) < len(values) or [] in entries:
        raise InputError(
            f"--{name} must list different values of the mask, such as '[1, 2]', or groups of them that are one class, "
            f"such as '[1, [2, 3]]', got {value!r}."
        )


def _levels(name: str, value: Any) -> None:
    levels = value if isinstance(value, (list, tuple)) else []
    if not levels or not all(type(level) is int and level > 0 for level in levels) or len(set(levels)) < len(levels):
        raise InputError(f"--{name} must list different whole numbers above 0, such as '[2, 3]', got {value!r}.")


def _encoder_files(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"--{name} must map backbones to files, such as \"{{'resnet18': FILE}}\", got {value!r}.")
    for backbone, file in value.items():
        check_choice(f"--{name}", backbone, FEATURE_BACKBONES)
        _existing_file(name, file)


def _grades(name: str, value: Any) -> None:
    for grade in value if isinstance(value, (list, tuple)) else [value]:
        check_choice(f"--{name}", str(grade).capitalize(), QUALITIES)


def _class_names(name: str, value: Any) -> None:
    names = value if isinstance(value, (list, tuple)) else []
    if len(names) < 2 or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise InputError(f"--{name} must list at least two different names, such as \"['NV', 'MEL']\", got {value!r}.")


def _figures(name: str, value: Any) -> None:
    for figure in value if isinstance(value, (list, tuple)) else [value]:
        check_choice(f"--{name}", figure, FIGURES)


def _figure_images(name: str, value: Any) -> None:
    if not isinstance(value, (list, tuple)):
        number(1, whole=True)(name, value)


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
    {"weights", "recognizer_weights", "backbone_weights", "feature_weights", "resize", "tile_size", "clip_norm"}
    | {"gate_last", "gate", "dataset_dir", "low_quality_dir", "high_quality_dir", "datalist", "diagnosis_csv"}
)
"""The switches that may be None."""

RULES: dict[str, Rule] = {
    "strategy": one_of(STRATEGIES),
    "supervised": boolean,
    "backbone": one_of(BACKBONES),
    "degradation": one_of(DEGRADATIONS),
    "noise_sigma": number_or_range(0, 10),
    "brightness": number_or_range(0, 1),
    "contrast": number_or_range(0, 1),
    "noise": one_of(NOISES),
    "scale_factor": one_of([1, 2, 4]),
    "downsampling": one_of(["area", "bicubic"]),
    "degrade_on": one_of(["cpu", "device"]),
    "resize": number(16, whole=True),
    "aux_weight": _weight,
    "reconstruction_weight": number(0),
    "feature_weight": number(0),
    "adversarial_weight": number(0),
    "feature_weights": _existing_file,
    "feature_backbone": one_of(FEATURE_BACKBONES),
    "untrained_features": boolean,
    "feature_encoders": _encoder_files,
    "wavelet_weight": number(0),
    "wavelet_levels": _levels,
    "divergence_weight": number(0),
    "r1_weight": number(0),
    "encoder": one_of(BACKBONES),
    "width": number(1, whole=True),
    "cue": one_of(["bank", "prior"]),
    "gate_scope": one_of(["each", "any"]),
    "gate_every": number(1, whole=True),
    "gate_last": number(1, whole=True),
    "gate": one_of(GATES),
    "inner_lr": number(0, open_low=True),
    "inner_order": one_of([1, 2]),
    "inner_steps": number(1, whole=True),
    "warmup_epochs": number(0, whole=True),
    "recognizer_pretrain_epochs": number(0, whole=True),
    "recognizer_weights": _recognizer_files,
    "backbone_weights": _existing_file,
    "weights": _existing_file,
    "max_epochs": number(1, whole=True),
    "batch_size": number(1, whole=True),
    "num_workers": number(0, whole=True),
    "image_size": number(16, whole=True),
    "size_multiple": number(1, whole=True),
    "tile_size": number(16, whole=True),
    "crop": one_of(["scale", "patch"]),
    "learning_rate": number(0, open_low=True),
    "lr_schedule": one_of(["constant", "cosine"]),
    "seed": number(0, 2**32 - 1, whole=True),
    "split_seed": number(0, 2**32 - 1, whole=True),
    "labelled_only": boolean,
    "every_class": boolean,
    "split": one_of(["official", "paper"]),
    "subset": one_of(["training", "validation", "testing"]),
    "fold": one_of([1, 2, 3]),
    "dataset_dir": _existing_folder,
    "low_quality_dir": _existing_folder,
    "high_quality_dir": _existing_folder,
    "low_quality": _grades,
    "high_quality": _grades,
    "sides": one_of(DIVISIONS),
    "datalist": _existing_file,
    "diagnosis_csv": _existing_file,
    "skip_unreadable": boolean,
    "output_dir": _not_a_file,
    "structures": _structures,
    "diagnoses": _class_names,
    "figures": _figures,
    "figure_images": _figure_images,
    "worst_images": number(0, whole=True),
    "set_distances": boolean,
    "compared_weights": _compared,
    "val_interval": number(1, whole=True),
    "checkpoint_interval": number(0, whole=True),
    "accumulation_steps": number(1, whole=True),
    "cache_rate": number(0, 1),
    "resume": boolean,
    "clip_norm": number(0, open_low=True),
    "amp": boolean,
    "amp_dtype": one_of(["auto", "float16", "bfloat16"]),
    "channels_last": boolean,
    "compile": boolean,
    "sync_batch_norm": boolean,
}
