# SPDX-License-Identifier: Apache-2.0
"""Training on data that a program hands over, as MONAI Label does with the pairs of its datastore."""

from __future__ import annotations

import logging
from typing import Any

from .update_strategy import STRATEGY_DEFAULTS
from .workflow import running_workflow

__all__ = ["adopt_data"]

_LOGGER = logging.getLogger("monai_gradprom.bundle")
_TRAIN, _VALIDATE, _GUIDES = "train#dataset#data", "validate#dataset#data", "train#dataset#guides"


def adopt_data() -> None:
    """Fit the running training's switches to data that were put in the place of ``train#dataset#data``.

    Whoever overrides that id with a list of ``{"image", "label"}`` cannot know the bundle's other switches. What is
    changed is said on the logger ``monai_gradprom.bundle``:

    - A recognizer whose label is not in every item teaches unsupervised (Eq. 3) where ``recognizer_weights`` are given;
      else there is nothing to learn it from, and the strategy becomes ``enhancer_only``.
    - An ``image`` that is another file than its ``label`` is degraded already, so that ``degradation`` becomes
      ``none``. Super-resolution, whose pairs differ in size, makes the small image from the ``label`` instead.
    - A bundle that learns without pairs takes the labels as its high-quality side, whichever image they belong to.
    - An empty list for validation (few pairs, all of them for training) becomes the training list.

    Without such a list nothing happens.
    """
    workflow = running_workflow()
    parser: Any = None if workflow is None else workflow.parser
    items = None if parser is None else parser.get(_TRAIN)
    if not isinstance(items, list) or not items:
        return
    _adopt_labels(parser, items)
    _adopt_pairs(parser, items)
    _adopt_guides(parser, items)
    if parser.get(_VALIDATE) == []:
        _LOGGER.warning("no pair is left for validation: the training pairs are measured.")
        parser[_VALIDATE] = [dict(item) for item in parser.get(_TRAIN)]


def _adopt_labels(parser: Any, items: list[dict[str, Any]]) -> None:
    recognition = parser.get("recognition")
    keys = ("diagnosis", "segmentation") if recognition == "both" else (recognition,)
    lacking = [key for key in keys if not all(key in item for item in items)]
    if not lacking:
        return
    labels = " or ".join(lacking)
    taught = parser.get("recognizer_weights") is not None and parser.get(_GUIDES) is None  # which leaves Eq. 3 nothing
    if taught and parser.get("strategy") != "enhancer_only":
        _LOGGER.warning("the data have no %s: the given recognizer teaches unsupervised.", labels)
        parser["supervised"] = False
    else:
        _LOGGER.warning(
            "the data have no %s and no recognizer_weights are set: the enhancer is trained alone (enhancer_only).",
            labels,
        )
        parser["strategy"] = "enhancer_only"
        for name, neutral in STRATEGY_DEFAULTS.items():
            parser[name] = neutral
    parser["recognizer_pretrain_epochs"] = 0


def _adopt_pairs(parser: Any, items: list[dict[str, Any]]) -> None:
    if all(item["image"] == item["label"] for item in items):
        return
    if parser.get("degradation") != "downsample":
        _LOGGER.warning("images and labels are different files: nothing is degraded in addition.")
        parser["degradation"] = "none"
        return
    _LOGGER.warning("super-resolution learns from the labels: the small images are made from them.")
    for name in (_TRAIN, _VALIDATE):
        listed = parser.get(name)
        if isinstance(listed, list):
            parser[name] = [{**item, "image": item["label"]} for item in listed]


def _adopt_guides(parser: Any, items: list[dict[str, Any]]) -> None:
    if parser.get(_GUIDES) is not None:
        _LOGGER.warning("the labels are the high-quality side, whichever image they belong to.")
        parser[_GUIDES] = [{"image": item["label"]} for item in items]
