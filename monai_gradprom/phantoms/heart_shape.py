# SPDX-License-Identifier: Apache-2.0
"""The shape of one heart at end diastole, in an apical plane, and how shapes vary between patients.

Everything is written in the heart's own frame: `s` runs along the long axis of the left ventricle (mm, 0 at the
endocardial apex, `length` at the mitral valve, beyond it the left atrium), `t` across it (mm, positive towards the
lateral or anterior wall, which apical views show on the right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "HeartShape", "draw_shape"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HeartShape:
    """Lengths in mm and angles in radians at end diastole; ratios of end systole to end diastole.

    Args:
        view: "2CH" or "4CH".
        apex: (x, z) of the endocardial apex, z being the depth below the probe and x positive to the right.
        tilt: angle of the long axis against the depth axis.
        bend: sideways bow of the long axis at its middle, mm.
        length: endocardial apex to mitral valve.
        half_width: largest endocardial half width.
        annulus: half width at the mitral valve as a share of `half_width`.
        roundness: exponent of the superellipse that closes the apex, 2 being an ellipse.
        wall: thickness of the myocardium at mid height.
        apex_wall: its thickness at the apex.
        atrium_length: mitral valve to the roof of the left atrium.
        atrium_width: largest half width of the left atrium.
        ventricle_width: width of the right ventricle at its base (4CH only).
        papillary: position along the axis of the papillary muscles, as a share of `length`.
        surround: fading of the tissue to the left and right of the heart, dB a mm.
        wobble: amplitude and phase of the irregularity of the left and right border, shape [2, 2].
        narrowing: share of the half width that the cavity loses until end systole.
        thickening: share by which the wall thickens until end systole.
        excursion: travel of the mitral valve towards the apex until end systole, mm.
    """

    view: str
    apex: tuple[float, float]
    tilt: float
    bend: float
    length: float
    half_width: float
    annulus: float
    roundness: float
    wall: float
    apex_wall: float
    atrium_length: float
    atrium_width: float
    ventricle_width: float
    papillary: float
    surround: tuple[float, float]
    wobble: tuple[tuple[float, float], tuple[float, float]]
    narrowing: float
    thickening: float
    excursion: float

    def to_heart(self, x: Array, z: Array) -> tuple[Array, Array]:
        """Image plane (mm right of and below the probe) to heart frame (s, t) in mm."""
        dx, dz = x - self.apex[0], z - self.apex[1]
        s = dx * np.sin(self.tilt) + dz * np.cos(self.tilt)
        return s, dx * np.cos(self.tilt) - dz * np.sin(self.tilt) - self._bow(s)

    def to_plane(self, s: Array, t: Array) -> tuple[Array, Array]:
        """Heart frame (s, t) to image plane (x, z); the inverse of `to_heart`."""
        t = t + self._bow(s)
        x = self.apex[0] + s * np.sin(self.tilt) + t * np.cos(self.tilt)
        return x, self.apex[1] + s * np.cos(self.tilt) - t * np.sin(self.tilt)

    def cavity(self, s: Array, t: Array) -> Array:
        """Half width of the left ventricular cavity at `s` on the side of `t`, mm; 0 above the apex."""
        return self.half_width * self._profile(s / self.length, self.annulus) * self._irregular(s, t)

    def heart(self, s: Array, t: Array) -> Array:
        """Half width of cavity and wall together, mm; 0 above the epicardial apex."""
        u = (s + self.apex_wall) / (self.length + self.apex_wall)
        width = self.half_width + self.wall
        base = (self.half_width * self.annulus + 0.9 * self.wall) / width
        return np.maximum(width * self._profile(u, base) * self._irregular(s, t), self.cavity(s, t))

    def atrium(self, s: Array) -> Array:
        """Half width of the left atrium at `s`, mm; 0 outside it."""
        v = (s - self.length) / self.atrium_length
        shape = np.sqrt(np.clip(1 - np.abs((v - 0.46) / 0.54) ** 2.6, 0, None))
        return np.where((v >= 0) & (v <= 1), self.atrium_width * shape, 0.0)

    def _bow(self, s: Array) -> Array:
        u = np.clip(s / self.length, 0, 1)
        return self.bend * 4 * u * (1 - u)

    def _profile(self, u: Array, base: float) -> Array:
        """Half width along the axis: a superelliptic cap up to 0.58, then a taper to `base` at the valve."""
        widest = 0.58
        cap = np.clip(1 - np.abs(1 - u / widest) ** self.roundness, 0, None) ** (1 / self.roundness)
        taper = base + (1 - base) * np.cos(np.clip((u - widest) / (1 - widest), 0, 1) * np.pi / 2) ** 1.2
        return np.where(u < widest, np.where(u > 0, cap, 0.0), taper)

    def _irregular(self, s: Array, t: Array) -> Array:
        u = s / self.length
        left, right = (1 + size * np.sin(2 * np.pi * 1.6 * u + phase) for size, phase in self.wobble)
        return np.where(t < 0, left, right)


def draw_shape(view: str, rng: np.random.RandomState, size: float, ejection: float) -> HeartShape:
    """Draw one patient's heart in one view.

    Args:
        view: "2CH" or "4CH".
        rng: source of the variation between patients.
        size: scale of the patient's heart, about 0.88 to 1.15.
        ejection: vigour of the contraction, 0 (feeble) to 1 (strong).

    Returns:
        The shape at end diastole together with its contraction.
    """
    u = rng.uniform
    four = view == "4CH"
    return HeartShape(
        view=view,
        apex=((u(2, 14) if four else u(-8, 6)) * size, u(20, 31)),
        tilt=np.deg2rad(u(-5, 7) if four else u(-7, 7)),
        bend=u(-3, 3),
        length=u(80, 92) * size,
        half_width=u(20.5, 25.5) * size,
        annulus=u(0.66, 0.82),
        roundness=u(2.0, 2.5),
        wall=u(10.5, 14) * size,
        apex_wall=u(8, 12) * size,
        atrium_length=u(36, 50) * size,
        atrium_width=u(17, 23) * size,
        ventricle_width=u(22, 34) * size,
        papillary=u(0.42, 0.6),
        surround=(u(0.05, 0.6), u(0.05, 0.6)),
        wobble=((u(0.01, 0.05), u(0, 2 * np.pi)), (u(0.01, 0.05), u(0, 2 * np.pi))),
        narrowing=0.10 + 0.22 * ejection + u(-0.02, 0.02),
        thickening=0.12 + 0.3 * ejection,
        excursion=(5 + 9 * ejection) * size,
    )
