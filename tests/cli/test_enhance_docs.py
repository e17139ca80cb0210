# SPDX-License-Identifier: Apache-2.0
"""What README, docs and the Makefile say of `monai-gradprom enhance` is what the command takes."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from monai_gradprom.cli import enhance
from monai_gradprom.enhance.record.row import Row

ROOT = Path(__file__).parents[2]
PLACES = ("README.md", "docs/enhance.md", "docs/cluster.md", "Makefile")


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(prog="monai-gradprom", exit_on_error=False)
    enhance.add_parser(parser.add_subparsers())
    return parser


def commands():
    for place in PLACES:
        text = (ROOT / place).read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^(?:\t\$\(BIN\)/)?monai-gradprom (enhance .*)$", text, flags=re.M):
            yield pytest.param(line.replace("$(BUNDLE)", "bundles/camus_denoise"), id=place)


@pytest.mark.parametrize("line", list(commands()))
def test_documented_commands_are_understood(line, parser):
    words = shlex.split(line.split("||")[0].replace("$(ARGS)", ""), comments=True)
    args = parser.parse_args(words)
    assert (ROOT / args.bundle / "configs" / "inference.json").is_file()


def test_every_place_has_a_command():
    assert {param.id for param in commands()} == set(PLACES)


def test_every_flag_is_in_the_table_and_no_other(parser):
    (subparsers,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    actions = [a for a in subparsers.choices["enhance"]._actions if a.help != argparse.SUPPRESS]
    flags = {flag for action in actions for flag in action.option_strings if flag not in ("-h", "--help")}
    table = (ROOT / "docs" / "enhance.md").read_text(encoding="utf-8").split("## All flags")[1].split("\n\n")[1]
    assert {f for row in table.splitlines() for f in re.findall(r"--[a-z][a-z0-9-]+", row.split("|")[1])} == flags


def test_every_key_of_the_manifest_is_explained():
    section = (ROOT / "docs" / "enhance.md").read_text(encoding="utf-8").split("## The manifest")[1]
    explained = {
        name for row in re.findall(r"^\| (`.*?) \|", section, flags=re.M) for name in re.findall(r"`(\w+)`", row)
    }
    assert {field.name for field in fields(Row)} <= explained
