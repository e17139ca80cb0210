# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from monai.data import list_data_collate
from monai.transforms import EnsureChannelFirst, LoadImage
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import UNKNOWN_NUCLEUS, LizardLabelReader, LoadClinicalImage, LoadClinicalImaged

HEIGHT, WIDTH = 5, 8


def instances() -> np.ndarray:
    """Rows x columns, as MATLAB stores it; the nuclei's numbers have gaps and lie asymmetrically."""
    inst = np.zeros((HEIGHT, WIDTH), np.int32)
    inst[0, 0:3] = 2
    inst[1:4, 6] = 9
    inst[4, 1:6] = 5
    inst[2, 2] = 7
    return inst


def label(path: Path, **fields: np.ndarray) -> Path:
    ids = np.array([[9], [2], [5], [7]], np.int32)
    classes = np.array([[3], [6], [1], [0]], np.int32)
    scipy.io.savemat(path, {"inst_map": instances(), "id": ids, "class": classes} | fields)
    return path


def by_hand() -> np.ndarray:
    """Pixel by pixel, in rows x columns."""
    known = {0: 0, 9: 3, 2: 6, 5: 1, 7: UNKNOWN_NUCLEUS}
    return np.array([[known[int(v)] for v in row] for row in instances()])


def test_each_pixel_has_the_class_of_its_nucleus(tmp_path: Path) -> None:
    loaded = LoadClinicalImage(channels=1)(label(tmp_path / "a.mat"))
    assert loaded.dtype == torch.uint8 and loaded.meta["stored_dtype"] == "uint8"
    assert loaded.shape == (1, WIDTH, HEIGHT)
    np.testing.assert_array_equal(loaded[0].numpy().T, by_hand())


def test_label_and_png_lie_on_each_other(tmp_path: Path) -> None:
    Image.fromarray((instances() > 0).astype(np.uint8) * 200).save(tmp_path / "a.png")
    item = {"image": str(tmp_path / "a.png"), "segmentation": str(label(tmp_path / "a.mat"))}
    out = LoadClinicalImaged(["image", "segmentation"], channels=1)(item)
    assert torch.equal(out["image"] > 0, out["segmentation"] > 0)
    batch = list_data_collate([out, out])
    assert batch["segmentation"].shape == (2, 1, WIDTH, HEIGHT)


def test_monai_itself_takes_the_reader(tmp_path: Path) -> None:
    loaded = EnsureChannelFirst()(LoadImage(reader=LizardLabelReader, dtype=None)(label(tmp_path / "a.mat")))
    np.testing.assert_array_equal(loaded[0].numpy().T, by_hand())


@pytest.mark.parametrize("shape", [(1, 4), (4,), (4, 1)])
def test_vectors_of_any_orientation(tmp_path: Path, shape: tuple) -> None:
    fields = {"id": np.array([9, 2, 5, 7]).reshape(shape), "class": np.array([3.0, 6, 1, 0]).reshape(shape)}
    loaded = LoadClinicalImage()(label(tmp_path / "a.mat", **fields))
    np.testing.assert_array_equal(loaded[0].numpy().T, by_hand())


def test_a_nucleus_that_is_not_listed_is_unknown_and_a_listed_one_may_be_absent(tmp_path: Path) -> None:
    path = label(tmp_path / "a.mat", id=np.array([2, 1000, -4]), **{"class": np.array([6, 2, 2])})
    loaded = LoadClinicalImage()(path)[0].numpy().T
    np.testing.assert_array_equal(loaded, np.select([instances() == 2, instances() > 0], [6, UNKNOWN_NUCLEUS], 0))


def test_no_nucleus_at_all(tmp_path: Path) -> None:
    empty = {"inst_map": np.zeros((3, 4), np.int32), "id": np.zeros((0, 1)), "class": np.zeros((0, 1))}
    assert LoadClinicalImage()(label(tmp_path / "a.mat", **empty)).numpy().max() == 0


def test_other_mat_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "other.mat", {"x": np.eye(3)})
    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF" + bytes(400))
    (tmp_path / "torn.mat").write_bytes(label(tmp_path / "a.mat").read_bytes()[:150])
    label(tmp_path / "odd.mat", id=np.array([1, 2]))
    label(tmp_path / "far.mat", inst_map=np.full((2, 2), 2**30, np.int32))
    for name, message in (
        ("other", "lacks inst_map, id, class"),
        ("new", r"MATLAB 7\.3; save it again"),
        ("torn", "cannot be read"),
        ("odd", "2 ids but 4 classes"),
        ("far", "numbers nuclei up to 1073741824"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            LoadClinicalImage()(tmp_path / f"{name}.mat")
        assert str(tmp_path / f"{name}.mat") in str(caught.value) and "\n" not in str(caught.value)
