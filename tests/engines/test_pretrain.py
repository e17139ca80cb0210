# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_gradprom.engines import RecognizerPretraining
from monai_gradprom.errors import InputError


def cross_entropy(logits, mask):
    return nn.functional.cross_entropy(logits, mask[:, 0].long())


def pretraining(run, epochs=20, **options):
    arguments = dict(loss_functions={"segmentation": cross_entropy}, target_keys={"segmentation": "segmentation"})
    return RecognizerPretraining([run.task], run.loader, epochs=epochs, **(arguments | options))


def clean_accuracy(run):
    run.recognizer.eval()
    images = torch.stack([run.loader.dataset[i]["label"] for i in range(10)])
    masks = torch.stack([run.loader.dataset[i]["segmentation"] for i in range(10)])
    with torch.no_grad():
        return float((run.recognizer(images).argmax(1, keepdim=True) == masks).float().mean())


def test_a_recognizer_learns_the_clean_images(recipe):
    run = recipe("frozen", trained=False)
    run.task.optimizer = torch.optim.Adam(run.recognizer.parameters(), lr=0.1)
    before = clean_accuracy(run)
    pretraining(run).run()
    assert before < 0.6 < 0.85 < clean_accuracy(run)
    assert run.task.trained


def test_it_sees_the_clean_image_not_the_degraded_one(recipe):
    run = recipe("frozen", trained=False)
    seen = []
    run.recognizer.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    pretraining(run, epochs=1).run()
    clean = {
        tuple(v.flatten().sort().values.tolist()) for v in (run.loader.dataset.data[i]["label"] for i in range(10))
    }
    assert {tuple(v.flatten().sort().values.tolist()) for batch in seen for v in batch} == clean


@pytest.mark.parametrize(("trained", "epochs"), [(True, 5), (False, 0)])
def test_a_trained_recognizer_and_zero_epochs_change_nothing(recipe, vector, trained, epochs):
    run = recipe("gradprom", trained=trained)
    before = vector(run.recognizer)
    pretraining(run, epochs=epochs).run()
    assert torch.equal(vector(run.recognizer), before)
    assert run.task.trained is trained


def test_it_repeats_exactly(recipe, vector):
    runs = [recipe("gradprom", trained=False) for _ in range(2)]
    for i, run in enumerate(runs):
        torch.manual_seed(i)
        pretraining(run, epochs=2).run()
    assert torch.equal(vector(runs[0].recognizer), vector(runs[1].recognizer))


def test_missing_labels_and_optimizers_are_named(recipe):
    run = recipe("gradprom", trained=False)
    with pytest.raises(InputError, match="no 'diagnosis'"):
        pretraining(run, target_keys={"segmentation": "diagnosis"}).run()
    run.task.optimizer = None
    with pytest.raises(InputError, match="no optimizer"):
        pretraining(run).run()


def test_mixed_precision_reaches_the_recognizer(recipe):
    run = recipe("gradprom", trained=False)
    kinds = set()
    run.recognizer.body[0].register_forward_hook(lambda module, args, out: kinds.add(out.dtype))
    pretraining(run, epochs=1, amp=True).run()
    assert kinds == {torch.bfloat16}
