# SPDX-License-Identifier: Apache-2.0
"""A run that was cut and resumed equals the one that was not: losses, gates, parameters, telemetry."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Events

from monai_gradprom.engines import Precision, RandomStates
from monai_gradprom.errors import InputError
from monai_gradprom.handlers import GateTelemetry, TrainingCheckpoint, latest_checkpoint
from monai_gradprom.strategies import BiLevel, GradProm, HeldGate


class Decay:
    """A learning-rate schedule that is there before its optimizer."""

    def attach(self, engine):
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: self.scheduler.step())


class Cut(Exception):
    """Power off."""


@pytest.fixture
def run_to(recipe, tmp_path):
    def run(folder, stop=None, resume=False, interval=1, noise=0, **arguments):
        torch.manual_seed(100 + noise)  # whatever was drawn before must not matter to a resumed run
        folder = tmp_path / folder
        checkpoint = TrainingCheckpoint({}, folder, iteration_interval=interval, resume=resume)
        scale, decay = arguments.pop("scale", None), Decay()
        built = recipe(
            dropout=0.3,
            handlers=[decay, checkpoint, GateTelemetry(folder)],
            **{"warmup_epochs": 1, "max_epochs": 4} | arguments,
        )
        checkpoint.objects.update(
            network=built.network,
            optimizer=built.trainer.optimizer,
            recognizer=built.recognizer,
            recognizer_optimizer=built.task.optimizer,
            random=RandomStates(),
        )
        decay.scheduler = torch.optim.lr_scheduler.StepLR(built.trainer.optimizer, 1, gamma=0.5)
        checkpoint.objects["lr_scheduler"] = decay.scheduler
        if scale:
            scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=2)
            built.trainer.precision = Precision(torch.device("cpu"), False, scaler=scaler)
        history = {}

        @built.trainer.on(Events.ITERATION_COMPLETED)
        def remember(engine):
            gates = [report.gate for report in engine.state.task_reports.values()]
            history[engine.state.iteration] = (float(engine.state.output[0]["loss"]), gates)
            if engine.state.iteration == stop:
                raise Cut

        if not resume:
            torch.manual_seed(3)
        restored = checkpoint.restore()
        assert restored is (resume and latest_checkpoint(folder) is not None)
        if stop is None:
            built.trainer.run()
        else:
            with pytest.raises(Cut):
                built.trainer.run()
        return built, history, folder

    return run


# 3 iterations an epoch; warm-up ends after iteration 3; an epoch's last checkpoint waits for the epoch's end
@pytest.mark.parametrize(
    ("stop", "first", "num_workers"), [(1, 2, 0), (2, 3, 0), (3, 3, 0), (4, 5, 0), (8, 9, 0), (4, 5, 1)]
)
def test_resume_is_exact(run_to, vector, stop, first, num_workers):
    whole, expected, folder = run_to("whole")
    run_to("cut", stop=stop)
    resumed, rest, cut_folder = run_to("cut", resume=True, noise=1, num_workers=num_workers)
    assert rest == {i: value for i, value in expected.items() if i >= first}
    assert torch.equal(vector(resumed.network), vector(whole.network))
    assert torch.equal(vector(resumed.recognizer), vector(whole.recognizer))
    assert (cut_folder / "gate.csv").read_text() == (folder / "gate.csv").read_text()


def test_the_loss_scale_continues(run_to):
    whole, _, _ = run_to("whole", scale=2.0)
    run_to("cut", stop=7, scale=2.0)
    resumed, _, _ = run_to("cut", resume=True, scale=2.0)
    scales = [run.trainer.precision.scaler.get_scale() for run in (whole, resumed)]
    assert scales[0] == scales[1] == 2.0 * 2**6  # doubled after every second of 12 updates


@pytest.mark.parametrize(
    "other", [{"strategy": "joint"}, {"weight": 0.1}, {"warmup_epochs": 2}, {"supervised": False}], ids=str
)
def test_a_checkpoint_of_another_experiment_is_refused(run_to, other):
    run_to("cut", stop=4)
    with pytest.raises(InputError, match="does not fit this run's 'trainer'"):
        run_to("cut", resume=True, **other)


def test_an_untrained_recognizer_stays_untrained_when_resumed(run_to):
    """Cut during the warm-up, it has learnt nothing yet."""
    run_to("cut", stop=2, trained=False)
    resumed, _, _ = run_to("cut", resume=True, trained=False)
    assert not resumed.task.trained


def test_dropout_and_augmentation_are_really_random(run_to):
    """Otherwise the test above would show nothing."""
    _, first, _ = run_to("a", max_epochs=2)
    assert len({loss for loss, _ in first.values()}) == len(first)


def test_a_checkpoint_within_an_accumulation_waits_for_its_end(run_to, vector):
    whole, _, _ = run_to("whole", accumulation_steps=2)
    # iteration 4 opens a window of two: its gradients are in no state dict
    run_to("cut", stop=4, accumulation_steps=2)
    resumed, rest, _ = run_to("cut", resume=True, noise=1, accumulation_steps=2)
    assert min(rest) == 4
    assert torch.equal(vector(resumed.network), vector(whole.network))


@pytest.mark.parametrize(
    "strategy",
    [HeldGate(GradProm(), 3), BiLevel(HeldGate(GradProm(), 3), order=2, inner_lr=0.5)],
    ids=["held", "and looking ahead"],
)
def test_a_held_gate_continues_where_it_was_held(run_to, vector, strategy):
    """Decided anew every third update: the second and third of a window live from what a checkpoint has to hold."""
    whole, expected, _ = run_to("whole", strategy=copy.deepcopy(strategy))
    run_to("cut", stop=8, strategy=copy.deepcopy(strategy))
    resumed, rest, _ = run_to("cut", resume=True, noise=1, strategy=copy.deepcopy(strategy))
    assert rest == {i: value for i, value in expected.items() if i >= 9}
    assert torch.equal(vector(resumed.network), vector(whole.network))


def test_a_longer_run_continues_a_finished_one(run_to, vector):
    whole, _, _ = run_to("whole", max_epochs=4)
    run_to("short", max_epochs=2)
    longer, rest, _ = run_to("short", resume=True, max_epochs=4)
    assert min(rest) == 7
    assert torch.equal(vector(longer.network), vector(whole.network))


def test_a_finished_run_has_nothing_left_to_do(run_to, vector):
    whole, _, _ = run_to("whole", max_epochs=2)
    again, rest, _ = run_to("whole", resume=True, max_epochs=2)
    assert rest == {}
    assert torch.equal(vector(again.network), vector(whole.network))


def test_resume_without_a_checkpoint_starts_anew(run_to):
    _, history, _ = run_to("nothing", resume=True, max_epochs=1)
    assert min(history) == 1


def test_a_truncated_checkpoint_is_refused_by_name(run_to):
    _, _, folder = run_to("cut", max_epochs=2)
    newest = latest_checkpoint(folder)
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.raises(InputError, match=rf"{newest.name}.*remove it to continue from checkpoint_iteration=5\.pt"):
        run_to("cut", resume=True)


def test_a_checkpoint_of_another_setting_is_refused(run_to):
    run_to("cut", max_epochs=2)
    with pytest.raises(InputError, match="3 batches an epoch, this one has 5"):
        run_to("cut", resume=True, batch_size=2)


def test_old_checkpoints_go_and_no_temporary_file_stays(run_to):
    _, _, folder = run_to("run", max_epochs=4)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["checkpoint_iteration=11.pt", "checkpoint_iteration=12.pt", "gate.csv"]
