# SPDX-License-Identifier: Apache-2.0
"""Synthetic images in the layouts of the real data sets: data that may be shared, for first steps and for tests.

- Echocardiography (`write_camus`): `HeartShape` -> `draw_scatterers` -> `HeartMotion` -> `speckle` and `Scanner`
  (pulse, envelope, clutter, log compression on polar beams) -> `Sector.scan_convert`; varied by `draw_patient`;
  every second patient through a `poor_window` (`write_camus_unpaired`).
- Dermoscopy (`write_isic2018`): `LesionShape` -> `lesion_pigment` on `skin_pigment` -> `reflectance` (Beer-Lambert)
  -> hair, bubbles, ruler, `Lamp`; varied by `draw_skin`.
- Chest CT (`write_covidct`): `ChestShape` -> `attenuation`, `vessel_share`, `pneumonia` or `nodule` in Hounsfield
  units -> noise and lung window; varied by `draw_chest_ct`.
- Histology (`write_lizard`): `draw_composition` -> crypts, stroma and `draw_nucleus` as stain densities -> `Staining`
  (Beer-Lambert, optical blur, noise), all in `nuclei_phantom`; varied by `draw_slide`.
- A clinical folder (`write_clinical`): echocardiograms and chest CT from above with a scanner's noise, as DICOM and in
  other formats, beside files that hold no image.

No real image is copied; the settings were adjusted by hand until summary statistics and the look agreed with real ones.
"""

from __future__ import annotations

from .camus_layout import camus_split, ejection_fraction, write_camus, write_nifti, write_patient, write_split
from .camus_unpaired_layout import draw_unpaired_patient, write_camus_unpaired
from .clinical_layout import write_clinical
from .covidct_layout import covidct_name, write_covidct
from .ct_anatomy import attenuation, lung_share
from .ct_lesions import nodule, pneumonia
from .ct_phantom import CT_CLASSES, ChestPhantom, draw_chest_ct
from .ct_shape import ChestShape, draw_chest
from .ct_vessels import vessel_share
from .echo_phantom import VIEWS, EchoPatient, EchoView, draw_patient
from .heart_motion import HeartMotion
from .heart_shape import HeartShape, draw_shape
from .isic_layout import write_isic2018
from .lizard_layout import draw_slide, lizard_folds, write_lizard, write_lizard_label
from .nuclei_phantom import NucleiPhantom, draw_composition, nuclei_phantom
from .nuclei_shapes import NUCLEI, Nucleus, draw_nucleus
from .nuclei_stain import Staining, draw_staining
from .output_folder import MARKER, fresh_folder
from .poor_window import poor_window
from .scanner import QUALITIES, Scanner, draw_scanner
from .scatterers import Scatterers, draw_scatterers
from .sector import Sector
from .skin_phantom import SkinPhantom, draw_skin, reflectance
from .skin_pigment import Pigment, lesion_pigment
from .skin_shape import DIAGNOSES, LesionShape, draw_lesion_shape
from .skin_surface import Lamp, draw_bubbles, draw_hairs, draw_ruler, skin_pigment
from .speckle import complex_gaussian, deposit, log_compress, point_spread

__all__ = [
    "CT_CLASSES",
    "DIAGNOSES",
    "MARKER",
    "NUCLEI",
    "QUALITIES",
    "VIEWS",
    "ChestPhantom",
    "ChestShape",
    "EchoPatient",
    "EchoView",
    "HeartMotion",
    "HeartShape",
    "Lamp",
    "LesionShape",
    "NucleiPhantom",
    "Nucleus",
    "Pigment",
    "Scanner",
    "Scatterers",
    "Sector",
    "SkinPhantom",
    "Staining",
    "attenuation",
    "camus_split",
    "complex_gaussian",
    "covidct_name",
    "deposit",
    "draw_bubbles",
    "draw_chest",
    "draw_chest_ct",
    "draw_composition",
    "draw_hairs",
    "draw_lesion_shape",
    "draw_nucleus",
    "draw_patient",
    "draw_ruler",
    "draw_scanner",
    "draw_scatterers",
    "draw_shape",
    "draw_skin",
    "draw_slide",
    "draw_staining",
    "draw_unpaired_patient",
    "ejection_fraction",
    "fresh_folder",
    "lesion_pigment",
    "lizard_folds",
    "log_compress",
    "lung_share",
    "nodule",
    "nuclei_phantom",
    "pneumonia",
    "point_spread",
    "poor_window",
    "reflectance",
    "skin_pigment",
    "vessel_share",
    "write_camus",
    "write_camus_unpaired",
    "write_clinical",
    "write_covidct",
    "write_isic2018",
    "write_lizard",
    "write_lizard_label",
    "write_nifti",
    "write_patient",
    "write_split",
]
