# SPDX-License-Identifier: Apache-2.0
"""Synthetic echocardiography: data that may be shared, for demonstrations, tests and first steps.

From geometry to picture: `HeartShape` (the anatomy at end diastole) -> `draw_scatterers` (what echoes where) ->
`HeartMotion` (contraction carries them along) -> `speckle` and `Scanner` (pulse, envelope, clutter, log compression on
polar beams) -> `Sector.scan_convert` (the picture). `EchoView` ties them together, `draw_patient(seed, number)` varies
them, and `write_camus` writes a whole set in the official layout of CAMUS. No real image is
copied; the settings were adjusted by hand until summary statistics and the look agreed with real frames.
"""

from __future__ import annotations

from .camus_layout import camus_split, ejection_fraction, write_camus, write_nifti, write_patient
from .echo_phantom import VIEWS, EchoPatient, EchoView, draw_patient
from .heart_motion import HeartMotion
from .heart_shape import HeartShape, draw_shape
from .output_folder import MARKER, fresh_folder
from .scanner import QUALITIES, Scanner, draw_scanner
from .scatterers import Scatterers, draw_scatterers
from .sector import Sector
from .speckle import complex_gaussian, deposit, log_compress, point_spread

__all__ = [
    "MARKER",
    "QUALITIES",
    "VIEWS",
    "EchoPatient",
    "EchoView",
    "HeartMotion",
    "HeartShape",
    "Scanner",
    "Scatterers",
    "Sector",
    "camus_split",
    "complex_gaussian",
    "deposit",
    "draw_patient",
    "draw_scanner",
    "draw_scatterers",
    "draw_shape",
    "ejection_fraction",
    "fresh_folder",
    "log_compress",
    "point_spread",
    "write_camus",
    "write_nifti",
    "write_patient",
]
