# SPDX-License-Identifier: Apache-2.0
"""A small folder as an imaging engineer has it: exports of several machines, mixed formats, reports, a broken file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from .clinical_dicom import save_object
from .clinical_documents import structured_report, write_cd
from .clinical_pictures import write_pictures
from .clinical_series import contrast_radiograph, ct_series
from .clinical_ultrasound import ultrasound_cine, ultrasound_still
from .split_sizes import check_seed

__all__ = ["write_clinical"]

_NOTE = """Synthetic images for trying `monai-gradprom enhance`. No patient: name, numbers and dates are invented.

cd/            six CT slices as on a patient's CD: a DICOMDIR, and files without extension
radiography/   a test object for contrast and detail, MONOCHROME1
reports/       a structured report
research/      echocardiograms as PNG (8 and 16 bit), JPEG, NIfTI and MetaImage
ultrasound/    a grey cine, a colour still without extension, and a copy of the still that broke off
"""


def write_clinical(root: Path, seed: int = 0, progress: Callable[[Iterable[str]], Iterable[str]] = iter) -> None:
    """Write the folder: DICOM of several kinds, other formats, and files that hold nothing to enhance.

    Args:
        root: receives the files.
        seed: 0 to 2³² - 1; the same seed gives the same bytes (with the same numpy, scipy, Pillow, pydicom, zlib).
        progress: wraps the iteration over folder names, as `tqdm` does.

    Raises:
        InputError: for a seed out of range.
    """
    check_seed(seed)
    writers = {
        "cd": lambda folder: write_cd(folder, ct_series(seed), seed),
        "radiography": lambda folder: save_object(contrast_radiograph(seed), folder / "test_object.dcm"),
        "reports": lambda folder: save_object(structured_report(seed), folder / "report.dcm"),
        "research": lambda folder: write_pictures(folder, seed),
        "ultrasound": lambda folder: _write_ultrasound(folder, seed),
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "README.txt").write_text(_NOTE, newline="\n")
    for name in progress(list(writers)):
        writers[name](root / name)


def _write_ultrasound(folder: Path, seed: int) -> None:
    still = ultrasound_still(seed)
    save_object(ultrasound_cine(seed), folder / "cine.dcm")
    save_object(still, folder / "IM_0002")
    whole = (folder / "IM_0002").read_bytes()
    (folder / "broken.dcm").write_bytes(whole[: len(whole) // 3])
