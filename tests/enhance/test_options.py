# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from monai_gradprom.enhance.derived import syntax as derived_syntax
from monai_gradprom.enhance.options import TRANSFER_SYNTAXES, Options, check_folders, check_options, parse_settings
from monai_gradprom.errors import InputError

PLAIN = Options(Path("in"), Path("out"), Path("bundle"))


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({"strength": -0.1}, "--strength"),
        ({"strength": 1.1}, "--strength"),
        ({"strength": float("nan")}, "--strength"),
        ({"batch_size": 0}, "--batch-size"),
        ({"workers": -1}, "--workers"),
        ({"tile_size": 0}, "--tile-size"),
        ({"runtime": "onnxruntime"}, "--runtime 'onnxruntime'"),
        ({"runtime": "onnx", "device": "cuda"}, "--device cuda"),
        ({"runtime": "onnx", "precision": "bfloat16"}, "--precision bfloat16"),
        ({"precision": "fp16"}, "--precision 'fp16'"),
        ({"memory": 0}, "--memory"),
        ({"memory": float("nan")}, "--memory"),
        ({"timeout": 0}, "--timeout"),
        ({"window": (1, 1)}, "--window"),
        ({"window": (2, 1)}, "--window"),
        ({"window": (float("nan"), 1)}, "--window"),
        ({"window": (0, float("inf"))}, "--window"),
        ({"device": "gpu 1"}, "--device"),
        ({"transfer_syntax": "jpeg"}, "--transfer-syntax"),
        ({"series_description": "  "}, "--series-description"),
        ({"series_description": "x" * 65}, "--series-description"),
        ({"series_description": "a\\b"}, "--series-description"),
        ({"series_description": "a\nb"}, "--series-description"),
    ],
)
def test_bad_values_are_refused_by_their_flag(values, flag):
    with pytest.raises(InputError, match=flag) as error:
        check_options(replace(PLAIN, **values))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"strength": 0, "workers": 0, "window": (-160, 240), "device": "cuda:1", "series_description": "é" * 64},
        {"strength": 1, "workers": 64, "window": (0.1, 0.2), "device": "mps", "timeout": float("inf")},
    ],
)
def test_good_values_pass(values):
    check_options(replace(PLAIN, **values))


OTHER = {
    "any_modality": True,
    "series_description": "x",
    "transfer_syntax": "rle",
    "strength": 0.5,
    "hash_paths": True,
    "window": (0, 1),
    "tile_size": 64,
    "runtime": "onnx",
    "precision": "bfloat16",
    "settings": {"scale_factor": "4"},
}
SAME = {
    "input": Path("x"),
    "output": Path("x"),
    "bundle": Path("x"),
    "device": "cuda",
    "batch_size": 1,
    "workers": 1,
    "dry_run": True,
    "resume": False,
    "thumbnails": True,
    "memory": 1.0,
    "timeout": 1.0,
    "engine": "ray",
    "address": "auto",
    "require_sha256": 64 * "0",
}


def test_the_key_holds_what_decides_the_results_and_nothing_else():
    assert {*OTHER, *SAME} == {f.name for f in fields(Options)}
    key = PLAIN.result_key()
    for name, value in OTHER.items():
        assert replace(PLAIN, **{name: value}).result_key() != key, name
    assert replace(PLAIN, **SAME).result_key() == key


def test_the_key_is_json_and_blind_to_how_numbers_are_written():
    key = replace(PLAIN, **OTHER).result_key()
    assert json.loads(json.dumps(key)) == key
    one = replace(PLAIN, strength=1, window=(0, 1)).result_key()
    assert json.dumps(one) == json.dumps(replace(PLAIN, strength=1.0, window=(0.0, 1.0)).result_key())


def test_settings():
    assert parse_settings([]) == {}
    assert parse_settings(["scale_factor=4", "a::b#0=x=y", "empty="]) == {
        "scale_factor": "4",
        "a::b#0": "x=y",
        "empty": "",
    }


@pytest.mark.parametrize("given", [["a"], ["=1"], ["1=1"], ["a b=1"], ["a=1", "a=1"]])
def test_bad_settings_are_refused(given):
    with pytest.raises(InputError, match="--set"):
        parse_settings(given)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in/sub", "bundle", "elsewhere"):
        Path(name).mkdir(parents=True)
    Path("file").touch()
    Path("link").symlink_to("in")
    Path("loop").symlink_to("loop")
    return PLAIN


@pytest.mark.parametrize("output", ["out", "a/b/out", "elsewhere", "in2", "in/../out"])
def test_good_folders_pass_and_nothing_is_made(folders, output):
    before = sorted(Path().rglob("*"))
    check_folders(replace(folders, output=Path(output)))
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"input": "nothing"}, "INPUT nothing does not exist"),
        ({"input": "file"}, "INPUT file is not a folder"),
        ({"input": "loop"}, "INPUT loop cannot be read"),
        ({"bundle": "nothing"}, "--bundle nothing does not exist"),
        ({"bundle": "file"}, "--bundle file is not a folder"),
        ({"output": "file"}, "OUTPUT file is not a folder"),
        ({"output": "loop/out"}, "OUTPUT"),
        ({"output": "in"}, "overlap"),
        ({"output": "in/sub/out"}, "overlap"),
        ({"output": "link/out"}, "overlap"),
        ({"output": "elsewhere/../in/out"}, "overlap"),
        ({"output": "."}, "overlap"),
        ({"input": "link", "output": "in/out"}, "overlap"),
        ({"input": "in/sub", "output": "link"}, "overlap"),
    ],
)
def test_bad_folders_are_refused(folders, values, words):
    with pytest.raises(InputError, match=words) as error:
        check_folders(replace(folders, **{name: Path(value) for name, value in values.items()}))
    assert "\n" not in str(error.value)


def test_an_unreadable_input_is_refused(folders, monkeypatch):
    def denied(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(InputError, match="Permission denied"):
        check_folders(folders)


def test_names_that_are_one_folder_overlap(folders, monkeypatch):
    """As on a file system that ignores case, or through a mount."""
    real = Path.samefile
    monkeypatch.setattr(Path, "samefile", lambda a, b: a.name.lower() == b.name.lower() or real(a, b))
    Path("IN").mkdir()
    with pytest.raises(InputError, match="overlap"):
        check_folders(replace(folders, output=Path("IN/out")))


def test_the_transfer_syntaxes_are_those_that_can_be_written():
    assert set(TRANSFER_SYNTAXES) == set(derived_syntax.TRANSFER_SYNTAXES)
