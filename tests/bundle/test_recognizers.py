# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from monai_gradprom.bundle import Recognizers
from monai_gradprom.bundle.recognizers import weights_file
from monai_gradprom.errors import InputError
from monai_gradprom.losses import ConsistencyLoss
from monai_gradprom.networks import DiagnosisRecognizer
from monai_gradprom.strategies import RelativeWeight

LOSSES = {"diagnosis": nn.CrossEntropyLoss(), "segmentation": nn.MSELoss()}


def networks(*names):
    return {name: nn.Linear(2, 2) for name in names or LOSSES}


def build(*names, **options):
    adam = partial(torch.optim.Adam, lr=0.5)
    schedule = partial(torch.optim.lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 0.5**epoch)
    defaults = {"losses": LOSSES, "optimizer": adam, "lr_scheduler": schedule, "strategy": "gradprom"}
    return Recognizers(networks(*names), **defaults | options)


def test_each_network_becomes_a_task():
    made = build(weight="relative:0.3")
    for task in made.tasks:
        assert task.target_key == task.name and task.loss_function is LOSSES[task.name]
        assert task.weight == RelativeWeight(0.3) and not task.trained
        assert task.optimizer.param_groups[0]["params"] == list(task.network.parameters())
    assert [task.name for task in made.tasks] == ["diagnosis", "segmentation"]
    assert list(made.files) == ["recognizer_diagnosis.pt", "recognizer_segmentation.pt"]
    kinds = ("recognizer", "optimizer", "lr_scheduler")
    assert set(made.checkpoint_objects) == {f"{kind}_{name}" for kind in kinds for name in LOSSES}
    made.lr_handlers[0].lr_scheduler.step()
    assert [task.optimizer.param_groups[0]["lr"] for task in made.tasks] == [0.25, 0.5]


@pytest.mark.parametrize("recognition", LOSSES)
def test_a_network_of_another_task_is_left_out(recognition):
    made = build(recognition=recognition)
    assert [task.name for task in made.tasks] == list(made.labels_needed) == [recognition]


def test_a_task_without_a_network_is_refused():
    with pytest.raises(InputError, match="recognizer_defs has diagnosis, but no segmentation; change --recognition"):
        build("diagnosis", recognition="segmentation")


@pytest.mark.parametrize("config", ["train", "evaluate"])
@pytest.mark.parametrize("recognition", ["diagnosis", "segmentation", "both"])
def test_a_definition_of_ones_own_needs_no_condition(workflow, config, recognition):
    """Replacing a definition whole drops the recipe's `_disabled_`; the switch still decides."""
    own = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 2}
    weights = {"recognizers#weights": None} if config == "evaluate" else {}
    built = workflow(
        config, bundle="isic2018_denoise", tiny_recognizer=False, recognition=recognition, recognizer_defs={
            "diagnosis": own, "segmentation": own,
        }, **weights,
    )  # fmt: skip
    built.parser.parse(reset=True)
    recognizers = built.parser.get_parsed_content("recognizers")
    assert list(recognizers.labels_needed) == (list(LOSSES) if recognition == "both" else [recognition])


def test_unsupervised_tasks_have_no_target():
    made = build(supervised="false")
    assert all(task.target_key is None and isinstance(task.loss_function, ConsistencyLoss) for task in made.tasks)
    # they are still taught on clean images by their labels
    assert made.losses == LOSSES and made.target_keys == {name: name for name in LOSSES}


@pytest.mark.parametrize(
    "options, needed",
    [
        ({"supervised": True}, True),
        ({"supervised": False}, False),
        ({"supervised": False, "pretrain_epochs": 1}, True),
        ({"strategy": "enhancer_only", "pretrain_epochs": 1}, True),
        ({"strategy": "enhancer_only"}, False),
    ],
)
def test_who_needs_labels(options, needed):
    assert build("diagnosis", **options).labels_needed == {"diagnosis": needed}


def test_trained_weights_need_no_pretraining(tmp_path):
    file = tmp_path / "recognizer_diagnosis.pt"
    state = nn.Linear(2, 2).state_dict()
    torch.save(state, file)
    made = build("diagnosis", supervised=False, pretrain_epochs=3, weights=str(file))
    assert made.labels_needed == {"diagnosis": False} and made.tasks[0].trained
    torch.testing.assert_close(made.tasks[0].network.state_dict(), state)


def test_nobody_needs_a_recognizer():
    made = build(strategy="enhancer_only")
    assert made.tasks == [] and made.files == {} and made.checkpoint_objects == {} and made.lr_handlers == []


def test_for_evaluation_weights_are_enough(tmp_path):
    for name in LOSSES:
        torch.save(nn.Linear(2, 2).state_dict(), tmp_path / f"recognizer_{name}.pt")
    made = Recognizers(networks(), weights=str(tmp_path))
    assert [task.optimizer for task in made.tasks] == [None, None]
    (tmp_path / "recognizer_diagnosis.pt").unlink()
    with pytest.raises(InputError, match=r"recognizer_diagnosis\.pt are not there"):
        Recognizers(networks(), weights=str(tmp_path))


def test_which_file_is_whose(tmp_path):
    assert weights_file("a.pt", "diagnosis", alone=True).name == "a.pt"
    assert weights_file(str(tmp_path), "diagnosis", alone=False) == tmp_path / "recognizer_diagnosis.pt"
    assert weights_file({"diagnosis": "b.pt"}, "diagnosis", alone=False).name == "b.pt"
    with pytest.raises(InputError, match="one file but there are several recognizers"):
        weights_file("a.pt", "diagnosis", alone=False)
    with pytest.raises(InputError, match="add one for 'segmentation'"):
        weights_file({"diagnosis": "b.pt"}, "segmentation", alone=False)


def test_one_recognizer_alone():
    assert build("diagnosis").only().name == "diagnosis"
    with pytest.raises(InputError, match="choose --recognition diagnosis or segmentation"):
        build().only()


def test_imagenet_weights_are_for_this_packages_recognizers(tmp_path):
    network = DiagnosisRecognizer(num_classes=3, in_channels=3)
    state = {name: torch.full_like(v, 0.25) for name, v in network.backbone().state_dict().items()}
    torch.save(state, tmp_path / "resnet18.pth")
    made = Recognizers({"diagnosis": network}, strategy="joint", backbone_weights=str(tmp_path / "resnet18.pth"))
    assert (made.tasks[0].network.backbone().conv1.weight == 0.25).all()
    with pytest.raises(InputError, match="not Linear: leave it out"):
        build("diagnosis", backbone_weights=str(tmp_path / "resnet18.pth"))
