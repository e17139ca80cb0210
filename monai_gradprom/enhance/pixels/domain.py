# SPDX-License-Identifier: Apache-2.0
"""What a bundle says that it was made for, and which images lie outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from monai_gradprom.errors import InputError
from monai_gradprom.formats.luminance import ULTRASOUND
from monai_gradprom.formats.stored import StoredImage

from .modalities import codes_of, is_code
from .sides import Side, check_side, fits

__all__ = ["Domain"]

_FED = (1, 3)  # channels that a file of images can have


@dataclass(frozen=True)
class Domain:
    """The domain that a bundle's ``network_data_format`` states for its input.

    A file that states no modality (PNG, NIfTI, ...) is never refused for it. A network for grey images takes colour
    ultrasound, by its luminance, and colour files whose first frame has three equal channels: they are grey images
    that were stored as colour.
    """

    modalities: tuple[str, ...] | None
    """DICOM codes, sorted; None: any."""
    channels: int | None
    """None: as many as the image has."""
    spatial_shape: tuple[Side, ...] | None
    """x first; None: any, as for networks that see patches."""
    spatial_dims: int

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any], channels: object = None) -> Domain:
        """Read a bundle's ``metadata.json``; what it does not state is open, and two-dimensional.

        Args:
            metadata: its content.
            channels: the number that the bundle's configuration was set to, which the metadata do not know of; None:
                it was left alone.

        Raises:
            InputError: something that it states is not of the form that MONAI's metadata have.
        """
        stated = _input_format(metadata)
        shape = _shape(stated.get("spatial_shape"))
        return cls(
            modalities=_modalities(stated.get("modality")),
            channels=_channels(stated.get("num_channels") if channels is None else channels),
            # a network for patches meets images of any size through its inferer
            spatial_shape=None if stated.get("is_patch_data") is True else shape,
            spatial_dims=2 if shape is None else len(shape),
        )

    def refusal(
        self,
        image: StoredImage,
        any_modality: bool,
        before_reading: Callable[[StoredImage], None] = lambda image: None,
    ) -> str | None:
        """Why ``image`` is outside, in words for people, or None to take it.

        Only a grey network and a colour image that is no ultrasound make this decode a frame, to see whether it is
        colour at all.

        Args:
            image: whose header was read.
            any_modality: take what is outside all the same, wherever the network can be fed with it.
            before_reading: called before a frame is decoded; may raise.

        Raises:
            InputError: the frame cannot be decoded.
        """
        if image.spatial_dims != self.spatial_dims:
            kinds = {2: "two-dimensional images", 3: "volumes"}
            return f"the bundle is for {kinds[self.spatial_dims]}"
        if self.channels is not None and self.channels not in _FED:
            return f"the bundle's network takes {self.channels} channels, which no file of images has"
        if any_modality:
            return None
        return self._wrong_modality(image) or self._wrong_channels(image, before_reading) or self._wrong_size(image)

    def network_channels(self, image: StoredImage) -> int:
        """How many channels to feed the network with: 1 or 3."""
        return self.channels or image.channels

    def _wrong_modality(self, image: StoredImage) -> str | None:
        if image.regions == ():
            return "no ultrasound region is two-dimensional"
        if self.modalities is None or image.modality is None or image.modality in self.modalities:
            return None
        # anything may stand in a header: only codes that are no one's name are repeated
        found = image.modality if is_code(image.modality) else "not a known one"
        return f"the modality is {found}, the bundle is for {' and '.join(self.modalities)}"

    def _wrong_channels(self, image: StoredImage, before_reading: Callable[[StoredImage], None]) -> str | None:
        if self.channels == 1 and image.channels == 3 and image.modality not in ULTRASOUND:
            before_reading(image)
            first = image.read(0, 1)
            return None if (first == first[:, :1]).all() else "the image is in colour, the bundle is for grey images"
        if self.channels == 3 and image.channels == 1:
            return "the image is grey, the bundle is for colour images"
        return None

    def _wrong_size(self, image: StoredImage) -> str | None:
        if self.spatial_shape is None or all(map(fits, image.shape, self.spatial_shape)):
            return None
        return f"the size is {_by(image.shape)} pixels, the bundle is for {_by(self.spatial_shape)}"


def _by(shape: tuple[Any, ...]) -> str:
    return " x ".join(map(str, shape))


def _input_format(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """``network_data_format.inputs.image``, or the only input whatever its name."""
    place: Any = metadata
    path = "metadata"
    for key in ("network_data_format", "inputs"):
        place = place.get(key) or {}
        path = f"{path}.{key}"
        if not isinstance(place, Mapping):
            raise InputError(f"the bundle's {path} is {type(place).__name__}; it has to be an object of names.")
    inputs = list(place.values())
    stated = place.get("image", inputs[0] if len(inputs) == 1 else {} if not inputs else None)
    if not isinstance(stated, Mapping):
        raise InputError(f"the bundle's {path} describe {sorted(place)}; enhance needs one input, named image.")
    return stated


def _modalities(stated: object) -> tuple[str, ...] | None:
    words = [stated] if isinstance(stated, str) else stated or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InputError(f"the bundle's metadata give the modality {stated!r}; write a word or a list of words.")
    codes = codes_of(words)
    return None if codes is None else tuple(sorted(codes))


def _channels(stated: object) -> int | None:
    if stated in (None, "", "*"):
        return None
    if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0:
        return stated
    raise InputError(f'the bundle\'s metadata give num_channels {stated!r}; write a positive whole number or "*".')


def _shape(stated: object) -> tuple[Side, ...] | None:
    if stated in (None, "", "*", []):
        return None
    if not isinstance(stated, list) or len(stated) not in (2, 3):
        raise InputError(f"the bundle's metadata give spatial_shape {stated!r}; write a list of two or three sides.")
    return tuple(check_side(side) for side in stated)
