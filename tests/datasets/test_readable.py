# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import scipy.io
from PIL import Image

from monai_gradprom.datasets import decode_files, drop_unreadable, find_faults
from monai_gradprom.datasets import readable as module
from monai_gradprom.errors import InputError


def png(path: Path, size: tuple[int, int] = (5, 4)) -> str:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, size[::-1], np.uint8)).save(path)
    return str(path)


@pytest.fixture
def items(tmp_path: Path) -> list[dict]:
    """Whole, a torn image, a torn mask, no mask, and a mask of another size."""
    found = [{"id": name, "image": png(tmp_path / f"{name}.png")} for name in "abcde"]
    for item in found:
        item["label"] = item["image"]
        item["segmentation"] = png(tmp_path / f"{item['id']}_mask.png")
    del found[3]["segmentation"]
    for key, item in (("image", found[1]), ("segmentation", found[2])):
        Path(item[key]).write_bytes(Path(item[key]).read_bytes()[:40])
    png(tmp_path / "e_mask.png", (4, 5))
    return found


def test_unreadable_items_are_left_out_and_named(items: list[dict], caplog: pytest.LogCaptureFixture) -> None:
    assert drop_unreadable(items, allowed=True) == [items[0], items[3], items[4]]
    first, second, last = caplog.messages
    assert first.startswith(f"left out: {items[1]['image']}: cannot be read as an image")
    assert second.startswith(f"left out: {items[2]['segmentation']}: cannot be read as an image")
    assert last == "2 of 5 images are left out: they cannot be read."


def test_nothing_is_left_out_unasked(items: list[dict], caplog: pytest.LogCaptureFixture) -> None:
    assert drop_unreadable(items) == items and not caplog.records
    assert drop_unreadable(items, keys=["image"], allowed=True) == [items[0], *items[2:]]


def test_a_list_with_nothing_readable_is_refused(items: list[dict]) -> None:
    with pytest.raises(InputError, match=r"none of 2 images can be read \(the first: .*b\.png"):
        drop_unreadable(items[1:3], allowed=True)
    assert drop_unreadable([], allowed=True) == []


def test_each_file_is_decoded_once(items: list[dict], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    call = module.LoadClinicalImage.__call__

    def counting(self: object, path: str, **options: object) -> object:
        loaded.append(path)
        return call(self, path, **options)

    monkeypatch.setattr(module.LoadClinicalImage, "__call__", counting)
    found = decode_files(items)
    assert len(loaded) == len(set(loaded)) == len(found) == 9
    assert found[items[0]["image"], None].shape == (5, 4)


def test_sequences_and_labels_of_nuclei_are_decoded_too(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros((6, 5, 3), np.uint8), np.eye(4)), tmp_path / "s.nii.gz")
    scipy.io.savemat(tmp_path / "m.mat", {"inst_map": np.ones((4, 5), int), "id": [[1]], "class": [[2]]})
    sequence = {"image": str(tmp_path / "s.nii.gz")}
    listed = [{**sequence, "id": n, "frame": n} for n in range(4)]
    assert drop_unreadable(listed, allowed=True) == listed[:3]
    assert decode_files([{"segmentation": str(tmp_path / "m.mat")}]).popitem()[1].shape == (5, 4)


def test_faults_include_masks_of_another_size(items: list[dict]) -> None:
    seen: list[object] = []
    faults = find_faults(items, progress=lambda files: seen.extend(files) or files)
    assert list(faults) == ["b", "c", "e"] and len(seen) == 9
    assert faults["e"] == [f"{items[4]['segmentation']}: is 4 x 5 (width x height) where its image is 5 x 4"]
    assert len(faults["b"]) == 1 and items[1]["image"] in faults["b"][0]
