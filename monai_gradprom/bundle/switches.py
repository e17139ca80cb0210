# SPDX-License-Identifier: Apache-2.0
"""The running bundle's switches: each by its rule, unknown ones, and what does not go together."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import STRATEGIES

from .exits import exit_in_one_line, is_bundle_process
from .switch_rules import OPTIONAL, RULES, as_bool, one_of
from .update_strategy import check_strategy_switches
from .workflow import given_on_command_line, running_workflow

__all__ = ["check_switches", "experiment", "refuse_unknown_switches"]

_NEEDS_VALUE = "--{} None: this switch needs a value; leave it out for its default."

# what makes two runs different experiments, beside what the trainer knows of itself
_EXPERIMENT = (
    *("seed", "recognition", "backbone", "recognizer_pretrain_epochs", "learning_rate", "lr_schedule", "batch_size"),
    *("degradation", "noise_sigma", "scale_factor", "downsampling", "degrade_on", "resize", "crop"),
    *("image_size", "split", "split_seed", "fold", "labelled_only", "structures", "diagnoses"),
    *("brightness", "contrast", "noise", "reconstruction_weight", "feature_weight", "adversarial_weight"),
    *("feature_weights", "feature_backbone", "untrained_features", "feature_encoders", "wavelet_weight"),
    *("wavelet_levels", "divergence_weight", "r1_weight", "encoder", "width", "low_quality", "high_quality", "sides"),
)


def check_switches(recognitions: Iterable[str] | None = None, **switches: Any) -> None:
    """Check every switch before anything is loaded or trained.

    Args:
        recognitions: the recognition tasks that the bundle's data set has labels for; by default those that the
            running configuration defines recognizers for, and ``both`` where there are two.
        switches: name → value; by default those of the running configuration, except for what an expression would
            find: a default folder or file is left to whoever reads it.

    Raises:
        InputError: for the first value that cannot be, for switches that contradict each other, for top-level names
            that the bundle does not have (MONAI itself accepts ``--noise_sgima 0.3`` silently), for a plain None on
            the command line (which MONAI drops), and for ``true`` or ``false`` inside a definition (a text to Python).
    """
    exit_in_one_line()  # root() has not been asked where --bundle_root is given
    refuse_unknown_switches()
    content = _running_content()
    if recognitions is None:
        tasks = list(content.get("recognizer_defs", ("diagnosis", "segmentation")))
        recognitions = tasks + ["both"] * (len(tasks) > 1)
    rules = {**RULES, "recognition": one_of(recognitions)}
    _refuse_dropped_none(content, needs_value=rules.keys() - OPTIONAL)
    _refuse_text_for_boolean()
    switches = switches or {name: content[name] for name in rules if name in content and not _computed(content[name])}
    for name, value in switches.items():
        if name not in rules or (value is None and name in OPTIONAL):
            continue
        if value is None:
            raise InputError(_NEEDS_VALUE.format(name))
        rules[name](name, value)
    _check_together(switches)


def experiment() -> dict[str, str]:
    """The running bundle's switches that a run may not change when it is resumed, as text."""
    content = _running_content()
    return {name: str(content[name]).lower() for name in _EXPERIMENT if name in content}


def _running_content() -> dict[str, Any]:
    workflow = running_workflow()
    content: Any = {} if workflow is None else workflow.parser.config
    # the only None that a command line can say is this expression
    return {name: None if value == "$None" else value for name, value in content.items()}


def _computed(value: Any) -> bool:
    return isinstance(value, str) and value[:1] in ("$", "@")


def _refuse_dropped_none(ids: Collection[str], needs_value: Collection[str]) -> None:
    """Refuse ``--weights None``: MONAI drops it, so that the shipped weights would be used without a word."""
    if not is_bundle_process():  # from Python, None arrives
        return
    for name, value in given_on_command_line().items():
        if value == "None" and re.split("::|#", name)[0] in ids:
            if name in needs_value:
                raise InputError(_NEEDS_VALUE.format(name))
            raise InputError(
                f"--{name} None changes nothing, since MONAI's command line drops None: write --{name} '$None'."
            )


def _refuse_text_for_boolean() -> None:
    """Refuse ``--network_def#global_residual false``: only the bundle's own switches are read by :func:`as_bool`."""
    if not is_bundle_process():
        return
    for name, value in given_on_command_line().items():
        if re.search("::|#", name) and value.lower() in ("true", "false") and value not in ("True", "False"):
            raise InputError(
                f"--{name} {value} arrives as a text, and any text counts as true: write --{name} {value.capitalize()}."
            )


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
    _check_degradation(switches)
    check_strategy_switches(switches)
    strategy = switches.get("strategy")
    taught = switches.get("recognizer_weights") is not None or int(switches.get("recognizer_pretrain_epochs") or 0) > 0
    if (switches.get("image_size") or 64) <= 32 and switches.get("batch_size") == 1 and strategy != "enhancer_only":
        raise InputError(
            "--batch_size 1 with --image_size of at most 32 leaves the recognizer's deepest batch normalisation a "
            "single value: raise either."
        )
    if "low_quality" in switches and not as_bool(switches.get("supervised", True), "supervised"):
        raise InputError(
            "--supervised false compares with the clean image (Eq. 3); images without pairs have none: leave it out."
        )
    if strategy in (None, "enhancer_only"):
        return
    fixed = not STRATEGIES[strategy].trains_recognizer
    if not taught and (fixed or not as_bool(switches.get("supervised", True), "supervised")):
        setting = f"--strategy {strategy}" if fixed else "--supervised false"
        raise InputError(
            f"{setting} learns from a recognizer, and this one would be untrained: set --recognizer_pretrain_epochs "
            "above 0 or give --recognizer_weights."
        )


def _check_degradation(switches: dict[str, Any]) -> None:
    degradation, factor = switches.get("degradation"), switches.get("scale_factor", 1)
    if degradation == "downsample" and factor == 1:
        raise InputError("--degradation downsample makes images smaller: set --scale_factor 2 or 4.")
    if degradation not in (None, "downsample") and factor != 1:
        raise InputError(
            f"--degradation {degradation} keeps an image's size, so that --scale_factor {factor} has nothing to "
            "enlarge: set --scale_factor 1, or --degradation downsample."
        )
    if not isinstance(switches.get("noise_sigma", 0), (int, float)) and degradation not in (None, "perceptual"):
        raise InputError(
            f"--noise_sigma {switches['noise_sigma']} is a range, but --degradation {degradation} has one strength in "
            "evaluation: give a single number."
        )
    if switches.get("image_size", factor) % factor:
        raise InputError(
            f"--image_size {switches['image_size']} does not divide by --scale_factor {factor}: choose a multiple."
        )
