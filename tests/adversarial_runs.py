# SPDX-License-Identifier: Apache-2.0
"""Trainings with a discriminator, as the tests' own ``build`` makes them, that are stopped, resumed and compared."""

from __future__ import annotations

import torch
from ignite.engine import Events

from monai_gradprom.engines import RandomStates
from monai_gradprom.handlers import LossTelemetry, TrainingCheckpoint


def first_batch(run):
    """That a run will begin with."""
    run.loader.sampler.set_position(0)
    return next(iter(run.loader))


def train(build, rank, world, folder=None, stop=None, resume=False, epochs=3, **options):
    """Terms of every iteration, and states and parameters of both networks at the end.

    ``build(rank=, world=, handlers=, max_epochs=, **options)`` makes the run. With a ``folder`` for its checkpoints and
    losses it can be stopped after iteration ``stop``, and gone on with by ``resume``.
    """
    handlers = []
    checkpoint = TrainingCheckpoint({}, folder or "", iteration_interval=1, resume=resume)
    if folder:
        handlers = [checkpoint, *([LossTelemetry(folder)] if rank == 0 else [])]
    run = build(rank=rank, world=world, handlers=handlers, max_epochs=epochs, **options)
    torch.manual_seed(50 + rank + 10 * resume)
    checkpoint.objects |= {"network": run.network, "optimizer": run.trainer.optimizer, "random": RandomStates()}
    checkpoint.objects |= run.adversary.checkpoint_objects
    terms = []

    @run.trainer.on(Events.ITERATION_COMPLETED)
    def look(engine):
        terms.append(dict(engine.state.loss_terms))
        if engine.state.iteration == stop:
            engine.terminate()

    if resume:
        assert checkpoint.restore()
    run.trainer.run()
    learnt = [p.detach() for n in (run.network, run.discriminator) for p in n.parameters()]
    state = [t for n in (run.network, run.discriminator) for t in n.state_dict().values()]
    return {"terms": terms, "state": state, "learnt": learnt}
