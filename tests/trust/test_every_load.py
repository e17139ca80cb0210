# SPDX-License-Identifier: Apache-2.0
"""The source itself: what can run code from a file stands in one place, or nowhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ("monai_gradprom", "benchmarks", "recipes") for path in (ROOT / room).rglob("*.py"))
CONFIGS = sorted(ROOT.glob("bundles/*/configs/*.json")) + sorted((ROOT / "recipes").rglob("*.json"))
# call -> the only files that may make it
ALLOWED = {
    "torch.load": {"monai_gradprom/tensor_files.py"},
    "onnxruntime.InferenceSession": {"monai_gradprom/enhance/model/onnx_network.py"},  # of what it has just exported
}
NEVER = {
    *(
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "cPickle.load",
        "dill.load",
        "joblib.load",
        "cloudpickle.load",
    ),
    *("torch.jit.load", "torch.hub.load", "torch.hub.load_state_dict_from_url", "torch.package.PackageImporter"),
    *("onnx.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "marshal.load", "marshal.loads", "shelve.open"),
    *("eval", "exec", "os.system", "pandas.read_pickle", "torch.export.load"),
}


def calls_of(text):
    """Each call's full name and node; names from ``from … import`` and ``import … as`` are written out."""
    tree = ast.parse(text)
    meant = {}
    for node in ast.walk(tree):
        for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            if isinstance(node, ast.ImportFrom):
                meant[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif alias.asname:
                meant[alias.asname] = alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, *rest = ast.unparse(node.func).split(".")
            yield ".".join([meant.get(first, first), *rest]), node


def test_code():
    assert len(SOURCES) > 200
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        for call, node in calls_of(path.read_text(encoding="utf-8")):
            where = f"{name}:{node.lineno}: {call}"
            options = {option.arg: ast.unparse(option.value) for option in node.keywords}
            assert call not in NEVER, where
            assert name in ALLOWED.get(call, {name}), where
            assert call != "torch.load" or options["weights_only"] == "True", where
            assert options.get("allow_pickle", "False") == "False", where
            assert options.get("shell", "False") == "False", where


def test_shipped_configurations():
    words = ("torch.load", "jit.load", "pickle", "hub.load", "eval(", "exec(", "__import__", "subprocess", "system(")
    assert len(CONFIGS) > 20
    for path in CONFIGS:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in text], path


@pytest.mark.parametrize(
    "text, found",
    [
        ("import torch as t\nt.load(x)", "torch.load"),
        ("from pickle import loads as l\nl(x)", "pickle.loads"),
        ("import torch.jit\ntorch.jit.load(x)", "torch.jit.load"),
        ("eval(x)", "eval"),
    ],
)
def test_calls_are_found_under_other_names(text, found):
    assert [name for name, _ in calls_of(text)] == [found]
