# SPDX-License-Identifier: Apache-2.0
"""One synthetic echocardiographic examination: patient, view and moment in, grey frames and their masks out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .echo_anatomy import segment
from .heart_motion import HeartMotion
from .heart_shape import Array, HeartShape, draw_shape
from .scanner import QUALITIES, Scanner, draw_scanner
from .scatterers import Scatterers, draw_scatterers
from .sector import Sector
from .speckle import complex_gaussian, deposit, log_compress, point_spread

__all__ = ["VIEWS", "EchoPatient", "EchoView", "draw_patient"]

VIEWS = ("2CH", "4CH")
"""The apical views of CAMUS: two and four chambers."""

_WAVELENGTH = 0.44  # mm: 3.5 MHz at 1540 m/s


@dataclass(frozen=True)
class EchoView:
    """One view of one patient; renders any moment of the contraction with the same scatterers.

    Args:
        shape: the heart.
        sector: the picture.
        scanner: settings and acoustic window.
        seed: seeds of the scatterers and the noise, as numpy's `RandomState` takes them.
    """

    shape: HeartShape
    sector: Sector
    scanner: Scanner
    seed: tuple[int, ...]

    def mask(self, phase: float) -> NDArray[np.uint8]:
        """CAMUS classes 0 to 3 at `phase` (0 end diastole, 1 end systole), uint8 [width, height]."""
        s, t = self.shape.to_heart(*self.sector.pixels())
        labels = segment(self.shape, *HeartMotion(self.shape, phase).backward(s, t))
        return np.where(self.sector.mask(), labels, 0).astype(np.uint8)

    def render(self, phases: Sequence[float]) -> NDArray[np.uint8]:
        """Render frames with speckle that follows the tissue.

        Args:
            phases: moments between 0 (end diastole) and 1 (end systole).

        Returns:
            uint8 [width, height, len(phases)], zero outside the sector.
        """
        rng = np.random.RandomState([*self.seed, 1])
        scatterers = draw_scatterers(self.shape, self.sector, self.scanner, rng)
        window = self.scanner.gain(self.sector), self.scanner.diffuse(self.sector, rng)
        return np.stack([self._frame(phase, scatterers, *window) for phase in phases], axis=-1)

    def _frame(self, phase: float, scatterers: Scatterers, gain: Array, diffuse: Array) -> NDArray[np.uint8]:
        """Image the scatterers where they are at `phase`."""
        sector, scanner = self.sector, self.scanner
        noise = np.random.RandomState([*self.seed, 2, round(phase * 10_000)])
        x, z = self.shape.to_plane(*HeartMotion(self.shape, phase).forward(scatterers.s, scatterers.t))
        row, column = sector.to_grid(x, z)
        # The echo's phase turns with its distance: relative motion inside a cell changes the speckle, as in life.
        carrier = np.exp(-4j * np.pi / _WAVELENGTH * np.hypot(x, z))
        echoes = gain * deposit(row, column, scatterers.amplitude * carrier, sector.grid_shape)
        clutter = diffuse + scanner.reverberation(sector) + scanner.spilled(echoes[0])
        power = np.zeros(sector.grid_shape)
        for echo in echoes:
            received = echo + clutter * complex_gaussian(sector.grid_shape, noise)
            received = point_spread(received, scanner.axial / sector.range_step, scanner.beam_width(sector))
            power += np.abs(received) ** 2 / scanner.looks
        grey = log_compress(np.sqrt(power), scanner.dynamic_range, scanner.white)
        return np.rint(sector.scan_convert(grey)).astype(np.uint8)


@dataclass(frozen=True)
class EchoPatient:
    """A synthetic patient: what `Info_2CH.cfg` says, and the two views."""

    sex: str
    age: int
    quality: str
    frame_rate: float
    frames: int
    views: dict[str, EchoView]


def draw_patient(seed: int, number: int, quality: str | None = None) -> EchoPatient:
    """Draw a patient; the same arguments always give the same one, whatever else is drawn.

    Args:
        seed: seed of the whole data set, 0 to 2³² - 1.
        number: number of the patient, >= 1.
        quality: one of `QUALITIES`; None gives each number one, with the shares of CAMUS.
    """
    rng = np.random.RandomState([seed, number])
    if quality is None:
        # About 35 % good, 46 % medium, 19 % poor; a golden-ratio sequence spreads them evenly.
        quality = QUALITIES[int(np.digitize((number * 0.618034) % 1, [0.35, 0.81]))]
    size, ejection = rng.uniform(0.86, 1.14), rng.uniform(0, 1)
    sector = Sector(
        depth=rng.uniform(138, 168) * (0.5 + 0.5 * size),
        half_angle=np.deg2rad(rng.uniform(36.5, 39.0)),
        height=int(rng.randint(206, 218)),
    )
    views = {}
    for code, view in enumerate(VIEWS):
        shape = draw_shape(view, rng, size, ejection)
        views[view] = EchoView(shape, sector, draw_scanner(quality, rng), (seed, number, code))
    return EchoPatient(
        sex=str(rng.choice(["F", "M"])),
        age=int(rng.randint(28, 88)),
        quality=quality,
        frame_rate=round(float(rng.uniform(38, 62)), 1),
        frames=int(rng.randint(10, 15)),
        views=views,
    )
