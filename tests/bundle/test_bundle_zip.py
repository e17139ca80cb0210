# SPDX-License-Identifier: Apache-2.0
"""A bundle packed as a zip works wherever it is unpacked, without the repository and its sample data around it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import download, load
from PIL import Image

from monai_gradprom.bundle import find_input_error
from monai_gradprom.cli import main

ROOT = Path(__file__).parents[2]
BUNDLES = (
    *("camus_denoise", "camus_unpaired", "covidct_denoise", "isic2018_denoise", "isic2018_perceptual", "lizard_sr"),
)


@pytest.fixture(scope="module")
def packer():
    spec = importlib.util.spec_from_file_location("zip_bundle", ROOT / "recipes" / "zip_bundle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def unpack(packer, tmp_path):
    """Pack a bundle of the repository; let MONAI fetch and unpack it, by a URL of a file."""

    def to(name):
        packed = packer.zip_bundle(ROOT / "bundles" / name, tmp_path / "dist")
        download(name=name, url=packed.as_uri(), bundle_dir=str(tmp_path / "models"), progress=False)
        return tmp_path / "models" / name

    return to


@pytest.fixture
def pictures(tmp_path):
    """A folder with a picture for each number of channels: channels → folder."""
    random = np.random.default_rng(0)
    for channels, shape in ((1, (40, 48)), (3, (40, 48, 3))):
        (tmp_path / f"in{channels}" / "patient").mkdir(parents=True)
        pixels = random.integers(256, size=shape, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"in{channels}" / "patient" / "picture.png")
    return lambda channels: tmp_path / f"in{channels}"


def test_the_same_folder_gives_the_same_bytes(packer, tmp_path):
    source = ROOT / "bundles" / "camus_denoise"
    first = packer.zip_bundle(source, tmp_path / "first")
    copy = tmp_path / "elsewhere" / "camus_denoise"
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for left in ("models/.hidden", "models/model.pt.plan", "eval/schema.json", "configs/__pycache__/x.pyc"):
        (copy / left).parent.mkdir(exist_ok=True)
        (copy / left).write_text("left by a run")
    os.utime(copy / "LICENSE", (1e9, 1e9))
    (copy / "LICENSE").chmod(0o600)
    second = packer.zip_bundle(copy, tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()
    version = json.loads((source / "configs" / "metadata.json").read_text(encoding="utf-8"))["version"]
    assert first.name == f"camus_denoise_v{version}.zip"
    with zipfile.ZipFile(second) as archive:
        names = archive.namelist()
    files = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
    assert names == sorted(f"camus_denoise/{file}" for file in files)


def test_a_folder_that_is_no_bundle_is_refused(packer, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["zip_bundle.py", str(tmp_path)])
    with pytest.raises(SystemExit):
        packer.main()
    assert "name a bundle's folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", BUNDLES)
def test_monai_loads_the_network(unpack, name):
    folder = unpack(name)
    network = load(name, bundle_dir=str(folder.parent), device="cpu")
    shipped = torch.load(ROOT / "bundles" / name / "models" / "model.pt", weights_only=True)
    assert all(torch.equal(value, shipped[key]) for key, value in network.state_dict().items())


def test_monai_loads_the_network_for_four_times(unpack):
    folder = unpack("lizard_sr")
    four = {"model_file": "models/model_x4.pt", "net_override": {"scale_factor": 4}}
    network = load("lizard_sr", bundle_dir=str(folder.parent), device="cpu", **four).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 8, 9)).shape == (1, 3, 32, 36)


def infer(bundle, source, output, cwd):
    """``python -m monai.bundle run`` from a folder that knows nothing of the repository."""
    return subprocess.run(
        [sys.executable, "-m", "monai.bundle", "run", "--config_file", bundle / "configs" / "inference.json",
         "--dataset_dir", source, "--output_dir", output],
        cwd=cwd, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name, channels, factor",
    [
        ("lizard_sr", 3, 2),
        pytest.param("camus_denoise", 1, 1, marks=pytest.mark.slow),
        pytest.param("camus_unpaired", 1, 1, marks=pytest.mark.slow),
        pytest.param("covidct_denoise", 1, 1, marks=pytest.mark.slow),
        pytest.param("isic2018_denoise", 3, 1, marks=pytest.mark.slow),
        pytest.param("isic2018_perceptual", 3, 1, marks=pytest.mark.slow),
    ],
)
def test_inference_anywhere(unpack, pictures, run, tmp_path, name, channels, factor):
    (tmp_path / "work").mkdir()
    folder = unpack(name)
    done = infer(folder, pictures(channels), tmp_path / "enhanced", tmp_path / "work")
    assert done.returncode == 0, done.stderr[-3000:]
    here = Image.open(tmp_path / "enhanced" / "patient" / "picture_enhanced.png")
    assert here.size == (48 * factor, 40 * factor)
    run("inference", bundle=name, tiny_network=False, dataset_dir=str(pictures(channels)))
    there = Image.open(tmp_path / "out" / "patient" / "picture_enhanced.png")
    np.testing.assert_array_equal(np.asarray(here), np.asarray(there))
    assert not any((tmp_path / "work").iterdir())


def test_without_sample_data_beside_it_images_are_asked_for(unpack, run):
    with pytest.raises(Exception) as caught:
        run("inference", tiny_network=False, sample_data=True, bundle_root=str(unpack("camus_denoise")))
    assert "name your own with --dataset_dir" in str(find_input_error(caught.value))


@pytest.mark.parametrize(
    "name, channels, factor",
    [("camus_denoise", 1, 1), ("camus_unpaired", 1, 1), ("isic2018_perceptual", 3, 1), ("lizard_sr", 3, 2)],
)
def test_folder_enhancement_anywhere(unpack, pictures, tmp_path, monkeypatch, capsys, name, channels, factor):
    monkeypatch.chdir(tmp_path)
    words = ["enhance", pictures(channels), tmp_path / "enhanced", "--bundle", unpack(name), "--workers", 1]
    code = main([str(word) for word in [*words, "--device", "cpu", "--any-modality"]])
    assert code == 0, capsys.readouterr()
    given = Image.open(pictures(channels) / "patient" / "picture.png")
    made = Image.open(tmp_path / "enhanced" / "patient" / "picture.png")
    assert made.size == (48 * factor, 40 * factor) and made.mode == given.mode
    assert made.tobytes() != given.tobytes()
