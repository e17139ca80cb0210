# SPDX-License-Identifier: Apache-2.0
"""Folders, keys and shared warm-ups."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from monai_gradprom.experiments.grid.bundle_files import BundleFiles
from monai_gradprom.experiments.grid.evaluations import Target
from monai_gradprom.experiments.records import write_json

STRATEGIES = ("enhancer_only", "joint", "gradprom")
LIZARD = Path(__file__).parents[3] / "bundles" / "lizard_sr"


def keys(plan):
    return [[stage.key for stage in run.stages] for run in plan.runs]


def finish(warm_up):
    write_json(warm_up.folder / "record.json", {"stages": {"train": {"key": warm_up.stage.key}}})


def test_each_run_has_a_folder_a_configuration_and_processes_that_can_be_run_again(plan, tmp_path):
    (run,) = plan(strategy="joint", seed=3, noise_sigma=0.2, figures=["panels"]).runs
    train, evaluate = run.stages
    assert run.folder.parent == tmp_path / "runs" and run.name.startswith("joint_noise_sigma=0.2_max_epochs=3_seed=3_")
    args = train.args_file("cuda:1", resume=True)
    assert json.loads(json.dumps(args)) == args
    assert args["device"] == "$torch.device('cuda:1')" and args["output_dir"] == str(run.folder) and args["resume"]
    assert args["config_file"].endswith("bundles/camus_denoise/configs/train.json")
    content = train.configuration()
    assert (content["seed"], content["noise_sigma"], content["network_def"]["channels"]) == (3, 0.2, 4)
    assert content["train"]["trainer"]["_target_"].endswith("GradPromTrainer")  # the whole of it
    # what is trained with a switch is tested with it, and what only training has is left out
    args = evaluate.args_file(None)
    assert (args["noise_sigma"], args["network_def#channels"], args["figures"]) == (0.2, 4, ["panels"])
    assert not {"seed", "strategy", "max_epochs", "device"} & args.keys()
    assert args["output_dir"] == str(run.folder / "evaluation")


def test_none_is_written_as_monai_takes_it(plan):
    (run,) = plan(strategy="joint", tile_size=None).runs
    assert run.stages[0].args_file(None)["tile_size"] == "$None"


def test_a_recognizer_by_itself_is_trained_by_two_files_and_tested_without_an_enhancer(plan):
    (run,) = plan(strategy="recognizer_only").runs
    train, evaluate = run.stages
    assert [Path(path).name for path in train.args_file(None)["config_file"]] == ["train.json", "recognizer_only.json"]
    assert "strategy" not in train.overrides
    assert evaluate.args_file(None)["weights"] == "$None"
    assert run.warm_up is None


def test_another_set_gets_the_degradation_and_the_network_alone(plan, tmp_path):
    target = Target(BundleFiles(LIZARD), str(tmp_path))
    (run,) = plan(strategy="joint", noise_sigma=0.3, recognition="segmentation", targets=[target]).runs
    args = run.stages[2].args_file(None)
    assert args["config_file"].endswith("lizard_sr/configs/evaluate.json")
    assert (args["degradation"], args["scale_factor"], args["noise_sigma"]) == ("gaussian", 1, 0.3)
    assert (args["network_def#channels"], args["dataset_dir"]) == (4, str(tmp_path))
    assert "recognition" not in args and args["output_dir"] == str(run.folder / "transfer_lizard_sr")
    content = run.stages[2].configuration()
    assert content["network_def"]["channels"] == 4 and content["network_def"]["scale_factor"] == "@scale_factor"


def test_a_fixed_recognizer_judges_every_enhancer_and_its_weights_count(plan, tmp_path):
    file = tmp_path / "recognizer_segmentation.pt"
    torch.save({"a": torch.zeros(1)}, file)
    given = {"strategy": ("joint", "recognizer_only"), "noise_sigma": 0.3, "figures": ["panels"]}
    joint, alone = plan(**given, fixed=str(tmp_path)).runs
    own, fixed = joint.stages[1:]
    args = fixed.args_file(None)
    assert (fixed.name, args["recognizer_weights"], args["noise_sigma"]) == ("evaluate_fixed", str(tmp_path), 0.3)
    assert fixed.output_dir == joint.folder / "evaluation_fixed" and "figures" not in args
    assert len(alone.stages) == 2 and own.key == plan(**given).runs[0].stages[1].key
    torch.save({"a": torch.ones(1)}, file)
    changed = plan(**given, fixed=str(tmp_path)).runs[0]
    assert [stage.key for stage in changed.stages[:2]] == [stage.key for stage in joint.stages[:2]]
    assert changed.stages[2].key != fixed.key


def test_keys_change_with_what_matters_and_with_nothing_else(plan, camus_archive, tmp_path):
    base = keys(plan(strategy="joint"))
    copied = shutil.copytree(camus_archive, tmp_path / "copy")
    same = plan(strategy="joint", dataset_dir=str(copied), num_workers=2, cache_rate=0.5, output=tmp_path / "elsewhere")
    assert keys(same) == base
    for change in ({"seed": 1}, {"noise_sigma": 0.3}, {"strategy": "frozen"}, {"network_def#channels": 8}):
        (changed,) = keys(plan(**{"strategy": "joint", **change}))
        assert not set(changed) & set(base[0]), change
    # figures change an evaluation, not a training
    (drawn,) = keys(plan(strategy="joint", figures=["panels"]))
    assert drawn[0] == base[0][0] and drawn[1] != base[0][1]
    text = next(copied.glob("database_split/*training*"))
    text.write_text(text.read_text().replace("1", "2"))  # another list of the same size
    from monai_gradprom.experiments.grid.fingerprints import data_fingerprint

    data_fingerprint.cache_clear()
    assert keys(plan(strategy="joint", dataset_dir=str(copied))) != base


def test_keys_change_with_the_weights_that_are_read(plan, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "recognizer_segmentation.pt")
    before = keys(plan(strategy="frozen", recognizer_weights=str(tmp_path)))
    assert keys(plan(strategy="frozen", recognizer_weights=str(tmp_path))) == before
    torch.save({"a": torch.ones(1)}, tmp_path / "recognizer_segmentation.pt")
    assert keys(plan(strategy="frozen", recognizer_weights=str(tmp_path))) != before


def test_strategies_share_a_warm_up_where_they_agree(plan):
    found = plan(strategy=STRATEGIES, supervised=(True, False), seed=(0, 1), aux_weight=(1e-4, 0.03))
    assert len(found.runs) == 2 + 8 + 8 and len(found.warm_ups) == 2  # one for each seed
    for run in found.runs:
        assert run.warm_up is found.warm_ups[run.switches["seed"]]
    stage = found.warm_ups[0].stage
    # stopped early, on the schedule of the whole run
    assert stage.overrides["train#trainer#max_epochs"] == 1 and stage.overrides["max_epochs"] == 3
    assert not any("final_report" in line for line in stage.overrides["run"])


def test_warm_ups_of_another_length_are_others(plan):
    found = plan(strategy=STRATEGIES, warmup_epochs=(1, 2))
    assert [warm_up.epochs for warm_up in found.warm_ups] == [1, 2]
    alone = found.runs[0]
    assert alone.switches["strategy"] == "enhancer_only" and alone.warm_up is found.warm_ups[0]


def test_nothing_is_shared_where_it_would_not_be_the_same(plan):
    assert plan(strategy="joint").runs[0].warm_up is None  # nobody to share with
    assert plan(strategy=("joint", "gradprom"), warmup_epochs=0).warm_ups == []
    assert plan(strategy=("joint", "gradprom"), warmup_epochs=3).warm_ups == []  # the whole run
    # without recognizers there is nothing that the others could go on with
    found = plan(strategy=STRATEGIES, recognizer_pretrain_epochs=0)
    assert found.runs[0].warm_up is None and len(found.warm_ups) == 1
    noise = plan(strategy=("joint", "gradprom"), noise_sigma=(0.1, 0.3))
    assert len(noise.warm_ups) == 2


def test_an_earlier_grids_warm_up_serves_a_single_run(plan):
    (warm_up,) = plan(strategy=("joint", "gradprom")).warm_ups
    assert plan(strategy="frozen").runs[0].warm_up is None
    finish(warm_up)
    assert plan(strategy="frozen").runs[0].warm_up.folder == warm_up.folder
