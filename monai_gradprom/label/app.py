# SPDX-License-Identifier: Apache-2.0
"""The app that MONAI Label's server runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore

from monai_gradprom import __version__
from monai_gradprom.errors import InputError

from .enhancer import Enhancer
from .keep import keep_in_folder, keep_on_server, series_folder
from .started import Started
from .study import Study
from .task import EnhanceTask
from .train_task import TrainTask

__all__ = ["EnhancementApp"]

_LOGGER = logging.getLogger("monai_gradprom.label")


class EnhancementApp(MONAILabelApp):
    """Enhances the images of a datastore, keeps the results there as images, and trains on its pairs.

    ``--conf``: ``models`` (comma-separated names below ``model/`` or paths; by default all of ``model/``),
    ``strength``, ``any_modality``, ``device``.

    With a DICOMweb server as studies, results go back to it as derived series.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.bundles = _bundles(Path(app_dir) / "model", conf.get("models", ""))
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=conf,
            name="Image enhancement (monai_gradprom)",
            description="Denoising and super-resolution; results are images, not masks",
            version=__version__,
            labels=[],
        )

    def init_infers(self) -> dict[str, EnhanceTask]:
        """A task for each bundle."""
        started = Started(Path(self.app_dir) / "started.json")
        return {
            name: EnhanceTask(bundle, self._run(name) / "model.pt", started, self._keep, self.conf)
            for name, bundle in self.bundles.items()
        }

    def init_trainers(self) -> dict[str, TrainTask]:
        """A training for each bundle."""
        return {name: TrainTask(bundle, self._run(name), self.conf) for name, bundle in self.bundles.items()}

    def infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> Any:
        """Enhance an image of the datastore, or a file or folder by its path.

        An enhanced image is never saved as a label, which ``batch_infer`` asks for.
        """
        store: Any = datastore or self.datastore()
        image = request.get("image")
        request = {**request, "save_label": False}
        if isinstance(image, str) and not os.path.exists(image):
            request["image_id"] = image
            if isinstance(store, DICOMWebDatastore):
                request["image"] = str(series_folder(store, image))
        return super().infer(request, store)

    def _keep(self, image_id: str, study: Study, results: Sequence[np.ndarray], enhancer: Enhancer) -> str:
        store: Any = self.datastore()
        if not isinstance(store, DICOMWebDatastore):
            return keep_in_folder(store, image_id, study, results, enhancer.provenance, enhancer.factor)
        series = keep_on_server(store._client, study, results, enhancer.provenance, enhancer.factor)
        DICOMWebDatastore.list_images.cache.clear()  # else the new series would not be listed for hours
        return series

    def _run(self, name: str) -> Path:
        return Path(self.app_dir) / "runs" / name

    def _download_dcmqi_tools(self) -> None:
        """Nothing is downloaded: the tools turn masks into DICOM SEG, and there are no masks here."""


def _bundles(folder: Path, models: str) -> dict[str, Path]:
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names and folder.is_dir():
        names = sorted(path.name for path in folder.iterdir() if (path / "configs").is_dir())
    found = {Path(name).name: folder / name for name in names}  # an absolute name stays one
    if not found:
        raise InputError(f"{folder}: holds no bundle; copy one there, or name it with --conf models /path/to/bundle.")
    return found
