# SPDX-License-Identifier: Apache-2.0
"""Stored pixels as a network sees them."""

from __future__ import annotations

import numpy as np

from monai_gradprom.formats.luminance import luminance
from monai_gradprom.formats.stored import StoredImage

from .single_precision import fits_single_precision

__all__ = ["NetworkView"]


class NetworkView:
    """The way of one file's pixels to a network, a frame at a time.

    :class:`~monai_gradprom.enhance.pixels.pixel_map.PixelMap`, which has the way back, says what is done to them.

    Args:
        image: the file.
        window: (low, high) in modality units.
        network_channels: 1 or 3.
    """

    def __init__(self, image: StoredImage, window: tuple[float, float], network_channels: int) -> None:
        self._rescale, self._inverted, self._window = image.rescale, image.inverted, window
        self._grey_of_colour = image.channels == 3 and network_channels == 1
        self._exact = fits_single_precision(image) and not (image.inverted or self._grey_of_colour)

    def show(self, out: np.ndarray, frame: np.ndarray, gaps: np.ndarray | None) -> None:
        """Write what the network sees.

        Args:
            out: float32, [network_channels, *spatial]; overwritten.
            frame: [C, *spatial], stored values.
            gaps: bool, of the same shape: where there is no intensity; shown as an end of the window.
        """
        if self._exact:
            out[...] = frame
            if self._rescale[1]:
                out += np.float32(self._rescale[1])
        else:
            with np.errstate(over="ignore", invalid="ignore"):  # infinity, and infinity less itself, are gaps
                out[...] = self.units(frame)
        if gaps is not None:
            low, high = self._window
            holes = np.broadcast_to(self.gaps(gaps), out.shape)
            out[holes] = np.where(out[holes] == np.inf, high, low)

    def units(self, frame: np.ndarray) -> np.ndarray:
        """[C, *spatial] stored -> float64 units, [1, *spatial] where luminance is wanted; bright is high."""
        slope, intercept = self._rescale
        units: np.ndarray = luminance(frame) if self._grey_of_colour else frame.astype(np.float64)
        if slope != 1:
            units *= slope
        if intercept:
            units += intercept
        if self._inverted:
            np.subtract(sum(self._window), units, out=units)
        return units

    def gaps(self, gaps: np.ndarray) -> np.ndarray:
        """Gaps of stored channels as gaps of what is shown: luminance needs all three."""
        return np.any(gaps, axis=0, keepdims=True) if self._grey_of_colour else gaps
