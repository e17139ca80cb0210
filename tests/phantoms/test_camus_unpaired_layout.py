# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_gradprom.datasets import camus_unpaired_datalist, high_quality_items
from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import draw_patient, draw_unpaired_patient, poor_window, write_camus_unpaired

SAMPLE = Path(__file__).parents[2] / "sample_data" / "camus_unpaired"


@pytest.fixture(scope="module")
def same_heart():
    """A heart seen through a good, a poor and the poorest window: frames at end diastole, and the mask."""
    good, poor = (draw_patient(0, 5001, quality).views["2CH"] for quality in ("Good", "Poor"))
    poorest = draw_unpaired_patient(0, 1).views["2CH"]
    assert replace(poorest, scanner=poor.scanner) == poor
    return [view.render([0.0])[..., 0].astype(float) for view in (good, poor, poorest)], good.mask(0.0)


def test_the_poor_side_has_less_contrast(same_heart):
    frames, mask = same_heart
    contrasts = []
    for frame in frames:
        blood, wall = frame[mask == 1], frame[mask == 2]
        contrasts.append((wall.mean() - blood.mean()) / np.hypot(wall.std(), blood.std()))
    assert contrasts[0] > 1.2 * contrasts[1] > 1.2 * 1.2 * contrasts[2] > 0


def test_its_speckle_is_coarser_and_stronger(same_heart):
    frames, mask = same_heart

    def speckle(frame):
        x, y = (int(places.mean()) for places in np.nonzero(mask == 1))
        window = frame[x - 12 : x + 12, y - 20 : y + 20]
        window = window - window.mean()
        return (window[2:] * window[:-2]).mean() / window.var(), window.std()  # correlation across the beam

    (good, good_std), _, (poorest, poorest_std) = map(speckle, frames)
    assert poorest > good + 0.05 and poorest_std > 1.2 * good_std


def test_sectors_drop_out(same_heart):
    scanner = draw_patient(0, 5001, "Poor").views["2CH"].scanner
    lost = np.subtract(poor_window(scanner, np.random.RandomState(3)).shadows, scanner.shadows)
    assert lost.min() < 1 and lost.max() > 12  # dB


def test_another_quality_is_the_same_heart():
    as_drawn, good = draw_patient(0, 3), draw_patient(0, 3, "Good")
    assert as_drawn.quality == "Poor" and good.quality == "Good"
    np.testing.assert_array_equal(as_drawn.views["4CH"].mask(0.0), good.views["4CH"].mask(0.0))
    assert draw_patient(0, 3, "Poor") == as_drawn


def test_every_subset_has_both_sides(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "monai_gradprom.phantoms.camus_unpaired_layout.draw_unpaired_patient",
        lambda seed, number: draw_unpaired_patient(seed, 2 - number % 2),  # quicker: only the grades matter here
    )
    write_camus_unpaired(tmp_path, pairs=3)
    for subset in ("training", "validation", "testing"):
        low, high = (
            {item["patient"] for item in read(tmp_path, subset)}
            for read in (camus_unpaired_datalist, high_quality_items)
        )
        assert len(low) == len(high) == 1 and not low & high


@pytest.mark.parametrize(("options", "message"), [({"pairs": 2}, "images is 2"), ({"seed": -1}, "seed")])
def test_numbers_out_of_range(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        write_camus_unpaired(tmp_path, **options)


def test_committed_unpaired_data_are_what_the_generator_makes():
    """Fails when the generator changed and `monai-gradprom sample-data sample_data` was not run again."""
    for number in (1, 2):
        path = SAMPLE / "database_nifti" / f"patient{number:04d}" / f"patient{number:04d}_4CH_ES.nii.gz"
        stored = np.asarray(nib.load(path).dataobj).astype(int)
        made = draw_unpaired_patient(0, number).views["4CH"].render([1.0])[..., 0].astype(int)
        assert stored.shape == made.shape
        assert np.abs(stored - made).max() <= 1
    counts = {
        subset: (len(camus_unpaired_datalist(SAMPLE, subset)), len(high_quality_items(SAMPLE, subset)))
        for subset in ("training", "validation", "testing")
    }
    assert counts == {"training": (16, 16), "validation": (4, 4), "testing": (8, 8)}
    grades = {item["quality"] for item in high_quality_items(SAMPLE, "training")}
    assert grades == {"Good", "Medium"}
