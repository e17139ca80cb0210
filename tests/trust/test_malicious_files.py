# SPDX-License-Identifier: Apache-2.0
"""A file with a program in it, wherever weights or a checkpoint are expected: refused, and the program does not run."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest
import torch
from enhance_inputs import shifting, write_picture
from miniatures import write_isic2018
from training_commands import Training

from monai_gradprom.cli import main
from monai_gradprom.errors import InputError
from monai_gradprom.handlers import TrainingCheckpoint
from monai_gradprom.label.enhancer import Enhancer
from monai_gradprom.tensor_files import DamagedFile, UnsafeFile, read_tensors

CONFIGS = Path(__file__).parents[2] / "bundles"
SENTENCE = "run code"


class Program:
    """Unpickled freely, this makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def trap(tmp_path):
    """The folder that an unpickled :class:`Program` makes."""
    return tmp_path / "trapped"


@pytest.fixture
def evil(tmp_path, trap):
    """A file for each way of writing it."""
    content = {"head.conv.weight": torch.ones(3), "x": Program(trap)}
    torch.save(content, tmp_path / "evil.pt")
    torch.save(content, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(content))
    yield tmp_path / "evil.pt"
    assert not trap.exists()
    torch.load(tmp_path / "evil.pt", weights_only=False)
    assert trap.exists()  # the trap works


@pytest.mark.parametrize("name", ["evil.pt", "legacy.pt", "pickle.pt"])
def test_nothing_is_built_by_code(evil, name):
    with pytest.raises(UnsafeFile):
        read_tensors(evil.with_name(name))


@pytest.fixture
def refused(tmp_path):
    """Run switches in a process of its own; the one sentence that it ends with."""

    def run(switches):
        command = Training(switches, tmp_path / "log")
        assert command.wait() == [1], command.printed()
        said = [line for line in command.printed().splitlines() if line.startswith("error: ")]
        assert len(said) == 1 and "Traceback" not in command.printed(), command.printed()
        return said[0]

    return run


@pytest.mark.parametrize(
    "config, switch",
    [
        ("train", "weights"),
        ("train", "recognizer_weights"),
        ("train", "backbone_weights"),
        ("evaluate", "weights"),
        ("evaluate", "recognizer_weights"),
        ("evaluate", "compared_weights#other"),
        ("inference", "weights"),
    ],
)
def test_weights_of_a_bundle_run(evil, refused, tmp_path, camus, switches_for, config, switch):
    if config == "train":
        given = switches_for(tmp_path / "out")
    else:
        file = CONFIGS / "camus_denoise" / "configs" / f"{config}.json"
        given = {"config_file": file, "output_dir": tmp_path / "out", "dataset_dir": camus}
        given |= {"device": "$torch.device('cpu')"}
    if switch == "backbone_weights":
        del given["recognizer_defs#segmentation"]  # that of the bundle, into which ImageNet's weights fit
    if switch.startswith("compared"):
        given["figures"] = "['panels']"
    line = refused(given | {switch: evil})
    assert SENTENCE in line and "evil.pt" in line


def test_weights_of_a_feature_loss(evil, tmp_path, refused):
    file = CONFIGS / "isic2018_perceptual" / "configs" / "train.json"
    given = {"config_file": file, "output_dir": tmp_path / "out", "dataset_dir": write_isic2018(tmp_path / "isic")}
    given |= {"image_size": 32, "batch_size": 2, "network_def#channels": [4, 6, 8], "device": "$torch.device('cpu')"}
    line = refused(given | {"feature_weights": evil})
    assert SENTENCE in line and "evil.pt" in line


def test_a_checkpoint_is_refused_and_the_last_good_one_offered(evil, tmp_path, refused, switches_for):
    whole = Training(switches_for(tmp_path / "out", max_epochs=1), tmp_path / "first")
    assert whole.wait() == [0], whole.printed()
    out = tmp_path / "out"
    assert {path.name for path in out.glob("check*")} == {"checkpoint_iteration=3.pt", "checkpoint_iteration=4.pt"}
    shutil.copy(evil, out / "checkpoint_iteration=9.pt")
    (out / "checkpoint_iteration=8.pt").write_bytes((out / "checkpoint_iteration=4.pt").read_bytes()[:-500])
    line = refused(switches_for(out))
    assert SENTENCE in line and "checkpoint_iteration=9.pt" in line
    assert "remove it and checkpoint_iteration=8.pt to continue from checkpoint_iteration=4.pt" in line
    for number in (9, 8):
        (out / f"checkpoint_iteration={number}.pt").unlink()
    resumed = Training(switches_for(out), tmp_path / "second")
    assert resumed.wait() == [0], resumed.printed()  # as the sentence has promised


def test_a_warm_up_of_compare(evil, tmp_path, refused, switches_for):
    (tmp_path / "warm_up").mkdir()
    shutil.copy(evil, tmp_path / "warm_up" / "checkpoint_iteration=2.pt")
    shared = {"train#checkpoint#_target_": "monai_gradprom.experiments.shared_start.SharedStart"}
    shared["train#checkpoint#start"] = str(tmp_path / "warm_up")
    line = refused(switches_for(tmp_path / "out", **shared))
    assert SENTENCE in line and "checkpoint_iteration=2.pt" in line


@pytest.fixture
def bundle(tmp_path):
    """One whose weights can be set."""
    folder = shifting(tmp_path / "bundle")
    config = folder / "configs" / "inference.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"weights": str(folder / "models" / "model.pt")}))
    return folder


@pytest.mark.parametrize("where", ["bundle", "setting"])
def test_folder_enhancement(evil, bundle, tmp_path, capsys, where):
    write_picture(tmp_path / "in" / "a.png")
    given = ["--set", f"weights={evil}"]
    if where == "bundle":
        shutil.copy(evil, bundle / "models" / "model.pt")
        given = []
    arguments = [tmp_path / "in", tmp_path / "out", "--bundle", bundle, "--device", "cpu", "--workers", "0", *given]
    assert main(["enhance", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert SENTENCE in line
    assert not (tmp_path / "out").exists()


def test_the_label_app(evil, bundle):
    with pytest.raises(InputError, match=SENTENCE):
        Enhancer(bundle, lambda key: datetime.now(timezone.utc), weights=evil, device="cpu")


@pytest.mark.parametrize("spoil", ["bit", "cut", "empty", "text"])
def test_damage_that_torch_does_not_notice(tmp_path, spoil):
    """One bit of one weight, say: read as it is, training and results would just be others."""
    values = torch.arange(4096.0)
    path = tmp_path / "checkpoint_iteration=7.pt"
    torch.save({"a": values}, path)
    torch.save({"a": values}, tmp_path / "checkpoint_iteration=5.pt")
    content = bytearray(path.read_bytes())
    if spoil == "bit":
        content[content.index(values[100:110].numpy().tobytes()) + 2] ^= 4
    path.write_bytes({"cut": bytes(content[:-9]), "empty": b"", "text": b"not found"}.get(spoil, bytes(content)))
    if spoil == "bit":
        assert not torch.equal(torch.load(path, weights_only=True)["a"], values)
    with pytest.raises((DamagedFile, UnsafeFile)):
        read_tensors(path)
    checkpoint = TrainingCheckpoint({}, tmp_path, resume=True)
    with pytest.raises(InputError, match=r"iteration=7\.pt.* remove it to continue from checkpoint_iteration=5\.pt"):
        checkpoint.restore()
