# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pydicom
import pytest
from derived_case import RUN, as_frames, read
from dicom_datasets import write_dicom

from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.errors import InputError

PIXELS = np.zeros((10, 20), np.uint8)


@pytest.mark.parametrize(
    ("kind", "units", "refused"),
    [("ROI", "", True), ("POLY", "", True), ("FILT", ["PIXL", "PIXL"], True), ("ECG", ["DPPS", "VOLT"], False)],
)
def test_curves_on_the_image(tmp_path, kind, units, refused):
    path = write_dicom(tmp_path / "source.dcm", PIXELS)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x50000020, "CS", kind)
    dataset.add_new(0x50000030, "SH", units)
    dataset.save_as(path)
    write_derived(read(path), tmp_path / "derived.dcm", as_frames(PIXELS), RUN)
    if refused:
        with pytest.raises(InputError, match="curves"):
            write_derived(read(path), tmp_path / "derived.dcm", as_frames(PIXELS, 2), RUN, 2)
    else:
        write_derived(read(path), tmp_path / "derived.dcm", as_frames(PIXELS, 2), RUN, 2)
