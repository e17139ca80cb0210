# SPDX-License-Identifier: Apache-2.0
"""GradPromTrainer against MONAI's own trainer and against loops written out."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch import nn

from monai_gradprom.engines import AuxiliaryTask
from monai_gradprom.errors import InputError


def epoch_batches(loader, epoch):
    loader.sampler.set_position(epoch)
    return list(loader)


@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_enhancer_only_is_monais_supervised_trainer(recipe, vector, accumulation_steps):
    ours = recipe("enhancer_only", accumulation_steps=accumulation_steps)
    theirs = recipe("enhancer_only")

    class SameData:
        """The loader as our trainer iterates it: a new pass each epoch."""

        epoch = -1

        def __len__(self):
            return len(theirs.loader)

        def __iter__(self):
            self.epoch += 1
            return iter(epoch_batches(theirs.loader, self.epoch))

    reference = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=3,
        train_data_loader=SameData(),
        network=theirs.network,
        optimizer=theirs.trainer.optimizer,
        loss_function=nn.MSELoss(),
        accumulation_steps=accumulation_steps,
    )
    before = vector(ours.recognizer)
    ours.trainer.run()
    reference.run()
    assert torch.allclose(vector(ours.network), vector(theirs.network), rtol=0, atol=1e-7)
    assert torch.equal(vector(ours.recognizer), before)


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("strategy", ["joint", "frozen"])
def test_cascaded_training_is_the_loop_written_out(recipe, vector, strategy, supervised):
    """Eq. 4 and Eq. 3 with plain autograd: θ takes L_IP + λ L_VR, φ takes L_VR."""
    ours, theirs = (recipe(strategy, supervised, max_epochs=1, optimizer=torch.optim.SGD) for _ in range(2))
    theta, phi = list(theirs.network.parameters()), list(theirs.recognizer.parameters())
    theirs.recognizer.train(strategy != "frozen")
    for batch in epoch_batches(theirs.loader, 0):
        output = theirs.network(batch["image"])
        main = (output - batch["label"]).square().mean()
        if supervised:
            aux = nn.functional.cross_entropy(theirs.recognizer(output), batch["segmentation"][:, 0].long())
        else:
            target = copy.deepcopy(theirs.recognizer)(batch["label"]).softmax(1).detach()
            aux = (theirs.recognizer(output).softmax(1) - target).square().mean()
        theta_gradients = torch.autograd.grad(main + 0.5 * aux, theta, retain_graph=True)
        phi_gradients = torch.autograd.grad(aux, phi)
        with torch.no_grad():
            for parameters, gradients in ((theta, theta_gradients), (phi, phi_gradients)):
                for p, g in zip(parameters, gradients, strict=True):
                    if not (parameters is phi and strategy == "frozen"):
                        p -= 0.01 * g
    ours.trainer.run()
    assert torch.allclose(vector(ours.network), vector(theirs.network), rtol=0, atol=1e-6)
    # buffers too: the running statistics saw ŷ only, once per step
    assert torch.allclose(vector(ours.recognizer), vector(theirs.recognizer), rtol=0, atol=1e-6)


def test_the_recognizers_gradient_really_arrives(recipe, vector):
    results = {}
    for name, weight in (("enhancer_only", 0.5), ("joint", 0.5), ("joint", 5.0)):
        run = recipe(name, weight=weight, max_epochs=1)
        run.trainer.run()
        results[name, weight] = vector(run.network)
    assert len({tuple(v.tolist()) for v in results.values()}) == 3


def test_warmup_trains_the_enhancer_alone_and_then_cascades(recipe, vector):
    run = recipe("gradprom", warmup_epochs=2, max_epochs=3)
    before, seen = vector(run.recognizer), {}

    @run.trainer.on(Events.EPOCH_COMPLETED)
    def remember(engine):
        moved = not torch.equal(vector(run.recognizer), before)
        seen[engine.state.epoch] = (moved, bool(engine.state.task_reports))

    run.trainer.run()
    assert seen == {1: (False, False), 2: (False, False), 3: (True, True)}
    alone = recipe("enhancer_only", max_epochs=2)
    alone.trainer.run()
    warm = recipe("gradprom", warmup_epochs=2, max_epochs=2)
    warm.trainer.run()
    assert torch.equal(vector(alone.network), vector(warm.network))


@pytest.mark.parametrize("strategy", ["joint", "gradprom"])
def test_accumulation_equals_one_large_batch(recipe, vector, strategy):
    """Two batches of 5 with one gate decision are one batch of 10 (the recognizer in eval statistics for the test)."""
    runs = [
        recipe(strategy, batch_size=5, accumulation_steps=2, max_epochs=2, optimizer=torch.optim.SGD),
        recipe(strategy, batch_size=10, max_epochs=2, optimizer=torch.optim.SGD),
    ]
    decisions = []
    for run in runs:
        run.recognizer.body[1] = nn.Identity()  # statistics over 5 are not statistics over 10
        run.task.optimizer = torch.optim.SGD(run.recognizer.parameters(), lr=0.01)
        gates = []
        run.trainer.add_event_handler(
            Events.ITERATION_COMPLETED,
            lambda engine, gates=gates: gates.extend(r.gate for r in engine.state.task_reports.values()),
        )
        run.trainer.run()
        decisions.append(gates)
    assert decisions[0] == decisions[1]
    assert len(decisions[0]) == 2
    assert torch.allclose(vector(runs[0].network), vector(runs[1].network), rtol=0, atol=1e-6)
    assert torch.allclose(vector(runs[0].recognizer), vector(runs[1].recognizer), rtol=0, atol=1e-6)


def test_an_epochs_last_batch_closes_the_accumulation(recipe):
    """3 batches an epoch and windows of 2: updates after batches 2 and 3."""
    run = recipe("gradprom", accumulation_steps=2, max_epochs=2)
    updates = []
    run.trainer.add_event_handler(IterationEvents.MODEL_COMPLETED, lambda e: updates.append(bool(e.state.task_reports)))
    run.trainer.run()
    assert updates == [False, True, True] * 2


def test_output_and_events(recipe):
    run = recipe("gradprom", max_epochs=1)
    fired, outputs = [], []
    for event in IterationEvents:
        if event.name in ("FORWARD_COMPLETED", "LOSS_COMPLETED", "BACKWARD_COMPLETED", "MODEL_COMPLETED"):
            run.trainer.add_event_handler(event, lambda e, name=event.name: fired.append(name))
    run.trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: outputs.append(e.state.output))
    run.trainer.run()
    assert fired[:4] == ["FORWARD_COMPLETED", "LOSS_COMPLETED", "BACKWARD_COMPLETED", "MODEL_COMPLETED"]
    item = outputs[0][0]
    assert {"image", "label", "pred", "loss"} <= item.keys()
    assert {f"segmentation_{field}" for field in ("loss", "cosine", "gate", "ratio")} <= item.keys()
    assert -1 <= item["segmentation_cosine"] <= 1
    assert item["segmentation_gate"] == float(item["segmentation_cosine"] >= 0)


def test_gradients_are_complete_when_backward_completed_fires(recipe, vector):
    """A clipping handler works as in any MONAI trainer: gradients clipped to zero leave everything where it was."""
    run = recipe("gradprom", max_epochs=1, optimizer=torch.optim.SGD)
    before = [p.detach().clone() for p in (*run.network.parameters(), *run.recognizer.parameters())]

    @run.trainer.on(IterationEvents.BACKWARD_COMPLETED)
    def clip(engine):
        for network in (run.network, run.recognizer):
            assert torch.nn.utils.clip_grad_norm_(network.parameters(), 0.0) > 0

    run.trainer.run()
    after = [*run.network.parameters(), *run.recognizer.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_a_compiled_enhancer_trains_alike_and_keeps_its_names(recipe, vector, backend):
    plain_run, compiled = recipe("gradprom"), recipe("gradprom", compile=True, compile_kwargs={"backend": backend})
    plain_run.trainer.run()
    compiled.trainer.run()
    assert compiled.network.state_dict().keys() == plain_run.network.state_dict().keys()
    assert torch.allclose(vector(compiled.network), vector(plain_run.network), rtol=0, atol=1e-5)


class TestRefusals:
    def test_iteration_update(self, recipe):
        with pytest.raises(InputError, match="iteration_update"):
            recipe(iteration_update=lambda engine, batch: None)

    def test_no_task(self, recipe):
        with pytest.raises(InputError, match="at least one auxiliary task"):
            recipe("gradprom", tasks=0)

    def test_unknown_strategy(self, recipe):
        with pytest.raises(ValueError, match="did you mean 'gradprom'"):
            recipe("gradpron")

    @pytest.mark.parametrize(("strategy", "supervised"), [("frozen", True), ("frozen", False), ("gradprom", False)])
    def test_an_untrained_recognizer_cannot_teach(self, recipe, strategy, supervised):
        run = recipe(strategy, supervised, trained=False)
        with pytest.raises(InputError, match="recognizer_pretrain_epochs"):
            run.trainer.run()

    def test_supervised_training_may_start_untrained(self, recipe):
        recipe("gradprom", trained=False, max_epochs=1).trainer.run()

    def test_a_missing_semantic_label(self, recipe):
        run = recipe("gradprom")
        run.task.target_key = "diagnosis"
        with pytest.raises(InputError, match="'diagnosis'"):
            run.trainer.run()

    def test_a_recognizer_without_optimizer(self, recipe):
        run = recipe("gradprom")
        run.task.optimizer = None
        with pytest.raises(InputError, match="no optimizer"):
            run.trainer.run()


def test_frozen_needs_no_optimizer_and_freezes(recipe, vector):
    run = recipe("frozen", max_epochs=1)
    run.task.optimizer = None
    before = vector(run.recognizer)
    run.trainer.run()
    assert torch.equal(vector(run.recognizer), before)


def test_unsupervised_target_follows_the_recognizers_mode(recipe):
    """In training mode the target comes from batch statistics, in eval mode from running ones; neither is updated."""
    run = recipe("gradprom", supervised=False)
    seen = []

    def loss(logits, target):
        seen.append(target)
        return (logits - target).square().mean()

    task = AuxiliaryTask("t", run.recognizer, loss, None)
    label, output = torch.rand(4, 1, 8, 8) + 3, torch.rand(4, 1, 8, 8, requires_grad=True)
    for training in (True, False):
        run.recognizer.train(training)
        wanted = copy.deepcopy(run.recognizer)(label)
        mean = run.recognizer.body[1].running_mean.clone()
        moved = copy.deepcopy(run.recognizer)
        moved(output)
        task.loss(output, label, {})
        assert torch.allclose(seen[-1], wanted)
        assert not seen[-1].requires_grad
        assert torch.equal(run.recognizer.body[1].running_mean, moved.body[1].running_mean)
        assert torch.equal(mean, moved.body[1].running_mean) is not training
    assert not torch.allclose(seen[0], seen[1])
