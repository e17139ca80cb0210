# SPDX-License-Identifier: Apache-2.0
"""What people do with a SupervisedTrainer works with ours: handlers, inferers, batches, metrics, metadata."""

from __future__ import annotations

import copy
import os

import pytest
import torch
from ignite.engine import Events
from ignite.metrics import Average
from monai.data import MetaTensor
from monai.engines.utils import IterationEvents, default_prepare_batch
from monai.handlers import from_engine
from monai.inferers import SimpleInferer
from monai.transforms import Lambdad
from torch import nn

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator, GradPromTrainer, fixed_statistics
from monai_gradprom.errors import InputError
from monai_gradprom.handlers import GateTelemetry


def test_a_handler_may_change_prediction_and_loss(recipe, vector):
    """As in MONAI: the loss is of the prediction in the state, and the loss in the state is what is differentiated."""
    changed, plain_run = (recipe("gradprom", max_epochs=1, optimizer=torch.optim.SGD) for _ in range(2))

    @changed.trainer.on(IterationEvents.LOSS_COMPLETED)
    def double(engine):
        engine.state.output["loss"] = engine.state.output["loss"] * 0

    before = vector(changed.network)
    changed.task.weight = 0.0
    changed.trainer.run()
    assert torch.equal(vector(changed.network), before)
    seen = []
    plain_run.trainer.loss_function = lambda pred, label: seen.append(pred.unique().tolist()) or (pred - label).mean()

    @plain_run.trainer.on(IterationEvents.FORWARD_COMPLETED)
    def replace(engine):
        engine.state.output["pred"] = engine.state.output["pred"] * 0 + 0.25

    plain_run.trainer.run()
    assert seen[0] == [0.25]


def test_prepare_batch_inferer_and_their_arguments(recipe):
    seen = []

    class Recording(SimpleInferer):
        def __call__(self, inputs, network, *args, **kwargs):
            seen.append((type(inputs), args, kwargs))
            return network(inputs)

    def prepare(batch, device, non_blocking, **kwargs):
        return (*default_prepare_batch(batch, device, non_blocking), ("extra",), {"key": "word"})

    recipe("gradprom", max_epochs=1, inferer=Recording(), prepare_batch=prepare).trainer.run()
    assert seen[0] == (torch.Tensor, ("extra",), {"key": "word"})


def test_a_batch_is_transformed_on_the_device_before_it_is_prepared(recipe):
    """What the enhancer sees and the output says is transformed; the batch that handlers see is the loader's."""
    seen = []

    def halve(batch, device):
        seen.append(device)
        return {**batch, "image": batch["image"] / 2}

    run = recipe("gradprom", max_epochs=1, batch_transform=halve)
    inputs, images = [], []
    run.network.register_forward_pre_hook(lambda module, arguments: inputs.append(arguments[0]))

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def remember(engine):
        images.append(torch.stack([item["image"] for item in engine.state.output]))
        assert torch.equal(images[-1], torch.stack([item["image"] for item in engine.state.batch]) / 2)

    run.trainer.run()
    assert all(torch.equal(a, b) for a, b in zip(inputs, images, strict=True))
    assert seen == [torch.device("cpu")] * 3


def test_postprocessing_and_key_metric(recipe):
    metric = Average(output_transform=lambda output: output[0]["double"])
    run = recipe(
        "gradprom",
        max_epochs=2,
        postprocessing=Lambdad("loss", lambda x: 2 * x, overwrite="double"),
        key_train_metric={"double_loss": metric},
        metric_cmp_fn=lambda current, best: current < best,
    )
    losses = []
    run.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda e: losses.append(from_engine(["loss"], first=True)(e.state.output))
    )
    run.trainer.run()
    assert run.trainer.state.metrics["double_loss"] == pytest.approx(2 * sum(losses[3:]) / 3)
    assert run.trainer.state.best_metric_epoch in (1, 2)
    assert run.trainer.state_dict()["best_metric"] == run.trainer.state.best_metric


def test_metadata_pass_by_the_networks_and_reach_the_output(recipe):
    run = recipe("gradprom", max_epochs=1)
    for item in run.loader.dataset.data:
        for key in ("image", "label", "segmentation"):
            item[key] = MetaTensor(item[key], meta={"filename_or_obj": f"{item['id']}.nii"})
    run.loader.dataset.set_data(run.loader.dataset.data)
    inside, outputs = set(), []
    for network in (run.network, run.recognizer):
        network.register_forward_pre_hook(lambda module, args: inside.add(type(args[0])))
    run.trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: outputs.append(e.state.output[0]["pred"]))
    run.trainer.run()
    assert inside == {torch.Tensor}
    assert all(isinstance(pred, MetaTensor) and pred.meta["filename_or_obj"].endswith(".nii") for pred in outputs)


