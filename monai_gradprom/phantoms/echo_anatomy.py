# SPDX-License-Identifier: Apache-2.0
"""What lies where in an apical view at end diastole: CAMUS classes, and how strongly each tissue scatters sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .heart_shape import Array, HeartShape

__all__ = ["echogenicity", "segment"]


def segment(shape: HeartShape, s: Array, t: Array) -> NDArray[np.uint8]:
    """CAMUS classes at end diastole.

    Args:
        shape: the heart.
        s: position along the long axis, mm.
        t: position across it, mm, the same shape as `s`.

    Returns:
        uint8 of the same shape: 0 background, 1 left ventricular endocardium (the cavity with its papillary muscles),
        2 myocardium, 3 left atrium.
    """
    above = s <= shape.length
    labels = np.zeros(s.shape, np.uint8)
    labels[above & (np.abs(t) < shape.heart(s, t))] = 2
    labels[above & (np.abs(t) < shape.cavity(s, t))] = 1
    labels[~above & (np.abs(t) < shape.atrium(s))] = 3
    return labels


def echogenicity(shape: HeartShape, s: Array, t: Array) -> Array:
    """Mean scattering strength in dB relative to myocardium, before texture, attenuation and clutter.

    Later structures are painted over earlier ones, as far tissue is by near one in an anatomical drawing.

    Args:
        shape: the heart.
        s: position along the long axis at end diastole, mm.
        t: position across it, mm, the same shape as `s`.

    Returns:
        dB, float64, the same shape.
    """
    fading = np.where(t < 0, *shape.surround) * np.maximum(np.abs(t) - shape.half_width - shape.wall, 0)
    level = 5.0 - np.minimum(fading, 15)  # lung, fat and whatever surrounds the heart
    level[s < -shape.apex_wall] = 2.0
    if shape.view == "4CH":
        _paint_right_heart(shape, s, t, level)
    _paint_left_heart(shape, s, t, level)
    _paint_valve(shape, s, t, level)
    return level


_BLOOD = -34.0


def _facing(shape: HeartShape, s: Array, t: Array) -> Array:
    """|cosine| between the beam and the normal of the heart's outer wall: 1 where the wall mirrors sound back."""
    slope = (shape.heart(s + 1, t) - shape.heart(s - 1, t)) / 2
    along, across = -slope, np.sign(t)
    across_x, across_z = np.cos(shape.tilt), -np.sin(shape.tilt)
    along_x, along_z = np.sin(shape.tilt), np.cos(shape.tilt)
    x, z = shape.to_plane(s, t)
    dot = x * (along * along_x + across * across_x) + z * (along * along_z + across * across_z)
    return np.abs(dot) / (np.hypot(x, z) * np.hypot(along, across) + 1e-6)


def _paint_left_heart(shape: HeartShape, s: Array, t: Array, level: Array) -> None:
    width = np.abs(t)
    above = s <= shape.length
    heart, cavity, atrium = shape.heart(s, t), shape.cavity(s, t), shape.atrium(s)
    mirror = 9 * _facing(shape, s, t)
    # In 4CH the septum has the right ventricle, not the pericardium, on its other side.
    outside = above & (s > 0) & ((t > 0) | (shape.view == "2CH"))
    level[outside & (width < heart + 3.5)] = (8 + mirror)[outside & (width < heart + 3.5)]
    roof = ~above & (width < atrium + 3) & (s < shape.length + shape.atrium_length)
    level[roof] = 5.0
    beyond = s - shape.length - shape.atrium_length
    back = (beyond > 0) & (beyond < 9) & (width < 3.2 * shape.half_width)
    level[back] = 13.0
    wall = above & (width < heart)
    inward = (heart - width) / np.maximum(heart - cavity, 1e-6)  # 1 at the endocardium, which shines most
    level[wall] = (5 * inward - 4 + 0.4 * mirror)[wall]
    fibrous = wall & (s > shape.length - 7)  # the annulus at both hinges of the valve
    level[fibrous] = 10.0
    inside = above & (width < cavity)
    level[inside] = _BLOOD
    level[~above & (width < atrium)] = _BLOOD
    for side, reach in ((-1, 0.8), (1, 1.0)):
        along = (s / shape.length - shape.papillary) / 0.13
        across = (t * side - cavity * 0.9) / (shape.half_width * 0.22 * reach)
        level[inside & (along**2 + across**2 < 1)] = -5.0


def _paint_right_heart(shape: HeartShape, s: Array, t: Array, level: Array) -> None:
    """Right ventricle and right atrium, to the left of the septum."""
    u = np.clip((s / shape.length - 0.18) / 0.76, 0, 1)
    septum = shape.heart(s, t)
    free_wall = septum + shape.ventricle_width * np.sin(u * np.pi * 0.62) ** 0.8
    ventricle = (t < 0) & (s > 0.18 * shape.length) & (s < shape.length * 0.95)
    level[ventricle & (-t < free_wall + 4)] = 4.0
    level[ventricle & (-t < free_wall)] = _BLOOD
    moderator = ventricle & (np.abs(s / shape.length - 0.42 + 0.004 * t) < 0.022) & (-t < free_wall)
    level[moderator] = -6.0
    centre = shape.atrium_width + 4 + 0.62 * shape.ventricle_width
    along = (s - shape.length * 0.96 - shape.atrium_length * 0.42) / (shape.atrium_length * 0.46)
    across = (t + centre) / (shape.ventricle_width * 0.62)
    radius = np.sqrt(along**2 + across**2)
    level[(radius < 1.15) & (s > shape.length * 0.95)] = 5.0
    level[(radius < 1) & (s > shape.length * 0.97)] = _BLOOD
    hinge = np.abs(s - shape.length * 0.96) < 1.6
    level[hinge & (t < 0) & (-t > septum) & (-t < free_wall)] = 5.0


def _paint_valve(shape: HeartShape, s: Array, t: Array, level: Array) -> None:
    """The closed mitral leaflets: two thin arcs that meet off centre, tented towards the apex."""
    annulus = shape.half_width * shape.annulus
    tent = 4.0 * np.clip(1 - np.abs(t + 0.15 * annulus) / annulus, 0, 1)
    leaflet = (np.abs(s - shape.length + tent) < 1.1) & (np.abs(t) < annulus + 2)
    level[leaflet] = 8.0
