# SPDX-License-Identifier: Apache-2.0
"""Random textures that skin, lung and their lesions are painted with, and the seeds that keep images apart."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from .heart_shape import Array

__all__ = ["cell_walls", "image_rng", "pixel_grid", "power_field", "smooth_field", "smooth_step"]


def image_rng(*keys: int) -> np.random.RandomState:
    """Random numbers that depend on nothing but the keys, such as (seed of the set, number of the image, layer).

    Numpy keeps the stream of `RandomState` the same from version to version; `SeedSequence` keeps neighbours apart.

    Args:
        keys: whole numbers >= 0.
    """
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(keys)))


def pixel_grid(shape: tuple[int, int]) -> tuple[Array, Array]:
    """Row and column of every pixel's centre, both float64 of `shape`."""
    rows, columns = np.indices(shape, dtype=np.float64)
    return rows, columns


def smooth_field(shape: tuple[int, int], scale: float, rng: np.random.RandomState) -> Array:
    """A Gaussian random field of zero mean and unit variance, smooth over `scale` pixels.

    Args:
        shape: (height, width).
        scale: standard deviation of the smoothing, pixels, > 0.
        rng: source of randomness.
    """
    field = gaussian_filter(rng.standard_normal(shape), scale, mode="reflect")
    return (field - field.mean()) / field.std()


def power_field(shape: tuple[int, int], exponent: float, rng: np.random.RandomState) -> Array:
    """A Gaussian random field of zero mean and unit variance whose power falls as 1 / frequency**exponent.

    Args:
        shape: (height, width).
        exponent: 0 is white noise, 2 to 3 looks like clouds.
        rng: source of randomness.
    """
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(shape))
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * frequency ** (-exponent / 2)
    field = np.fft.irfft2(spectrum, shape)
    return (field - field.mean()) / field.std()


def cell_walls(
    shape: tuple[int, int], size: float, jitter: float, rng: np.random.RandomState, thickness: float = 1.0
) -> Array:
    """A net of walls between the Voronoi cells of a jittered hexagonal lattice, as pigment networks and furrows have.

    Args:
        shape: (height, width).
        size: distance of neighbouring cells, pixels.
        jitter: 0 for a regular honeycomb, 0.5 for an irregular one; a share of `size`.
        rng: source of randomness.
        thickness: width of the walls, pixels.

    Returns:
        float64 of `shape` in [0, 1]: 1 on a wall, falling to 0 inside the cells.
    """
    rows = np.arange(-2, shape[0] / (size * 0.866) + 2)
    columns = np.arange(-2, shape[1] / size + 2)
    row, column = np.meshgrid(rows, columns, indexing="ij")
    centres = np.stack([row * 0.866, column + 0.5 * (row % 2)], -1).reshape(-1, 2) * size
    centres += jitter * size * rng.uniform(-1, 1, centres.shape)
    pixels = np.stack(pixel_grid(shape), -1).reshape(-1, 2)
    # Bending the plane bends the walls, which are straight between Voronoi cells.
    bend = [jitter * 0.6 * size * smooth_field(shape, 0.6 * size, rng).ravel() for _ in range(2)]
    pixels += np.stack(bend, -1)
    near, second = cKDTree(centres).query(pixels, k=2)[0].T
    return np.exp(-(((second - near) / thickness) ** 2)).reshape(shape)


def smooth_step(values: Array | float, low: float, high: float) -> Array:
    """0 up to `low`, 1 from `high` on, and without a kink between (3 t² - 2 t³)."""
    t = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
