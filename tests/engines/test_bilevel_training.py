# SPDX-License-Identifier: Apache-2.0
"""Bi-level learning in the trainer: against a loop with an unrolled step, and with all that a trainer does beside."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Events
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from monai_gradprom.engines import Precision, SynchronisedBatchNorm
from monai_gradprom.handlers import GradientClipping
from monai_gradprom.strategies import BiLevel, GradProm

RATE = 2.0  # of the inner step: large, so that looking ahead shows
LAST = torch.channels_last


def batches(run):
    run.loader.sampler.set_position(0)
    return list(run.loader)


def task_loss(network, output, batch, supervised, parameters=None):
    """L_VR at any parameters, without a trace."""
    network = copy.deepcopy(network)
    call = network if parameters is None else lambda x: functional_call(network, parameters, (x,))
    if supervised:
        return F.cross_entropy(call(output), batch["segmentation"][:, 0].long())
    with torch.no_grad():
        target = call(batch["label"]).softmax(1)
    return (call(output).softmax(1) - target).square().mean()


def unrolled(run, batch, order, supervised):
    """θ's and φ's gradients by plain autograd through the unrolled step."""
    output, own = run.network(batch["image"]), dict(run.recognizer.named_parameters())
    loss = task_loss(run.recognizer, output, batch, supervised, own)
    gradients = torch.autograd.grad(loss, list(own.values()), create_graph=order == 2, retain_graph=True)
    ahead = {name: p - RATE * g for (name, p), g in zip(own.items(), gradients, strict=True)}
    upper = (output - batch["label"]).square().mean() + 0.5 * task_loss(
        run.recognizer, output, batch, supervised, ahead
    )
    return torch.autograd.grad(upper, list(run.network.parameters())), gradients


def step(module, gradients):
    with torch.no_grad():
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter -= 0.01 * gradient


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("order", [1, 2])
def test_training_is_the_loop_with_an_unrolled_step(recipe, vector, order, supervised):
    build = dict(max_epochs=1, optimizer=torch.optim.SGD, supervised=supervised)
    ours, theirs = recipe(BiLevel(order=order, inner_lr=RATE), **build), recipe(**build)
    ours.trainer.run()
    for batch in batches(theirs):
        theta, phi = unrolled(theirs, batch, order, supervised)
        with torch.no_grad():
            theirs.recognizer(theirs.network(batch["image"]))  # running statistics see ŷ, once
        step(theirs.network, theta)
        step(theirs.recognizer, phi)
    assert torch.allclose(vector(ours.network), vector(theirs.network), rtol=0, atol=1e-6)
    assert torch.allclose(vector(ours.recognizer), vector(theirs.recognizer), rtol=0, atol=1e-6)
    joint = recipe("joint", **build)
    joint.trainer.run()
    assert (vector(ours.network) - vector(joint.network)).abs().max() > 1e-5


@pytest.mark.parametrize("order", [1, 2])
def test_in_an_accumulation_each_mini_batch_looks_ahead_by_itself(recipe, vector, order):
    build = dict(batch_size=5, max_epochs=1, optimizer=torch.optim.SGD)
    ours, theirs = recipe(BiLevel(order=order, inner_lr=RATE), accumulation_steps=2, **build), recipe(**build)
    ours.trainer.run()
    found = [unrolled(theirs, batch, order, True) for batch in batches(theirs)]
    for module, gradients in zip((theirs.network, theirs.recognizer), zip(*found, strict=True), strict=True):
        step(module, [(a + b) / 2 for a, b in zip(*gradients, strict=True)])
    for mine, other in ((ours.network, theirs.network), (ours.recognizer, theirs.recognizer)):
        for a, b in zip(mine.parameters(), other.parameters(), strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("order", [1, 2])
def test_the_loss_scale_changes_nothing(recipe, vector, order):
    runs = [recipe(BiLevel(GradProm(), order, RATE), optimizer=torch.optim.SGD) for _ in range(2)]
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=10**6)
    runs[0].trainer.precision = Precision(torch.device("cpu"), False, scaler=scaler)
    for run in runs:
        run.trainer.run()
    for network in ("network", "recognizer"):
        a, b = (vector(getattr(run, network)) for run in runs)
        assert torch.allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_everything_together(recipe, vector, dtype):
    """Reduced precision, accumulation, clipping, channels last and the compiler, near the plain run in float32."""
    together = dict(
        amp=True,
        amp_kwargs={"dtype": dtype},
        to_kwargs={"memory_format": LAST},
        compile=True,
        compile_kwargs={"backend": "aot_eager"},
    )
    runs = []
    for options in ({}, together):
        run = recipe(
            BiLevel(GradProm(), 2, 0.5),
            max_epochs=4,
            accumulation_steps=2,
            optimizer=torch.optim.SGD,
            handlers=[GradientClipping(0.5)],
            **options,
        )
        for network in (run.network, run.recognizer) if options else ():
            network.to(memory_format=LAST)
            # at the scale that training would find by itself, skipping some updates
            run.trainer.precision.scaler = torch.amp.GradScaler("cpu", 1024.0, enabled=dtype == torch.float16)
        kinds = set()
        run.recognizer.body[0].register_forward_hook(lambda m, a, out, kinds=kinds: kinds.add(out.dtype))
        run.trainer.run()
        assert run.trainer.state.skipped_updates == 0
        runs.append(run)
    assert kinds == {dtype}  # also at φ'
    for network in ("network", "recognizer"):
        before, *ends = vector(getattr(recipe(), network)), *(vector(getattr(run, network)) for run in runs)
        assert (ends[0] - ends[1]).norm() < 0.05 * (ends[0] - before).norm()


def test_two_tasks_look_ahead_apart(recipe):
    """Each recognizer by its own step; a third report would show a mix-up of names."""
    run = recipe(BiLevel(GradProm(), 2, RATE), max_epochs=1)
    other = copy.deepcopy(run.task)
    other.name, other.optimizer = "other", torch.optim.Adam(other.network.parameters(), lr=0.01)
    run.trainer.tasks.append(other)
    reports = []
    run.trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: reports.append(e.state.task_reports))
    run.trainer.run()
    assert all(report.keys() == {"segmentation", "other"} for report in reports)
    assert reports[0]["segmentation"] == reports[0]["other"]  # copies of each other


@pytest.mark.parametrize("order", [1, 2])
def test_the_second_order_asks_for_second_derivatives(recipe, order):
    run = recipe(BiLevel(order=order), max_epochs=1)
    norm = run.recognizer.body[1] = nn.SyncBatchNorm(4)
    norm.__class__ = SynchronisedBatchNorm
    run.trainer.run()
    assert norm.own is (order == 2)
