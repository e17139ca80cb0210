# SPDX-License-Identifier: Apache-2.0
"""Writing phantoms as CAMUS lays out its NIfTI release: `database_nifti/`, `database_split/`, `Info_*.cfg`."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .echo_phantom import EchoPatient, draw_patient

__all__ = ["camus_split", "ejection_fraction", "write_camus", "write_nifti", "write_patient", "write_split"]


def camus_split(patients: int) -> dict[str, list[str]]:
    """Patients of each official subset: of 24, 16 for training, 3 for validation and 5 for testing.

    Args:
        patients: how many patients there are, 3 to 9999.

    Returns:
        Names such as "patient0001" under "training", "validation" and "testing"; no subset is empty.

    Raises:
        InputError: for fewer than 3 or more than 9999 patients.
    """
    if not 3 <= patients <= 9999:
        raise InputError(f"patients is {patients}; give 3 (one for each subset) to 9999.")
    names = [f"patient{number:04d}" for number in range(1, patients + 1)]
    testing, validation = max(1, round(patients * 5 / 24)), max(1, round(patients * 3 / 24))
    training = patients - testing - validation
    return {
        "training": names[:training],
        "validation": names[training : training + validation],
        "testing": names[training + validation :],
    }


def write_camus(
    root: Path,
    seed: int = 0,
    patients: int = 24,
    half_sequences: int = 1,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> None:
    """Write a set of phantoms.

    Args:
        root: folder that will hold `database_nifti/` and `database_split/`.
        seed: 0 to 2³² - 1; the same seed gives the same bytes (with the same numpy, scipy and zlib).
        patients: how many, 3 to 9999; a patient's images do not depend on this number.
        half_sequences: how many patients of each subset also get the frames between ED and ES, 0 or more.
        progress: wraps the iteration over patients, as `tqdm` does.

    Raises:
        InputError: for a seed or a number of patients out of range.
    """
    if not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed}; give a whole number from 0 to {2**32 - 1}.")
    subsets = camus_split(patients)
    write_split(root / "database_split", subsets)
    with_sequence = {name for names in subsets.values() for name in names[: max(0, half_sequences)]}
    for name in progress([name for names in subsets.values() for name in names]):
        write_patient(root / "database_nifti" / name, draw_patient(seed, int(name[-4:])), name in with_sequence)


def write_split(folder: Path, subsets: Mapping[str, Iterable[str]]) -> None:
    """Write `subgroup_<subset>.txt` for each subset.

    Args:
        folder: the split's folder; it is made.
        subsets: subset -> names of its patients.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for subset, names in subsets.items():
        (folder / f"subgroup_{subset}.txt").write_text("".join(f"{name}\n" for name in names), newline="\n")


def write_patient(folder: Path, patient: EchoPatient, with_sequence: bool = False) -> None:
    """Write one patient's frames, masks and `Info_*.cfg`.

    Args:
        folder: the patient's folder, whose name begins every file name.
        patient: what to write.
        with_sequence: also write the frames from end diastole to end systole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # ES is the last frame of the half sequence; the valve moves as slowly at both ends as a real one.
    moments = patient.frames if with_sequence else 2
    phases = [float(phase) for phase in (1 - np.cos(np.linspace(0, np.pi, moments))) / 2]
    masks = {view: np.stack([echo.mask(phase) for phase in phases], -1) for view, echo in patient.views.items()}
    fraction = ejection_fraction(masks["2CH"], masks["4CH"])
    for view, echo in patient.views.items():
        stem, spacing = f"{folder.name}_{view}", echo.sector.spacing
        for suffix, frames in (("", echo.render(phases)), ("_gt", masks[view])):
            write_nifti(folder / f"{stem}_ED{suffix}.nii.gz", frames[..., 0], spacing)
            write_nifti(folder / f"{stem}_ES{suffix}.nii.gz", frames[..., -1], spacing)
            if with_sequence:
                write_nifti(folder / f"{stem}_half_sequence{suffix}.nii.gz", frames, spacing)
        fields = {
            "ED": 1,
            "ES": patient.frames,
            "NbFrame": patient.frames,
            "Sex": patient.sex,
            "Age": patient.age,
            "ImageQuality": patient.quality,
            "EF": round(100 * fraction),
            "FrameRate": patient.frame_rate,
        }
        text = "".join(f"{key}: {value}\n" for key, value in fields.items())
        (folder / f"Info_{view}.cfg").write_text(text, newline="\n")


def ejection_fraction(masks_2ch: NDArray[np.uint8], masks_4ch: NDArray[np.uint8]) -> float:
    """Ejection fraction by the biplane area-length rule, V = 8 A₁ A₂ / (3 π L) (Folland et al., Circulation 1979).

    Args:
        masks_2ch: CAMUS classes [width, height, time], end diastole first, end systole last.
        masks_4ch: the same in the other view, with the same spacing.

    Returns:
        (V_ED - V_ES) / V_ED, a fraction of 1. L is the shorter of the two cavity lengths, taken along the depth.
    """
    volumes = []
    for moment in (0, -1):
        cavities = [masks[..., moment] == 1 for masks in (masks_2ch, masks_4ch)]
        length = min(np.count_nonzero(cavity.any(axis=0)) for cavity in cavities)
        volumes.append(np.prod([float(cavity.sum()) for cavity in cavities]) / length)
    return float(1 - volumes[1] / volumes[0])


def write_nifti(path: Path, frames: NDArray[np.uint8], spacing: float) -> None:
    """Write a frame [width, height] or a sequence [width, height, time] as a reproducible `.nii.gz`.

    Args:
        path: the file.
        frames: uint8 grey levels or classes.
        spacing: pixel size in both directions, mm; it becomes the diagonal of the affine.
    """
    image = nib.Nifti1Image(frames, np.diag([spacing, spacing, 1.0, 1.0]))
    image.header.set_xyzt_units("mm")
    # Neither name nor time enters the gzip header: the same pixels are the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(image.to_bytes())
