# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import scipy.io
from PIL import Image

from monai_gradprom.cli import main
from monai_gradprom.datasets import read_datalist

SUBSETS = ("training", "validation", "testing")


def isic(root: Path, count: int = 20) -> Path:
    images, masks = root / "ISIC2018_Task1-2_Training_Input", root / "ISIC2018_Task1_Training_GroundTruth"
    images.mkdir(parents=True)
    masks.mkdir()
    rows = ["image_id,diagnosis"]
    for n in range(count):
        Image.new("RGB", (6, 4)).save(images / f"ISIC_{n:07d}.jpg")
        Image.new("L", (6, 4)).save(masks / f"ISIC_{n:07d}_segmentation.png")
        rows.append(f"ISIC_{n:07d},{('MEL', 'NV', 'BKL', '')[n % 4]}")
    (root / "diagnosis.csv").write_text("\n".join(rows))
    return root


def camus(root: Path) -> Path:
    (root / "database_split").mkdir(parents=True)
    for n, subset in enumerate(SUBSETS, start=1):
        name = f"patient{n:04d}"
        folder = root / "database_nifti" / name
        folder.mkdir(parents=True)
        for stem in ("2CH_ED", "2CH_ED_gt", "4CH_ES"):
            nib.save(nib.Nifti1Image(np.zeros((4, 3), np.uint8), np.eye(4)), folder / f"{name}_{stem}.nii.gz")
        (root / "database_split" / f"subgroup_{subset}.txt").write_text(name)
    return root


def covidct(root: Path) -> Path:
    for name in ("COVID", "NonCOVID"):
        folder, lists = root / "Images-processed" / f"CT_{name}", root / "Data-split" / name
        folder.mkdir(parents=True)
        lists.mkdir(parents=True)
        for n, part in enumerate(("train", "val", "test")):
            Image.new("L", (4, 3)).save(folder / f"{n}%0.png")
            (lists / f"{part}CT_{name}.txt").write_text(f"{n}%0.png\ngone.png\n")
    return root


def lizard(root: Path) -> Path:
    images, labels = root / "lizard_images1" / "Lizard_Images1", root / "lizard_labels" / "Lizard_Labels" / "Labels"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for n in range(6):
        Image.new("RGB", (4, 3)).save(images / f"crag_{n}.png")
        content = {"inst_map": np.ones((3, 4), np.int32), "id": [[1]], "class": [[n + 1]]}
        scipy.io.savemat(labels / f"crag_{n}.mat", content)
    rows = ["Filename,Source,Split", *(f"crag_{n},crag,{n % 3 + 1}" for n in range(6))]
    (labels.parent / "info.csv").write_text("\n".join(rows))
    return root


def table(text: str) -> dict[str, list[str]]:
    """First cell → the others, of every line that has any."""
    rows = [re.split(r"\s{2,}", line.rstrip()) for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) > 1}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from monai_gradprom.cli import main\ntry: main(['prepare', '--help'])\nexcept SystemExit: pass\n"
    )
    code += "print([name for name in ('torch', 'monai', 'numpy') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--check-pixels" in result.stdout and result.stdout.endswith("[]\n")


