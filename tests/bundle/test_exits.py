# SPDX-License-Identifier: Apache-2.0
"""How a command line ends. In processes of their own, since that is what is promised; few, since they are slow."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from monai_gradprom.bundle import exit_in_one_line, find_input_error, is_bundle_process
from monai_gradprom.errors import InputError

REPOSITORY = Path(__file__).parents[2]
TINY = ["--network_def#channels", "4", "--network_def#num_blocks", "1", "--device", "cpu"]


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def command(config, *arguments):
    """The exit code and everything that the user sees, in the order in which it came."""
    process = subprocess.run(
        [sys.executable, "-m", "monai.bundle", "run", "--config_file", f"bundles/camus_denoise/configs/{config}.json"]
        + [str(argument) for argument in arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    return process.returncode, process.stdout.decode(errors="replace")


def assert_one_sentence(code, text, *words):
    """Not a word of a traceback; the last line, which is no part of a progress bar's, names all ``words``."""
    assert code == 1
    last = text.replace("\r", "\n").rstrip("\n").split("\n")[-1]
    assert text.endswith(f"\n{last}\n") or text.endswith(f"\r{last}\n")
    assert last.startswith("error: ") and last.endswith("."), last
    for word in words:
        assert str(word) in last
    for trace in ("Traceback", "terminating due to", "ConfigExpression", "Failed to evaluate", 'File "'):
        assert trace not in text, text
    assert text.count(last.removeprefix("error: ")) == 1


@pytest.fixture
def folder(camus, tmp_path):
    """The miniature archive with room for damage."""
    return Path(shutil.copytree(camus, tmp_path / "camus"))


def test_a_mistaken_switch_ends_in_one_sentence(tmp_path):
    code, text = command("train", "--strategy", "gradpron", "--output_dir", tmp_path)
    assert_one_sentence(code, text, "--strategy", "'gradpron'", "did you mean 'gradprom'?")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--weights", "None"], ["--tile_size=None"]])
def test_a_plain_none_ends_in_one_sentence(camus, weights, tmp_path, arguments):
    """MONAI drops it: without the refusal, the shipped value would be used."""
    given = ["--dataset_dir", camus, "--weights", weights, "--output_dir", tmp_path / "out"]
    code, text = command("evaluate", *TINY, *given, *arguments)
    name = arguments[0].removesuffix("=None")
    assert_one_sentence(code, text, f"{name} None changes nothing", f"write {name} '$None'")
    assert not (tmp_path / "out").exists()


def test_none_as_an_expression_gets_through_the_command_line(camus, tmp_path):
    arguments = ["--dataset_dir", camus, "--weights", "$None", "--tile_size", "$None", "--output_dir", tmp_path]
    code, text = command("evaluate", *TINY, *arguments)
    assert code == 0, text
    with (tmp_path / "metrics_summary.csv").open(newline="") as file:
        means = {row["metric"]: float(row["mean"]) for row in csv.DictReader(file)}
    assert means["psnr"] == pytest.approx(means["psnr_input"], abs=1e-3)  # untrained, the network is the identity


def test_an_unreadable_training_frame_ends_in_one_sentence(folder, tmp_path):
    bad = folder / "database_nifti" / "patient0001" / "patient0001_4CH_ED.nii.gz"
    truncate(bad)
    arguments = ["--dataset_dir", folder, "--output_dir", tmp_path / "out", "--cache_rate", 0, "--image_size", 32]
    code, text = command("train", *TINY, *arguments, "--batch_size", 2)
    assert_one_sentence(code, text, bad, "cannot be read as an image", "put an intact copy in its place")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_unreadable_frame_in_the_middle_of_inference_ends_in_one_sentence(folder, weights, tmp_path, num_workers):
    bad = folder / "database_nifti" / "patient0002" / "patient0002_4CH_ED.nii.gz"
    truncate(bad)
    arguments = ["--dataset_dir", folder, "--weights", weights, "--output_dir", tmp_path / "out"]
    code, text = command("inference", *TINY, *arguments, "--num_workers", num_workers)
    assert_one_sentence(code, text, bad, "cannot be read as an image", "put an intact copy in its place")
    assert "enhancing" in text  # the progress bar
    written = sorted(path.name for path in (tmp_path / "out").rglob("*.nii.gz"))
    assert "patient0001_2CH_ED_enhanced.nii.gz" in written
    assert not [name for name in written if name.startswith(("patient0002_4CH", "patient0003"))]


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path):
    code, text = command("inference", "--network_def#channels", "many", "--output_dir", tmp_path)
    assert code != 0
    assert "Traceback" in text and "srresnet.py" in text
    assert not text.rstrip().split("\n")[-1].startswith("error: ")


