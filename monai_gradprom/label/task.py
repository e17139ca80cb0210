# SPDX-License-Identifier: Apache-2.0
"""Answering MONAI Label's requests for an enhanced image."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.utils.others.generic import name_to_device, strtobool

from monai_gradprom.enhance.model.bundle_config import BundleConfig
from monai_gradprom.errors import InputError

from .answer import difference, units, write_answer
from .enhancer import Enhancer
from .started import Started
from .study import open_study

__all__ = ["EnhanceTask"]

_LOGGER = logging.getLogger("monai_gradprom.label")
_WEIGHTS = ("shipped", "trained")
_EXTENSIONS = (".nii.gz", ".nii")
Keep = Callable[..., str]


class EnhanceTask(InferTask):
    """Enhance an image; what MONAI Label calls an infer task.

    A request may say, beside MONAI Label's own ``image``, ``device``, ``result_dtype`` and ``result_extension``
    (``.nii.gz`` or ``.nii``):

    - ``store`` (default true): keep the result as an image beside its source; ``params["stored"]`` is its id.
    - ``difference``: answer with what was changed (float32) instead of with the result.
    - ``weights``: ``"shipped"`` or ``"trained"``, those of the last training in this app.

    Args:
        bundle: its folder.
        trained: the weights that training in this app leaves.
        started: see :class:`~.started.Started`.
        keep: called with image id, study, results and enhancer; returns the id of the image that was stored.
        conf: the app's configuration: ``strength``, ``any_modality``, ``device``.

    Raises:
        InputError: the bundle is at fault.
    """

    def __init__(self, bundle: Path, trained: Path, started: Started, keep: Keep, conf: dict[str, str]) -> None:
        self.bundle, self.trained, self._started, self._keep, self._conf = bundle, trained, started, keep, conf
        self._enhancers: dict[tuple[Any, ...], Enhancer] = {}
        first = self._enhancer(conf.get("device", "auto"), "shipped")
        config = BundleConfig(bundle, {}, first.network.device)
        self.version = first.network.version
        super().__init__(
            type=InferType.OTHERS,
            labels=[],
            dimension=first.network.spatial_dims,
            description=str(config.metadata.get("description", "")),
            config={"store": True, "difference": False, "weights": list(_WEIGHTS)},
        )

    def is_valid(self) -> bool:
        """Always: a bundle that is not valid has no task."""
        return True

    def info(self) -> dict[str, Any]:
        """As every infer task, and the bundle's version."""
        return {**super().info(), "version": self.version}

    def __call__(self, request: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Answer a request.

        Returns:
            Path of a NIfTI file, which MONAI Label sends and removes, and ``stored``, ``factor``, ``changed`` (mean
            absolute change in modality units) and ``latencies``.

        Raises:
            InputError: the image or the request is at fault.
        """
        began = time.perf_counter()
        enhancer = self._enhancer(self._device(request), _first(request.get("weights") or "shipped"))
        study = open_study(Path(request["image"]), enhancer.network.domain, _yes(self._conf.get("any_modality")))
        results = enhancer.enhance(study)
        stored = None
        if request.get("image_id") and _yes(request.get("store", True)):
            stored = self._keep(request["image_id"], study, results, enhancer)
        change = difference(study, results, enhancer.factor)
        changes_only = _yes(request.get("difference"))
        values = change if changes_only else units(study, results)
        dtype = None if changes_only else request.get("result_dtype")
        write = partial(write_answer, values=values, study=study, factor=enhancer.factor, dtype=dtype)
        file = _written(_extension(request), write)
        params: dict[str, Any] = {"stored": stored, "factor": enhancer.factor, "changed": float(abs(change).mean())}
        params |= {"label_names": {}, "latencies": {"total": round(time.perf_counter() - began, 2)}}
        return file, params

    def _device(self, request: dict[str, Any]) -> str:
        asked = request.get("device")
        return str(name_to_device(asked)) if asked else self._conf.get("device", "auto")

    def _enhancer(self, device: str, weights: str) -> Enhancer:
        if weights not in _WEIGHTS:
            raise InputError(f"weights is {weights!r}; write shipped or trained.")
        if weights == "trained" and not self.trained.is_file():
            raise InputError(f"{self.bundle.name} has not been trained in this app; train it or ask for shipped.")
        file = self.trained if weights == "trained" else None
        # training replaces the file
        key = (device, weights, file and file.stat().st_mtime_ns)
        if key not in self._enhancers:
            strength = float(self._conf.get("strength", 1.0))
            self._enhancers[key] = Enhancer(self.bundle, self._started, file, device, strength)
            _LOGGER.info("%s with its %s weights is ready", self.bundle.name, weights)
        return self._enhancers[key]


def _written(suffix: str, write: Callable[[Path], None]) -> str:
    """A temporary file, which is not left behind where it cannot be written."""
    handle, name = tempfile.mkstemp(suffix=suffix)
    os.close(handle)
    try:
        write(Path(name))
    except BaseException:
        os.unlink(name)
        raise
    return name


def _extension(request: dict[str, Any]) -> str:
    asked = str(request.get("result_extension") or "")
    return asked if asked in _EXTENSIONS else _EXTENSIONS[0]


def _first(value: Any) -> str:
    """Viewers send the chosen one, or the whole list where nobody has chosen."""
    return str(value[0] if isinstance(value, list) else value)


def _yes(value: Any) -> bool:
    return bool(strtobool(str(value))) if value not in (None, "") else False
