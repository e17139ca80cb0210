# SPDX-License-Identifier: Apache-2.0
"""Unpaired training in GradPromTrainer: the guide's way in, every term's way out, resume, precision, processes."""

from __future__ import annotations

import copy
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

from monai_gradprom.datasets import EpochSampler, GuidedDataset
from monai_gradprom.engines import (
    Adversary,
    AuxiliaryTask,
    GradPromTrainer,
    GuidedBatch,
    synchronise_batch_norm,
)
from monai_gradprom.errors import InputError
from monai_gradprom.inferers import PaddedInferer
from monai_gradprom.losses import DomainGuidance, UnpairedTarget, WaveletContentLoss, r1_penalty, unpaired_objective
from monai_gradprom.networks import HQGNet, ResidualDiscriminator

WEIGHTS = {"wavelet": 2.0, "feature": 0.0, "adversarial": 0.5, "divergence": 0.1}
TERMS = ["wavelet", "adversarial", "divergence", "discriminator", "r1"]


def blobs(count, level, seed, side=16):
    generator = torch.Generator().manual_seed(seed)
    images = F.avg_pool2d(torch.rand(count, 1, side + 4, side + 4, generator=generator), 5, 1)
    # a mask by intensity, for a recognizer
    return [{"id": str(i), "image": level * image, "mask": (image > 0.5).long()} for i, image in enumerate(images)]


