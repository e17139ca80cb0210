# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import (
    camus_split,
    draw_patient,
    ejection_fraction,
    write_camus,
    write_nifti,
    write_patient,
)

SAMPLE = Path(__file__).parents[2] / "sample_data" / "camus"
FIELDS = ["ED", "ES", "NbFrame", "Sex", "Age", "ImageQuality", "EF", "FrameRate"]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("camus")
    write_camus(root, seed=3, patients=3, half_sequences=0)
    return root


def test_same_seed_same_bytes_and_another_seed_other_pixels(written, tmp_path):
    again = tmp_path / "patient0002"
    write_patient(again, draw_patient(3, 2))
    first, second = contents(written / "database_nifti" / "patient0002"), contents(again)
    assert first == second
    other = tmp_path / "other" / "patient0002"
    write_patient(other, draw_patient(4, 2))
    third = contents(other)
    assert third.keys() == first.keys()
    assert not any(third[name] == first[name] for name in first if name.endswith(".gz"))


def test_layout_is_complete(written):
    expected = {f"database_split/subgroup_{subset}.txt" for subset in ("training", "validation", "testing")}
    for number in (1, 2, 3):
        stem = f"database_nifti/patient{number:04d}"
        for view in ("2CH", "4CH"):
            expected.add(f"{stem}/Info_{view}.cfg")
            for phase in ("ED", "ES"):
                expected |= {f"{stem}/patient{number:04d}_{view}_{phase}{gt}.nii.gz" for gt in ("", "_gt")}
    assert set(contents(written)) == expected


def test_frames_masks_and_cfg_agree(written):
    folder = written / "database_nifti" / "patient0001"
    masks = {}
    for view in ("2CH", "4CH"):
        for phase in ("ED", "ES"):
            image, mask = (nib.load(folder / f"patient0001_{view}_{phase}{gt}.nii.gz") for gt in ("", "_gt"))
            assert image.shape == mask.shape
            assert image.get_data_dtype() == mask.get_data_dtype() == np.uint8
            np.testing.assert_array_equal(image.affine, mask.affine)
            spacing = image.header.get_zooms()[0]
            assert 110 < spacing * (image.shape[1] - 1) < 190  # mm, an adult's apical depth
            masks.setdefault(view, []).append(np.asarray(mask.dataobj))
        lines = (folder / f"Info_{view}.cfg").read_text().splitlines()
        info = dict(line.split(": ") for line in lines)
        assert list(info) == FIELDS
        assert info["ED"] == "1"
        assert info["ES"] == info["NbFrame"]
        assert info["ImageQuality"] in ("Good", "Medium", "Poor")
        assert 15 < int(info["EF"]) < 80
    areas = np.array([[(frame == 1).sum() for frame in frames] for frames in masks.values()], float)
    lengths = np.array([[(frame == 1).any(axis=0).sum() for frame in frames] for frames in masks.values()], float)
    volumes = areas.prod(axis=0) / lengths.min(axis=0)
    assert int(info["EF"]) == pytest.approx(100 * (1 - volumes[1] / volumes[0]), abs=0.51)


def test_half_sequence_starts_at_ed_and_ends_at_es(tmp_path):
    patient = dataclasses.replace(draw_patient(0, 1), frames=4)
    write_patient(tmp_path / "patient0001", patient, with_sequence=True)
    for view in ("2CH", "4CH"):
        for gt in ("", "_gt"):
            load = {k: nib.load(tmp_path / "patient0001" / f"patient0001_{view}_{k}{gt}.nii.gz").get_fdata()
                    for k in ("ED", "ES", "half_sequence")}  # fmt: skip
            assert load["half_sequence"].shape == (*load["ED"].shape, 4)
            np.testing.assert_array_equal(load["half_sequence"][..., 0], load["ED"])
            np.testing.assert_array_equal(load["half_sequence"][..., -1], load["ES"])
        cavity = (load["half_sequence"] == 1).sum(axis=(0, 1))
        assert (np.diff(cavity) < 0).all()


def test_split_covers_everyone_once():
    for patients in (3, 5, 24, 100):
        subsets = camus_split(patients)
        names = [name for part in subsets.values() for name in part]
        assert names == [f"patient{n:04d}" for n in range(1, patients + 1)]
        assert all(subsets.values())
    assert [len(part) for part in camus_split(24).values()] == [16, 3, 5]


@pytest.mark.parametrize(("arguments", "named"), [({"patients": 2}, "patients"), ({"seed": -1}, "seed")])
def test_out_of_range_is_refused(arguments, named, tmp_path):
    with pytest.raises(InputError, match=named):
        write_camus(tmp_path, **arguments)


def test_ejection_fraction_of_ellipsoids():
    x, z = np.mgrid[-60:61, -100:101]

    def ellipse(a, b):
        return ((x / a) ** 2 + (z / b) ** 2 < 1).astype(np.uint8)

    two = np.stack([ellipse(30, 80), ellipse(20, 70)], -1)
    four = np.stack([ellipse(40, 80), ellipse(30, 70)], -1)
    expected = 1 - (20 * 30 * 70) / (30 * 40 * 80)  # volumes of ellipsoids are 4/3 π a b c
    assert ejection_fraction(two, four) == pytest.approx(expected, abs=0.01)


def test_gzip_header_holds_neither_time_nor_name(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", np.zeros((4, 5), np.uint8), 0.5)
    head = (tmp_path / "a.nii.gz").read_bytes()[:10]
    assert head[3] == 0  # flags: no file name
    assert head[4:8] == bytes(4)  # time
    np.testing.assert_allclose(nib.load(tmp_path / "a.nii.gz").header.get_zooms(), (0.5, 0.5))


def test_committed_sample_data_is_what_the_generator_makes():
    """Fails when the generator changed and `monai-gradprom sample-data sample_data` was not run again."""
    views = draw_patient(0, 2).views
    for view in ("2CH", "4CH"):
        stem = SAMPLE / "database_nifti" / "patient0002" / f"patient0002_{view}_ES"
        stored = np.asarray(nib.load(f"{stem}.nii.gz").dataobj).astype(int)
        made = views[view].render([1.0])[..., 0].astype(int)
        assert stored.shape == made.shape
        assert np.abs(stored - made).max() <= 1  # another FFT may round another way
        mask = np.asarray(nib.load(f"{stem}_gt.nii.gz").dataobj)
        assert (mask == views[view].mask(1.0)).mean() > 0.999
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 10e6
