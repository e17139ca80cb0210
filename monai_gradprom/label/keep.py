# SPDX-License-Identifier: Apache-2.0
"""Enhanced images as images of a datastore, so that viewers show them as images."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from monai_gradprom.enhance.derived.provenance import Provenance
from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.writable import WritableImage

from .derived_series import write_series
from .study import Study

__all__ = ["keep_in_folder", "keep_on_server", "series_folder"]


def keep_in_folder(
    store: Any, image_id: str, study: Study, results: Sequence[np.ndarray], provenance: Provenance, factor: int
) -> str:
    """Add the result beside its source, in the source's format and type, as ``<image_id>_enhanced``.

    Args:
        store: MONAI Label's ``LocalDatastore``.
        image_id: of the source.
        study: the source.
        results: as :meth:`Enhancer.enhance` returns them.
        provenance: how they were made.
        factor: of super-resolution.

    Returns:
        The id of the new image; one of that name is replaced.

    Raises:
        InputError: the source is not of a format that can be written again.
    """
    (image,) = study.images
    if not isinstance(image, WritableImage):
        raise InputError(f"{study.path}: {image.format} is kept on a DICOMweb server only; use one as studies.")
    name = f"{image_id}_enhanced"
    suffix = image.suffix_added or "".join(s for s in study.path.suffixes[-2:] if s.lower() in _SUFFIXES)
    info = {
        "enhanced_from": image_id,
        "bundle": provenance.bundle,
        "bundle_version": provenance.bundle_version,
        "weights_sha256": provenance.weights_sha256,
    }
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{name}{suffix}"
        image.write(made, results[0], factor)
        return str(store.add_image(name, str(made), info))


_SUFFIXES = (".nii", ".gz", ".png", ".tif", ".tiff", ".mha")


def keep_on_server(
    client: Any, study: Study, results: Sequence[np.ndarray], provenance: Provenance, factor: int
) -> str:
    """Store the derived series on a DICOMweb server (STOW-RS), in the study of its source.

    Args:
        client: dicomweb-client's ``DICOMwebClient``.
        study: the source.
        results: as :meth:`Enhancer.enhance` returns them.
        provenance: how they were made.
        factor: of super-resolution.

    Returns:
        The new series' UID; objects that the server has already are not doubled.

    Raises:
        InputError: the server refuses them.
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        made = [pydicom.dcmread(path) for path in write_series(study, results, Path(folder), provenance, factor)]
        try:
            answer = client.store_instances(made)
        except Exception as error:  # whatever the client raises may quote what was sent
            raise InputError(
                f"the DICOMweb server did not store the enhanced series ({type(error).__name__}); check that it takes"
                " STOW-RS from this client."
            ) from None
        refused = len(answer.get("FailedSOPSequence") or [])
        if refused:
            raise InputError(f"the DICOMweb server refused {refused} of {len(made)} enhanced objects; see its log.")
        return str(made[0].SeriesInstanceUID)


def series_folder(store: Any, series: str) -> Path:
    """The folder of a DICOMweb datastore's cache that holds the series' files; fetched if they are not there.

    Args:
        store: MONAI Label's ``DICOMWebDatastore``.
        series: its UID, which is the id of the image.
    """
    from monailabel.datastore.utils.dicom import dicom_web_download_series

    folder = Path(store._datastore.image_path()) / series
    if not folder.is_dir() or not any(folder.iterdir()):
        dicom_web_download_series(None, series, str(folder), store._client, store._fetch_by_frame)
    return folder.resolve()
