# SPDX-License-Identifier: Apache-2.0
"""What an actor checks before it works, and how it works; without Ray."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from enhance_inputs import shifting, write_picture
from PIL import Image

from monai_gradprom.enhance import job, runner
from monai_gradprom.enhance.cluster import actor
from monai_gradprom.enhance.cluster.actor import EnhanceActor, Plan
from monai_gradprom.enhance.job import EnhanceJob
from monai_gradprom.enhance.look import LookJob
from monai_gradprom.enhance.made_by import made_by
from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.processes.pool import Lost
from monai_gradprom.errors import InputError


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setattr(actor, "be_silent", lambda: None)  # else the test would be
    monkeypatch.setattr("__main__.__file__", __file__)  # given back afterwards
    for number in range(5):
        write_picture(tmp_path / "in" / f"{number}.png", seed=number)
    options = Options(tmp_path / "in", tmp_path / "out", shifting(tmp_path / "bundle"), device="cpu")
    network = BundleNetwork.load(options.bundle, "cpu")
    (tmp_path / "out" / ".work").mkdir(parents=True)
    setup = replace(runner._setup(options, network, None), work=tmp_path / "out" / ".work")
    return Plan(job.perform, setup, options, made_by(network), "cpu")


def ready(plan, lanes=0):
    made = EnhanceActor(plan)
    made.ready(lanes)
    return made


@pytest.mark.parametrize("lanes", [0, 2])
def test_files_go_through_several_lanes_at_once(plan, lanes):
    made = ready(plan, lanes)
    with ThreadPoolExecutor(max(1, lanes)) as threads:
        rows = list(threads.map(made.do, [EnhanceJob(f"{number}.png") for number in range(5)]))
    assert [row.status for row in rows] == ["done"] * 5
    for number in range(5):
        before, after = (
            np.asarray(Image.open(folder / f"{number}.png")).astype(int)
            for folder in (plan.setup.input, plan.setup.output)
        )
        assert (after == before + 51).all()
    while lanes and not made._lanes.empty():
        made._lanes.get().close()


def test_a_decoder_s_crash_costs_a_process_of_the_actor(plan):
    import faulty_tasks

    write_picture(plan.setup.input / "decoder.png")
    made = ready(replace(plan, perform=faulty_tasks.accidents), 1)
    lost = made.do(LookJob(("decoder.png",)))
    assert isinstance(lost, Lost)
    assert "SIGSEGV" in lost.reason
    assert made.do(EnhanceJob("1.png")).status == "done"
    made._lanes.get().close()


def test_actors_have_folders_of_their_own(plan):
    """Processes of one number on two machines make their files at the same time."""
    folders = [actor.EnhanceActor(plan)._own_setup().work for _ in range(2)]
    assert folders[0] != folders[1]
    assert [folder.parent for folder in folders] == [plan.setup.work] * 2


@pytest.mark.parametrize("name", ["in", "bundle", "out"])
def test_a_machine_that_does_not_see_a_folder(plan, tmp_path, name):
    shutil.rmtree(tmp_path / name)
    with pytest.raises(InputError, match=f"{tmp_path / name} is not there.*all machines share"):
        ready(plan)
    assert not (tmp_path / name).exists()


def test_a_machine_with_other_weights(plan, tmp_path):
    shutil.rmtree(tmp_path / "bundle")
    shifting(tmp_path / "bundle", change=0.25)
    with pytest.raises(InputError, match=r"is another one .weights differ"):
        ready(plan)


def test_the_network_is_computed_as_the_command_says(plan, monkeypatch):
    options = replace(plan.options, precision="bfloat16", runtime="torch", require_sha256=None)
    seen, load = [], BundleNetwork.load
    monkeypatch.setattr(BundleNetwork, "load", lambda *given: seen.append(given) or load(*given))
    ready(replace(plan, options=options))
    assert seen == [(options.bundle, "cpu", options.settings, None, "torch", "bfloat16", None)]


def test_a_machine_with_another_version(plan):
    with pytest.raises(InputError, match=r"install 0\.0\.0, as where"):
        ready(replace(plan, made_by=plan.made_by | {"software version": "0.0.0"}))


def test_a_dry_run_needs_neither_network_nor_output(plan, tmp_path):
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "bundle" / "models" / "model.pt").unlink()
    made = ready(replace(plan, options=replace(plan.options, dry_run=True)))
    (facts,) = made.do(LookJob(("1.png",)))
    assert (facts.path, facts.status, facts.output) == ("1.png", None, "1.png")
    assert not (tmp_path / "out").exists()
