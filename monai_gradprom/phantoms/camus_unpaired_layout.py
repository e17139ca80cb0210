# SPDX-License-Identifier: Apache-2.0
"""Phantoms in CAMUS's layout whose every second patient is hard to image: two sides without pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from .camus_layout import write_patient, write_split
from .echo_phantom import EchoPatient, draw_patient
from .poor_window import poor_window
from .split_sizes import check_seed, split_sizes

__all__ = ["draw_unpaired_patient", "write_camus_unpaired"]

_OTHERS = 5000  # nobody is in `camus` as well


def draw_unpaired_patient(seed: int, number: int) -> EchoPatient:
    """Draw a patient: odd numbers are "Poor", even ones "Good" and "Medium" in turn.

    Args:
        seed: as of `draw_patient`.
        number: number of the patient, >= 1.
    """
    if number % 2 == 0:
        return draw_patient(seed, _OTHERS + number, "Good" if number % 4 else "Medium")
    patient = draw_patient(seed, _OTHERS + number, "Poor")
    rng = np.random.RandomState([seed, _OTHERS + number, 3])
    views = {view: replace(echo, scanner=poor_window(echo.scanner, rng)) for view, echo in patient.views.items()}
    return replace(patient, views=views)


def write_camus_unpaired(
    root: Path, seed: int = 0, pairs: int = 7, progress: Callable[[Iterable[str]], Iterable[str]] = iter
) -> None:
    """Write a set of phantoms: the frames and masks at ED and ES, `Info_*.cfg`, and a split.

    Args:
        root: folder that will hold `database_nifti/` and `database_split/`.
        seed: 0 to 2³² - 1; the same seed gives the same bytes (with the same numpy, scipy and zlib).
        pairs: how many poor patients there are, 3 to 9999, and as many others, who are not paired with them; of each
            two, both are in the same subset: of seven, four for training, one for validation and two for testing.
        progress: wraps the iteration over patients, as `tqdm` does.

    Raises:
        InputError: for a seed or a number out of range.
    """
    check_seed(seed)
    sizes = split_sizes(pairs, validation=0.15, testing=0.3)
    names = [f"patient{number:04d}" for number in range(1, 2 * pairs + 1)]
    ends = 2 * np.cumsum([0, *sizes])
    parts = {
        subset: names[start:end]
        for subset, start, end in zip(("training", "validation", "testing"), ends, ends[1:], strict=False)
    }
    write_split(root / "database_split", parts)
    for name in progress(names):
        write_patient(root / "database_nifti" / name, draw_unpaired_patient(seed, int(name[-4:])))
