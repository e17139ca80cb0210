# SPDX-License-Identifier: Apache-2.0
"""Clipping, memory formats, compilation, reduced precision and accumulation, each and all together with the gate."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Events
from monai.engines.utils import IterationEvents

from monai_gradprom.engines import Precision
from monai_gradprom.handlers import GradientClipping

LAST = torch.channels_last


def trained(run, channels_last=False):
    """Run a recipe; it then knows its gates."""
    if channels_last:
        for network in (run.network, run.recognizer):
            network.to(memory_format=LAST)
    run.gates = []
    run.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda e: run.gates.extend(r.gate for r in e.state.task_reports.values())
    )
    run.trainer.run()
    return run


def test_clipping_sees_true_gradients(recipe, vector):
    """Those of the update: after the gate, without the loss scale, once per accumulation."""
    ends = []
    for scale in (None, 1024.0):
        run = recipe("gradprom", accumulation_steps=2, optimizer=torch.optim.SGD, handlers=[GradientClipping(0.01)])
        if scale:
            scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=10**6)
            run.trainer.precision = Precision(torch.device("cpu"), False, scaler=scaler)
        norms, before = [], vector(run.network)

        @run.trainer.on(IterationEvents.BACKWARD_COMPLETED)
        def measure(engine, norms=norms, networks=(run.network, run.recognizer)):
            norms.extend(torch.nn.utils.get_total_norm([p.grad for p in n.parameters()]).item() for n in networks)

        run.trainer.run()
        assert norms == pytest.approx([0.01] * 2 * 2 * 3, rel=1e-3)  # two networks, two updates an epoch
        ends.append(vector(run.network))
        assert 0 < (ends[-1] - before).norm() <= 6 * 0.01 * 0.01 * 1.001  # six steps at a learning rate of 0.01
    assert torch.allclose(ends[0], ends[1], rtol=0, atol=1e-7)


def test_channels_last_changes_the_layout_and_nothing_else(recipe, vector):
    layouts = []
    # Adam would blow rounding up where a bias precedes a batch normalisation and has no gradient
    run = recipe("gradprom", optimizer=torch.optim.SGD, to_kwargs={"memory_format": LAST})
    for network in (run.network[0], run.recognizer.body[0]):
        network.register_forward_hook(lambda m, a, out: layouts.append(out.is_contiguous(memory_format=LAST)))
    trained(run, channels_last=True)
    plain = trained(recipe("gradprom", optimizer=torch.optim.SGD))
    assert layouts and all(layouts)
    assert run.network[0].weight.grad.is_contiguous(memory_format=LAST)
    assert run.gates == plain.gates
    assert torch.allclose(vector(run.network), vector(plain.network), rtol=0, atol=1e-6)
    assert torch.allclose(vector(run.recognizer), vector(plain.recognizer), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_everything_together(recipe, vector, dtype):
    """The same run but for the compiler, which must change neither decisions nor, beyond rounding, parameters."""
    runs = [
        trained(
            recipe(
                "gradprom",
                amp=True,
                amp_kwargs={"dtype": dtype},
                max_epochs=6,
                accumulation_steps=2,
                to_kwargs={"memory_format": LAST},
                handlers=[GradientClipping(0.5)],
                **options,
            ),
            channels_last=True,
        )
        for options in ({}, {"compile": True, "compile_kwargs": {"backend": "aot_eager"}})
    ]
    assert runs[0].gates == runs[1].gates
    assert set(runs[0].gates) == {0.0, 1.0}
    for network in ("network", "recognizer"):
        a, b = (vector(getattr(run, network)) for run in runs)
        assert torch.allclose(a, b, rtol=0, atol=1e-2)