def early_error(built):
    hook = sys.excepthook
    with pytest.raises(Exception) as caught:
        built.initialize()
        built.run()
    assert sys.excepthook is hook
    found = find_input_error(caught.value)
    assert found is not None, repr(caught.value)
    return str(found)


@pytest.mark.parametrize("config", ["train", "evaluate", "inference"])
def test_a_missing_folder(workflow, config, weights):
    text = early_error(workflow(config, dataset_dir="/nowhere", weights=weights))
    assert "dataset_dir" in text and "'/nowhere'" in text


@pytest.mark.parametrize("config", ["train", "evaluate", "inference"])
def test_an_empty_folder(workflow, config, weights, tmp_path):
    (tmp_path / "empty").mkdir()
    text = early_error(workflow(config, dataset_dir=str(tmp_path / "empty"), weights=weights))
    assert str(tmp_path / "empty") in text and "give the folder" in text


@pytest.mark.parametrize("config", ["train", "evaluate", "inference"])
@pytest.mark.parametrize("content, words", [(b"no weights", "no PyTorch file"), (b"", "cannot be read"), (None, "fit")])
def test_weights_that_are_none(workflow, config, content, words, tmp_path):
    path = tmp_path / "weights.pt"
    if content is None:
        torch.save({"weight": torch.ones(3)}, path)
    else:
        path.write_bytes(content)
    text = early_error(workflow(config, weights=str(path)))
    assert str(path) in text and words in text


def test_a_truncated_frame_is_met_before_anything_trains(workflow, folder, tmp_path):
    bad = folder / "database_nifti" / "patient0002" / "patient0002_2CH_ES_gt.nii.gz"
    truncate(bad)
    built = workflow("train", dataset_dir=str(folder), output_dir=str(tmp_path / "out"))
    built.initialize()
    with pytest.raises(Exception) as caught:
        built.run()
    assert str(bad) in str(find_input_error(caught.value))
    assert not (tmp_path / "out" / "gate.csv").exists()


class Wrapped(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        assert get_worker_info() is not None
        try:
            raise InputError("a.nii.gz: cannot be read; put an intact copy in its place.")
        except InputError as error:
            raise RuntimeError("applying transform X") from error


def test_an_error_is_found_through_wrappers_and_workers():
    error = InputError("one sentence.")
    assert find_input_error(error) is error
    try:
        try:
            raise error
        except InputError:
            raise RuntimeError("Failed to evaluate")  # noqa: B904 - as MONAI and others do it, without "from"
    except RuntimeError as wrapped:
        assert find_input_error(wrapped) is error
    with pytest.raises(RuntimeError) as caught:
        next(iter(DataLoader(Wrapped(), num_workers=1)))
    assert str(find_input_error(caught.value)) == "a.nii.gz: cannot be read; put an intact copy in its place."


def test_no_other_error_is_taken_for_one():
    assert find_input_error(None) is None
    assert find_input_error(ValueError("monai_gradprom.errors.InputError")) is None
    loop = RuntimeError("a")
    loop.__cause__ = ValueError("b")
    loop.__cause__.__cause__ = loop
    assert find_input_error(loop) is None


def test_another_program_is_left_alone(monkeypatch):
    hook = sys.excepthook
    exit_in_one_line()
    assert sys.excepthook is hook and not is_bundle_process()
    monkeypatch.setattr(sys, "argv", [str(Path("/any/site-packages/monai/bundle/__main__.py")), "run"])
    assert is_bundle_process()
