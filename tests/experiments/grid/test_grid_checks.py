# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.experiments.grid.bundle_files import BundleFiles
from monai_gradprom.experiments.grid.checks import check_cell, check_names, normal

BUNDLES = Path(__file__).parents[3] / "bundles"


@pytest.fixture(scope="module")
def isic():
    return BundleFiles(BUNDLES / "isic2018_denoise")


def test_the_bundles_switches_and_ids_are_known(isic):
    check_names(["strategy", "figure_images", "network_def#channels", "network_def::num_blocks"], isic)


@pytest.mark.parametrize(
    "name, said",
    [
        ("noise_sgima", "did you mean --noise_sigma"),
        ("output_dir", "each run gets a folder below --output"),
        ("resume", "continued anyway"),
        ("quality", "is not a switch of isic2018_denoise"),  # of CAMUS
    ],
)
def test_another_name_is_refused_before_anything_starts(isic, name, said):
    with pytest.raises(InputError, match=said):
        check_names(["strategy", name], isic)


@pytest.mark.parametrize(
    "cell, said",
    [
        ({"strategy": "gradpom"}, "did you mean 'gradprom'"),
        ({"noise_sigma": -1}, "--noise_sigma must be a number"),
        ({"recognition": "nuclei"}, "--recognition"),
        ({"strategy": "joint", "gate_every": 2}, "belongs to --strategy gradprom"),
        ({"strategy": "gradprom", "inner_lr": 0.1}, "belongs to --strategy bilevel"),
        ({"strategy": "frozen", "recognizer_pretrain_epochs": 0}, "this one would be untrained"),
        ({"max_epochs": None}, "needs a value"),
    ],
)
def test_values_are_checked_by_the_bundles_rules(isic, cell, said):
    with pytest.raises(InputError, match=said):
        check_cell(cell, isic)


def test_values_that_go_together_pass(isic):
    check_cell({"strategy": "recognizer_only", "recognition": "diagnosis", "resize": None}, isic)
    check_cell({"strategy": "gradprom", "gate_scope": "any", "supervised": False}, isic)


def test_booleans_have_one_spelling(isic):
    assert normal({"supervised": ["yes", "False", 0], "seed": [0, 1]}, isic.train) == {
        "supervised": [True, False, False],
        "seed": [0, 1],
    }


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"lacks configs/train\.json"):
        BundleFiles(tmp_path)
