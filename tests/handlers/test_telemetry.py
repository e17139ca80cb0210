# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import logging
import math
import os

import pytest
from ignite.engine import Engine
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from monai_gradprom.handlers import GateTelemetry
from monai_gradprom.handlers.telemetry import FIELDS
from monai_gradprom.handlers.update_rows import UpdateRows
from monai_gradprom.strategies import GateReport

# what the trainer would say in update 1, 2, ...: loss and report of each task
REPORTS = [
    {"seg": (0.5, GateReport(gate=1.0, cosine=0.25, ratio=2.0))},
    {"seg": (0.4, GateReport(gate=0.0, cosine=-0.5, ratio=4.0)), "diag": (0.125, GateReport(gate=1.0))},
    {},
    {"seg": (0.3, GateReport(gate=math.nan, cosine=math.nan, ratio=math.nan, finite=False))},
]


def trainer(start=0):
    def update(engine, batch):
        update_reports = REPORTS[(engine.state.iteration - 1) % len(REPORTS)]
        engine.state.task_losses = {name: loss for name, (loss, _) in update_reports.items()}
        engine.state.task_reports = {name: report for name, (_, report) in update_reports.items()}

    engine = Engine(update)
    if start:
        engine.load_state_dict({"iteration": start, "max_epochs": 2, "epoch_length": len(REPORTS)})
    return engine


def run(folder, epochs=1, start=0, writer=None):
    engine = trainer(start)
    GateTelemetry(folder, writer).attach(engine)
    if start:
        engine.run(range(len(REPORTS)))
    else:
        engine.run(range(len(REPORTS)), max_epochs=epochs)
    return folder / "gate.csv"


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_per_task_and_update_with_empty_cells_for_the_unknown(tmp_path):
    found = rows(run(tmp_path / "new" / "folder"))
    expected = [
        {"epoch": "1", "iteration": "1", "task": "seg", "loss": "0.5", "cosine": "0.25", "gate": "1.0", "ratio": "2.0"},
        {"epoch": "1", "iteration": "2", "task": "seg", "loss": "0.4", "cosine": "-0.5", "gate": "0.0", "ratio": "4.0"},
        {"epoch": "1", "iteration": "2", "task": "diag", "loss": "0.125", "cosine": "", "gate": "1.0", "ratio": ""},
        {"epoch": "1", "iteration": "4", "task": "seg", "loss": "0.3", "cosine": "nan", "gate": "nan", "ratio": "nan"},
    ]
    assert found == expected


def test_a_new_run_starts_a_new_file(tmp_path):
    run(tmp_path, epochs=2)
    assert len(rows(run(tmp_path))) == 4


@pytest.mark.parametrize("start", [4, 6])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, start):
    whole = run(tmp_path / "whole", epochs=2).read_bytes()
    cut = run(tmp_path / "cut", epochs=2)
    assert run(tmp_path / "cut", start=start).read_bytes() == whole
    assert cut.read_bytes() == whole


def test_half_a_row_left_by_a_power_cut_is_written_again(tmp_path):
    whole = run(tmp_path, epochs=2).read_bytes()
    cut = whole[: whole.rindex(b"0.3") - 4]  # "2,8,seg,0.3,..." ends after "2,8"
    (tmp_path / "gate.csv").write_bytes(cut)
    assert run(tmp_path, start=4).read_bytes() == whole


def test_a_number_that_a_power_cut_shortened_is_not_taken_for_one(tmp_path):
    whole = run(tmp_path, epochs=2).read_bytes().splitlines(keepends=True)
    (tmp_path / "gate.csv").write_bytes(b"".join(whole)[:-3])  # the line's end and a digit
    UpdateRows(tmp_path / "gate.csv", FIELDS).start(iteration=100)
    assert (tmp_path / "gate.csv").read_bytes() == b"".join(whole[:-1])


def test_killed_while_it_resumes_it_has_lost_no_row(tmp_path, monkeypatch):
    path = run(tmp_path, epochs=2)
    whole = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        UpdateRows(path, FIELDS).start(iteration=4)
    assert path.read_bytes() == whole


def test_tensorboard_reads_the_scalars_back(tmp_path):
    writer = SummaryWriter(tmp_path / "tensorboard")
    run(tmp_path, writer=writer)
    writer.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = {f"gate/seg/{field}" for field in ("loss", "cosine", "gate", "ratio")}
    assert set(events.Tags()["scalars"]) == tags | {"gate/diag/loss", "gate/diag/gate"}
    cosines = [(event.step, event.value) for event in events.Scalars("gate/seg/cosine")]
    assert cosines[:2] == [(1, 0.25), (2, -0.5)]
    assert cosines[2][0] == 4 and math.isnan(cosines[2][1])


def test_one_log_line_per_epoch_and_task(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="monai_gradprom.gate"):
        run(tmp_path, epochs=2)
    # other tests' bundles may have made ignite's loggers talk
    said = [record.message for record in caplog.records if record.name == "monai_gradprom.gate"]
    assert len(said) == 4
    seg, diag = said[:2]
    # over finite values: loss (0.5 + 0.4 + 0.3) / 3, gate open in 1 of 2, cosine (0.25 - 0.5) / 2, ratio (2 + 4) / 2
    assert (
        "epoch 1, task seg: loss 0.4, gate open in 50 % of updates, cosine -0.125, |wG_VR|/|G_IP| 3, 1 skipped" in seg
    )
    assert "task diag: loss 0.125, gate open in 100 % of updates, cosine unknown, |wG_VR|/|G_IP| unknown" in diag
    assert "skipped" not in diag
