# SPDX-License-Identifier: Apache-2.0
"""Balanced accuracy and AUC against counting and the Mann-Whitney statistic."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler
from monai.metrics import ROCAUCMetric
from monai.networks import one_hot
from scipy.stats import mannwhitneyu

from monai_gradprom.metrics import BalancedAccuracy, MacroAUC, PooledMeanIoU

CLASSES = 4


def example(count=60, seed=0):
    """Imbalanced classes, probabilities that know something about them, with ties; [N, K] and [N]."""
    random = np.random.RandomState(seed)
    true = random.choice(CLASSES, size=count, p=[0.6, 0.25, 0.1, 0.05])
    logits = np.round(random.randn(count, CLASSES) + 1.5 * np.eye(CLASSES)[true], 0)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return torch.from_numpy(probabilities.astype(np.float32)), torch.from_numpy(true)


def auc_by_ranks(probabilities, true, index):
    """The share of pairs (case, other) in which the case has the higher probability, ties half."""
    score = probabilities[:, index].double().numpy()
    cases, others = score[true.numpy() == index], score[true.numpy() != index]
    return mannwhitneyu(cases, others).statistic / (len(cases) * len(others))


def by_hand():
    probabilities, true = example()
    predicted = probabilities.argmax(1).numpy()
    hits = predicted == true.numpy()
    recalls = [hits[true.numpy() == index].mean() for index in range(CLASSES)]
    return {
        BalancedAccuracy: np.mean(recalls),
        MacroAUC: np.mean([auc_by_ranks(probabilities, true, index) for index in range(CLASSES)]),
    }


def arguments(metric, probabilities, true):
    first = probabilities if metric is MacroAUC else probabilities.argmax(dim=1, keepdim=True)
    return first, true[:, None]


@pytest.mark.parametrize("metric", by_hand())
@pytest.mark.parametrize("cuts", [[60], [1] * 60, [10, 50]])
def test_equals_counting_over_batches_of_any_size(metric, cuts):
    values = by_hand()
    assert len({round(value, 3) for value in values.values()}) == 2  # different questions
    instance = metric(CLASSES)
    for pair in zip(*(side.split(cuts) for side in arguments(metric, *example())), strict=True):
        instance(*pair)
    assert instance.aggregate().item() == pytest.approx(values[metric], rel=1e-9)


def test_two_classes_have_one_auc():
    random = np.random.RandomState(1)
    true = torch.from_numpy(random.randint(0, 2, 50))
    score = torch.from_numpy(np.round(random.rand(50) * 0.7 + 0.3 * true.numpy(), 1).astype(np.float32))
    probabilities = torch.stack([1 - score, score], dim=1)
    metric = MacroAUC(2)
    metric(probabilities, true[:, None])
    assert metric.per_class().tolist() == pytest.approx([auc_by_ranks(probabilities, true, 1)] * 2, rel=1e-9)


def test_a_class_without_a_case_is_left_out():
    probabilities, true = example()
    kept = true != 2
    probabilities, true = probabilities[kept], true[kept]
    auc, balanced = MacroAUC(CLASSES), BalancedAccuracy(CLASSES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # MONAI warns of each class without a curve
        auc(probabilities, true[:, None])
        balanced(*arguments(BalancedAccuracy, probabilities, true))
        assert auc.per_class().isnan().tolist() == [False, False, True, False]
        assert auc.aggregate().item() == pytest.approx(
            np.mean([auc_by_ranks(probabilities, true, index) for index in (0, 1, 3)]), rel=1e-9
        )
    hits = (probabilities.argmax(1) == true).numpy()
    recalls = [hits[true.numpy() == index].mean() for index in (0, 1, 3)]
    assert balanced.aggregate().item() == pytest.approx(np.mean(recalls), rel=1e-9)
    with pytest.warns(UserWarning):
        reference = ROCAUCMetric()
        reference(probabilities, one_hot(true[:, None], CLASSES))
        assert np.isnan(reference.aggregate())  # why MONAI's own average does not do


def test_one_class_or_nothing_seen_has_no_value():
    auc = MacroAUC(2)
    assert auc.aggregate().isnan() and BalancedAccuracy(2).aggregate().isnan()
    auc.reset()
    auc(torch.tensor([[0.2, 0.8], [0.5, 0.5]]), torch.tensor([[1], [1]]))
    assert auc.aggregate().isnan()


@pytest.mark.parametrize("metric", by_hand())
def test_lists_as_an_engine_hands_them_over(metric):
    first, second = arguments(metric, *example())
    engine = Engine(lambda _, part: ([MetaTensor(row) for row in first[part]], [*second[part].float()]))
    IgniteMetricHandler(metric(CLASSES), save_details=False).attach(engine, "value")
    for _ in range(2):  # the second run must start from nothing
        found = engine.run([slice(0, 7), slice(7, 8), slice(8, 60)]).metrics["value"]
        assert found == pytest.approx(by_hand()[metric], rel=1e-9)


@pytest.mark.parametrize(
    ("y_pred", "y", "words"),
    [
        (torch.rand(3, 2), torch.zeros(3, 1), r"\[3, 2\].*\[B, 4\]"),
        (torch.rand(3, 4), torch.zeros(3), r"y \[3\]"),
        (torch.rand(3, 4), torch.full((3, 1), 4), "0 to 3"),
        (torch.full((3, 4), torch.nan), torch.zeros(3, 1), "nan"),
    ],
)
def test_auc_refuses_other_inputs(y_pred, y, words):
    with pytest.raises(ValueError, match=words):
        MacroAUC(4)(y_pred, y)


def test_accuracy_refuses_logits():
    with pytest.raises(ValueError, match="not logits"):
        BalancedAccuracy(1)(torch.rand(3, 1), torch.zeros(3, 1))


RANK_SCRIPT = """
import sys
import torch, torch.distributed as dist
from monai_gradprom.metrics import BalancedAccuracy, MacroAUC, PooledMeanIoU
rank, store, shards = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
values = []
for metric in (Accuracy(4), BalancedAccuracy(4), MacroAUC(4), PooledMeanIoU(4)):
    for probabilities, true in torch.load(shards)[rank]:
        auc = isinstance(metric, MacroAUC)
        metric(probabilities if auc else probabilities.argmax(1, keepdim=True), true[:, None])
    values.append(metric.aggregate().item())
print(*values)
"""


@pytest.mark.slow
@pytest.mark.parametrize("cut", [60, 23])
def test_two_processes_pool_over_both_even_if_one_has_seen_nothing(tmp_path, cut):
    probabilities, true = example()
    shards = [[(probabilities[:cut], true[:cut])], [(probabilities[cut:], true[cut:])] if cut < 60 else []]
    torch.save(shards, tmp_path / "shards.pt")
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK_SCRIPT, str(rank), str(tmp_path / "store"), str(tmp_path / "shards.pt")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    iou = PooledMeanIoU(CLASSES)
    iou(*arguments(PooledMeanIoU, probabilities, true))
    expected = [*by_hand().values(), iou.aggregate().item()]
    for process in ranks:
        found = process.communicate(timeout=120)[0].split()
        assert [float(value) for value in found[-4:]] == pytest.approx(expected, rel=1e-9)
