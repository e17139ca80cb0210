# SPDX-License-Identifier: Apache-2.0
"""Loading of clinical images as they are stored: dtype, axis order and geometry untouched."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import ImageReader, MetaTensor, NibabelReader, PILReader
from monai.data.utils import is_no_channel, to_affine_nd
from monai.transforms import LoadImage, LoadImaged
from monai.utils import MetaKeys, SpaceKeys

from monai_gradprom.errors import InputError
from monai_gradprom.formats.pictures.raster import open_raster
from monai_gradprom.transforms.absurd_sizes import refuse_absurd
from monai_gradprom.transforms.channels import match_channels
from monai_gradprom.transforms.dicom_images import is_dicom, load_dicom
from monai_gradprom.transforms.frames import split_frames
from monai_gradprom.transforms.gpu_notices import without_gpu_notices
from monai_gradprom.transforms.nuclei_reader import LizardLabelReader, NotNuclei
from monai_gradprom.transforms.picture_modes import is_deep_colour, plain_mode
from monai_gradprom.transforms.shared_pixels import view_of

__all__ = ["LoadClinicalImage", "LoadClinicalImaged"]


class LoadClinicalImage(LoadImage):
    """Load one image, channel first, in its own dtype, axis order and geometry.

    DICOM files, recognised by content whatever their name, and folders with one DICOM series go to
    :func:`load_dicom`, which gives modality units with bright pixels high. Of the rest, NIfTI, PNG, JPEG, BMP, NumPy
    and NRRD files go to MONAI's readers of that name, ``.mat`` files to :class:`LizardLabelReader`, everything else
    (``.mhd``, ``.mha``, TIFF, ...) to MONAI's ITK reader. Other than :class:`monai.transforms.LoadImage`, this keeps
    the stored dtype on record, picks one frame of a sequence, unpacks palette PNGs, keeps 16 bits of colour PNGs,
    chooses the reader by the *end* of the file name, leaves the same few metadata on every image (so that mixed
    formats collate), and turns a reader's failure into one sentence.

    The metadata: ``filename_or_obj``, ``affine`` and ``original_affine`` (4 x 4, millimetres, RAS), ``spatial_shape``,
    ``original_channel_dim`` (0), ``space``, ``stored_dtype`` (``"uint8"``), ``stored_ndim`` (axes of the stored frame,
    singletons included, so that a W x H x 1 file is written back as one) and ``frame`` (-1 for a still image). DICOM
    adds ``stored_range``, the (low, high) that :class:`ScaleStoredRange` maps to 0 and 1; its ``stored_dtype`` is that
    of the modality units.

    Args:
        channels: number of channels to deliver. ``None`` keeps what is stored; 1 reduces a grey image that was stored
            as RGB or RGBA, and colour ultrasound (DICOM) to its luminance, and refuses other colour; 3 repeats a grey
            one and drops alpha.
        spatial_dims: 2 for images and sequences of images, 3 for volumes and sequences of volumes.
        image_only: as in :class:`monai.transforms.LoadImage`.
    """

    def __init__(self, channels: int | None = None, spatial_dims: int = 2, image_only: bool = True) -> None:
        with without_gpu_notices():
            super().__init__(image_only=image_only, dtype=None)
        self.channels = channels
        self.spatial_dims = spatial_dims
        self.readers = [PILReader(converter=plain_mode) if isinstance(r, PILReader) else r for r in self.readers]
        self.register(LizardLabelReader())

    def __call__(self, filename: Any, reader: ImageReader | None = None, frame: int | None = None) -> Any:
        """Load ``filename``.

        Args:
            filename: path of the image; of a folder with a DICOM series, which is one volume where ``spatial_dims``
                is 3, and else a sequence of frames.
            reader: a MONAI reader to use instead of the one that the file asks for.
            frame: zero-based frame of a sequence; must be given when the file holds more than one.

        Returns:
            MetaTensor [C, W, H] (or [C, W, H, D]) of the stored dtype. PyTorch lacks arithmetic for unsigned 16 and 32
            bits, so that these come as int32 and int64; ``meta["stored_dtype"]`` has the truth. With
            ``image_only=False`` a pair of the tensor and its metadata.

        Raises:
            InputError: the file is missing, unreadable, truncated, of an unusable dtype, or a sequence without
                ``frame``; or its channels cannot be matched to ``channels``.
        """
        img = self.load(Path(str(filename)).expanduser(), reader, frame)
        return img if self.image_only else (img, img.meta)

    def load(self, path: Path, reader: ImageReader | None = None, frame: int | None = None) -> MetaTensor:
        """As ``__call__``, but always a MetaTensor, whatever ``image_only`` says."""
        more: dict[str, Any] = {}
        if reader is None and is_dicom(path):
            array, affine, more["stored_range"] = load_dicom(path, self.spatial_dims, frame, grey=self.channels == 1)
            array, stored_ndim = match_channels(array, self.channels, path), self.spatial_dims
        else:
            array, meta = self._read(path, reader)
            array = match_channels(array, self.channels, path)
            array, stored_ndim = split_frames(array, self.spatial_dims, frame, path)
            affine = to_affine_nd(3, np.asarray(meta.get(MetaKeys.AFFINE, np.eye(4)), dtype=np.float64))
        kept = {
            "filename_or_obj": str(path),
            MetaKeys.ORIGINAL_AFFINE.value: affine,
            MetaKeys.SPATIAL_SHAPE.value: np.asarray(array.shape[1:]),
            MetaKeys.ORIGINAL_CHANNEL_DIM.value: 0,
            MetaKeys.SPACE.value: SpaceKeys.RAS.value,
            "stored_dtype": array.dtype.name,
            "stored_ndim": stored_ndim,
            "frame": -1 if frame is None else int(frame),
            **more,
        }
        img: MetaTensor = MetaTensor.ensure_torch_and_prune_meta(array, kept | {MetaKeys.AFFINE.value: affine.copy()})
        return img

    def _read(self, path: Path, reader: ImageReader | None) -> tuple[np.ndarray, dict]:
        """The array with its channels first, in native byte order, and the reader's metadata."""
        if not path.exists():
            raise InputError(f"{path}: there is no such file; correct the path or the data list that names it.")
        if reader is None and is_deep_colour(path):
            return open_raster(path, "PNG").read()[0], {}
        refuse_absurd(path)
        reader = reader or self._reader_for(path)
        try:
            array, meta = reader.get_data(reader.read(str(path)))
        except Exception as error:  # each library has its own exceptions, down to zlib's
            # whose text may quote the file
            reason = str(error) if isinstance(error, NotNuclei) else type(error).__name__
            raise InputError(
                f"{path}: cannot be read as an image ({reason}); put an intact copy in its place or leave it out."
            ) from None
        if array.dtype.kind not in "buif":
            raise InputError(
                f"{path}: stores values of type {array.dtype}; convert it to integers or floating-point numbers."
            )
        native = np.uint8 if array.dtype.kind == "b" else array.dtype.newbyteorder("=")
        return _channel_first(array, meta, reader).astype(native, copy=False), meta

    def _reader_for(self, path: Path) -> ImageReader:
        # MONAI looks for suffixes anywhere in the name and would take `a.nii_export.png` for NIfTI
        suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix
        return next(r for r in reversed(self.readers) if r.verify_suffix(f"image{suffix}"))


