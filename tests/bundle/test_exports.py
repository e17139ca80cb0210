# SPDX-License-Identifier: Apache-2.0
"""The export commands of docs/exports.md, for each bundle: the exported network is the bundle's network."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import fire
import monai.bundle
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, scripts
from monai.data import load_net_with_metadata
from monai.networks.trt_compiler import get_dynamic_axes
from monai.networks.utils import convert_to_onnx
from PIL import Image

from monai_gradprom.networks import load_weights

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
CELLS = [
    ("camus_denoise", 1),
    ("camus_unpaired", 1),
    ("covidct_denoise", 1),
    ("isic2018_denoise", 1),
    ("isic2018_perceptual", 1),
    ("lizard_sr", 2),
    ("lizard_sr", 4),
]
SIZES = ((1, 1, 1), (2, 33, 46), (1, 64, 17))

each = pytest.mark.parametrize("bundle, factor", CELLS)
# a DPENet and an HQGNet take the exporter many times as long as an SRResNet
SLOW = ("camus_unpaired", "isic2018_perceptual")
each_in_time = pytest.mark.parametrize(
    "bundle, factor",
    [pytest.param(*cell, marks=pytest.mark.slow) if cell[0] in SLOW else cell for cell in CELLS],
)


def words_of(text):
    """A command of the document as a shell would split it."""
    return [word.replace("\\$", "$") for word in shlex.split(text.replace("\\\n", " ").replace("\n", " "))]


def documented(verb, bundle, factor=1, having="--config_file"):
    """The first such command of the document, for a bundle: its words behind ``python -m monai.bundle``."""
    texts = re.findall(r"^python -m monai\.bundle (.*?)\n```", DOCUMENT, re.MULTILINE | re.DOTALL)
    words = next(words for words in map(words_of, texts) if words[0] == verb and having in words)
    words = [word.replace("camus_denoise", bundle) for word in words]
    if channels(bundle) == 3:
        words = [re.sub(r"\[(\d), 1, (\d+), (\d+)\]", r"[\1, 3, \2, \3]", word) for word in words]
    if factor == 4:
        words = [word for word in words if not word.endswith("/model.pt") and word != "--ckpt_file"]
        words += ["--scale_factor", "4", "--ckpt_file", f"bundles/{bundle}/models/model_x4.pt"]
    return words


def channels(bundle):
    metadata = json.loads((ROOT / "bundles" / bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    return metadata["network_data_format"]["inputs"]["image"]["num_channels"]


def execute(words, monkeypatch, folder):
    """As ``python -m monai.bundle`` would from the repository's root, with what is written going to ``folder``."""
    monkeypatch.chdir(ROOT)
    words = [str(folder / words[i]) if i and words[i - 1] == "--filepath" else words[i] for i in range(len(words))]
    fire.Fire(vars(monai.bundle), words)


def eager(bundle, factor):
    folder = ROOT / "bundles" / bundle
    parser = ConfigParser()
    parser.read_config(folder / "configs" / "inference.json")
    parser["scale_factor"] = factor
    network = parser.get_parsed_content("network_def").eval()
    return load_weights(network, folder / "models" / ("model_x4.pt" if factor == 4 else "model.pt")) or network


def assert_same_function(exported, network, bundle, factor):
    for batch, *size in SIZES:
        image = torch.rand(batch, channels(bundle), *size)
        with torch.no_grad():
            expected = network(image)
        assert expected.shape[2:] == tuple(factor * side for side in size)
        torch.testing.assert_close(exported(image), expected, rtol=0, atol=1e-5)
    if factor == 1:  # not the identity, with which an untrained network starts
        assert (expected - image).abs().mean() > 1e-3


@each
def test_torchscript(bundle, factor, monkeypatch, tmp_path):
    execute(documented("ckpt_export", bundle, factor), monkeypatch, tmp_path)
    exported, metadata, others = load_net_with_metadata(tmp_path / f"{bundle}.ts", more_extra_files=["inference.json"])
    assert_same_function(exported.eval(), eager(bundle, factor), bundle, factor)
    configs = ROOT / "bundles" / bundle / "configs"
    assert metadata == json.loads((configs / "metadata.json").read_text(encoding="utf-8"))
    assert json.loads(others["inference.json"]) == json.loads((configs / "inference.json").read_text(encoding="utf-8"))


def test_the_document_has_the_command_for_four_times_too(monkeypatch, tmp_path):
    execute(documented("ckpt_export", "lizard_sr", having="--scale_factor"), monkeypatch, tmp_path)
    assert_same_function(torch.jit.load(tmp_path / "lizard_sr_x4.ts"), eager("lizard_sr", 4), "lizard_sr", 4)


