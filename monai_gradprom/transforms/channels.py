# SPDX-License-Identifier: Apache-2.0
"""Grey images stored as colour, and the other way round."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError

__all__ = ["match_channels"]


def match_channels(array: np.ndarray, channels: int | None, path: Path) -> np.ndarray:
    """Give ``array`` the wanted number of channels where nothing is invented or lost.

    Args:
        array: [C, ...], any dtype.
        channels: wanted number; ``None`` leaves the array alone.
        path: the file, for the message.

    Returns:
        [channels, ...]: alpha dropped, equal RGB channels reduced to one, one grey channel repeated to three.

    Raises:
        InputError: a colour image where grey is wanted, or any other number of channels.
    """
    if channels is None or array.shape[0] == channels:
        return array
    colour = array[:-1] if array.shape[0] in (2, 4) else array
    if colour.shape[0] == channels or (channels == 1 and (colour == colour[:1]).all()):
        return colour[:channels]
    if colour.shape[0] == 1 and channels == 3:
        return np.repeat(colour, 3, axis=0)
    kind = "colours" if colour.shape[0] == 3 else "channels"
    raise InputError(
        f"{path}: has {array.shape[0]} channels with different values where the model wants {channels}; "
        f"convert its {kind} first or use a model that was trained on such images."
    )
