# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter, map_coordinates

from monai_gradprom.phantoms import QUALITIES, HeartMotion, draw_patient

PATIENTS = [draw_patient(0, number) for number in range(1, 13)]
VIEWS = [view for patient in PATIENTS for view in patient.views.values()]


@pytest.mark.parametrize("view", VIEWS[:6])
def test_motion_is_undone_by_its_inverse(view):
    s, t = np.meshgrid(np.linspace(-25, 150, 60), np.linspace(-90, 90, 61))
    motion = HeartMotion(view.shape, 0.7)
    moved = motion.forward(s, t)
    assert np.hypot(moved[0] - s, moved[1] - t).max() > 3  # mm: there is something to undo
    np.testing.assert_allclose(motion.backward(*moved), (s, t), atol=1e-6)
    np.testing.assert_allclose(HeartMotion(view.shape, 0.0).forward(s, t), (s, t), atol=1e-9)


@pytest.mark.parametrize("view", VIEWS[:6])
def test_heart_frame_is_undone_by_its_inverse(view):
    x, z = np.meshgrid(np.linspace(-90, 90, 50), np.linspace(0, 160, 51))
    np.testing.assert_allclose(view.shape.to_plane(*view.shape.to_heart(x, z)), (x, z), atol=1e-9)


def test_cavity_shrinks_until_end_systole_and_atrium_grows():
    for view in VIEWS[::3]:
        areas = [[(view.mask(phase) == label).sum() for label in (1, 3)] for phase in (0.0, 0.5, 1.0)]
        cavity, atrium = zip(*areas, strict=True)
        assert cavity[0] > cavity[1] > cavity[2] > 0.35 * cavity[0]
        assert atrium[2] > atrium[0] > 0


@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_masks_are_anatomical(phase):
    for view in VIEWS[::2] + VIEWS[1:6:2]:
        mask, inside = view.mask(phase), view.sector.mask()
        assert set(np.unique(mask)) == {0, 1, 2, 3}
        assert not mask[~inside].any()
        s, _ = view.shape.to_heart(*view.sector.pixels())
        s, _ = HeartMotion(view.shape, phase).backward(s, s)
        # Seen from the cavity, nothing but myocardium is next, save at the valve and at the edge of the picture.
        rim = binary_dilation(mask == 1) & (mask != 1) & inside & (s < view.shape.length - 2)
        assert set(np.unique(mask[rim])) == {2}
        # The atrium lies below the cavity and touches it across the valve.
        rows = np.arange(mask.shape[1])
        centre = {label: ((mask == label).sum(axis=0) * rows).sum() / (mask == label).sum() for label in (1, 3)}
        assert centre[3] > centre[1]
        assert (binary_dilation(mask == 3, iterations=2) & (mask == 1)).any()


def test_frames_are_dark_outside_the_sector_and_lit_inside():
    for view in VIEWS[4:6]:
        frame = view.render([0.0])[..., 0]
        inside = view.sector.mask()
        assert frame.dtype == np.uint8
        assert not frame[~inside].any()
        assert (frame[inside] > 0).mean() > 0.95
        assert frame.max() > 180


def test_blood_is_darker_than_myocardium():
    for view in VIEWS[:3]:
        frame, mask = view.render([1.0])[..., 0], view.mask(1.0)
        assert frame[mask == 1].mean() + 15 < frame[mask == 2].mean()


def test_a_frame_does_not_depend_on_its_neighbours():
    view = VIEWS[0]
    np.testing.assert_array_equal(view.render([0.0, 0.4])[..., 1], view.render([0.4])[..., 0])


def test_speckle_follows_the_tissue():
    """Sampling the later frame where the tissue went finds the earlier frame's pattern again."""
    view = draw_patient(0, 2).views["4CH"]
    before, after = (frame.astype(float) for frame in np.moveaxis(view.render([0.0, 0.25]), -1, 0))
    x, z = view.sector.pixels()
    moved = view.shape.to_plane(*HeartMotion(view.shape, 0.25).forward(*view.shape.to_heart(x, z)))
    columns = moved[0] / view.sector.spacing + (view.sector.width - 1) / 2
    followed = map_coordinates(after, np.stack([columns, moved[1] / view.sector.spacing]), order=1)
    tissue = (view.mask(0.0) == 2) & (z > 40)

    def pattern(frame):
        return (frame - gaussian_filter(frame, 6))[tissue]

    still = np.corrcoef(pattern(before), pattern(after))[0, 1]
    assert np.corrcoef(pattern(before), pattern(followed))[0, 1] > max(0.4, still + 0.1)


def test_patients_differ_and_are_reproducible():
    assert draw_patient(0, 5) == draw_patient(0, 5)
    assert draw_patient(0, 5) != draw_patient(1, 5)
    assert draw_patient(0, 5) != draw_patient(0, 6)
    assert {patient.quality for patient in PATIENTS} == set(QUALITIES)
    assert len({patient.views["4CH"].sector.height for patient in PATIENTS}) > 3


def test_poor_windows_have_less_contrast():
    contrasts = {}
    for quality in ("Good", "Poor"):
        picked = [patient for patient in PATIENTS if patient.quality == quality][:2]
        levels = []
        for view in (patient.views["4CH"] for patient in picked):
            frame, mask = view.render([0.0])[..., 0].astype(float), view.mask(0.0)
            levels.append((frame[mask == 2].mean() - frame[mask == 1].mean()) * view.scanner.dynamic_range / 255)
        contrasts[quality] = np.mean(levels)
    assert contrasts["Poor"] < 0.8 * contrasts["Good"]


def test_noise_is_new_in_every_frame():
    """Two moments without motion between them show the same tissue under different noise."""
    view = VIEWS[0]
    rigid = dataclasses.replace(view.shape, narrowing=0.0, thickening=0.0, excursion=0.0)
    first, second = np.moveaxis(dataclasses.replace(view, shape=rigid).render([0.0, 1.0]).astype(float), -1, 0)
    first, second = (frame - gaussian_filter(frame, 4) for frame in (first, second))
    cavity, tissue = (binary_erosion(view.mask(0.0) == label, iterations=2) for label in (1, 2))
    assert np.corrcoef(first[cavity], second[cavity])[0, 1] < np.corrcoef(first[tissue], second[tissue])[0, 1] - 0.2
