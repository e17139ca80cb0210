# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import stat

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedEvaluator
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.handlers import BestModelSaver, PerImageMetric, TrainingCheckpoint, atomic_save, latest_checkpoint

LENGTH = 4


class Unsaveable:
    """Fails when its turn comes, after the file has been begun."""

    def __reduce__(self):
        raise OSError("no space left on device")


def test_a_save_that_fails_midway_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "model.pt"
    atomic_save({"a": torch.ones(3)}, path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="no space"):
        atomic_save({"a": torch.zeros(1000), "b": Unsaveable()}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.pt"]


def test_a_save_interrupted_before_the_rename_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    atomic_save({"a": torch.ones(3)}, path)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_save({"a": torch.zeros(3)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["a"], torch.ones(3))
    assert os.listdir(tmp_path) == ["model.pt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_a_saved_file_has_the_usual_permissions(tmp_path):
    previous = os.umask(0o027)
    try:
        atomic_save({}, tmp_path / "model.pt")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "model.pt").stat().st_mode) == 0o640


def build(folder, resume=False, **options):
    """An engine whose network holds the number of updates that it has seen."""
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.zero_()

    def update(engine, batch):
        network.weight.data += 1

    engine = Engine(update)
    engine.state.max_epochs, engine.state.epoch_length = None, LENGTH
    checkpoint = TrainingCheckpoint({"network": network}, folder, resume=resume, **options)
    checkpoint.attach(engine)
    return engine, network, checkpoint


def train(folder, epochs, resume=False, stop=None, **options):
    engine, network, checkpoint = build(folder, resume, **options)
    engine.state.max_epochs = epochs
    if stop:
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=stop), engine.terminate)
    restored = checkpoint.restore()
    engine.run(range(LENGTH), max_epochs=epochs)
    return network, restored


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_are_numbered_and_the_latest_two_kept(tmp_path):
    train(tmp_path, epochs=3)
    assert names(tmp_path) == ["checkpoint_iteration=12.pt", "checkpoint_iteration=8.pt"]
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint_iteration=12.pt"
    content = torch.load(latest_checkpoint(tmp_path), weights_only=True)
    assert content["network"]["weight"].item() == 12
    assert content["trainer"]["iteration"] == 12


def test_checkpoints_within_an_epoch(tmp_path):
    train(tmp_path, epochs=2, iteration_interval=3, n_saved=10)
    # every third update, except that an epoch's end counts as one
    assert names(tmp_path) == [f"checkpoint_iteration={n}.pt" for n in (3, 4, 7, 8)]


def test_resume_continues_to_more_epochs(tmp_path):
    train(tmp_path, epochs=1)
    network, restored = train(tmp_path, epochs=3, resume=True)
    assert restored and network.weight.item() == 12


def test_resume_without_a_checkpoint_starts_from_scratch(tmp_path):
    network, restored = train(tmp_path, epochs=1, resume=True)
    assert not restored and network.weight.item() == LENGTH


def test_what_a_kill_left_between_saving_and_removing_goes(tmp_path):
    train(tmp_path, epochs=3)
    shutil.copy(tmp_path / "checkpoint_iteration=8.pt", tmp_path / "checkpoint_iteration=4.pt")
    (tmp_path / ".checkpoint_iteration=16.pt.x7_a.unfinished").write_bytes(b"half")
    _, restored = train(tmp_path, epochs=3, resume=True)
    assert restored and names(tmp_path) == ["checkpoint_iteration=12.pt", "checkpoint_iteration=8.pt"]


def test_a_new_run_in_an_old_folder_replaces_the_old_checkpoints(tmp_path):
    train(tmp_path, epochs=5)
    train(tmp_path, epochs=1)
    assert names(tmp_path) == ["checkpoint_iteration=4.pt"]
    network, _ = train(tmp_path, epochs=2, resume=True)
    assert network.weight.item() == 8


@pytest.mark.parametrize(
    "others, remedy",
    [(True, "remove it to continue from checkpoint_iteration=4.pt"), (False, "remove it to start anew")],
)
def test_a_truncated_checkpoint_is_named_with_the_remedy(tmp_path, others, remedy):
    train(tmp_path, epochs=2)
    path = latest_checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    if not others:
        (tmp_path / "checkpoint_iteration=4.pt").unlink()
    with pytest.raises(InputError, match=remedy) as caught:
        train(tmp_path, epochs=3, resume=True)
    assert str(path) in str(caught.value)


def test_a_checkpoint_of_another_setting_is_refused(tmp_path):
    train(tmp_path, epochs=1)
    engine, _, checkpoint = build(tmp_path, resume=True)
    engine.state.max_epochs = 2
    checkpoint.objects["recognizer"] = nn.Linear(1, 1)
    with pytest.raises(InputError, match="disagree on recognizer"):
        checkpoint.restore()
    del checkpoint.objects["recognizer"]
    checkpoint.objects["network"] = nn.Linear(2, 1)
    with pytest.raises(InputError, match="does not fit this run's 'network'"):
        checkpoint.restore()
    engine, _, checkpoint = build(tmp_path, resume=True)
    engine.state.epoch_length = 7
    with pytest.raises(InputError, match=f"{LENGTH} batches an epoch, this one has 7"):
        checkpoint.restore()


def test_a_checkpoint_knows_the_switches_of_its_experiment(tmp_path):
    train(tmp_path, epochs=1, setting={"noise_sigma": "0.1", "seed": "0"})
    for setting, words in (
        ({"noise_sigma": "0.3", "seed": "0"}, "noise_sigma 0.1, this one has 0.3"),
        ({"noise_sigma": "0.1"}, "seed 0, this one has not there"),
    ):
        _, _, checkpoint = build(tmp_path, resume=True, setting=setting)
        with pytest.raises(InputError, match=words):
            checkpoint.restore()
    _, _, checkpoint = build(tmp_path, resume=True, setting={"seed": "0", "noise_sigma": "0.1"})
    assert checkpoint.restore()


def test_best_models_are_those_of_the_best_evaluation_as_bare_state_dicts(tmp_path):
    network = nn.Linear(1, 1)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=[{"image": torch.ones(1, 1), "label": torch.ones(1, 1)}],
        network=network,
        key_val_metric={"quality": PerImageMetric(lambda pred: network.weight.item(), ["pred"])},
        val_handlers=[BestModelSaver({"model.pt": network}, tmp_path)],
    )
    for epoch, quality in enumerate((1.0, 3.0, 2.0), 1):  # the second is best, the third comes last
        network.weight.data.fill_(quality)
        evaluator.run(global_epoch=epoch)
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert set(content) == {"weight", "bias"}
    assert content["weight"].item() == 3.0