def test_inference_through_torchscript(run, monkeypatch, tmp_path):
    """In tiles, whose halo the scripted network still declares."""
    execute(documented("ckpt_export", "lizard_sr"), monkeypatch, tmp_path)
    given = re.search(r"`(--network_def .*?)`", DOCUMENT, re.DOTALL).group(1)
    _, network, *weights = words_of(given.replace("camus_denoise.ts", str(tmp_path / "lizard_sr.ts")))
    assert weights == ["--weights", "$None"]
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(256, size=(70, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in" / "image.png")
    common = {"bundle": "lizard_sr", "tiny_network": False, "dataset_dir": str(tmp_path / "in"), "tile_size": 64}
    for name, switches in (("eager", {}), ("script", {"network_def": network, "weights": "$None"})):
        run("inference", output_dir=str(tmp_path / name), **common, **switches)
    eager_image, script_image = (
        np.asarray(Image.open(tmp_path / name / "image_enhanced.png")).astype(int) for name in ("eager", "script")
    )
    assert eager_image.shape == (140, 180, 3)
    assert np.abs(eager_image - script_image).max() <= 1  # rounding of values that differ in the last bits


def onnx_session(content):
    pytest.importorskip("onnxscript")
    session = pytest.importorskip("onnxruntime").InferenceSession(content)
    names = [item.name for item in session.get_inputs()], [item.name for item in session.get_outputs()]
    (given,), (made,) = names
    return names, lambda image: torch.from_numpy(session.run([made], {given: image.numpy()})[0])


@each_in_time
def test_onnx(bundle, factor, monkeypatch, tmp_path):
    pytest.importorskip("onnxscript")
    execute(documented("onnx_export", bundle, factor), monkeypatch, tmp_path)
    names, exported = onnx_session(tmp_path / f"{bundle}.onnx")
    assert names == (["image"], ["pred"])
    assert_same_function(exported, eager(bundle, factor), bundle, factor)


# --- TensorRT: what can be known without a GPU ------------------------------------------------------------------------


def test_trt_export_takes_the_documented_command(monkeypatch, tmp_path):
    calls = []

    def convert_to_trt(model, **options):
        calls.append(options)
        return torch.jit.script(model.eval())

    monkeypatch.setattr(scripts, "convert_to_trt", convert_to_trt)
    execute(documented("trt_export", "isic2018_denoise"), monkeypatch, tmp_path)
    (options,) = calls
    assert options["input_shape"] == [1, 3, 512, 512] and options["dynamic_batchsize"] == [1, 4, 8]
    assert (options["precision"], options["use_onnx"], options["use_trace"]) == ("fp32", True, True)
    exported = torch.jit.load(tmp_path / "isic2018_denoise_trt.ts")
    assert_same_function(exported, eager("isic2018_denoise", 1), "isic2018_denoise", 1)


def trt_switches():
    words = documented("run", "camus_denoise", having="--network")
    return {name: words[words.index(f"--{name}") + 1] for name in ("network", "trt_args")}


def test_inference_hands_the_network_to_trt_compile(run, weights, monkeypatch, tmp_path, camus):
    calls = []
    monkeypatch.setattr("monai.networks.trt_compile", lambda model, *rest: calls.append((model, *rest)) or model)
    switches = trt_switches()
    arguments = fire.parser.DefaultParseValue(switches.pop("trt_args"))
    built = run("inference", weights=weights, trt_args=arguments, **switches)
    ((model, path, options),) = calls
    assert model is built.parser.get_parsed_content("network") and path == weights
    assert options["fallback"] is True and list(options["input_profiles"][0]) == ["x"]


def test_the_onnx_model_behind_an_engine_has_free_sizes(tmp_path):
    """As MONAI's TrtCompiler exports it, before TensorRT comes in."""
    pytest.importorskip("onnxscript")
    profiles = fire.parser.DefaultParseValue(trt_switches()["trt_args"])["input_profiles"]
    network, image = eager("camus_denoise", 1), torch.rand(1, 1, 40, 48)
    model = convert_to_onnx(
        network, {"x": image}, input_names=["x"], output_names=[], dynamic_axes=get_dynamic_axes(profiles)
    )
    _, exported = onnx_session(model.SerializeToString())
    for size in ((32, 32), (33, 64)):
        image = torch.rand(1, 1, *size)
        with torch.no_grad():
            torch.testing.assert_close(exported(image), network(image), rtol=0, atol=1e-5)
