# SPDX-License-Identifier: Apache-2.0
"""Speckle as it comes about: random scatterers, a band-limited pulse, envelope detection, log compression.

Many unresolved scatterers with random phases within one resolution cell make the received complex signal circular
Gaussian and its envelope Rayleigh distributed, with a ratio of mean to standard deviation of 1.91: fully developed
speckle (C. B. Burckhardt, "Speckle in ultrasound B-mode scans", IEEE Trans. Sonics Ultrason. 25(1), 1978).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .heart_shape import Array

__all__ = ["ComplexArray", "complex_gaussian", "deposit", "log_compress", "point_spread"]

ComplexArray = NDArray[np.complex128]


def complex_gaussian(shape: tuple[int, ...], rng: np.random.RandomState) -> ComplexArray:
    """Circular complex Gaussian numbers with E|z|² = 1."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def deposit(rows: Array, columns: Array, amplitude: ComplexArray, shape: tuple[int, int]) -> ComplexArray:
    """Sum point scatterers into grids with bilinear weights; those outside the grid are left out.

    Args:
        rows: fractional row of each scatterer, shape [n].
        columns: fractional column of each scatterer, shape [n].
        amplitude: complex strength of each scatterer in each look, shape [looks, n].
        shape: (rows, columns) of the grid.

    Returns:
        complex128 [looks, *shape].
    """
    row, column = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - row, columns - column
    size = shape[0] * shape[1]
    fields = np.zeros((len(amplitude), size), np.complex128)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        inside = (row + i >= 0) & (row + i < shape[0]) & (column + j >= 0) & (column + j < shape[1])
        index = ((row + i) * shape[1] + column + j)[inside]
        weight = ((down if i else 1 - down) * (right if j else 1 - right))[inside]
        for field, look in zip(fields, amplitude, strict=True):
            part = weight * look[inside]
            field += np.bincount(index, part.real, size) + 1j * np.bincount(index, part.imag, size)
    return fields.reshape(-1, *shape)


def point_spread(field: ComplexArray, axial: float, lateral: Array | float) -> ComplexArray:
    """Filter a polar field with the pulse-echo response, whose lateral width may change with depth.

    Gaussian in both directions and of unit energy, so that white noise of unit variance keeps unit variance at every
    depth. Periodic at the borders.

    Args:
        field: complex [range samples, beams].
        axial: standard deviation along the beam, in samples.
        lateral: standard deviation across the beams, in beams: one number or one a range sample, shape [samples].

    Returns:
        The filtered field, complex128, the same shape.
    """
    width = np.broadcast_to(np.asarray(lateral, np.float64), field.shape[:1])[:, None]
    for axis, sigma in ((0, np.array(axial)), (1, width)):
        frequency = np.fft.fftfreq(field.shape[axis])
        frequency = frequency[:, None] if axis == 0 else frequency[None, :]
        response = np.exp(-0.5 * (2 * np.pi * frequency * sigma) ** 2)
        response = response / np.sqrt((response**2).mean(axis=axis, keepdims=True))
        field = np.fft.ifft(np.fft.fft(field, axis=axis) * response, axis=axis)
    return field


def log_compress(envelope: Array, dynamic_range: float, white: float) -> Array:
    """Grey levels of a linear envelope, as a scanner displays it.

    Args:
        envelope: linear amplitude, >= 0, any shape.
        dynamic_range: dB that span black to white, > 0.
        white: level in dB (20 log10 of the amplitude) that becomes 255.

    Returns:
        float64 in [0, 255], the same shape; 0 for everything `dynamic_range` dB or more below `white`.
    """
    level = 20 * np.log10(np.maximum(envelope, 1e-12))
    return 255 * np.clip((level - white) / dynamic_range + 1, 0, 1)
