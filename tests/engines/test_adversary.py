# SPDX-License-Identifier: Apache-2.0
"""The discriminator in the trainer: whose gradient goes where, and that it shares the others' fate."""

from __future__ import annotations

import copy
import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from adversarial_runs import first_batch, train
from ignite.engine import Events
from monai.data import DataLoader
from processes import in_processes
from torch import nn
from torch.nn import functional as F

from monai_gradprom.datasets import EpochSampler, ReplayableDataset
from monai_gradprom.engines import (
    Adversary,
    AuxiliaryTask,
    GradPromTrainer,
    Precision,
    synchronise_batch_norm,
)
from monai_gradprom.errors import InputError
from monai_gradprom.handlers import GradientClipping
from monai_gradprom.losses import AdversarialGuidance, SoftLabelAdversarialLoss, perceptual_objective
from monai_gradprom.networks import DPENet, PerceptualDiscriminator

REAL, FAKE = 0.9, 0.2  # labels without chance
WEIGHTS = {"reconstruction": 1.0, "feature": 0.0, "adversarial": 0.3}


def data(count=8, side=16):
    generator = torch.Generator().manual_seed(1)
    clean = F.avg_pool2d(torch.rand(count, 1, side + 4, side + 4, generator=generator), 5, 1)
    noise = 0.05 * torch.randn(clean.shape, generator=generator)
    return [{"image": 0.5 * c + n, "label": c} for c, n in zip(clean, noise, strict=True)]


