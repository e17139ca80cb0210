# SPDX-License-Identifier: Apache-2.0
"""What the Model Zoo's CI asks of a bundle, offline, and what MONAI Label asks of its names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, verify_net_in_out

from monai_gradprom.networks import load_weights

BUNDLES = sorted((Path(__file__).parents[2] / "bundles").glob("*/configs/metadata.json"))
CONFIGS = ("train", "evaluate", "inference")

pytestmark = pytest.mark.parametrize("bundle", [path.parents[1] for path in BUNDLES], ids=lambda path: path.name)


def read(bundle, name):
    return json.loads((bundle / "configs" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "configs/metadata.json",
        "configs/train.json",
        "configs/evaluate.json",
        "configs/inference.json",
        "configs/multi_gpu_train.json",
        "configs/recognizer_only.json",
        "docs/data_license.txt",
        "configs/logging.conf",
        "docs/README.md",
        "models/model.pt",
    ],
)
def test_required_files(bundle, name):
    assert (bundle / name).stat().st_size > 0


def test_files_over_25_mb_would_need_large_files_yml(bundle):
    assert all(path.stat().st_size < 25e6 for path in bundle.rglob("*") if path.is_file())


def test_json_is_indented_by_four_and_has_no_python_beside_it(bundle):
    for path in (bundle / "configs").glob("*.json"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[1].startswith('    "') and all((len(x) - len(x.lstrip(" "))) % 4 == 0 for x in lines), path.name
    assert not list(bundle.rglob("*.py"))


METADATA = """
    schema version changelog monai_version pytorch_version numpy_version required_packages_version task description
    authors copyright intended_use data_source data_type image_classes label_classes pred_classes eval_metrics
    references network_data_format
"""
FORMAT = "type format modality num_channels spatial_shape dtype value_range is_patch_data channel_def"


def test_metadata_fields(bundle):
    metadata = read(bundle, "metadata")
    assert set(METADATA.split()) <= set(metadata)
    assert metadata["version"] == next(iter(metadata["changelog"]))
    for direction, key in (("inputs", "image"), ("outputs", "pred")):
        # MONAI Label takes the first entry of each
        (name, form), *_ = metadata["network_data_format"][direction].items()
        assert name == key and set(FORMAT.split()) <= set(form)
        assert len(form["spatial_shape"]) == 2
    assert metadata["network_data_format"]["outputs"]["pred"]["channel_def"] == {}


def test_every_configuration_names_the_same_network(bundle):
    train, *others = (read(bundle, name) for name in CONFIGS)
    for other in others:
        assert other["network_def"] == train["network_def"]


def test_the_name_tells_monai_label_no_other_task(bundle):
    words = ("deepedit", "deepgrow", "detection", "segmentation", "classification")
    assert not any(word in bundle.name.lower() for word in words)
    # a float image under the default extension of a PNG is a server error there
    assert read(bundle, "inference")["displayable_configs"]["result_extension"] == ".nii.gz"


def test_shipped_weights_fit_strictly(bundle):
    parser = ConfigParser(read(bundle, "inference"))
    network = parser.get_parsed_content("network_def")
    load_weights(network, bundle / "models" / "model.pt")
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


@pytest.mark.parametrize("name", CONFIGS)
def test_verify_net_in_out(bundle, name):
    configs = bundle / "configs"
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / f"{name}.json"),
        device="cpu",
        any=37,
    )


def test_ckpt_export_gives_the_same_network(bundle, tmp_path):
    configs = bundle / "configs"
    ckpt_export(
        net_id="network_def",
        filepath=str(tmp_path / "model.ts"),
        ckpt_file=str(bundle / "models" / "model.pt"),
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / "inference.json"),
    )
    network = ConfigParser(read(bundle, "inference")).get_parsed_content("network_def").eval()
    load_weights(network, bundle / "models" / "model.pt")
    channels = read(bundle, "metadata")["network_data_format"]["inputs"]["image"]["num_channels"]
    image = torch.rand(1, channels, 33, 46)
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.load(tmp_path / "model.ts").eval()(image), network(image))