@pytest.mark.parametrize("epoch_length", [2, 5])
def test_an_epoch_may_be_shorter_or_longer_than_the_data(recipe, epoch_length):
    """3 batches a pass: whatever an epoch is, passes follow one another, each complete."""
    run = recipe("enhancer_only", epoch_length=epoch_length, max_epochs=6, random=False)
    seen = []
    run.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda e: seen.append([float(item["label"].sum()) for item in e.state.batch])
    )
    run.trainer.run()
    batches = []
    for epoch in range(2 * epoch_length):
        run.loader.sampler.set_position(epoch)
        batches += [[float(label.sum()) for label in batch["label"]] for batch in run.loader]
    assert seen == batches[: 6 * epoch_length]


def test_two_tasks_train_two_recognizers(recipe, vector):
    run = recipe("gradprom", max_epochs=1)
    second = copy.deepcopy(run.recognizer)
    other = AuxiliaryTask(
        "other", second, run.task.loss_function, torch.optim.Adam(second.parameters(), 0.01), "segmentation", 0.1
    )
    trainer = GradPromTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=run.loader,
        network=run.network,
        optimizer=run.trainer.optimizer,
        loss_function=nn.MSELoss(),
        tasks=[run.task, other],
    )
    before = vector(second)
    trainer.run()
    assert set(trainer.state.task_reports) == {"segmentation", "other"}
    assert {"segmentation_gate", "other_gate", "other_cosine"} <= trainer.state.output[0].keys()
    assert not torch.equal(vector(second), before)


def test_what_the_user_froze_stays_frozen(recipe, vector):
    run = recipe("gradprom", max_epochs=1)
    run.recognizer.body[0].requires_grad_(False)
    before = vector(run.recognizer.body[0])
    run.trainer.run()
    assert torch.equal(vector(run.recognizer.body[0]), before)
    frozen = recipe("frozen", max_epochs=1)
    frozen.trainer.run()
    assert all(p.requires_grad for p in frozen.recognizer.parameters())


def test_gradients_do_not_pile_up_where_no_optimizer_looks(recipe):
    run = recipe("gradprom", max_epochs=1)
    run.trainer.optimizer = torch.optim.SGD(run.network[3].parameters(), lr=0.0)
    norms = []
    run.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda e: norms.append(float(run.network[0].weight.grad.norm()))
    )
    run.trainer.run()
    assert max(norms) < 2 * min(norms)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer", [nn.BatchNorm2d, nn.InstanceNorm2d, nn.SyncBatchNorm])
def test_statistics_can_be_fixed_in_either_mode(layer, training):
    if layer is nn.SyncBatchNorm and training:
        layer = nn.BatchNorm2d  # it needs a GPU to train
    options = {"track_running_stats": True} if layer is nn.InstanceNorm2d else {}
    network = layer(2, **options).train(training)
    nn.init.constant_(network.running_mean, 0.3)
    x = torch.rand(4, 2, 5, 5)
    before = copy.deepcopy(network.state_dict())
    expected = copy.deepcopy(network)(x)
    with fixed_statistics(network):
        assert torch.equal(network(x), expected)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), network.state_dict().values(), strict=True))
    if training:
        network(x)  # and the layer still learns them afterwards
        assert not torch.equal(network.running_mean, before["running_mean"])


def test_a_refused_run_touches_no_file(recipe, tmp_path):
    telemetry = GateTelemetry(tmp_path)
    telemetry.path.write_text("an earlier run's\n")
    with pytest.raises(InputError, match="untrained"):
        recipe("frozen", trained=False, handlers=[telemetry]).trainer.run()
    assert telemetry.path.read_text() == "an earlier run's\n"


def test_accumulation_needs_to_know_where_an_epoch_ends(recipe):
    run = recipe("gradprom")
    with pytest.raises(InputError, match="epoch_length"):
        GradPromTrainer(
            device=torch.device("cpu"),
            max_epochs=1,
            train_data_loader=(batch for batch in run.loader),
            network=run.network,
            optimizer=run.trainer.optimizer,
            loss_function=nn.MSELoss(),
            tasks=[run.task],
            accumulation_steps=2,
        )


def test_wrapped_networks_are_refused(recipe):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        run = recipe("gradprom")
        run.trainer.network = nn.parallel.DistributedDataParallel(run.network)
        with pytest.raises(InputError, match="DistributedDataParallel"):
            run.trainer.run()
    finally:
        torch.distributed.destroy_process_group()


def test_the_evaluator_knows_eval_mode_only():
    with pytest.raises(InputError, match="eval mode"):
        EnhancementEvaluator(device=torch.device("cpu"), val_data_loader=[], network=nn.Identity(), mode="train")


def test_mixed_precision_reaches_evaluation(recipe):
    run = recipe("gradprom")
    kinds = set()
    for layer in (run.network[0], run.recognizer.body[0]):
        layer.register_forward_hook(lambda module, args, out: kinds.add(out.dtype))
    EnhancementEvaluator(
        device=torch.device("cpu"), val_data_loader=run.loader, network=run.network, tasks=[run.task], amp=True
    ).run()
    assert kinds == {torch.bfloat16}
