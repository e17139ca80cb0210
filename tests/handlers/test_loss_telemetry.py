# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import logging
import math

import pytest
from ignite.engine import Engine
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from monai_gradprom.handlers import LossTelemetry

TERMS = [{"l1": 0.5, "discriminator": 2.0}, {"l1": 0.25, "discriminator": math.nan}]


def run(folder, epochs=2, start=0, writer=None):
    def update(engine, batch):
        engine.state.loss_terms = TERMS[(engine.state.iteration - 1) % 2]

    engine = Engine(update)
    LossTelemetry(folder, writer).attach(engine)
    if start:
        engine.load_state_dict({"iteration": start, "max_epochs": 2, "epoch_length": 2})
        engine.run(range(2))
    else:
        engine.run(range(2), max_epochs=epochs)
    return folder / "losses.csv"


def test_one_row_per_term_and_update(tmp_path):
    with run(tmp_path / "new").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert found[:3] == [
        {"epoch": "1", "iteration": "1", "term": "l1", "value": "0.5"},
        {"epoch": "1", "iteration": "1", "term": "discriminator", "value": "2.0"},
        {"epoch": "1", "iteration": "2", "term": "l1", "value": "0.25"},
    ]
    assert len(found) == 8 and found[-1] == {"epoch": "2", "iteration": "4", "term": "discriminator", "value": "nan"}


@pytest.mark.parametrize("start", [2, 3])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, start):
    whole = run(tmp_path / "whole").read_bytes()
    run(tmp_path / "cut")
    assert run(tmp_path / "cut", start=start).read_bytes() == whole


def test_tensorboard_and_a_line_an_epoch(tmp_path, caplog):
    writer = SummaryWriter(tmp_path)
    with caplog.at_level(logging.INFO, logger="monai_gradprom.loss"):
        run(tmp_path, epochs=1, writer=writer)
    writer.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss/l1")] == [(1, 0.5), (2, 0.25)]
    said = [record.message for record in caplog.records if record.name == "monai_gradprom.loss"]
    assert said == ["epoch 1, terms of the loss: l1 0.375, discriminator 2"]


def test_a_loss_without_terms_leaves_an_empty_table(tmp_path):
    engine = Engine(lambda engine, batch: setattr(engine.state, "loss_terms", {}))
    LossTelemetry(tmp_path).attach(engine)
    engine.run([0])
    assert (tmp_path / "losses.csv").read_text().split() == ["epoch,iteration,term,value"]
