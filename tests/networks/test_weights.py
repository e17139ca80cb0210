# SPDX-License-Identifier: Apache-2.0
"""A network's own weights, and files that must be refused."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from monai_gradprom.errors import InputError
from monai_gradprom.networks import DiagnosisRecognizer, SRResNet, load_imagenet_resnet, load_weights


def saved(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def enhancer(seed=0, **options):
    torch.manual_seed(seed)
    return SRResNet(**{"channels": 4, "num_blocks": 1, **options}).eval()


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"model": state, "epoch": 3}])
def test_load_weights(wrap, tmp_path):
    source, target, x = enhancer(0), enhancer(1), torch.rand(1, 1, 9, 9)
    assert not torch.allclose(target(x), source(x))
    load_weights(target, saved(tmp_path, wrap(source.state_dict())))
    assert torch.equal(target(x), source(x))


def test_other_architecture_is_named_and_nothing_changes(tmp_path):
    target = enhancer(1, num_blocks=2)
    before = target.tail.conv.weight.clone()
    with pytest.raises(InputError, match=r"weights\.pt do not fit SRResNet: 15 missing \(body\.1"):
        load_weights(target, saved(tmp_path, enhancer(0).state_dict()))
    assert torch.equal(target.tail.conv.weight, before)


class Malicious:
    """Unpickled freely, this makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(
    "dump", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_malicious_pickle_is_refused(dump, tmp_path):
    trap, path = tmp_path / "trapped", tmp_path / "evil.pt"
    dump({"head.conv.weight": Malicious(trap)}, path)
    with pytest.raises(InputError, match=r"evil\.pt.*run code"):
        load_weights(enhancer(), path)
    with pytest.raises(InputError, match=r"evil\.pt.*run code"):
        load_imagenet_resnet(DiagnosisRecognizer(2), path)
    assert not trap.exists()
    torch.load(path, weights_only=False) if dump is torch.save else pickle.loads(path.read_bytes())
    assert trap.exists()  # the trap works


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("keep", [0, 5, 300, -50])
def test_truncated_files_are_refused(keep, legacy, tmp_path):
    path = tmp_path / "cut.pt"
    torch.save(enhancer().state_dict(), path, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cut\.pt"):
        load_weights(enhancer(), path)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, torch.ones(2), {"model": {"a": 3}}])
def test_other_contents_are_refused(content, tmp_path):
    with pytest.raises(InputError, match="not a state dict"):
        load_weights(enhancer(), saved(tmp_path, content))


def test_torchscript_missing_file_and_folder(tmp_path):
    torch.jit.save(torch.jit.script(enhancer()), tmp_path / "model.ts")
    with pytest.raises(InputError, match="TorchScript"):
        load_weights(enhancer(), tmp_path / "model.ts")
    for path in (tmp_path / "absent.pt", tmp_path):
        with pytest.raises(InputError, match="not there"):
            load_weights(enhancer(), path)
