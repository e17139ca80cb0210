# SPDX-License-Identifier: Apache-2.0
"""Edges that an enhanced image has and its input lacks, and the other way round."""

from __future__ import annotations

import math

import numpy as np
import torch
from monai.utils import convert_to_tensor
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata
from skimage.feature import canny

__all__ = ["lost_edges", "new_edges", "unsupported_edges"]

STRONG, WEAK = 0.2, 0.1
"""Height of a step, as a share of all grey levels, that makes an edge, and that is enough to support one."""

SCALE = 0.015
"""Standard deviation of the smoothing before edges are looked for, as a share of the image's diagonal."""

FINE = 0.25
"""That of the smoothing before grey levels become ranks, as a share of ``SCALE``: noise would thin the ranks out."""

REACH = 1.5
"""How far from an edge its support may lie, in standard deviations of the smoothing."""

_ALIGNED = math.cos(math.radians(45))


def new_edges(y_pred: torch.Tensor, image: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Share of an enhanced image's edges that its input does not support: structures that may be made up.

    Of the edges of ``y_pred`` (Canny's, on ranks, see :func:`unsupported_edges`) those count near which the input has
    not even a weak edge of the same direction. A change of the grey scale that keeps the order of grey levels changes
    next to nothing, and an edge that becomes clearer is none that is new.

    Args:
        y_pred: [B, C, W, H], the enhanced image; its channels are averaged.
        image: the input, of the same shape.
        mask: [B, 1, W, H]; where it is not zero, pixels count. None: all count.

    Returns:
        float64 [B], 0 to 1; nan for an image without edges.

    Raises:
        ValueError: the shapes differ, or the images are not 2-D.
    """
    return _shares(y_pred, image, mask)


def lost_edges(y_pred: torch.Tensor, image: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Share of the input's edges that the enhanced image does not support; arguments as of :func:`new_edges`."""
    return _shares(image, y_pred, mask)


def unsupported_edges(
    image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The edges of an image, and those of them that a reference does not support.

    Both images are smoothed a little and become ranks (0 to 1) within the mask. An edge is one of Canny's, at
    ``SCALE``, with a step of at least ``STRONG``; it is supported if within ``REACH`` the reference rises in the same
    direction, give or take 45°, as a step of ``WEAK`` would.

    Args:
        image: [W, H].
        reference: [W, H].
        mask: bool [W, H]; None for the whole image.

    Returns:
        Two bool [W, H]: all edges of ``image``, and those without support.
    """
    inside = np.ones(image.shape, bool) if mask is None else mask
    sigma = SCALE * math.hypot(*image.shape)
    ranks, others = _ranks(image, inside, sigma), _ranks(reference, inside, sigma)
    # Canny's operators of Sobel are eight times a derivative
    thresholds = {"low_threshold": 8 * _slope(STRONG / 2, sigma), "high_threshold": 8 * _slope(STRONG, sigma)}
    edges = canny(ranks, sigma, mask=inside, **thresholds)
    own, other = _gradient(ranks, inside, sigma), _gradient(others, inside, sigma)
    x, y = np.nonzero(edges)
    normal = own[:, x, y] / np.maximum(np.hypot(*own[:, x, y]), 1e-12)
    for i, j in _offsets(REACH * sigma):
        near = np.clip(x + i, 0, image.shape[0] - 1), np.clip(y + j, 0, image.shape[1] - 1)
        gradient = other[:, near[0], near[1]]
        along = (normal * gradient).sum(axis=0)
        enough = (along >= _slope(WEAK, sigma)) & (along >= _ALIGNED * np.hypot(*gradient))
        left = ~(enough & inside[near])
        x, y, normal = x[left], y[left], normal[:, left]  # most find support close by
    lacking = np.zeros_like(edges)
    lacking[x, y] = True
    return edges, lacking


def _offsets(reach: float) -> np.ndarray:
    """[n, 2] of the pixels within reach, the nearest first."""
    whole = math.ceil(reach)
    offsets = np.argwhere(np.ones((2 * whole + 1, 2 * whole + 1))) - whole
    distance = np.hypot(*offsets.T)
    return offsets[np.argsort(distance, kind="stable")][: int((distance <= reach).sum())]


def _shares(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(f"images are {list(a.shape)} and {list(b.shape)}; give 2-D ones of one shape, [B, C, W, H].")
    first, second = (convert_to_tensor(i, track_meta=False).detach().cpu().double().mean(dim=1).numpy() for i in (a, b))
    inside = [None] * len(first) if mask is None else convert_to_tensor(mask, track_meta=False).cpu().numpy()[:, 0] != 0
    pairs = (unsupported_edges(*images) for images in zip(first, second, inside, strict=True))
    shares = [lacking.sum() / edges.sum() if edges.any() else math.nan for edges, lacking in pairs]
    return torch.tensor(shares, dtype=torch.float64)


def _ranks(image: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """0 to 1 by the order of the smoothed grey levels inside; 0 outside."""
    levels = _smoothed(image, inside, FINE * sigma)[inside]
    ranks = np.zeros(image.shape)
    # what differs by rounding only is one grey level
    ranks[inside] = rankdata(np.round(levels / (np.ptp(levels) or 1), 6)) / levels.size if levels.size else 0
    return ranks


def _slope(height: float, sigma: float) -> float:
    """The steepest place of a smoothed step."""
    return height / (sigma * math.sqrt(2 * math.pi))


def _gradient(ranks: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """[2, W, H] of the smoothed ranks."""
    return np.stack(np.gradient(_smoothed(ranks, inside, sigma)))


def _smoothed(image: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """What lies outside has no weight."""
    weight = gaussian_filter(inside.astype(float), sigma, mode="constant")
    return np.asarray(gaussian_filter(image * inside, sigma, mode="constant") / np.maximum(weight, 1e-6))
