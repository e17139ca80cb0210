# SPDX-License-Identifier: Apache-2.0
"""Two gloo processes make the same decisions and reach the same parameters as one process with the whole batch."""

from __future__ import annotations

import copy
import csv
import math
from functools import partial

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader
from processes import in_processes
from torch import nn

from monai_gradprom.datasets import EpochSampler, ReplayableDataset
from monai_gradprom.engines import (
    AuxiliaryTask,
    GradPromTrainer,
    Precision,
    RandomStates,
    RecognizerPretraining,
    synchronise_batch_norm,
)
from monai_gradprom.errors import InputError
from monai_gradprom.handlers import GateTelemetry, GradientClipping, TrainingCheckpoint
from monai_gradprom.strategies import BiLevel, GradProm, HeldGate, LastLayersGate

AHEAD = BiLevel(GradProm(), order=2, inner_lr=0.5, inner_steps=2)
KEYS = ("image", "label", "segmentation")


def _loss(logits, mask):
    return nn.functional.cross_entropy(logits, mask[:, 0].long())


def _data(count):
    generator = torch.Generator().manual_seed(1)
    clean = torch.rand(count, 1, 8, 8, generator=generator)
    noise = 0.2 * torch.randn(count, 1, 8, 8, generator=generator)
    return [dict(zip(KEYS, (c + n, c, (c > 0.5).byte()), strict=True)) for c, n in zip(clean, noise, strict=True)]


def _networks(norm, dropout):
    torch.manual_seed(7)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.PReLU(), nn.Dropout(dropout), nn.Conv2d(4, 1, 3, padding=1)]
    enhancer = nn.Sequential(*layers, *([nn.BatchNorm2d(1)] if norm else []))
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1)]
    recognizer = nn.Sequential(layers[0], *([nn.BatchNorm2d(4)] if norm else []), *layers[1:])
    return enhancer, recognizer


def _train(
    rank,
    world,
    folder=None,
    count=12,
    batch=4,
    epochs=4,
    norm=False,
    dropout=0.0,
    overflow=None,
    stop=None,
    resume=False,
    clip=None,
    strategy="gradprom",
    **options,
):
    enhancer, recognizer = (synchronise_batch_norm(network) for network in _networks(norm, dropout))
    torch.manual_seed(rank)
    dataset = ReplayableDataset(_data(count), (), seed=5, progress=False)
    sampler = EpochSampler(dataset, 5, rank=rank, num_replicas=world, batch_size=batch // world)
    generator = torch.Generator().manual_seed(5)  # else a pass that is begun twice would draw from the global one
    loader = DataLoader(dataset, sampler=sampler, batch_size=batch // world, generator=generator)
    optimizer = torch.optim.SGD(recognizer.parameters(), 0.1)
    task = AuxiliaryTask("t", recognizer, _loss, optimizer, "segmentation", weight=0.5)
    RecognizerPretraining([task], loader, {"t": _loss}, {"t": "segmentation"}, epochs=0 if resume else 1).run()
    checkpoint = TrainingCheckpoint({}, folder or "", iteration_interval=1, resume=resume)
    first = [GateTelemetry(folder)] if folder and rank == 0 else []
    trainer = GradPromTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=enhancer,
        optimizer=torch.optim.SGD(enhancer.parameters(), 0.05),
        loss_function=nn.MSELoss(),
        tasks=[task],
        strategy=strategy,
        train_handlers=[GradientClipping(clip), *first, *([checkpoint] if folder else [])],
        **options,
    )
    if overflow:
        _spoil(trainer, rank, *overflow)
    objects = dict(enhancer=enhancer, recognizer=recognizer, a=trainer.optimizer, b=optimizer, random=RandomStates())
    checkpoint.objects.update(objects)
    reports, losses = [], []

    @trainer.on(Events.ITERATION_COMPLETED)
    def remember(engine):
        reports.extend([r.gate, r.cosine] for r in engine.state.task_reports.values())
        losses.append([float(engine.state.output[0]["loss"]), engine.state.task_losses["t"]])
        if engine.state.iteration == stop:
            engine.terminate()

    if resume:
        assert checkpoint.restore()
    trainer.run()
    return {
        "reports": reports,
        "losses": losses,
        "state": [t for net in (enhancer, recognizer) for t in net.state_dict().values()],
        "skipped": trainer.state.skipped_updates,
        "scale": trainer.precision.scaler.get_scale(),
    }


def _spoil(trainer, rank, spoilt_rank, spoilt_iteration):
    """Float16's loss scaling, and an infinite loss of the recognizer in one update of one process."""
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=10**6)
    trainer.precision = Precision(torch.device("cpu"), False, scaler=scaler)
    task_loss = trainer.tasks[0].loss_function

    def spoilt(*pair):
        now = rank == spoilt_rank and trainer.state.iteration == spoilt_iteration
        return task_loss(*pair) * (math.inf if now else 1.0)

    trainer.tasks[0].loss_function = spoilt


def _assert_alike(one, several, tolerance=1e-6):
    for other in several[1:]:
        assert other["reports"] == several[0]["reports"]
        assert all(torch.equal(a, b) for a, b in zip(other["state"], several[0]["state"], strict=True))
    assert [gate for gate, _ in several[0]["reports"]] == [gate for gate, _ in one["reports"]]
    for a, b in zip(one["losses"], several[0]["losses"], strict=True):
        assert a == pytest.approx(b, abs=1e-5)
    for a, b in zip(one["state"], several[0]["state"], strict=True):
        assert torch.allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    "strategy",
    ["gradprom", "joint", HeldGate(GradProm(), 2), LastLayersGate(GradProm(), 2), BiLevel(GradProm(), 1, 0.5), AHEAD],
    ids=["exact", "joint", "held", "last", "first order", "second order"],
)
def test_two_processes_are_one(strategy):
    one, two = (
        _train(0, 1, strategy=copy.deepcopy(strategy)),
        in_processes(partial(_train, strategy=copy.deepcopy(strategy))),
    )
    _assert_alike(one, two)
    if strategy != "joint":
        assert {0.0, 1.0} == {gate for gate, _ in one["reports"]}  # decisions of both kinds were made


