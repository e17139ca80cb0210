# SPDX-License-Identifier: Apache-2.0
"""What the Model Zoo's CI (``ci/verify_bundle.py`` there) and its CONTRIBUTING ask of a bundle, offline.

Beside this: metadata in ``test_model_zoo_metadata.py``, unit tests in ``test_model_zoo_unit_tests.py``, exports in
``test_exports.py``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, create_workflow, verify_net_in_out
from monai.bundle.properties import InferProperties, MetaProperties

from monai_gradprom.networks import load_weights

ROOT = Path(__file__).parents[2]
BUNDLES = sorted((ROOT / "bundles").glob("*/configs/metadata.json"))
CONFIGS = ("train", "evaluate", "inference")

pytestmark = pytest.mark.parametrize("bundle", [path.parents[1] for path in BUNDLES], ids=lambda path: path.name)


def read(bundle, name):
    return json.loads((bundle / "configs" / f"{name}.json").read_text(encoding="utf-8"))


# --- verify_bundle_directory ------------------------------------------------------------------------------------------


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


def test_the_license_is_found_as_apache_2(bundle):
    """By the words that MONAI looks for when it tags a model card."""
    text = (bundle / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0" in text


def test_files_over_25_mb_would_need_large_files_yml(bundle):
    assert all(path.stat().st_size < 25e6 for path in bundle.rglob("*") if path.is_file())


def test_the_name_can_carry_a_version(bundle):
    """The Zoo splits ``<name>_v<version>`` at the first ``_v`` with a digit behind it."""
    assert re.fullmatch(r"[a-z0-9_]+", bundle.name) and not re.search(r"_v\d", bundle.name)


# --- code format and pre-commit ---------------------------------------------------------------------------------------


def test_json_is_indented_by_four_and_has_no_python_beside_it(bundle):
    for path in (bundle / "configs").glob("*.json"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[1].startswith('    "') and all((len(x) - len(x.lstrip(" "))) % 4 == 0 for x in lines), path.name
    assert not list(bundle.rglob("*.py"))


def test_texts_end_with_one_newline_and_lines_without_blanks(bundle):
    for path in bundle.rglob("*"):
        if path.is_file() and path.suffix != ".pt":
            text = path.read_text(encoding="utf-8")
            assert text.endswith("\n") and not text.endswith("\n\n"), path
            assert path.name == "LICENSE" or not re.search(r"[ \t]+$", text, re.MULTILINE), path


# --- verify_bundle_properties, and the ids of CONTRIBUTING ------------------------------------------------------------

IDS = {
    "train": """
        bundle_root device dataset_dir output_dir network_def network loss optimizer lr_scheduler val_interval
        train#preprocessing train#dataset train#dataset#data train#dataloader train#inferer train#handlers
        train#trainer train#trainer#max_epochs validate#preprocessing validate#postprocessing validate#dataset
        validate#dataset#data validate#dataloader validate#inferer validate#handlers validate#key_metric
        validate#additional_metrics validate#evaluator initialize run finalize
    """,
    "evaluate": """
        bundle_root device dataset_dir output_dir network_def network preprocessing postprocessing dataset dataset#data
        dataloader inferer handlers key_metric additional_metrics evaluator initialize run
    """,
    "inference": """
        bundle_root device dataset_dir output_dir network_def network preprocessing postprocessing dataset dataset#data
        dataloader inferer handlers evaluator initialize run finalize
    """,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_ids_as_the_zoo_names_them(bundle, name):
    parser = ConfigParser(read(bundle, name))
    assert [key for key in IDS[name].split() if key not in parser] == []


def test_check_properties_of_inference_as_the_zoo_does(bundle, archive, tmp_path):
    made = create_workflow(
        workflow_type="inference",
        bundle_root=str(bundle),
        config_file=str(bundle / "configs" / "inference.json"),
        logging_file=False,
        meta_file=str(bundle / "configs" / "metadata.json"),
        dataset_dir=str(archive(bundle.name)),
        output_dir=str(tmp_path),
    )
    made.properties = {**MetaProperties, **InferProperties}
    assert made.check_properties() == []
    assert made.version == read(bundle, "metadata")["version"]


def test_evaluate_may_follow_train(bundle, workflow, tmp_path):
    """In other bundles evaluate.json only overrides train.json; people type that command here too."""
    switches = {"bundle": bundle.name, "weights": "$None", "output_dir": str(tmp_path), "tiny_recognizer": False}
    built = workflow("train", extra=["evaluate"], **switches)
    built.initialize()
    built.run()
    assert (tmp_path / "metrics_summary.csv").is_file() and not (tmp_path / "gate.csv").exists()


# --- verify_data_shape, and what the network is in every configuration ------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("size", [None, 37])
def test_verify_net_in_out(bundle, name, size):
    configs = bundle / "configs"
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / f"{name}.json"),
        bundle_root=str(bundle),
        device="cpu",
        any=size,  # the Zoo's default is an image of one pixel
    )


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
