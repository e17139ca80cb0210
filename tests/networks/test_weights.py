# SPDX-License-Identifier: Apache-2.0
"""A network's own weights, and files that must be refused."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest
import torch

from monai_gradprom.errors import InputError
from monai_gradprom.networks import DiagnosisRecognizer, HQGNet, SRResNet, load_imagenet_resnet, load_weights
from monai_gradprom.networks.weights import read_state_dict

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"


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


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"model": state, "epoch": 3}])
def test_another_ending_is_refused_although_every_shape_agrees(wrap, trained, tmp_path):
    source, target = enhancer(0, global_residual=trained), enhancer(1, global_residual=not trained)
    before = target.tail.conv.weight.clone()
    message = f"weights.pt: .*global_residual {trained}, but this SRResNet has {not trained}.*global_residual {trained}"
    with pytest.raises(InputError, match=message):
        load_weights(target, saved(tmp_path, wrap(source.state_dict())))
    assert torch.equal(target.tail.conv.weight, before)
    with pytest.raises(InputError, match="global_residual"):  # PyTorch's own way, inside of another module
        torch.nn.Sequential(target).load_state_dict(torch.nn.Sequential(source).state_dict())
    load_weights(enhancer(1, global_residual=trained), tmp_path / "weights.pt")


@pytest.mark.parametrize("ending", [False, True])
def test_weights_that_do_not_tell_their_ending_are_loaded(ending, tmp_path):
    source, target, x = enhancer(0, global_residual=True), enhancer(1, global_residual=ending), torch.rand(1, 1, 9, 9)
    plain = dict(source.state_dict())  # tensors alone, as in older files
    load_weights(target, saved(tmp_path, plain))
    if ending:
        assert torch.equal(target(x), source(x))
    assert torch.equal(target.head.conv.weight, source.head.conv.weight)


def test_hqgnet_tells_its_ending():
    made = [
        HQGNet(width=2, guide_channels=6, image_channels=3, cue_channels=5, global_residual=on) for on in (True, False)
    ]
    with pytest.raises(InputError, match="global_residual True, but this HQGNet has False"):
        made[1].load_state_dict(made[0].state_dict())


SHIPPED = sorted(path for path in BUNDLES.glob("*/models/*.pt") if path.parts[-3] != "isic2018_perceptual")  # DPENet


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_shipped_weights_tell_their_ending(path):
    assert read_state_dict(path)._metadata[""]["global_residual"] is True


@pytest.mark.parametrize("pack", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_of_a_network_tell_and_compare_their_own_ending(pack):
    source = enhancer(0, global_residual=True)
    twin = pack(source)
    twin.load_state_dict(source.state_dict())
    twin.global_residual = False
    with pytest.raises(InputError, match="True, but this SRResNet has False"):
        twin.load_state_dict(source.state_dict())
    source.load_state_dict(source.state_dict())


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
