# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from made_runs import made_run

from monai_gradprom.experiments.results.settled import movement, under_trained

BM3D = {(None, 0.1): 28.0}
STILL = {epoch: 30.0 for epoch in range(1, 21)}


def test_movement_over_the_last_tenth_by_hand():
    rising = {epoch: float(epoch) for epoch in range(1, 21)}
    assert movement(rising, 20) == 2.0  # epochs 18, 19, 20
    dip = {**STILL, 19: 29.9}
    assert movement(dip, 20) == pytest.approx(0.1)  # up and down again is movement
    sparse = {5: 29.0, 10: 29.5, 20: 30.0}
    assert movement(sparse, 20) == 0.5  # the last validation before the last tenth is at epoch 10
    assert movement({20: 30.0}, 20) is None and movement({}, 20) is None and movement({19: 1.0, 20: 1.0}, 20) is None


def runs(psnr=30.0, psnr_input=20.0, curve=STILL, **switches):
    alone = made_run("enhancer_only", metrics={"psnr": psnr, "psnr_input": psnr_input}, psnr=STILL, **switches)
    return [made_run("gradprom", metrics={"psnr": 31.0}, psnr=curve, **switches), alone]


def test_a_settled_run_beside_an_enhancer_that_beats_bm3d_is_compared():
    both = runs()
    assert [under_trained(run, both, BM3D) for run in both] == [None, None]


def test_a_run_that_still_moves_is_marked():
    both = runs(curve={**STILL, 20: 30.06})
    assert "moved by 0.06 dB from epoch 18 of 20 on" in under_trained(both[0], both, BM3D)
    sparse = runs(curve={10: 29.5, 20: 30.0})
    assert "moved by 0.50 dB from epoch 10 of 20 on" in under_trained(sparse[0], sparse, BM3D)
    assert under_trained(both[1], both, BM3D) is None
    assert under_trained(runs(curve={**STILL, 20: 30.04})[0], both, BM3D) is None


def test_the_enhancer_alone_must_beat_bm3d():
    both = runs(psnr=27.9)
    assert all("does not beat BM3D, 28.00 dB" in under_trained(run, both, BM3D) for run in both)
    assert "BM3D was not measured" in under_trained(both[0], both, {})
    assert "BM3D was not measured" in under_trained(both[0], both, {(None, 0.3): 20.0})
    assert "no run of the enhancer alone" in under_trained(both[0], both[:1], BM3D)
    # of another bundle's images
    assert under_trained(both[0], both, {("camus_denoise", 0.1): 20.0}) is not None
    assert under_trained(both[0], both, {("isic2018_denoise", 0.1): 20.0, **BM3D}) is None


def test_super_resolution_must_beat_the_bicubic_enlargement():
    both = runs(psnr=24.0, psnr_input=23.0, scale_factor=2)
    assert under_trained(both[0], both, {}) is None
    both = runs(psnr=22.0, psnr_input=23.0, scale_factor=2)
    assert "does not beat bicubic enlargement, 23.00 dB" in under_trained(both[0], both, {})


def test_another_noise_level_says_nothing():
    run = runs()[0]
    other = made_run("enhancer_only", metrics={"psnr": 40.0}, psnr=STILL, noise_sigma=0.05)
    assert "no run of the enhancer alone" in under_trained(run, [run, other], BM3D)


def test_the_enhancer_under_detached_is_the_enhancer_alone():
    run = runs()[0]
    for psnr, beaten in ((30.0, True), (27.0, False)):
        control = made_run("detached", metrics={"psnr": psnr, "psnr_input": 20.0}, psnr=STILL)
        assert (under_trained(run, [run, control], BM3D) is None) is beaten
        assert (under_trained(control, [run, control], BM3D) is None) is beaten


@pytest.mark.parametrize(
    "name",
    ["network_def", "network_def#channels", "network_def::channels", "weights", "max_epochs", "optimizer#lr", "crop"],
)
def test_another_network_or_training_says_nothing(name):
    strong, weak = runs(psnr=31.0, **{name: 21}), runs(psnr=27.0, **{name: 22})
    assert [under_trained(run, strong + weak, BM3D) is None for run in strong + weak] == [True, True, False, False]
    plain = runs()[:1]
    assert "no run of the enhancer alone" in under_trained(plain[0], plain + strong, BM3D)
