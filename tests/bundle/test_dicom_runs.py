# SPDX-License-Identifier: Apache-2.0
"""A bundle infers on a folder of DICOM files, and trains on a datalist of them."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
from dicom_datasets import US_CINE, write_dicom
from miniatures import blob, save_picture
from PIL import Image


def frame(rng):
    return blob(rng, (40, 48))[0]


def test_inference_on_a_folder_of_dicom(run, weights, tmp_path):
    rng = np.random.default_rng(0)
    still, cine = frame(rng), np.stack([frame(rng) for _ in range(2)])
    write_dicom(tmp_path / "in" / "p1" / "IM0001", still, PixelSpacing=[0.3, 0.2])
    write_dicom(tmp_path / "in" / "1.2.840.99", cine, SOPClassUID=US_CINE)
    save_picture(tmp_path / "in" / "still.png", still)
    save_picture(tmp_path / "in" / "last.png", cine[1])
    wide = (still.astype(np.uint16) * 10).astype(np.uint16)
    write_dicom(tmp_path / "in" / "ct.dcm", wide, WindowCenter=1000, WindowWidth=2001, BitsStored=12, HighBit=11)
    write_dicom(tmp_path / "in" / "report", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    run("inference", weights=weights, dataset_dir=str(tmp_path / "in"))
    out = tmp_path / "out"
    written = {path.relative_to(out).as_posix(): nib.load(path) for path in out.rglob("*.nii.gz")}
    assert set(written) == {
        "p1/IM0001_enhanced.nii.gz",
        "1.2.840.99_enhanced_frame-0000.nii.gz",
        "1.2.840.99_enhanced_frame-0001.nii.gz",
        "ct_enhanced.nii.gz",
    }
    image = written["p1/IM0001_enhanced.nii.gz"]
    assert image.shape == still.T.shape and image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.affine, np.diag([-0.2, -0.3, 1, 1]), atol=1e-6)
    # the same pixels as PNG become the same
    for name, picture in (("p1/IM0001_enhanced", "still"), ("1.2.840.99_enhanced_frame-0001", "last")):
        expected = np.asarray(Image.open(out / f"{picture}_enhanced.png"))
        np.testing.assert_array_equal(np.asarray(written[f"{name}.nii.gz"].dataobj).T, expected)
    assert (expected != cine[1]).any()
    assert written["ct_enhanced.nii.gz"].get_data_dtype() == np.uint16
    assert np.asarray(written["ct_enhanced.nii.gz"].dataobj).max() > 255


def test_training_on_a_datalist_of_dicom(run, tmp_path):
    rng = np.random.default_rng(1)
    lists = {}
    for subset, count in (("training", 4), ("validation", 2), ("testing", 1)):
        names = [f"{subset}{n}" for n in range(count)]
        for name in names:
            write_dicom(tmp_path / name, frame(rng))
        lists[subset] = [{"image": name} for name in names]
    write_dicom(tmp_path / "cine", np.stack([frame(rng) for _ in range(2)]), SOPClassUID=US_CINE)
    lists["training"] += [{"image": "cine", "frame": n} for n in range(2)]
    (tmp_path / "list.json").write_text(json.dumps(lists))
    built = run(datalist=str(tmp_path / "list.json"), dataset_dir=None, strategy="enhancer_only")
    data = built.parser.get_parsed_content("train#dataset")
    assert len(data) == 6 and data[0]["image"].min() >= 0 and data[0]["image"].max() <= 1
    assert (tmp_path / "out" / "model.pt").is_file()