def build(
    weights=WEIGHTS,
    lr=0.01,
    batch_size=4,
    rank=0,
    world=1,
    handlers=(),
    strategy="enhancer_only",
    tasks=(),
    optimizer=torch.optim.Adam,
    narrow=False,
    r1_weight=1.0,
    **options,
):
    torch.manual_seed(7)
    network = HQGNet(width=2, guide_channels=6, image_channels=3, cue_channels=5, global_residual=True)
    nn.init.normal_(network.tail.conv.weight, std=0.1)  # else nothing but the tail learns at first
    if narrow:  # a cue without chance
        with torch.no_grad():
            network.cue.log_variance.weight.zero_()
            network.cue.log_variance.bias.fill_(-100)
        network.cue.bound = 60.0
    network = synchronise_batch_norm(network)
    discriminator = ResidualDiscriminator(channels=(4, 6))
    guidance = DomainGuidance(discriminator, r1_weight)
    dataset = GuidedDataset(blobs(8, 0.4, 1), (), blobs(6, 0.9, 2), (), seed=5, progress=False)
    sampler = EpochSampler(dataset, 5, rank=rank, num_replicas=world, batch_size=batch_size // world)
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(dataset, sampler=sampler, batch_size=batch_size // world, generator=generator)
    adversary = Adversary(guidance, optimizer(discriminator.parameters(), lr=0.01))
    trainer = GradPromTrainer(
        **dict(device=torch.device("cpu"), max_epochs=1) | options,
        train_data_loader=loader,
        network=network,
        optimizer=optimizer(network.parameters(), lr=lr),
        loss_function=unpaired_objective(network, guidance, weights),
        prepare_batch=GuidedBatch(),
        inferer=PaddedInferer(),
        adversary=adversary,
        tasks=tasks,
        strategy=strategy,
        train_handlers=[adversary, *handlers],
    )
    return SimpleNamespace(
        trainer=trainer, network=network, discriminator=discriminator, guidance=guidance, loader=loader,
        adversary=adversary,
    )  # fmt: skip


def watched(run, at=1):
    """Run; the gradients of update ``at``, and the terms of each."""
    seen = SimpleNamespace(terms=[], reports=[])

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def look(engine):
        if engine.state.iteration == at:
            seen.theta, seen.psi = ([p.grad for p in n.parameters()] for n in (run.network, run.discriminator))
            seen.theta, seen.psi = (
                [None if g is None else g.clone() for g in grads] for grads in (seen.theta, seen.psi)
            )
        seen.terms.append(dict(engine.state.loss_terms))
        seen.reports.append(dict(engine.state.task_reports))

    run.trainer.run()
    return seen


def assert_same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_guide_objective_and_discriminator_as_formulas():
    """The first update, written out with the same draw of the cue."""
    run = build()
    network, discriminator = copy.deepcopy((run.network, run.discriminator))
    batch = first_batch(run)
    assert batch["guide"].mean() > 1.5 * batch["image"].mean()
    torch.manual_seed(11)
    pred = network.train()(batch["image"], guide=batch["guide"])
    content = WaveletContentLoss()(pred, batch["image"])
    main = 2 * content + 0.5 * F.softplus(-discriminator(pred)).mean() + 0.1 * network.divergence
    theta = torch.autograd.grad(main, list(network.parameters()), retain_graph=True)
    real, fake = discriminator(batch["guide"]), discriminator(pred.detach())
    penalty = r1_penalty(discriminator, batch["guide"])
    learnt = F.softplus(-real).mean() + F.softplus(fake).mean() + penalty
    psi = torch.autograd.grad(learnt, list(discriminator.parameters()))

    run.trainer.add_event_handler(Events.ITERATION_STARTED(once=1), lambda: torch.manual_seed(11))
    seen = watched(run)
    assert_same(seen.theta, theta)
    assert_same(seen.psi, psi)
    assert list(seen.terms[0]) == TERMS
    expected = {"wavelet": content, "divergence": network.divergence, "discriminator": learnt, "r1": penalty}
    for name, value in expected.items():
        assert seen.terms[0][name] == pytest.approx(value.item(), rel=1e-4)


@pytest.mark.parametrize("term", ["wavelet", "adversarial", "divergence"])
def test_each_term_alone_moves_the_enhancer(term):
    weights = {name: 0.0 for name in WEIGHTS} | {"adversarial": 1e-30, term: 1.0}
    seen = watched(build(weights))
    assert max(g.abs().max() for g in seen.theta if g is not None) > 1e-5


def test_the_discriminator_learns():
    """Of an enhancer that stands still it soon tells every image from a reference."""
    run = build(max_epochs=10, lr=0.0)
    seen = watched(run)
    late, early = (sum(terms["discriminator"] for terms in part) for part in (seen.terms[-4:], seen.terms[:4]))
    assert late < 0.9 * early
    batch = first_batch(run)
    with torch.no_grad():
        made = run.network.train()(batch["image"], guide=batch["guide"])
        assert run.discriminator(batch["guide"]).min() > run.discriminator(made).max()


def test_the_enhancer_learns_from_it_without_pairs():
    """Dim images under bright references brighten."""
    run = build(max_epochs=20, lr=0.04)
    before = run.network.eval()(first_batch(run)["image"]).mean()
    run.trainer.run()
    batch = first_batch(run)
    after = run.network.eval()(batch["image"]).mean()
    assert after - before > 0.25 * (batch["guide"].mean() - before) > 0


def test_the_cue_is_drawn_anew_and_the_divergence_term_holds_it_to_the_prior():
    late = {}
    for weight in (0.0, 3.0):
        run = build({**WEIGHTS, "divergence": weight}, max_epochs=8, lr=0.02)
        divergences = []
        run.trainer.add_event_handler(
            Events.ITERATION_COMPLETED,
            lambda e, found=divergences, run=run: found.append(run.network.divergence.item()),
        )
        seen = watched(run)
        assert ("divergence" in seen.terms[0]) == (weight > 0)
        late[weight] = sum(divergences[-4:]) / 4
    assert late[3.0] < 0.5 * late[0.0]


def recognition(trained=True):
    torch.manual_seed(3)
    recognizer = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    return AuxiliaryTask(
        "segmentation", recognizer, lambda out, mask: F.cross_entropy(out, mask[:, 0]),
        torch.optim.Adam(recognizer.parameters(), 0.01), "mask", weight=0.5, trained=trained,
    )  # fmt: skip


def test_a_recognizer_joins_under_the_gate_and_the_divergence_counts_in_the_cosine():
    run = build(tasks=[task := recognition()], strategy="gradprom")
    network, discriminator, recognizer = copy.deepcopy((run.network, run.discriminator, task.network))
    batch = first_batch(run)
    torch.manual_seed(11)
    pred = network.train()(batch["image"], guide=batch["guide"])
    theta = [p for p in network.parameters() if p.requires_grad]
    content = WaveletContentLoss()(pred, batch["image"])
    main = 2 * content + 0.5 * F.softplus(-discriminator(pred)).mean() + 0.1 * network.divergence
    aux = F.cross_entropy(recognizer(pred), batch["mask"][:, 0])
    g_main = torch.autograd.grad(main, theta, retain_graph=True)
    g_aux = torch.autograd.grad(aux, theta, allow_unused=True)
    g_aux = [torch.zeros_like(p) if g is None else g for p, g in zip(theta, g_aux, strict=True)]
    flat = [torch.cat([g.flatten().double() for g in grads]) for grads in (g_main, g_aux)]
    cosine = F.cosine_similarity(*flat, dim=0).item()
    run.trainer.add_event_handler(Events.ITERATION_STARTED(once=1), lambda: torch.manual_seed(11))
    seen = watched(run)
    report = seen.reports[0]["segmentation"]
    assert report.cosine == pytest.approx(cosine, abs=1e-3) and report.gate == float(cosine >= 0)
    expected = [m + 0.5 * report.gate * a for m, a in zip(g_main, g_aux, strict=True)]
    assert_same(seen.theta, expected)


def test_accumulation_equals_one_large_batch():
    """Without chance, and without batch normalisation, whose statistics over 4 are not those over 8."""
    gradients = []
    for options in ({"accumulation_steps": 2}, {"batch_size": 8}):
        run = build(narrow=True, **options)
        for module in run.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train = lambda mode=True, module=module: module
                module.training = False
        gradients.append(watched(run, at=2 if "accumulation_steps" in options else 1))
    for name in ("theta", "psi"):
        assert_same(getattr(gradients[0], name), getattr(gradients[1], name))


def test_bfloat16_changes_little_and_leaves_the_bank_and_penalty_in_full_precision():
    runs = [build(narrow=True, max_epochs=3, lr=1e-3), build(narrow=True, max_epochs=3, lr=1e-3, amp=True)]
    kinds = set()
    runs[1].network.bottom.register_forward_hook(lambda m, a, out: kinds.add(out.dtype))
    full, half = (watched(run) for run in runs)
    assert kinds == {torch.bfloat16} and runs[1].trainer.state.skipped_updates == 0
    assert runs[1].network.bank.vectors.dtype == torch.float32
    for a, b in zip(full.terms, half.terms, strict=True):
        assert a == pytest.approx(b, rel=0.05, abs=0.01)
        assert a != b


# --- resume and several processes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [3])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, stop):
    """The cue's draws, the drawn guides, the bank and Adam's moments included."""
    case = partial(train, build, 0, 1)
    whole = case(tmp_path / "whole")
    case(tmp_path / "cut", stop=stop)
    resumed = case(tmp_path / "cut", resume=True)
    assert resumed["terms"] == whole["terms"][-len(resumed["terms"]) :] and len(resumed["terms"]) < 6
    assert all(torch.equal(a, b) for a, b in zip(whole["state"], resumed["state"], strict=True))
    tables = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "cut")]
    assert tables[0] == tables[1] and all(tables[0].count(f",{name},") == 6 for name in TERMS)