def build(
    weights=WEIGHTS,
    soft=False,
    norm=True,
    batch_size=4,
    count=8,
    lr=0.05,
    optimizer=torch.optim.SGD,
    tasks=(),
    strategy="enhancer_only",
    rank=0,
    world=1,
    handlers=(),
    feature=None,
    **options,
):
    torch.manual_seed(7)
    network = DPENet(channels=(4, 6))
    plain = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.SiLU(), nn.Conv2d(4, 1, 1), nn.AdaptiveAvgPool2d(1))
    discriminator = PerceptualDiscriminator(channels=(4, 6)) if norm else plain
    loss = SoftLabelAdversarialLoss() if soft else SoftLabelAdversarialLoss((REAL, REAL), (FAKE, FAKE))
    guidance = AdversarialGuidance(synchronise_batch_norm(discriminator), loss)
    objective = perceptual_objective(guidance, weights, untrained_features=True, feature_backbone="resnet18")
    dataset = ReplayableDataset(data(count), (), seed=5, progress=False)
    sampler = EpochSampler(dataset, 5, rank=rank, num_replicas=world, batch_size=batch_size // world)
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(dataset, sampler=sampler, batch_size=batch_size // world, generator=generator)
    adversary = Adversary(guidance, optimizer(discriminator.parameters(), lr=0.1))
    trainer = GradPromTrainer(
        **dict(device=torch.device("cpu"), max_epochs=1) | options,
        train_data_loader=loader,
        network=network,
        optimizer=optimizer(network.parameters(), lr=lr),
        loss_function=objective,
        adversary=adversary,
        tasks=tasks,
        strategy=strategy,
        train_handlers=list(handlers),
    )
    return SimpleNamespace(
        trainer=trainer, network=network, discriminator=discriminator, guidance=guidance, objective=objective,
        loader=loader, adversary=adversary,
    )  # fmt: skip


def grads(network):
    return [p.grad.clone() for p in network.parameters()]


def watched(run, at=1):
    """Run; θ's and the discriminator's gradients of update ``at``, and what either network was before each update."""
    seen = SimpleNamespace(states=[], terms=[])

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def look(engine):
        if engine.state.iteration == at:
            seen.theta, seen.psi = grads(run.network), grads(run.discriminator)
        seen.states.append([torch.nn.utils.parameters_to_vector(n.parameters()).detach() for n in engine.networks])
        seen.terms.append(dict(engine.state.loss_terms))

    run.trainer.run()
    return seen


def written_out(discriminator, features=None):
    """The three terms of the enhancer and the discriminator's loss, as formulas."""

    def logits(pred, clean):
        return discriminator(torch.cat([clean, pred])).flatten()

    def feature(pred, clean):
        difference = pred - clean
        steps = sum(difference.diff(dim=axis).abs().sum() for axis in (2, 3)) / difference.numel()
        return steps * (features(pred) - features(clean)).abs().mean()

    def learnt(pred, clean):
        real, fake = logits(pred.detach(), clean).split(len(clean))
        cost = [(F.softplus(real) - REAL * real).mean(), (F.softplus(fake) - FAKE * fake).mean()]
        return sum(cost)

    return {
        "reconstruction": lambda pred, clean: (pred - clean).abs().mean(),
        "feature": feature,
        "adversarial": lambda pred, clean: F.softplus(-logits(pred, clean)[len(clean) :]).mean(),
    }, learnt


@pytest.mark.parametrize("on", [("reconstruction",), ("feature",), ("adversarial",), None], ids=str)
def test_each_terms_gradient_arrives_at_the_enhancer(on):
    weights = {"reconstruction": 1.5, "feature": 0.5, "adversarial": 0.2}
    weights = weights if on is None else {name: weights[name] * (name in on) for name in weights}
    if not weights["adversarial"]:
        weights["adversarial"] = 1e-30  # the guidance stays a part of the objective
    run = build(weights)
    network, discriminator = copy.deepcopy((run.network, run.discriminator))
    features = run.objective.losses["feature"].features if weights["feature"] else None
    terms, _ = written_out(discriminator, features)
    batch = first_batch(run)
    pred = network(batch["image"])
    expected = sum(weight * terms[name](pred, batch["label"]) for name, weight in weights.items() if weight)
    wanted = torch.autograd.grad(expected, list(network.parameters()))
    found = watched(run).theta
    assert max(g.abs().max() for g in wanted) > 1e-4
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)


def test_the_discriminator_takes_its_own_loss_and_nothing_of_the_enhancers():
    run = build()
    network, discriminator = copy.deepcopy((run.network, run.discriminator))
    batch = first_batch(run)
    pred = network(batch["image"])
    terms, learnt = written_out(discriminator)
    value = learnt(pred, batch["label"])
    wanted = torch.autograd.grad(value, list(discriminator.parameters()))
    seen = watched(run)
    for a, b in zip(seen.psi, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert seen.terms[0]["discriminator"] == pytest.approx(value.item(), rel=1e-5)
    assert seen.terms[0]["reconstruction"] == pytest.approx(terms["reconstruction"](pred, batch["label"]).item())
    assert set(seen.terms[0]) == {"reconstruction", "adversarial", "discriminator"}
    output = run.trainer.state.output[0]
    assert output["discriminator_loss"] == seen.terms[-1]["discriminator"]


def test_the_discriminator_learns():
    """Of an enhancer that stands still it soon tells every image from the clean one."""
    run = build(lr=0.0, soft=True, max_epochs=30, optimizer=torch.optim.Adam)
    for group in run.adversary.optimizer.param_groups:
        group["lr"] = 0.01
    seen = watched(run)
    losses = [terms["discriminator"] for terms in seen.terms]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    batch = first_batch(run)
    with torch.no_grad():
        logits = run.discriminator.eval()(torch.cat([batch["label"], run.network(batch["image"])])).flatten()
    assert logits[:4].min() > logits[4:].max()


def test_the_discriminator_learns_during_the_warm_up_too():
    recognizer = nn.Conv2d(1, 2, 1)
    task = AuxiliaryTask("t", recognizer, lambda a, b: (a - b).square().mean(), None, trained=True)
    run = build(tasks=[task], strategy="frozen", warmup_epochs=1)
    before = torch.nn.utils.parameters_to_vector(run.discriminator.parameters()).detach().clone()
    assert not torch.equal(watched(run).states[0][-1], before)


def test_accumulation_equals_one_large_batch():
    """Without batch normalisation, whose statistics over 4 are not those over 8."""
    parts = watched(build(norm=False, accumulation_steps=2, max_epochs=2), at=2)
    whole = watched(build(norm=False, batch_size=8, max_epochs=2))
    for a, b in zip((*parts.theta, *parts.psi), (*whole.theta, *whole.psi), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    for one, other in zip(parts.states[-1], whole.states[-1], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_clipping_bounds_the_discriminators_gradient_by_itself():
    seen = watched(build(handlers=[GradientClipping(1e-3)]))
    for gradient in (seen.theta, seen.psi):
        assert torch.nn.utils.get_total_norm(gradient).item() == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("where", ["objective", "discriminator", "gradient"])
def test_an_overflow_skips_all_networks_alike(where):
    recognizer = nn.Sequential(nn.Conv2d(1, 2, 1))
    task = AuxiliaryTask(
        "t", recognizer, lambda a, b: (a - b).square().mean(), torch.optim.SGD(recognizer.parameters(), 0.1),
        trained=True,
    )  # fmt: skip
    run = build(tasks=[task], strategy="gradprom", batch_size=2)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=10**6)
    run.trainer.precision = Precision(torch.device("cpu"), False, scaler=scaler)

    def spoil(value):
        return value * math.inf if run.trainer.state.iteration == 2 else value

    if where == "objective":
        objective = run.objective
        run.trainer.loss_function = lambda *pair: spoil(objective(*pair))
    elif where == "discriminator":
        loss = run.guidance.discriminator_loss
        run.guidance.discriminator_loss = lambda *pair: spoil(loss(*pair))
    else:
        run.discriminator.tail.conv.bias.register_hook(spoil)
    states = watched(run).states
    assert run.trainer.state.skipped_updates == 1 and scaler.get_scale() == 512.0
    assert len(states[0]) == 3
    for first, second, third in zip(*states[:3], strict=True):
        assert torch.equal(first, second)
        assert not torch.equal(second, third) and third.isfinite().all()


def test_half_precision_reaches_the_discriminator_and_changes_little():
    runs = [build(max_epochs=2), build(max_epochs=2, amp=True, amp_kwargs={"dtype": torch.float16})]
    scaler = runs[1].trainer.precision.scaler
    scaler.load_state_dict(scaler.state_dict() | {"scale": 64.0})
    kinds = set()
    runs[1].discriminator.features[0].register_forward_hook(lambda m, a, out: kinds.add(out.dtype))
    full, half = (watched(run) for run in runs)
    assert kinds == {torch.float16} and scaler.is_enabled() and runs[1].trainer.state.skipped_updates == 0
    for a, b in zip(full.states[-1], half.states[-1], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-2)
    assert not torch.equal(half.states[0][1], half.states[-1][1])


def flat(gradients):
    return torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_gate_decides_on_the_whole_objectives_gradient(sign):
    """The task opposes the L1 term a little and pulls along the adversarial one, or the other way round."""
    recognizer = nn.Conv2d(1, 1, 1)  # its output is not looked at
    gates = {}
    for adversarial in (1e-30, 50.0):
        run = build({**WEIGHTS, "adversarial": adversarial}, tasks=[task := _task(recognizer)], strategy="gradprom")
        network, batch = copy.deepcopy(run.network), first_batch(run)
        terms, _ = written_out(copy.deepcopy(run.discriminator))
        pred, theta = network(batch["image"]), list(network.parameters())
        values = [terms[name](pred, batch["label"]) for name in ("reconstruction", "adversarial")]
        l1, guidance = (flat(torch.autograd.grad(value, theta, retain_graph=True)) for value in values)
        share = 1.02 * torch.dot(l1, guidance) / torch.dot(l1, l1)
        aux, main = sign * (guidance - share * l1), l1 + adversarial * guidance

        def loss(pred, clean, batch, terms=terms, share=share):
            mixed = terms["adversarial"](pred, clean) - share * terms["reconstruction"](pred, clean)
            return sign * mixed + 0 * recognizer(pred).sum()

        task.loss = loss
        reports = []
        run.trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda e, reports=reports: reports.append(e.state.task_reports["t"])
        )
        found = flat(watched(run).theta)
        cosine = F.cosine_similarity(main.double(), aux.double(), dim=0).item()
        assert reports[0].cosine == pytest.approx(cosine, abs=1e-3)
        torch.testing.assert_close(found, main + 0.5 * reports[0].gate * aux, rtol=1e-3, atol=1e-5)
        gates[adversarial] = reports[0].gate
    assert gates == {1e-30: float(sign < 0), 50.0: float(sign > 0)}


def _task(recognizer):
    optimizer = torch.optim.SGD(recognizer.parameters(), 0.0)
    return AuxiliaryTask("t", recognizer, nn.MSELoss(), optimizer, weight=0.5, trained=True)


# --- resume and several processes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [1, 3, 4])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, stop):
    """Labels of chance, Adam's moments and running statistics included."""
    case = partial(train, build, 0, 1, soft=True, optimizer=torch.optim.Adam)
    whole = case(tmp_path / "whole")
    case(tmp_path / "cut", stop=stop)
    resumed = case(tmp_path / "cut", resume=True)
    assert resumed["terms"] == whole["terms"][-len(resumed["terms"]) :] and len(resumed["terms"]) < 6
    assert all(torch.equal(a, b) for a, b in zip(whole["state"], resumed["state"], strict=True))
    tables = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "cut")]
    assert tables[0] == tables[1] and tables[0].count("discriminator") == 6


