# SPDX-License-Identifier: Apache-2.0
"""The bundles' configurations are what recipes/ make of them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recipes():
    spec = importlib.util.spec_from_file_location("compose", ROOT / "recipes" / "compose.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_configurations_are_composed(recipes):
    texts = recipes.composed()
    assert {path.parents[1].name for path in texts} == {path.name for path in (ROOT / "bundles").iterdir()}
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make bundles`"


def test_changes(recipes, tmp_path, monkeypatch):
    (tmp_path / "shared").mkdir()
    shared = {"a": 1, "b": {"c": [10, 20]}, "z": 0}
    (tmp_path / "shared" / "train.json").write_text(json.dumps(shared))
    monkeypatch.setattr(recipes, "HERE", tmp_path)
    changes = {
        "all": {"set": {"a": 2, "not#there": 3}, "remove": ["z", "nor_this"]},
        "train": {
            "set": {"b#c#1": 25},
            "insert": {"b#c#1": [15, 16]},
            "before": {"b": {"new": None}},
            "add": {"b#d": 4},
        },
    }
    made = recipes.compose(changes, "train")
    assert made == {"a": 2, "new": None, "b": {"c": [10, 15, 16, 25], "d": 4}} and list(made) == ["a", "new", "b"]
    with pytest.raises(ValueError, match="'c' is there already"):
        recipes.compose({"train": {"add": {"b#c": 1}}}, "train")
    for wrong in ({"set": {"q": 1}}, {"remove": ["q"]}, {"insert": {"b#q#1": []}}, {"before": {"q": {}}}):
        with pytest.raises(KeyError, match=r"there is no '(q|b#q#1)'"):
            recipes.compose({"train": wrong}, "train")


def test_check_names_the_file_that_differs(recipes, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recipes, "BUNDLES", tmp_path / "bundles")
    monkeypatch.setattr("sys.argv", ["compose.py"])
    assert recipes.main() == 0
    path = tmp_path / "bundles" / "camus_denoise" / "configs" / "train.json"
    assert path.is_file()
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["compose.py", "--check"])
    assert recipes.main() == 0 and capsys.readouterr().out == ""
    path.write_text("{}")
    assert recipes.main() == 1
    assert capsys.readouterr().out.startswith("bundles/camus_denoise/configs/train.json is not what recipes/ make")
    assert path.read_text() == "{}"


def test_switches_of_the_paper_are_in_every_bundle(recipes):
    """A cell of the paper's tables is one command line, the same in each bundle."""
    names = """strategy supervised recognition backbone noise_sigma scale_factor degradation aux_weight gate_scope
        warmup_epochs recognizer_pretrain_epochs recognizer_weights weights max_epochs batch_size image_size
        learning_rate seed split dataset_dir datalist output_dir resume amp"""
    for path in (ROOT / "bundles").glob("*/configs/train.json"):
        assert set(names.split()) <= set(json.loads(path.read_text(encoding="utf-8"))), path
