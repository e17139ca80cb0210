# SPDX-License-Identifier: Apache-2.0
"""No value of a header comes out: not in the manifest, the report, the record, what is printed, or a folder's name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from derived_case import IMPLICIT, LITTLE, raw_file
from dicom_datasets import item, write_dicom
from enhance_commands import Command, rows, tree
from enhance_inputs import identity, pixels, shifting, write_picture, write_slice, write_ultrasound
from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword

import monai_gradprom
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance

SECRET = "Zeugin7Q"
NUMBER = "7391846"
UID = f"1.2.276.{NUMBER}.1"
DATE = "19010203"
TRACES = [trace.encode() for trace in (SECRET, SECRET.upper(), NUMBER, DATE)]
OWN = (b"run.json", b"manifest.jsonl", b"report.html", b"series.jsonl")
_VALUES = {
    "UI": UID,
    "DA": DATE,
    "TM": "123456.739184",
    "DT": f"{DATE}121314",
    "AS": "091Y",
    "DS": NUMBER,
    "IS": NUMBER,
}
_TEXTS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", *_VALUES)
# what makes it an image at all
_NEEDED = (
    "SOPClassUID",
    "SpecificCharacterSet",
    "PhotometricInterpretation",
    "Modality",
    "NumberOfFrames",
    "ImageType",
)
_NEEDED += ("RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth", "VOILUTFunction")


def texts(output, command=None):
    """Everything that a person may be shown, names of files included."""
    found = tree(output)
    data = b"\n".join(found[name] for name in OWN if name in found) + b"\n".join(found)
    return data + (command.printed() if command else b"")


def check(shown):
    for trace in TRACES:
        assert trace not in shown, shown[max(0, shown.index(trace) - 200) :][:400]


def told(keyword):
    return {keyword: _VALUES.get(dictionary_VR(keyword), SECRET)}


def everything():
    """A value in every element of text that the dictionary has."""
    keywords = [k[4] for tag, k in DicomDictionary.items() if 0x00080000 < tag < 0x54000000 and tag >> 16 != 0x28]
    wanted = [k for k in keywords if k and k not in _NEEDED and dictionary_VR(k) in _TEXTS]
    return {name: value for keyword in wanted for name, value in told(keyword).items()}


def write_all(folder):
    """Grey slices and colour ultrasound with all texts, private elements and items; whole, and damaged in many ways."""
    given = everything()
    plain = given | {"OtherPatientIDsSequence": [item(PatientID=SECRET, IssuerOfPatientID=NUMBER)]}
    write_slice(folder / "ct" / "whole", pixels(8, 8, dtype=np.uint16), **plain)
    write_ultrasound(folder / "us" / "whole", **plain)
    write_dicom(folder / "report", None, **plain | {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"})
    dataset = pydicom.dcmread(folder / "ct" / "whole")
    block = dataset.private_block(0x0029, f"{SECRET} creator", create=True)
    block.add_new(1, "LO", SECRET)
    block.add_new(2, "UN", SECRET.encode())
    dataset.save_as(folder / "ct" / "private")
    data = (folder / "ct" / "whole").read_bytes()
    for number, share in enumerate((0.03, 0.2, 0.5, 0.8, 0.999)):
        (folder / "ct" / f"cut{number}").write_bytes(data[: int(share * len(data))])
    for number in range(40):  # a few bytes gone wrong somewhere: other lengths, VRs, tags
        where = len(data) * (number + 1) // 42
        (folder / "ct" / f"spoilt{number}").write_bytes(data[:where] + bytes([number * 6] * 3) + data[where + 3 :])
    write_picture(folder / "a.png")


@pytest.mark.parametrize("flags", [[], ["--thumbnails", "--any-modality", "--hash-paths"]])
def test_nothing_comes_out_of_whole_and_damaged_files(tmp_path, flags):
    write_all(tmp_path / "in")
    bundle = shifting(tmp_path / "bundle")
    arguments = [tmp_path / "in", tmp_path / "out", "--bundle", bundle, "--device", "cpu", "--workers", "2"]
    command = Command([*arguments, *flags], tmp_path)
    assert command.wait() == 1, command.printed()
    found = rows(tmp_path / "out")
    assert {row["status"] for row in found.values()} == {"done", "skipped", "failed"}
    if not flags:
        whole = [row for path, row in found.items() if path.endswith(("whole", "private"))]
        assert [row["status"] for row in whole] == ["done"] * 3
    check(texts(tmp_path / "out", command))
    # it is there to be found: results are derived images of the patient
    assert any(SECRET.encode() in data for data in tree(tmp_path / "out").values())


def elements():
    """All that the program asks a header for, by its own source, and what a header has in any case."""
    root = Path(monai_gradprom.__file__).parent
    sources = [*root.glob("formats/dicom/*.py"), *root.glob("enhance/derived/*.py")]
    words = {word for path in sources for word in re.findall(r"\b[A-Z][A-Za-z]+[a-z]\w*", path.read_text())}
    tags = {tag_for_keyword(word) for word in words if tag_for_keyword(word) is not None}
    return sorted(tag for tag in tags if tag >> 16 not in (0x0000, 0x0002, 0x7FE0, 0xFFFE) and tag >> 16 != 0x0004)


@pytest.mark.parametrize("syntax", [LITTLE, IMPLICIT])
@pytest.mark.parametrize("any_modality", [False, True])
def test_nothing_comes_out_of_an_element_in_the_place_of_another(tmp_path, capfd, caplog, syntax, any_modality):
    """Each element that the program looks at holds a name, whatever its kind."""
    (tmp_path / "in").mkdir()
    for tag in elements():
        vr = dictionary_VR(tag)[:2]
        vr = "LO" if vr == "SQ" else vr
        raw_file(tmp_path / "in" / f"{tag:08x}", [(tag, vr, SECRET.encode())], syntax)
    assert len(elements()) > 100
    bundle = shifting(tmp_path / "bundle", modality="CT")
    options = Options(tmp_path / "in", tmp_path / "out", bundle, device="cpu", workers=0, any_modality=any_modality)
    run_enhance(options)
    printed = capfd.readouterr()
    check(texts(tmp_path / "out") + printed.out.encode() + printed.err.encode() + caplog.text.encode())
    reasons = {row["reason"] for row in rows(tmp_path / "out").values() if row["reason"]}
    assert not [reason for reason in reasons if "bug" in reason]


def test_nothing_comes_out_of_other_formats(tmp_path, capfd):
    """Texts of PNG, TIFF and NIfTI; words of a MetaImage header in each place."""
    import nibabel
    from PIL import Image, PngImagePlugin

    folder = tmp_path / "in"
    write_picture(folder / "a.png")
    text = PngImagePlugin.PngInfo()
    text.add_text(SECRET, SECRET)
    Image.open(folder / "a.png").save(folder / "b.png", pnginfo=text)
    Image.open(folder / "a.png").save(folder / "c.tif", description=SECRET, software=SECRET)
    image = nibabel.Nifti1Image(pixels(4, 4, 2), np.eye(4))
    image.header["descrip"] = image.header["intent_name"] = image.header["aux_file"] = SECRET
    nibabel.save(image, folder / "d.nii")
    lines = {"ObjectType": "Image", "NDims": "2", "BinaryData": "True", "Modality": "MET_MOD_CT", "DimSize": "2 2"}
    lines |= {"ElementSpacing": "1 1", "Offset": "0 0", "ElementType": "MET_UCHAR", "ElementDataFile": "LOCAL"}
    for name in (*lines, "HeaderSize", "CompressedData", "ElementNumberOfChannels", "Comment", "TransformMatrix"):
        spoilt = {"Comment": "x"} | {k: v for k, v in lines.items() if k != "ElementDataFile"} | {name: SECRET}
        spoilt |= {} if name == "ElementDataFile" else {"ElementDataFile": "LOCAL"}
        header = "".join(f"{key} = {value}\n" for key, value in spoilt.items())
        (folder / f"{name}.mha").write_bytes(header.encode() + bytes(4))
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.cut").write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    bundle = identity(tmp_path / "bundle")
    run_enhance(Options(folder, tmp_path / "out", bundle, device="cpu", workers=0, hash_paths=True))
    printed = capfd.readouterr()
    shown = texts(tmp_path / "out") + printed.out.encode() + printed.err.encode()
    check(shown)
    assert not [row for row in rows(tmp_path / "out").values() if "bug" in (row["reason"] or "")]