def test_labels_are_really_of_chance():
    """Otherwise the test above would show less."""
    torch.manual_seed(1)
    values = [watched(build(soft=True, lr=0.0)).terms[0]["discriminator"]]
    run = build(soft=True, lr=0.0)
    torch.manual_seed(2)
    values.append(watched(run).terms[0]["discriminator"])
    assert values[0] != values[1]


@pytest.mark.parametrize("options", [{}, {"count": 7}, {"accumulation_steps": 2}], ids=str)
def test_two_processes_are_one(options):
    """Also where a last batch is dealt out unevenly; batch normalisation counts over both."""
    case = partial(train, build, epochs=2, **options)
    one, two = case(0, 1), in_processes(case)
    assert all(torch.equal(a, b) for a, b in zip(two[0]["state"], two[1]["state"], strict=True))
    for a, b in zip(one["state"], two[0]["state"], strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-5)
    for a, b in zip(one["terms"], two[0]["terms"], strict=True):
        assert a == pytest.approx(b, abs=1e-5)
    assert two[0]["terms"] == two[1]["terms"]


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_discriminator_that_nothing_trains_is_refused():
    run = build()
    run.trainer.adversaries = []
    with pytest.raises(InputError, match="discriminator that nothing trains"):
        run.trainer.run()
    run.discriminator.requires_grad_(False)  # it is meant to stay as it is
    run.trainer.run()


def test_another_guidance_than_the_objectives_is_refused():
    run = build()
    run.adversary.guidance = AdversarialGuidance(run.discriminator)
    with pytest.raises(InputError, match="the same guidance"):
        run.trainer.run()


def test_a_task_of_the_discriminators_name_is_refused():
    task = AuxiliaryTask("discriminator", nn.Conv2d(1, 1, 1), nn.MSELoss(), None)
    with pytest.raises(InputError, match="none may be called 'discriminator'"):
        build(tasks=[task], strategy="frozen")