def test_isic_in_the_current_folder_and_not_in_the_download(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = isic(tmp_path / "download")
    before = sorted(root.rglob("*"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["prepare", "isic2018", str(root), "--split", "paper", "--seed", "4"]) == 0
    out = capsys.readouterr().out
    rows = table(out)
    assert rows["training images"] == rows["masks"] == ["20", "2,594", "2,574 missing"]
    assert rows["diagnoses"] == ["15", "2,594", "2,579 missing"]
    assert rows["paper split"] == list(SUBSETS) and rows["images"] == ["15", "1", "4"]
    classes = [
        [int(n) for n in rows[name]] for name in ("of class MEL", "of class NV", "of class BKL", "without diagnosis")
    ]
    assert [sum(row) for row in classes] == [5, 5, 5, 5] and [sum(c) for c in zip(*classes, strict=True)] == [15, 1, 4]
    assert "note: ISIC 2018 training (paper split)" in out
    path = tmp_path / "here" / "isic2018_paper_seed4.json"
    assert out.endswith("datalist with 20 images: isic2018_paper_seed4.json\n") and sorted(root.rglob("*")) == before
    items = [item for s in SUBSETS for item in read_datalist(path, s, ["BKL", "MEL", "NV"])]
    names = {n: d for n, d in enumerate(("MEL", "NV", "BKL"))}
    for item in items:
        kind = names.get(int(item["id"][-7:]) % 4)
        assert item.get("diagnosis") == (None if kind is None else ["BKL", "MEL", "NV"].index(kind))
        assert Path(item["image"]).is_file() and Path(item["segmentation"]).is_file()


@pytest.mark.parametrize(
    ("name", "make", "found", "lists"),
    [
        ("camus", camus, {"patients": ["3", "500"], "frames": ["6", "2,000"], "masks": ["3", "2,000"]}, (2, 2, 2)),
        (
            "covidct",
            covidct,
            {"CT_COVID images": ["3", "349"], "CT_NonCOVID images": ["3", "397"], "names in Data-split": ["12", "746"]},
            (2, 2, 2),
        ),
        ("lizard", lizard, {"images": [], "labels (.mat)": ["6", "238"], "folds in info.csv": ["6", "238"]}, (3, 1, 2)),
    ],
)
def test_the_other_sets(name, make, found, lists, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "lists" / "x.json"
    assert main(["prepare", name, str(make(tmp_path / "download")), "--output", str(output)]) == 0
    rows = table(capsys.readouterr().out)
    for what, numbers in found.items():
        assert rows[what][: len(numbers)] == numbers
    assert rows["images"] == [str(n) for n in lists]  # the table of subsets comes last
    assert [len(read_datalist(output, s)) for s in SUBSETS] == list(lists)
    assert json.loads(output.read_text())["dataset"] == name


def test_fold_and_seed_reach_the_split(tmp_path: Path) -> None:
    root = lizard(tmp_path / "download")
    for fold in ("1", "2"):
        output = tmp_path / f"{fold}.json"
        assert main(["prepare", "lizard", str(root), "--fold", fold, "--output", str(output)]) == 0
        assert {int(i["id"][-1]) % 3 + 1 for i in read_datalist(output, "testing")} == {int(fold)}
        assert json.loads(output.read_text())["fold"] == int(fold)


def test_pixels_are_checked_and_faulty_images_left_out_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root, output = isic(tmp_path / "download"), tmp_path / "x.json"
    images, masks = root / "ISIC2018_Task1-2_Training_Input", root / "ISIC2018_Task1_Training_GroundTruth"
    (images / "ISIC_0000003.jpg").write_bytes((images / "ISIC_0000003.jpg").read_bytes()[:200])
    Image.new("L", (4, 6)).save(masks / "ISIC_0000005_segmentation.png")
    arguments = ["prepare", "isic2018", str(root), "--split", "paper", "--output", str(output)]
    for flags, count, summary in (
        ([], 20, ""),
        (["--check-pixels"], 20, "2 images with a fault (they stay in the datalist; leave them out by --skip-faulty)"),
        (["--skip-faulty"], 18, "2 images with a fault (left out)"),
    ):
        assert main(arguments + flags) == 0
        out = capsys.readouterr().out
        assert summary in out and f"datalist with {count} images" in out
        faults = [line for line in out.splitlines() if line.startswith("fault: ")]
        assert len(faults) == (2 if flags else 0)
        kept = {item["id"] for subset in SUBSETS for item in read_datalist(output, subset)}
        assert len(kept) == count
    assert {"ISIC_0000003", "ISIC_0000005"} & kept == set()
    assert any("ISIC_0000003.jpg: cannot be read" in line for line in faults)
    assert any("is 4 x 6 (width x height) where its image is 6 x 4" in line for line in faults)


def test_an_incomplete_official_split_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = isic(tmp_path / "download", 3)
    test = root / "ISIC2018_Task1-2_Test_Input"
    test.mkdir()
    Image.new("RGB", (6, 4)).save(test / "ISIC_1000000.jpg")
    assert main(["prepare", "isic2018", str(root), "--output", str(tmp_path / "x.json")]) == 0
    out = capsys.readouterr().out
    assert "lacks ISIC2018_Task1-2_Validation_Input" in out and table(out)["images"] == ["3", "0", "1"]
    assert table(out)["testing images"] == ["1", "1,000", "999 missing"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["camus", "{isic}"], "give the folder of the unpacked CAMUS archive"),
        (["isic2018", "{isic}"], "--split paper"),
        (["isic2018", "{isic}", "--fold", "1"], "--fold means nothing to isic2018"),
        (["lizard", "{isic}", "--diagnosis-csv", "x"], "--diagnosis-csv means nothing to lizard"),
        (["isic2018", "{isic}", "--split", "paper", "--seed", "-1"], "seed is -1"),
        (["isic2018", "{isic}", "--split", "paper", "--output", "{isic}/diagnosis.csv"], "choose another --output"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments, message, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = isic(tmp_path / "download", 4)
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    assert main(["prepare", *(a.format(isic=root) for a in arguments)]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before
