# SPDX-License-Identifier: Apache-2.0
"""What is said of files that cannot be read quotes none of them: every reader's exceptions, and `prepare`.

Values of a patient stand where numbers are expected, so that a library's own message would show them.
"""

from __future__ import annotations

import base64
import io
import re
import traceback

import numpy as np
import pytest
import scipy.io
from enhance_inputs import write_mhd
from miniatures import write_camus
from patient_values import (
    NAME,
    TEXTS,
    assert_no_patient,
    cut,
    write_patient_dicom,
    write_patient_nifti,
    write_patient_png,
    write_patient_tiff,
)
from PIL import Image, PngImagePlugin

from monai_gradprom.cli import main
from monai_gradprom.datasets import camus_datalist
from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.errors import InputError
from monai_gradprom.formats import open_image
from monai_gradprom.transforms.loading import LoadClinicalImage

HEADER = {"NDims": "3", "DimSize": "6 5 1", "ElementSpacing": "1 1 1", "Offset": "0 0 0", "HeaderSize": "0"}
HEADER |= {"ElementType": "MET_SHORT", "ElementNumberOfChannels": "1", "CompressedData": "False"}
HEADER |= {"TransformMatrix": "1 0 0 0 1 0 0 0 1", "ElementDataFile": "a.raw"}


def write_headers(folder):
    """MetaImage headers with a name in the place of each value."""
    write_mhd(folder / "a.mhd")
    for key in HEADER:
        for suffix in (".mhd", ".mha"):
            lines = {"ObjectType": "Image", "Comment": NAME, **HEADER, key: NAME.split("^")[0]}
            (folder / f"{key}{suffix}").write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))


def write_labels(folder):
    """MATLAB files with texts as their values and names."""
    sound = {"inst_map": np.eye(4), "id": np.ones(1), "class": np.ones(1)}
    word = NAME.split("^")[0]
    for key in sound:
        scipy.io.savemat(folder / f"{key}.mat", sound | {key: word})
        scipy.io.savemat(folder / f"{key}-fields.mat", sound | {key: {word: [word]}})
        cut(folder / f"{key}.mat", folder / f"{key}-cut.mat", 0.6)
    scipy.io.savemat(folder / "other.mat", {word: word})


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three whole DICOM files, and many that nobody can read."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(3):
        write_patient_dicom(folder / f"person{number}" / "dicom", number, PatientID=f"{TEXTS[2]}{number}")
    broken = folder / "broken"
    broken.mkdir()
    write_headers(broken)
    write_labels(broken)
    whole = (write_patient_nifti(broken / "a.nii.gz"), write_patient_png(broken / "a.png"))
    for path in (*whole, write_patient_tiff(broken / "a.tif"), write_patient_nifti(broken / "b.nii")):
        for share in (0.1, 0.4, 0.9):
            cut(path, broken / f"{share}-{path.name}", share)
    write_patient_dicom(broken / "lies.dcm", 6, invalid=True, Rows=4000)
    write_patient_dicom(broken / "colour.dcm", 6, PhotometricInterpretation=NAME, SamplesPerPixel=7)
    return folder


@pytest.mark.parametrize("read", [LoadClinicalImage(), count_frames, open_image])
def test_no_exception_quotes_a_file(images, read, capfd, caplog):
    """Tracebacks of `InputError`, and what it came from, as a program of one's own would show them."""
    said = []
    for path in sorted((images / "broken").iterdir()):
        try:
            read(path)
        except InputError as error:
            said += traceback.format_exception(error)
    assert len(said) > 20
    assert_no_patient("".join(said), "exceptions")
    assert_no_patient("\n".join([*capfd.readouterr(), caplog.text]), "printed")


@pytest.mark.parametrize("read", [LoadClinicalImage(), count_frames], ids=["load", "count"])
def test_a_library_that_quotes_a_file_is_not_quoted(tmp_path, monkeypatch, read):
    """Whatever the file: the libraries at hand may have said nothing of those above."""
    path = write_patient_nifti(tmp_path / "a.nii")

    def refuse(*args, **kwargs):
        raise ValueError(f"invalid literal for int() with base 10: {NAME!r}")

    monkeypatch.setattr("nibabel.load", refuse)
    with pytest.raises(InputError, match=r"a\.nii: cannot be read as an image \(ValueError\)") as caught:
        read(path)
    assert_no_patient("".join(traceback.format_exception(caught.value)), "exceptions")


def test_the_datalist_of_a_folder(images, tmp_path, capfd, caplog):
    """Patients are kept apart, but not named; faults are told."""
    listed = tmp_path / "list.json"
    assert main(["prepare", "folder", str(images), "--output", str(listed), "--skip-faulty"]) == 0
    printed = capfd.readouterr()
    assert printed.out.count("fault: ") > 20 and "4" in printed.out
    assert_no_patient("\n".join([*printed, caplog.text]), "printed")
    assert_no_patient(listed.read_bytes(), "the datalist")


def test_the_datalist_of_a_data_set(tmp_path):
    """What a description of CAMUS says of quality is one of three words, or unknown."""
    root = write_camus(tmp_path)
    for path in root.rglob("Info_*.cfg"):
        path.write_text(re.sub("(?m)^ImageQuality.*$", f"ImageQuality: {NAME}", path.read_text()))
    items = camus_datalist(root, "training")
    assert {item["quality"] for item in items} == {"unknown"}
    assert_no_patient(repr(items), "the list")


def test_packed_texts_are_looked_into():
    """Else a picture in a report, or a text chunk, would hide them."""
    text, stream = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("Comment", f"{'of ' * 30}{NAME}", zip=True)
    Image.new("L", (3, 3)).save(stream, "PNG", pnginfo=text)
    assert TEXTS[0].encode() not in stream.getvalue()
    for data in (stream.getvalue(), b"<img src='data:image/png;base64," + base64.b64encode(stream.getvalue()) + b"'>"):
        with pytest.raises(AssertionError):
            assert_no_patient(data, "a picture")