def test_two_processes_are_one_where_the_cue_has_no_chance():
    """The penalty is a mean over images as well; each process fills a bank of its own, evaluation takes the first's."""
    # steps so small that the tiny network does not blow rounding up
    case = partial(train, build, epochs=2, narrow=True, optimizer=torch.optim.SGD, lr=1e-3)
    one, two = case(0, 1), in_processes(case)
    for a, b in zip(two[0]["learnt"], two[1]["learnt"], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(one["learnt"], two[0]["learnt"], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    for a, b in zip(one["terms"], two[0]["terms"], strict=True):
        assert a == pytest.approx(b, rel=1e-4, abs=1e-5)
    assert two[0]["terms"] == two[1]["terms"]


def test_two_processes_draw_cues_of_their_own_and_stay_together():
    two = in_processes(partial(train, build, epochs=1))
    assert all(torch.equal(a, b) for a, b in zip(two[0]["learnt"], two[1]["learnt"], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(two[0]["state"], two[1]["state"], strict=True))  # the banks


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_batch_without_guide_is_refused():
    with pytest.raises(InputError, match="'guide'"):
        GuidedBatch()({"image": torch.zeros(1, 1, 8, 8)})


def test_the_batch_goes_where_it_is_wanted():
    image, target, args, kwargs = GuidedBatch("good")(
        {"image": torch.zeros(1, 1, 8, 8), "good": torch.ones(1, 1, 4, 4)}, "meta", memory_format=torch.channels_last
    )
    assert isinstance(target, UnpairedTarget) and target.source is image and kwargs["guide"] is target.reference
    assert image.device.type == kwargs["guide"].device.type == "meta" and args == ()


def test_a_discriminator_that_nothing_trains_is_refused():
    run = build()
    run.trainer.adversaries = []
    with pytest.raises(InputError, match="discriminator that nothing trains"):
        run.trainer.run()
