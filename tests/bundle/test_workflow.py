# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from monai.bundle import ConfigParser, ConfigWorkflow

from monai_gradprom.bundle import root, running_workflow, sample_data
from monai_gradprom.errors import InputError

BUNDLE = Path(__file__).parents[2] / "bundles" / "camus_denoise"


def bundle_root(config_file):
    built = ConfigWorkflow(config_file=str(config_file), logging_file=False)
    built.parser.parse(reset=True)
    built.run_id = "bundle_root"
    return Path(built.run()[0])


@pytest.mark.parametrize(
    "where, config_file",
    [
        (BUNDLE.parents[1], "bundles/camus_denoise/configs/train.json"),
        (BUNDLE, "configs/train.json"),
        (BUNDLE / "configs", "train.json"),
        (Path("/"), BUNDLE / "configs" / "evaluate.json"),
        (BUNDLE.parent, "../bundles/camus_denoise/configs/inference.json"),
    ],
)
def test_root_is_found_from_anywhere(monkeypatch, where, config_file):
    monkeypatch.chdir(where)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found = bundle_root(config_file)
    assert found.is_absolute() and found.samefile(BUNDLE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--config_file", "bundles/camus_denoise/configs/train.json"],
        ["run", "--config_file=bundles/camus_denoise/configs/train.json", "--seed", "1"],
        ["run", "--config_file", "['bundles/camus_denoise/configs/train.json', 'other/more.json']"],
    ],
)
def test_root_without_a_workflow_reads_the_command_line(monkeypatch, arguments):
    monkeypatch.chdir(BUNDLE.parents[1])
    monkeypatch.setattr(sys, "argv", ["monai", *arguments])
    assert Path(root()).samefile(BUNDLE)


def test_root_without_either_is_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])
    assert Path(root()).samefile(tmp_path)


def test_root_may_be_overridden(workflow, tmp_path):
    """As MONAI Label and the Model Zoo's commands do."""
    os.symlink(BUNDLE.parents[1] / "sample_data", tmp_path / "sample_data")
    built = workflow("evaluate", bundle_root=str(tmp_path / "model" / "copy"), weights=str(BUNDLE / "models/model.pt"))
    built.parser.parse(reset=True)
    assert built.parser.get_parsed_content("bundle_root") == str(tmp_path / "model" / "copy")


def test_running_workflow_is_the_one_that_evaluates(workflow):
    seen = []
    built = workflow(probe="$@record(1)")
    built.parser["record"] = lambda _: seen.append(running_workflow())
    built.run_id = "probe"
    built.parser.parse(reset=True)
    built.run()
    assert seen == [built]
    assert running_workflow() is None


def test_a_plain_parser_has_no_workflow():
    parser = ConfigParser({"probe": "$__import__('monai_gradprom.bundle').bundle.running_workflow()"})
    assert parser.get_parsed_content("probe") is None


def test_sample_data_lies_beside_the_bundles():
    assert Path(sample_data(str(BUNDLE), "camus")).samefile(BUNDLE.parents[1] / "sample_data" / "camus")


def test_a_bundle_far_from_its_sample_data_says_so_when_it_runs(tmp_path, monkeypatch):
    bundle = tmp_path / "bundles" / "camus_denoise"
    assert sample_data(str(bundle), "camus") == str(tmp_path / "sample_data" / "camus")  # named, not read
    monkeypatch.setattr("monai_gradprom.bundle.workflow.running_workflow", object)
    with pytest.raises(InputError, match=r"--dataset_dir.*monai-gradprom sample-data"):
        sample_data(str(bundle), "camus")
