# SPDX-License-Identifier: Apache-2.0
"""Writing an enhanced image as its source was stored."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection, PathLike
from monai.data import FolderLayout, MetaTensor
from monai.transforms import SaveImage, SaveImaged

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.writers import write_image

__all__ = ["SaveEnhancedImage", "SaveEnhancedImaged"]

_LOGGER = logging.getLogger("monai_gradprom.transforms")

# lossy or bulky formats are written as PNG; formats that we cannot write honestly (DICOM, ...) as NIfTI
_CHANGED = {".jpg": ".png", ".jpeg": ".png", ".bmp": ".png"}
_KEPT = (".nii", ".nii.gz", ".mhd", ".mha", ".png", ".tif", ".tiff")
_DICOM = ".dcm"


def _suffix(source: str) -> str:
    suffix = source[-7:] if source.lower().endswith(".nii.gz") else Path(source).suffix
    # DICOM files are often named by a UID: `1.2.840.7` has no extension
    return "" if suffix[1:].isdigit() else suffix


def _extension(source: str) -> str:
    suffix = _suffix(source).lower()
    return suffix if suffix in _KEPT else _CHANGED.get(suffix, ".nii.gz")


def _subject(source: str) -> str:
    """The name to derive the result's from, with an extension to be replaced.

    `a.jpg` beside `a.png` becomes `a_jpg.jpg`, as both are written as PNG; `a` beside `a.dcm` becomes `a_dicom.dcm`.
    """
    suffix = _suffix(source)
    stem = source.removesuffix(suffix)
    changed = suffix.lower() not in _KEPT
    shared = changed and any(Path(stem + s).exists() for s in (*_KEPT, *_CHANGED, _DICOM) if s != suffix.lower())
    if not suffix:
        return f"{stem}_dicom{_DICOM}" if shared else f"{stem}{_DICOM}"
    return f"{stem}_{suffix[1:]}{suffix}" if shared else source


class SaveEnhancedImage(SaveImage):
    """Save an image in the format, dtype and geometry of the file that it came from, all at once or not at all.

    ``.nii``, ``.nii.gz``, ``.mhd``, ``.mha``, ``.png`` and ``.tif`` stay what they are; JPEG (lossy) and BMP become
    ``.png``; anything else becomes ``.nii.gz``. So does DICOM, in modality units with bright pixels high; of its header
    only the geometry is kept (``monai-gradprom enhance`` writes derived DICOM). Affine and spacing are those of
    ``meta["affine"]``, or of a finer grid over the same field of view if the image has been super-resolved (see
    :func:`affine_of_result`). The dtype is ``meta["stored_dtype"]``; a NIfTI keeps its header's other fields (units,
    description). A frame of a sequence gets ``_frame-0007`` after its name. The file is written into a temporary folder
    beside its place and then moved there, so that nobody ever finds half a file.

    Args:
        output_dir: folder for the results; created.
        output_postfix: appended to each name after an underscore; may be empty.
        data_root_dir: the input folder whose structure is mirrored under ``output_dir``; without it, and for images
            from elsewhere, files go to ``output_dir`` itself.
        print_log: log the name of each file.
    """

    def __init__(
        self,
        output_dir: PathLike = "./",
        output_postfix: str = "enhanced",
        data_root_dir: PathLike = "",
        print_log: bool = False,
    ) -> None:
        # the extension, dtype and writer follow each image's source
        super().__init__(output_dir=output_dir, print_log=print_log)
        self.output_dir, self.postfix, self.data_root_dir = output_dir, output_postfix, data_root_dir
        self.written: dict[Path, str] = {}

    def __call__(
        self,
        img: torch.Tensor | np.ndarray,
        meta_data: Mapping[str, Any] | None = None,
        filename: PathLike | None = None,
    ) -> torch.Tensor | np.ndarray:
        """Save ``img``.

        Args:
            img: [C, W, H] or [C, W, H, D] in stored units, that is, after ``Invertd``.
            meta_data: metadata for an ``img`` that is no MetaTensor.
            filename: path of the result without extension; by default from the source's name.

        Returns:
            ``img``. ``meta_data["saved_to"]`` has the path of the file.

        Raises:
            InputError: the result would replace its own source or another image's result.
            ValueError: metadata are missing, or ``img`` is fractional although integers are stored.
        """
        meta: Any = img.meta if isinstance(img, MetaTensor) else meta_data
        if not meta or "filename_or_obj" not in meta:
            raise ValueError("The image does not know its source. Did you apply Invertd with orig_keys='image'?")
        array = np.asarray(img.detach().cpu() if isinstance(img, torch.Tensor) else img)
        dtype = np.dtype(meta.get("stored_dtype", array.dtype))
        if dtype.kind in "ui" and array.dtype.kind == "f":
            raise ValueError(f"The image is {array.dtype}, its source {dtype}. Did you undo the scaling with Invertd?")
        target = self._target(str(meta["filename_or_obj"]), int(meta.get("frame", -1)), filename)
        _write_at_once(target, array.astype(dtype, copy=False), meta)
        if self.write_kwargs["verbose"]:
            _LOGGER.info("wrote %s", target)
        meta["saved_to"] = str(target)
        return img

    def _target(self, source: str, frame: int, filename: PathLike | None) -> Path:
        # beyond data_root_dir, a relative path would lead out of output_dir
        inside = self.data_root_dir and Path(source).absolute().is_relative_to(Path(self.data_root_dir).absolute())
        layout = FolderLayout(self.output_dir, self.postfix, data_root_dir=self.data_root_dir if inside else "")
        base = filename or layout.filename(_subject(source), **({} if frame < 0 else {"frame": f"{frame:04d}"}))
        target = Path(f"{base}{_extension(source)}")
        if target.exists() and Path(source).exists() and target.samefile(source):
            raise InputError(f"{source}: would be replaced by its result; choose another output_dir or output_postfix.")
        if self.written.setdefault(target, source) != source:
            raise InputError(
                f"{source} and {self.written[target]} have one name and would both be saved as {target}; "
                "give a data_root_dir that holds both, so that their folders are kept apart."
            )
        return target


def _write_at_once(target: Path, array: np.ndarray, meta: Mapping[str, Any]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=target.parent) as folder:
        write_image(Path(folder) / target.name, array, meta)
        # a header moves after the data that it points to
        for part in sorted(Path(folder).iterdir(), key=lambda path: path.name == target.name):
            os.replace(part, target.parent / part.name)


class SaveEnhancedImaged(SaveImaged):
    """Dictionary twin of :class:`SaveEnhancedImage`.

    It is a :class:`monai.transforms.SaveImaged`: that is how MONAI Label knows which transforms to leave out when it
    answers a request by itself.

    Args:
        keys: images to save, usually ``"pred"``.
        output_dir: see :class:`SaveEnhancedImage`.
        output_postfix: see :class:`SaveEnhancedImage`.
        data_root_dir: see :class:`SaveEnhancedImage`.
        print_log: see :class:`SaveEnhancedImage`.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: PathLike = "./",
        output_postfix: str = "enhanced",
        data_root_dir: PathLike = "",
        print_log: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys)
        self.saver = SaveEnhancedImage(output_dir, output_postfix, data_root_dir, print_log)
