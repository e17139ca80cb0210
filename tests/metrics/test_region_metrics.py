# SPDX-License-Identifier: Apache-2.0
"""RegionPSNR and RegionSSIM: how masks get in, and how values come out of an engine."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler

from monai_gradprom.metrics import RegionPSNR, RegionSSIM, psnr, ssim

METRICS = [(RegionPSNR, psnr), (RegionSSIM, ssim)]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    y = torch.rand(3, 2, 24, 30, generator=generator)
    y_pred = (y + 0.1 * torch.randn(y.shape, generator=generator)).clamp(0, 1)
    mask = torch.zeros(3, 1, 24, 30, dtype=torch.uint8)
    mask[0, :, 8:, 3:20] = 255
    mask[1, :, :9, :9] = 1
    return y_pred, y, mask  # the third mask is empty


@pytest.mark.parametrize(("metric", "function"), METRICS)
def test_whole_images(metric, function, batch):
    y_pred, y, _ = batch
    instance = metric()
    torch.testing.assert_close(instance(y_pred, y)[:, 0], function(y_pred, y))
    torch.testing.assert_close(instance.aggregate().squeeze().double(), function(y_pred, y).mean(), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("metric", "function"), METRICS)
def test_three_ways_to_give_a_mask(metric, function, batch):
    y_pred, y, mask = batch
    expected = function(y_pred, y, mask)
    assert expected.isnan().tolist() == [False, False, True]
    ways = [(y_pred, y, mask), (y_pred, torch.cat([y, mask], dim=1)), (list(y_pred), list(y), list(mask))]
    for way in ways:
        instance = metric(get_not_nans=True)
        torch.testing.assert_close(instance(*way)[:, 0], expected, equal_nan=True)
        value, count = instance.aggregate()
        torch.testing.assert_close(value.squeeze().double(), expected[:2].mean(), rtol=1e-6, atol=0)
        assert count == 2


@pytest.mark.parametrize(("metric", "function"), METRICS)
def test_in_an_engine(metric, function, batch):
    y_pred, y, mask = batch
    pairs = [(y_pred[:2], torch.cat([y, mask], dim=1)[:2]), (y_pred[2:], torch.cat([y, mask], dim=1)[2:])]
    engine = Engine(lambda _, pair: ([*pair[0]], [*pair[1]]))
    IgniteMetricHandler(metric()).attach(engine, "value")
    assert engine.run(pairs).metrics["value"] == pytest.approx(function(y_pred, y, mask)[:2].mean().item(), rel=1e-6)
    assert engine.state.metric_details["value"].shape == (3, 1)


def test_options_reach_the_functions(batch):
    y_pred, y, _ = batch
    torch.testing.assert_close(RegionPSNR(max_val=2)(y_pred, y)[:, 0], psnr(y_pred, y, max_val=2))
    options = {"data_range": 2.0, "win_size": 7, "sigma": 1.0}
    torch.testing.assert_close(RegionSSIM(**options)(y_pred, y)[:, 0], ssim(y_pred, y, **options))
    assert not torch.allclose(ssim(y_pred, y, **options), ssim(y_pred, y))


@pytest.mark.parametrize("metric", [RegionPSNR, RegionSSIM])
@pytest.mark.parametrize("channels", [1, 4])
def test_other_channel_counts_are_refused(metric, channels, batch):
    with pytest.raises(ValueError, match="shape"):
        metric()(batch[0], torch.rand(3, channels, 24, 30))
