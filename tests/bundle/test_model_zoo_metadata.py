# SPDX-License-Identifier: Apache-2.0
"""What the Model Zoo's CI asks of a bundle's metadata: each field of its schema, and requirements."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from monai.bundle import verify_metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import monai_gradprom

ROOT = Path(__file__).parents[2]
BUNDLES = sorted((ROOT / "bundles").glob("*/configs/metadata.json"))

pytestmark = pytest.mark.parametrize("bundle", [path.parents[1] for path in BUNDLES], ids=lambda path: path.name)


def read(bundle, name):
    return json.loads((bundle / "configs" / f"{name}.json").read_text(encoding="utf-8"))


def test_the_version_is_the_first_of_the_changelog(bundle):
    metadata = read(bundle, "metadata")
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])
    assert metadata["version"] == next(iter(metadata["changelog"]))
    assert all(isinstance(text, str) and text for text in metadata["changelog"].values())


TEXTS = """
    schema version monai_version pytorch_version numpy_version name task description authors copyright intended_use
    data_source data_type image_classes label_classes pred_classes
"""
OBJECTS = "changelog required_packages_version eval_metrics network_data_format"


def test_metadata_fields(bundle):
    """The fields and types of the schema, and those beyond it that good bundles have."""
    metadata = read(bundle, "metadata")
    assert metadata["schema"].endswith("/meta_schema_20240725.json")
    for name in TEXTS.split():
        assert isinstance(metadata[name], str) and metadata[name].strip(), name
    for name in OBJECTS.split():
        assert isinstance(metadata[name], dict) and metadata[name], name
    assert metadata["references"] and all(isinstance(text, str) for text in metadata["references"])
    assert all(isinstance(value, (int, float)) for value in metadata["eval_metrics"].values())


@pytest.mark.parametrize("direction, key", [("inputs", "image"), ("outputs", "pred")])
def test_metadata_of_the_network(bundle, direction, key):
    # MONAI Label takes the first entry of each
    (name, form), *_ = read(bundle, "metadata")["network_data_format"][direction].items()
    assert name == key
    assert (form["type"], form["format"], form["dtype"], form["value_range"]) == (
        "image",
        "magnitude",
        "float32",
        [0, 1],
    )
    assert isinstance(form["modality"], str) and form["modality"]
    assert type(form["num_channels"]) is int and form["num_channels"] == read(bundle, "inference")["channels"]
    assert form["spatial_shape"] == ["*", "*"] and form["is_patch_data"] is False
    # channels of the output that have names are labels to MONAI Label
    assert list(form["channel_def"]) == [str(i) for i in range(form["num_channels"] if key == "image" else 0)]


def test_verify_metadata_where_a_schema_is_given(bundle, tmp_path):
    """``MONAI_META_SCHEMA=meta_schema_20240725.json pytest …``: the file is in no wheel, and nothing is downloaded."""
    schema = os.environ.get("MONAI_META_SCHEMA")
    if schema is None:
        pytest.skip("MONAI_META_SCHEMA names no schema file")
    pytest.importorskip("jsonschema")
    shutil.copy(schema, tmp_path / "schema.json")
    verify_metadata(meta_file=str(bundle / "configs" / "metadata.json"), filepath=str(tmp_path / "schema.json"))


def test_requirements(bundle):
    """What ``get_bundle_requirements.py`` gives to pip is what this repository is tested with."""
    metadata = read(bundle, "metadata")
    pinned = dict(line.strip().split("==") for line in (ROOT / "constraints.txt").open() if "==" in line)
    base = {"monai": "monai_version", "torch": "pytorch_version", "numpy": "numpy_version"}
    for package, field in base.items():
        assert metadata[field] == pinned[package]
    required = dict(metadata["required_packages_version"])
    assert required.pop("monai-gradprom") == monai_gradprom.__version__
    assert required == {package: pinned[package] for package in required}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    ours = {
        canonicalize_name(requirement.name): requirement.specifier
        for requirement in map(Requirement, re.findall(r"^\w.+$", setup["options"]["install_requires"], re.MULTILINE))
    }
    for package, version in (required | {package: metadata[field] for package, field in base.items()}).items():
        assert version in ours[canonicalize_name(package)], package