def _channel_first(array: np.ndarray, meta: Mapping, reader: ImageReader) -> np.ndarray:
    # a fourth NIfTI axis is time, only the fifth holds vectors; MONAI calls both channels
    vector = array.ndim == 5 if isinstance(reader, NibabelReader) else not is_no_channel(meta["original_channel_dim"])
    return np.moveaxis(array, -1, 0) if vector else array[None]


class LoadClinicalImaged(LoadImaged):
    """Dictionary twin of :class:`LoadClinicalImage`.

    It is a :class:`monai.transforms.LoadImaged`, so that MONAI Label wraps it as it does MONAI's own. Keys that name
    the same file are read once, and share the pixels in memory until a transform changes one of them.

    Args:
        keys: keys that hold paths.
        frame_key: key of the zero-based frame index; it may be absent when the files are still images.
        allow_missing_keys: skip keys that an item lacks.
        channels: see :class:`LoadClinicalImage`.
        spatial_dims: see :class:`LoadClinicalImage`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        frame_key: str = "frame",
        allow_missing_keys: bool = False,
        channels: int | None = None,
        spatial_dims: int = 2,
    ) -> None:
        with without_gpu_notices():
            super().__init__(keys, dtype=None, allow_missing_keys=allow_missing_keys)
        self._loader: LoadClinicalImage = LoadClinicalImage(channels=channels, spatial_dims=spatial_dims)
        self.frame_key = frame_key

    def __call__(self, data: Mapping[Hashable, Any], reader: ImageReader | None = None) -> dict[Hashable, Any]:
        """Replace each path by its image; see :meth:`LoadClinicalImage.__call__`."""
        d = dict(data)
        frame = d.get(self.frame_key)
        loaded: dict[str, torch.Tensor] = {}
        for key, meta_key, postfix in self.key_iterator(d, self.meta_keys, self.meta_key_postfix):
            path = str(d[key])
            if path not in loaded:
                loaded[path] = self._loader.load(Path(path).expanduser(), reader, frame)
                d[key] = loaded[path]
            else:
                d[key] = view_of(loaded[path])
            if not self._loader.image_only:  # MONAI Label sets this to false to find `image_meta_dict`
                d[meta_key or f"{key}_{postfix}"] = d[key].meta
        return d