@pytest.mark.parametrize(
    ("world", "count", "batch", "strategy"),
    [(2, 11, 4, "gradprom"), (3, 11, 6, "gradprom"), (2, 3, 4, "gradprom"), (2, 11, 4, AHEAD)],
)
def test_an_uneven_last_batch_counts_by_its_samples(world, count, batch, strategy):
    """Of the last 3 (5, 3) samples some processes have more than others."""
    case = partial(_train, count=count, batch=batch, epochs=2, strategy=strategy)
    _assert_alike(case(0, 1), in_processes(case, world=world))


def test_fewer_samples_than_processes_are_left_out_instead_of_waited_for():
    """13 = 3 batches of 4 and one sample, which only one process could have; every pass leaves out another."""
    results = in_processes(partial(_train, count=13, epochs=2))
    assert len(results[0]["reports"]) == len(results[1]["reports"]) == 6


@pytest.mark.parametrize(
    "options",
    [{}, {"count": 11}, {"accumulation_steps": 2}, {"count": 11, "strategy": AHEAD}],
    ids=["even", "uneven", "accumulated", "uneven, second order"],
)
def test_synchronised_statistics_are_those_of_the_whole_batch(options):
    """Also of the running statistics, in both networks, and with batches of 2 and 1."""
    case = partial(_train, norm=True, epochs=2, **options)
    _assert_alike(case(0, 1), in_processes(case), tolerance=1e-5)


def test_accumulation_and_clipping_act_on_what_all_processes_found():
    case = partial(_train, accumulation_steps=2, clip=0.05, epochs=2)
    one = case(0, 1)
    _assert_alike(one, in_processes(case))
    unclipped = _train(0, 1, accumulation_steps=2, epochs=2)
    assert not torch.allclose(one["state"][0], unclipped["state"][0], atol=1e-4)


@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_an_overflow_in_one_process_skips_the_update_in_all(accumulation_steps):
    updates = 3 if accumulation_steps == 1 else 2
    case = partial(_train, overflow=(1, 2), epochs=1, accumulation_steps=accumulation_steps)
    for result in (results := in_processes(case)):
        assert result["skipped"] == 1
        assert result["scale"] == 512.0
        gates = [gate for gate, _ in result["reports"]]
        assert len(gates) == updates
        assert [math.isnan(gate) for gate in gates].count(True) == 1  # neither open nor closed
        assert all(torch.isfinite(tensor).all() for tensor in result["state"])
    assert all(torch.equal(a, b) for a, b in zip(*(r["state"] for r in results), strict=True))


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    """Dropout draws from each process's own generator; uneven batches draw differently often."""
    case = partial(_train, count=11, dropout=0.4, epochs=3)
    whole = in_processes(case, tmp_path / "whole")
    in_processes(partial(case, stop=4), tmp_path / "cut")
    resumed = in_processes(partial(case, resume=True), tmp_path / "cut")
    for a, b in zip(whole, resumed, strict=True):
        assert b["losses"] == a["losses"][4:]
        assert b["reports"] == a["reports"][4:]
        assert all(torch.equal(x, y) for x, y in zip(a["state"], b["state"], strict=True))
    tables = [(tmp_path / name / "gate.csv").read_text() for name in ("whole", "cut")]
    assert tables[0] == tables[1]
    alone = case(0, 1, tmp_path / "alone")  # its dropout is another's: other values, the same rows
    rows = [list(csv.DictReader((tmp_path / name / "gate.csv").open())) for name in ("whole", "alone")]
    assert [row["iteration"] for row in rows[0]] == [row["iteration"] for row in rows[1]]
    assert alone["reports"] != whole[0]["reports"]


def _own_length(rank, world):
    enhancer, recognizer = _networks(False, 0.0)
    task = AuxiliaryTask("t", recognizer, _loss, torch.optim.SGD(recognizer.parameters(), 0.1), "segmentation")
    loader = DataLoader(_data(2 + 2 * rank), batch_size=2)
    messages = []
    for start in (
        GradPromTrainer(
            device=torch.device("cpu"),
            max_epochs=1,
            train_data_loader=loader,
            network=enhancer,
            optimizer=torch.optim.SGD(enhancer.parameters(), 0.05),
            loss_function=nn.MSELoss(),
            tasks=[task],
        ),
        RecognizerPretraining([task], loader, {"t": _loss}, {"t": "segmentation"}, epochs=1),
    ):
        try:
            start.run()
        except InputError as error:
            messages.append(str(error))
    return messages


def test_loaders_of_different_lengths_are_refused_before_anybody_waits():
    for messages in in_processes(_own_length):
        assert len(messages) == 2
        assert all("the processes have 1, 2 batches an epoch" in message for message in messages)


def _resume_apart(rank, world, folder):
    checkpoint = TrainingCheckpoint({}, folder / str(rank), resume=True)
    try:
        return checkpoint.restore()
    except InputError as error:
        return str(error)


def test_a_checkpoint_that_only_some_processes_see_is_refused(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "checkpoint_iteration=3.pt").touch()
    for message in in_processes(_resume_apart, tmp_path):
        assert "checkpoint_iteration=3.pt, None" in message
        assert "storage that all machines share" in message
