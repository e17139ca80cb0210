# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: overflows skip every network alike and are never taken for a closed gate."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from ignite.engine import Events

from monai_gradprom.engines import Precision
from monai_gradprom.strategies import RelativeWeight


def scaled(run, scale=1024.0):
    """Float16's loss scaling, on the CPU."""
    run.trainer.precision = Precision(
        torch.device("cpu"), False, scaler=torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=10**6)
    )
    return run


def test_the_loss_scale_changes_nothing(recipe, vector):
    with_scale, without = scaled(recipe("gradprom")), recipe("gradprom")
    for run in (with_scale, without):
        run.gates = []
        run.trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda e, run=run: run.gates.extend(e.state.task_reports.values())
        )
        run.trainer.run()
    assert torch.allclose(vector(with_scale.network), vector(without.network), rtol=0, atol=1e-6)
    for a, b in zip(with_scale.gates, without.gates, strict=True):
        assert a.cosine == pytest.approx(b.cosine, abs=1e-5)
        assert a.ratio == pytest.approx(b.ratio, rel=1e-4)


PLACES = ("main", "auxiliary", "recognizer")
CASES = [
    ("enhancer_only", "main"),
    *((strategy, where) for strategy in ("joint", "gradprom", "gradprom_cosine", "bilevel") for where in PLACES),
    *(("frozen", where) for where in ("main", "auxiliary")),
]


@pytest.mark.parametrize(("strategy", "where"), CASES)
@pytest.mark.parametrize("scaler", [True, False])
@pytest.mark.parametrize("weight", [0.5, RelativeWeight(0.3)], ids=["fixed", "relative"])
def test_an_overflow_skips_all_networks_alike(recipe, vector, strategy, where, scaler, weight):
    run = recipe(strategy, max_epochs=1, weight=weight)
    if scaler:
        scaled(run)
    snapshots, reports = [], []

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def remember(engine):
        reports.append(list(engine.state.task_reports.values()))
        snapshots.append((vector(run.network), torch.cat([p.detach().flatten() for p in run.recognizer.parameters()])))

    def spoil(tensor):
        return tensor * math.inf if run.trainer.state.iteration == 2 else tensor

    if where == "main":
        loss_function = run.trainer.loss_function
        run.trainer.loss_function = lambda *pair: spoil(loss_function(*pair))
    elif where == "auxiliary":
        task_loss = run.task.loss_function
        run.task.loss_function = lambda *pair: spoil(task_loss(*pair))
    else:  # a gradient that overflows between the loss and φ only
        run.recognizer.body[3].bias.register_hook(spoil)
    run.trainer.run()
    assert run.trainer.state.skipped_updates == 1
    # neither open nor closed, even where the gate had decided before φ's gradients were found out
    assert [[math.isnan(r.gate) for r in update] for update in reports] == [
        [i == 1] * len(reports[i]) for i in range(3)
    ]
    assert all(r.finite is not math.isnan(r.gate) for update in reports for r in update)
    for first, second, third in zip(*snapshots, strict=True):
        assert torch.equal(first, second)  # skipped, for both networks
        if strategy not in ("frozen", "enhancer_only") or first.numel() == vector(run.network).numel():
            assert not torch.equal(second, third)  # and going on
            assert torch.isfinite(third).all()
    if scaler:
        assert run.trainer.precision.scaler.get_scale() == 512.0


def test_bfloat16_autocast_reaches_both_networks(recipe):
    run = recipe("gradprom", amp=True, max_epochs=1)
    kinds = set()
    for network in (run.network[0], run.recognizer.body[0]):
        network.register_forward_hook(lambda m, a, out: kinds.add(out.dtype))
    run.trainer.run()
    assert kinds == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in run.network.parameters())


def test_scaling_is_for_float16_alone():
    cpu = torch.device("cpu")
    assert not Precision(cpu, True).scaler.is_enabled()
    assert Precision(cpu, True, {"dtype": torch.float16}).scaler.is_enabled()
    assert not Precision(cpu, False, {"dtype": torch.float16}).scaler.is_enabled()


@pytest.mark.parametrize("spoilt", [2, 3], ids=["first of its window", "second"])
def test_an_overflow_skips_its_whole_accumulation(recipe, vector, spoilt):
    """10 images in batches of 2 and windows of 2: updates after batches 2, 4 and 5 of either epoch."""
    run = scaled(recipe("gradprom", batch_size=2, accumulation_steps=2, max_epochs=2))
    task_loss, states, gates = run.task.loss_function, [], []
    run.task.loss_function = lambda *pair: (
        task_loss(*pair) * (math.inf if run.trainer.state.iteration == spoilt + 1 else 1)
    )

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def remember(engine):
        states.append(torch.cat([p.detach().flatten() for n in (run.network, run.recognizer) for p in n.parameters()]))
        gates.extend((engine.state.iteration, r.gate) for r in engine.state.task_reports.values())

    run.trainer.run()
    moved = [i + 2 for i, (a, b) in enumerate(pairwise(states)) if not torch.equal(a, b)]
    assert moved == [2, 5, 7, 9, 10]
    assert run.trainer.state.skipped_updates == 1
    assert run.trainer.precision.scaler.get_scale() == 512.0
    assert [i for i, _ in gates] == [2, 4, 5, 7, 9, 10]
    assert [i for i, gate in gates if math.isnan(gate)] == [4]


def test_float16_finds_a_scale_at_which_it_can_train(recipe, vector):
    """Gradients of a loss times 2^30 are beyond float16: updates are skipped until the halved scale fits."""
    run = recipe("gradprom", amp=True, amp_kwargs={"dtype": torch.float16}, max_epochs=8)
    kinds = set()
    run.recognizer.body[0].register_forward_hook(lambda m, a, out: kinds.add(out.dtype))
    scaler = run.trainer.precision.scaler
    assert scaler.is_enabled()
    scaler.load_state_dict(scaler.state_dict() | {"scale": 2.0**30, "growth_interval": 10**6})
    start, gates, states = vector(run.network), [], []

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def remember(engine):
        gates.extend(r.gate for r in engine.state.task_reports.values())
        states.append(torch.cat([p.detach().flatten() for n in (run.network, run.recognizer) for p in n.parameters()]))

    run.trainer.run()
    skipped = run.trainer.state.skipped_updates
    assert kinds == {torch.float16}
    assert 1 < skipped < 20
    assert scaler.get_scale() == 2.0 ** (30 - skipped)  # once per update, not once per network
    assert [math.isnan(gate) for gate in gates] == [True] * skipped + [False] * (24 - skipped)
    assert all(torch.equal(state, states[0]) for state in states[:skipped])
    assert not torch.equal(vector(run.network), start)
    assert all(torch.isfinite(p).all() for n in (run.network, run.recognizer) for p in n.parameters())


def test_float16_decides_and_steps_as_float32(recipe, vector):
    half, full = recipe("gradprom", amp=True, amp_kwargs={"dtype": torch.float16}), recipe("gradprom")
    for run in (half, full):
        run.gates = []
        run.trainer.add_event_handler(
            Events.ITERATION_COMPLETED,
            lambda e, run=run: run.gates.extend(r.gate for r in e.state.task_reports.values()),
        )
        run.trainer.run()
    assert half.gates == full.gates
    assert torch.allclose(vector(half.network), vector(full.network), rtol=0, atol=5e-3)
