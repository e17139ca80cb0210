# SPDX-License-Identifier: Apache-2.0
"""The settings of the scanner and the window that one patient's chest gives it: gain, noise, clutter and shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from .heart_shape import Array
from .sector import Sector
from .speckle import ComplexArray

__all__ = ["QUALITIES", "Scanner", "draw_scanner"]

QUALITIES = ("Good", "Medium", "Poor")
"""Image quality as the CAMUS experts grade it."""


@dataclass(frozen=True)
class Scanner:
    """How sound becomes grey levels; levels in dB relative to the mean of myocardium.

    Args:
        dynamic_range: dB from black to white.
        grey: grey level, 0 to 255, of the mean of myocardium.
        looks: independent looks averaged by frequency compounding.
        axial: standard deviation of the pulse along the beam, mm.
        lateral: standard deviation of the beam at its focus, radians.
        focus: depth of the focus, mm.
        noise: level of electronic noise in the middle of the depth.
        noise_slope: rise of the noise from the probe to the full depth by time gain compensation, dB.
        haze: level of the diffuse clutter that reverberation lays over the cavities.
        bang: level of the reverberation at the probe.
        spill: level at which strong neighbours shine into a place through side lobes and multiple scattering.
        residue: error of the time gain compensation at six depths, dB.
        shadows: loss at thirteen directions by ribs and lung, dB.
        texture: standard deviation of the tissue's inhomogeneity, dB.
        contrast: scale of the echogenicity differences, 1 being anatomical.
    """

    dynamic_range: float
    grey: float
    looks: int
    axial: float
    lateral: float
    focus: float
    noise: float
    noise_slope: float
    haze: float
    bang: float
    spill: float
    residue: tuple[float, ...]
    shadows: tuple[float, ...]
    texture: float
    contrast: float

    @property
    def white(self) -> float:
        """Level in dB that is shown as 255."""
        return self.dynamic_range * (1 - self.grey / 255)

    def beam_width(self, sector: Sector) -> Array:
        """Lateral standard deviation in beams at each range sample, shape [grid_shape[0]].

        Close to the probe the beam is as wide as the aperture, which there is a large angle; past the focus it widens
        again.
        """
        ranges = sector.ranges()
        spread = np.maximum(ranges / self.focus - 1, 0)
        return np.hypot(self.lateral * np.sqrt(1 + spread**2), 1.0 / (ranges + 4)) / sector.beam_step

    def gain(self, sector: Sector) -> Array:
        """Amplitude factor on echoes, shape of the polar grid: residue of the gain compensation times shadows."""
        along = np.linspace(0, sector.depth, len(self.residue))
        across = np.linspace(-sector.half_angle, sector.half_angle, len(self.shadows))
        depth = np.interp(sector.ranges(), along, self.residue)[:, None]
        direction = np.interp(sector.angles(), across, self.shadows)[None, :]
        # Shadows need some depth to form: close to the probe every element sees past the rib.
        level = depth - direction * np.clip(sector.ranges() / 35, 0, 1)[:, None]
        return 10 ** (gaussian_filter(level, (12, 5), mode="nearest") / 20)

    def diffuse(self, sector: Sector, rng: np.random.RandomState) -> Array:
        """Amplitude of electronic noise and of haze, which drifts through the picture in clouds; polar grid."""
        middle = sector.ranges()[:, None] / sector.depth - 0.5
        clouds = gaussian_filter(rng.standard_normal(sector.grid_shape), (45, 16), mode="nearest")
        haze = self.haze - 5 * middle + 3 * clouds / clouds.std()
        return np.sqrt(10 ** ((self.noise + self.noise_slope * middle) / 10) + 10 ** (haze / 10))

    def spilled(self, echo: ComplexArray) -> Array:
        """Amplitude of the clutter that the echoes of a wide surrounding lay over each place, shape of `echo`."""
        power = gaussian_filter(np.abs(echo) ** 2, (14, 9), mode="nearest")
        return np.sqrt(power) * 10 ** (self.spill / 20)

    def reverberation(self, sector: Sector) -> Array:
        """Amplitude of the bright rings below the probe at each range sample, shape [grid_shape[0], 1]."""
        ranges = sector.ranges()[:, None]
        return 10 ** ((self.bang - ranges) / 20) * (1 + 0.8 * np.cos(2 * np.pi * ranges / 4.2))


def draw_scanner(quality: str, rng: np.random.RandomState) -> Scanner:
    """Draw the settings for one examination.

    Args:
        quality: "Good", "Medium" or "Poor".
        rng: source of the variation between examinations.
    """
    u = rng.uniform
    poor = QUALITIES.index(quality)
    side = rng.choice([-1, 1])
    direction = np.linspace(-1, 1, 13) * side
    shadows = np.clip(u(2, 14 + 4 * poor) * (direction - u(0.3, 0.8)) / 0.5, 0, 20) + u(-4, 4, 13)
    return Scanner(
        dynamic_range=u(48, 58),
        grey=float(np.clip(rng.normal(99, 17), 68, 134)),
        looks=5,
        axial=u(0.58, 0.84),
        lateral=np.deg2rad(u(0.33, 0.47) * (1 + 0.1 * poor)),
        focus=u(65, 95),
        noise=u(-16, -10) + 1.5 * poor,
        noise_slope=u(-2, 12),
        haze=(-20, -14, -10)[poor] + u(-3, 3),
        bang=u(0, 12),
        spill=(-21, -17, -13)[poor] + u(-2, 2),
        residue=tuple(u(-6, 6, 6) + np.linspace(-1, 1, 6)),
        shadows=tuple(shadows),
        texture=u(6.5, 9.5),
        contrast=(1.0, 0.9, 0.75)[poor],
    )
