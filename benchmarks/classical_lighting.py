# SPDX-License-Identifier: Apache-2.0
"""Classical enhancement of dark and flat images in [0, 1], grey [H, W] or RGB [H, W, 3]; outputs may leave that range.

None is told how an image was darkened, and none takes away noise.

degraded: the image as it is.
stretch: the percentiles 1 and 99 of all values go to 0 and 1.
clahe: contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), scikit-image's, with its
    defaults: eight tiles a side, clip_limit 0.01; of RGB the value channel of HSV.
gamma: the power that brings the mean luminance (BT.601) to 0.5.
lime: LIME (Guo, Li, Ling, IEEE TIP 26(2), 2017): the illumination is the largest channel, smoothed along structures by
    the paper's fast solver with its third weighting (alpha 0.15, sigma 2), and the image is divided by its power 0.8;
    without the denoising that may follow. Of a grey image the illumination is the image itself, smoothed.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import diags, identity
from scipy.sparse.linalg import spsolve
from skimage.exposure import equalize_adapthist

from monai_gradprom.formats.luminance import WEIGHTS

__all__ = ["LIGHTENERS"]

_ALPHA, _SIGMA, _GAMMA, _SMALL = 0.15, 2.0, 0.8, 1e-3


def stretch(image: np.ndarray, sigma: object = None) -> np.ndarray:
    low, high = np.percentile(image, (1, 99))
    return (image - low) / max(high - low, _SMALL)


def clahe(image: np.ndarray, sigma: object = None) -> np.ndarray:
    return equalize_adapthist(image)


def gamma(image: np.ndarray, sigma: object = None) -> np.ndarray:
    luminance = image if image.ndim == 2 else image @ np.asarray(WEIGHTS)
    mean = float(np.clip(luminance.mean(), _SMALL, 1 - _SMALL))
    return np.clip(image, 0, 1) ** (np.log(0.5) / np.log(mean))


def lime(image: np.ndarray, sigma: object = None) -> np.ndarray:
    colour = image.reshape(*image.shape[:2], -1)
    light = np.clip(_smoothed(colour.max(axis=2)), _SMALL, 1) ** _GAMMA
    return (colour / light[..., None]).reshape(image.shape)


def _smoothed(light: np.ndarray) -> np.ndarray:
    """The t of least (t - light)^2 + alpha * sum over both axes of weight * (difference of t)^2."""
    system = identity(light.size, format="csc")
    index = np.arange(light.size).reshape(light.shape)
    for axis in (0, 1):
        steps = np.diff(light, axis=axis)
        blurred = np.abs(gaussian_filter(steps, _SIGMA, truncate=1.0))  # a window of 5 pixels
        weights = (1 / (blurred + _SMALL) / (np.abs(steps) + _SMALL)).ravel()
        first = np.take(index, range(light.shape[axis] - 1), axis=axis).ravel()
        second = np.take(index, range(1, light.shape[axis]), axis=axis).ravel()
        # each difference d = t[second] - t[first] adds weight * d^2
        difference = identity(light.size, format="csr")[second] - identity(light.size, format="csr")[first]
        system = system + _ALPHA * (difference.T @ diags(weights) @ difference)
    return spsolve(system.tocsc(), light.ravel()).reshape(light.shape)


LIGHTENERS = {"degraded": lambda image, sigma: image, "stretch": stretch, "clahe": clahe, "gamma": gamma, "lime": lime}
