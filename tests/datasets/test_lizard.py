# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from monai_gradprom.datasets import LIZARD_CLASSES, lizard_datalist, readable_items
from monai_gradprom.datasets import lizard as module
from monai_gradprom.errors import InputError

SUBSETS = ("training", "validation", "testing")
NAMES = [f"{source}_{n}" for source in ("consep", "crag", "dpath") for n in range(1, 9)]


def nuclei(path: Path, areas: dict[int, tuple[int, int]]) -> None:
    """``areas``: id of a nucleus → its class and number of pixels."""
    inst = np.zeros((10, 12), np.int32)
    inst.flat[: sum(n for _, n in areas.values())] = np.repeat(list(areas), [n for _, n in areas.values()])
    ids = np.array([[i] for i in reversed(areas)], np.int32).reshape(-1, 1)
    classes = np.array([[areas[i][0]] for i in reversed(areas)], np.int32).reshape(-1, 1)
    scipy.io.savemat(path, {"inst_map": inst, "id": ids, "class": classes})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Nested as the archive unpacks; one nucleus of epithelium (2) larger than three lymphocytes (3) together."""
    root = tmp_path / "lizard"
    labels = root / "lizard_labels" / "Lizard_Labels" / "Labels"
    labels.mkdir(parents=True)
    for part in "12":
        (root / f"lizard_images{part}" / f"Lizard_Images{part}").mkdir(parents=True)
    rows = ["Filename,Source,Split"]
    for n, name in enumerate(NAMES):
        part = "1" if n < 12 else "2"
        Image.new("RGB", (12, 10)).save(root / f"lizard_images{part}" / f"Lizard_Images{part}" / f"{name}.png")
        nuclei(labels / f"{name}.mat", {4: (3, 2), 7: (2, 9), 1: (3, 3), 3: (3, 3)})
        rows.append(f"{name},{name.split('_')[0]},{n % 3 + 1}")
    (labels.parent / "info.csv").write_text("\n".join(rows))
    return root


def flat(root: Path) -> Path:
    """The same files as some unpack them."""
    target = root.parent / "flat"
    shutil.copytree(root / "lizard_labels" / "Lizard_Labels" / "Labels", target / "Lizard_Labels")
    shutil.copy(root / "lizard_labels" / "Lizard_Labels" / "info.csv", target)
    for part in "12":
        shutil.copytree(root / f"lizard_images{part}" / f"Lizard_Images{part}", target / f"lizard_images{part}")
    return target


def ids(root: Path, subset: str, **options: object) -> list[str]:
    return [item["id"] for item in lizard_datalist(root, subset, **options)]


def test_an_item_says_everything(archive: Path) -> None:
    item = next(i for i in lizard_datalist(archive, "testing") if i["id"] == "dpath_8")
    image = str(archive / "lizard_images2" / "Lizard_Images2" / "dpath_8.png")
    assert item == {
        "id": "dpath_8",
        "image": image,
        "label": image,
        "source": "dpath",
        "segmentation": str(archive / "lizard_labels" / "Lizard_Labels" / "Labels" / "dpath_8.mat"),
        "diagnosis": LIZARD_CLASSES.index("epithelial"),
    }


def test_a_fold_is_for_testing_and_a_tenth_of_the_rest_for_validation(archive: Path) -> None:
    for fold in (1, 2, 3):
        tested = {name for n, name in enumerate(NAMES) if n % 3 + 1 == fold}
        parts = {s: ids(archive, s, fold=fold, seed=5) for s in SUBSETS}
        order = np.random.RandomState(5).permutation(sorted(set(NAMES) - tested)).tolist()
        assert set(parts["testing"]) == tested
        assert sorted(parts["validation"]) == sorted(order[:2])  # 1.6 of 16
        assert sorted(parts["training"]) == sorted(order[2:])


def test_the_paper_s_split_keeps_180_to_58(archive: Path) -> None:
    parts = [ids(archive, s, split="paper", seed=1) for s in SUBSETS]
    assert [len(part) for part in parts] == [17, 1, 6]  # 58 / 238 and 5 % of 24
    assert sorted(name for part in parts for name in part) == NAMES
    assert ids(archive, "testing", split="paper", seed=2) != parts[2]


def test_flat_folders_and_the_folder_above(archive: Path) -> None:
    nested = {s: lizard_datalist(archive, s) for s in SUBSETS}
    assert [lizard_datalist(archive.parent, s) for s in SUBSETS] == list(nested.values())
    root = flat(archive)
    for s in SUBSETS:
        found = lizard_datalist(root, s)
        assert [i["id"] for i in found] == [i["id"] for i in nested[s]]
        assert all(i["diagnosis"] == 1 and Path(i["segmentation"]).is_file() for i in found)


def test_no_diagnosis_is_made_up(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = archive / "lizard_labels" / "Lizard_Labels" / "Labels"
    tested = [name for n, name in enumerate(NAMES) if n % 3 == 2]
    nuclei(labels / f"{tested[0]}.mat", {1: (0, 30)})
    nuclei(labels / f"{tested[1]}.mat", {})
    (labels / f"{tested[2]}.mat").unlink()
    (labels / f"{tested[3]}.mat").write_bytes(b"torn")
    nuclei(labels / f"{tested[4]}.mat", {1: (0, 30), 2: (6, 1)})
    found = {i["id"]: i for i in lizard_datalist(archive, "testing")}
    assert not any("diagnosis" in found[name] for name in tested[:4])
    assert found[tested[4]]["diagnosis"] == 5
    assert "segmentation" not in found[tested[2]] and "segmentation" in found[tested[3]]
    # the torn file is not passed over: whoever takes up the list is told, or has allowed to leave it out
    assert [name for name, item in found.items() if item.get("unreadable")] == [tested[3]]
    with pytest.raises(InputError, match=rf"{tested[3]}\.mat: cannot be read"):
        readable_items(list(found.values()))
    (line,) = caplog.messages
    for gap in ("1 labels", "2 diagnoses (no nucleus of known class)"):
        assert gap in line


def test_a_label_is_read_once_until_it_changes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = module.read_nuclei
    paths: list[Path] = []
    monkeypatch.setattr(module, "read_nuclei", lambda path: paths.append(path) or read(path))
    lizard_datalist(archive, "testing")
    lizard_datalist(archive, "testing")
    assert len(paths) == len(set(paths)) == 8
    nuclei(paths[0], {1: (4, 50)})
    assert sorted(i["diagnosis"] for i in lizard_datalist(archive, "testing"))[-1] == 3
    assert len(paths) == 9


def test_info_csv(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    info = archive / "lizard_labels" / "Lizard_Labels" / "info.csv"
    rows = info.read_text().splitlines()
    info.write_text("\n".join([*rows[:-1], "gone_1.png,gone,3"]))
    assert len(ids(archive, "testing")) == 7
    assert "1 folds in info.csv, 1 images of info.csv" in caplog.text
    with pytest.raises(InputError, match=r"fold 4 has no image.*1, 2, 3"):
        lizard_datalist(archive, "testing", fold=4)
    info.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="has the columns a, b instead of Filename,Source,Split"):
        lizard_datalist(archive, "testing")
    info.unlink()
    with pytest.raises(InputError, match=r"lacks info\.csv.*--split paper"):
        lizard_datalist(archive, "testing")
    assert {i["source"] for i in lizard_datalist(archive, "testing", split="paper")} == {"unknown"}


def test_a_wrong_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds nothing, but neither lizard_images1/Lizard_Images1"):
        lizard_datalist(tmp_path, "training")


def test_classes_are_counted_as_the_user_lists_them(archive: Path) -> None:
    labels = archive / "lizard_labels" / "Lizard_Labels" / "Labels"
    tested = [name for n, name in enumerate(NAMES) if n % 3 == 2]
    nuclei(labels / f"{tested[0]}.mat", {1: (2, 30)})
    nuclei(labels / f"{tested[1]}.mat", {1: (6, 30)})
    nuclei(labels / f"{tested[2]}.mat", {1: (3, 30)})
    found = {i["id"]: i for i in lizard_datalist(archive, "testing", diagnoses=["connective", "epithelial"])}
    assert [found[name].get("diagnosis") for name in tested[:3]] == [1, 0, None]
    with pytest.raises(InputError, match="diagnoses 'epithelium' is unknown: did you mean 'epithelial'"):
        lizard_datalist(archive, "testing", diagnoses=["epithelium"])
