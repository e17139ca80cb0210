# SPDX-License-Identifier: Apache-2.0
"""Pooled mIoU against set arithmetic, and against what it is not: the mean of per-image IoU."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler
from monai.metrics import MeanIoU
from monai.networks import one_hot

from monai_gradprom.metrics import PooledMeanIoU


def pooled_by_hand(pairs, classes):
    """Intersections and unions as pixel sets over all images, then one ratio per class."""
    ious = []
    for c in range(classes):
        intersection = sum(np.logical_and(p == c, t == c).sum() for p, t in pairs)
        union = sum(np.logical_or(p == c, t == c).sum() for p, t in pairs)
        ious.append(intersection / union if union else np.nan)
    return np.array(ious)


def example(count=6, classes=4, sides=(9, 11), seed=0):
    """Images whose classes differ much in frequency, a third of whose labels are wrong."""
    random = np.random.RandomState(seed)
    pairs = []
    for index in range(count):
        true = random.choice(classes, size=sides, p=np.roll([0.7, 0.2, 0.07, 0.03], index))
        wrong = random.rand(*sides) < 0.3
        pairs.append((np.where(wrong, random.randint(0, classes, sides), true), true))
    return pairs


def tensors(pairs):
    return [torch.from_numpy(np.stack(side))[:, None] for side in zip(*pairs, strict=True)]


def test_equals_set_arithmetic_over_batches_of_any_size():
    pairs = example()
    predicted, true = tensors(pairs)
    expected = pooled_by_hand(pairs, 4)
    for cuts in ([6], [1, 2, 3], [1] * 6):
        metric = PooledMeanIoU(4)
        for p, t in zip(predicted.split(cuts), true.split(cuts), strict=True):
            assert metric(p, t).shape == (len(p), 4, 4)
        np.testing.assert_allclose(metric.per_class().numpy(), expected, rtol=1e-12)
        assert metric.aggregate().item() == pytest.approx(expected.mean(), rel=1e-12)


def test_differs_from_the_mean_of_images():
    pairs = example()
    predicted, true = tensors(pairs)
    metric, mean_of_images = PooledMeanIoU(4), MeanIoU(include_background=True)
    metric(predicted, true)
    mean_of_images(one_hot(predicted, 4), one_hot(true, 4))
    assert abs(metric.aggregate().item() - mean_of_images.aggregate().item()) > 0.01


def test_confusion_counts_have_truth_in_rows():
    counts = PooledMeanIoU(3)(torch.tensor([[[0, 1, 1, 2]]]), torch.tensor([[[0, 0, 1, 1]]]))
    assert counts.dtype == torch.int64
    assert counts[0].tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_only_classes_that_occur_count():
    metric = PooledMeanIoU(5)
    metric(torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[0, 0, 0, 3]]]))
    per_class = metric.per_class()
    assert per_class[:2].tolist() == [pytest.approx(2 / 3), 0] and per_class[3] == 0  # predicted only; true only
    assert per_class[[2, 4]].isnan().all()
    assert metric.aggregate().item() == pytest.approx(2 / 9)


def test_lists_of_meta_tensors_of_different_sizes_and_float_labels():
    pairs = example(2) + example(2, sides=(5, 6), seed=1)
    predicted, true = (
        [MetaTensor(torch.from_numpy(image)[None].float()) for image in side] for side in zip(*pairs, strict=True)
    )
    metric = PooledMeanIoU(4)
    metric(predicted, true)
    np.testing.assert_allclose(metric.per_class().numpy(), pooled_by_hand(pairs, 4), rtol=1e-12)


def test_in_an_engine():
    pairs = example()
    predicted, true = tensors(pairs)
    engine = Engine(lambda _, index: (predicted[index], true[index]))
    IgniteMetricHandler(PooledMeanIoU(4)).attach(engine, "miou")
    for _ in range(2):  # the second run must start from nothing
        metrics = engine.run([slice(0, 4), slice(4, 6)]).metrics
        assert metrics["miou"] == pytest.approx(pooled_by_hand(pairs, 4).mean())


@pytest.mark.parametrize(
    ("predicted", "words"),
    [
        (torch.rand(1, 1, 4, 4), "integer labels"),
        (torch.zeros(1, 2, 4, 4), "but y"),
        (torch.full((1, 1, 4, 4), 3), "num_classes=3 allows 0 to 2"),
        (torch.full((1, 1, 4, 4), -1), "num_classes=3"),
    ],
)
def test_other_inputs_are_refused(predicted, words):
    with pytest.raises(ValueError, match=words):
        PooledMeanIoU(3)(predicted, torch.zeros(1, 1, 4, 4, dtype=torch.long))


def test_nothing_seen():
    with pytest.raises(ValueError, match="no images"):
        PooledMeanIoU(3).aggregate()


RANK_SCRIPT = """
import sys
import torch, torch.distributed as dist
from monai_gradprom.metrics import PooledMeanIoU
rank, store, shards = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
metric = PooledMeanIoU(4)
metric(*torch.load(shards)[rank])
print(metric.aggregate().item())
"""


@pytest.mark.slow
def test_two_processes_pool_over_both(tmp_path):
    pairs = example()
    predicted, true = tensors(pairs)
    torch.save([(predicted[:4], true[:4]), (predicted[4:], true[4:])], tmp_path / "shards.pt")
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK_SCRIPT, str(rank), str(tmp_path / "store"), str(tmp_path / "shards.pt")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    values = [float(process.communicate(timeout=120)[0].split()[-1]) for process in ranks]
    assert values == pytest.approx([pooled_by_hand(pairs, 4).mean()] * 2, rel=1e-12)
