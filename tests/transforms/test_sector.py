# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.transforms import SectorMaskd, sector_mask

WIDTH, HEIGHT = 320, 260


def analytic_sector(half_angle: float = 38.0) -> np.ndarray:
    """The cone of a phased array from its tip at the top, cut by an arc."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT), indexing="ij")
    dx, dy = x - WIDTH / 2, y - 6.0
    return (np.hypot(dx, dy) < 240) & (np.abs(np.degrees(np.arctan2(dx, dy))) < half_angle)


def echo(sector: np.ndarray, seed: int = 0) -> np.ndarray:
    """8-bit fully developed speckle inside, black outside, with a black cavity and black specks."""
    rng = np.random.default_rng(seed)
    frame = np.where(sector, 40 * rng.rayleigh(size=sector.shape), 0)
    frame[rng.random(sector.shape) < 0.05] = 0
    frame[140:180, 110:170] = 0
    return np.clip(frame, 0, 255).astype(np.uint8)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("half_angle", [30.0, 38.0, 45.0])
def test_it_finds_the_analytic_sector(half_angle: float) -> None:
    sector = analytic_sector(half_angle)
    found = sector_mask(echo(sector))
    assert found.dtype == bool and found.shape == sector.shape
    assert iou(found, sector) > 0.98


def test_a_dark_cavity_belongs_to_the_sector() -> None:
    assert sector_mask(echo(analytic_sector()))[140:180, 110:170].all()


def test_letters_and_traces_beside_the_sector_do_not() -> None:
    frame = echo(analytic_sector())
    frame[5:30, 5:20] = 255
    frame[WIDTH - 40 :, HEIGHT - 6 : HEIGHT - 3] = 200
    assert iou(sector_mask(frame), analytic_sector()) > 0.98


def test_traces_of_compression_are_below_the_threshold() -> None:
    frame = np.maximum(echo(analytic_sector()), 2)
    assert sector_mask(frame).all()
    assert iou(sector_mask(frame, threshold=2), analytic_sector()) > 0.98


@pytest.mark.parametrize("frame", [np.zeros((20, 30)), np.full((20, 30), 0.7)], ids=["black", "no surround"])
def test_without_a_surround_the_whole_frame_counts(frame: np.ndarray) -> None:
    assert sector_mask(frame).all()


def test_any_channel_will_do_and_scaling_does_not_matter() -> None:
    frame = echo(analytic_sector())
    colour = torch.from_numpy(np.stack([frame, frame // 2, np.zeros_like(frame)])).float() / 255
    np.testing.assert_array_equal(sector_mask(colour), sector_mask(frame))


def test_the_dictionary_twin_adds_an_integer_mask_with_the_geometry() -> None:
    affine = torch.diag(torch.tensor([0.3, 0.2, 1.0, 1.0], dtype=torch.float64))
    label = MetaTensor(torch.from_numpy(echo(analytic_sector()))[None].float() / 255, affine=affine)
    out = SectorMaskd("label")({"label": label})
    assert out["sector"].dtype == torch.uint8 and out["sector"].shape == (1, WIDTH, HEIGHT)
    assert torch.equal(out["sector"].affine, affine)
    np.testing.assert_array_equal(out["sector"][0].numpy().astype(bool), sector_mask(label))
