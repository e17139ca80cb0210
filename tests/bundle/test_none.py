# SPDX-License-Identifier: Apache-2.0
"""How a command line says None: as an expression, since MONAI drops the plain word."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from built_bundles import rows
from PIL import Image

from monai_gradprom.bundle import find_input_error, switches


def refusal(built):
    with pytest.raises(Exception) as caught:
        built.initialize()
    found = find_input_error(caught.value)
    assert found is not None, caught.value
    return str(found)


@pytest.fixture
def command_line(monkeypatch):
    """Let this process pass for ``python -m monai.bundle`` with these arguments, as far as switches go."""

    def pretend(*arguments, bundle=True):
        monkeypatch.setattr(sys, "argv", ["program", "run", *arguments])
        monkeypatch.setattr(switches, "is_bundle_process", lambda: bundle)

    return pretend


@pytest.mark.parametrize(
    "arguments, name",
    [
        (["--weights", "None"], "weights"),
        (["--seed", "1", "--weights=None", "--amp", "true"], "weights"),
        (["-weights", "None"], "weights"),
        (["--tile-size", "None"], "tile_size"),  # Fire makes it tile_size
        (["--network_def#channels", "None"], "network_def#channels"),
        (["--network_def::channels=None"], "network_def::channels"),
    ],
)
def test_a_plain_none_is_refused(workflow, command_line, arguments, name):
    command_line(*arguments)
    text = refusal(workflow("evaluate", weights=None))
    assert text.startswith(f"--{name} None changes nothing") and text.endswith(f"write --{name} '$None'.")


def test_a_switch_that_needs_a_value_is_not_advised_to_have_none(workflow, command_line):
    command_line("--noise_sigma", "None")
    assert refusal(workflow("evaluate", weights=None)) == (
        "--noise_sigma None: this switch needs a value; leave it out for its default."
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--run_id", "None", "--meta_file=None"],  # MONAI's own: there None is the default
        ["--weights", "None", "--weights", __file__],  # the last one counts
        ["--weights", "$None", "--tile_size=$None"],
        ["--output_dir", "None/x", "--dataset_dir=a=None"],
        ["--network_def#global_residual", "False", "--amp", "false"],  # a switch reads any spelling
    ],
)
def test_nothing_else_is_refused(workflow, command_line, arguments):
    command_line(*arguments)
    workflow("evaluate", weights=None).initialize()


@pytest.mark.parametrize("name, word", [("network_def#global_residual", "false"), ("network_def::norm", "TRUE")])
def test_a_text_for_a_boolean_is_refused(workflow, command_line, name, word):
    """``false`` inside a definition would arrive as a text, which counts as true."""
    for arguments in ([f"--{name}", word], [f"--{name}={word}"]):
        command_line(*arguments)
        text = refusal(workflow("evaluate", weights=None))
        assert text.startswith(f"--{name} {word} ") and text.endswith(f"write --{name} {word.capitalize()}.")


def test_other_programs_have_arguments_of_their_own(workflow, command_line):
    command_line("--weights", "None", bundle=False)
    workflow("evaluate", weights=None).initialize()


@pytest.mark.parametrize("name", ["batch_size", "strategy", "image_size"])
def test_the_expression_is_checked_as_none(workflow, tmp_path, name):
    text = refusal(workflow("train", output_dir=str(tmp_path), **{name: "$None"}))
    assert text == f"--{name} None: this switch needs a value; leave it out for its default."


def test_without_weights_the_untrained_network_is_evaluated(run, tmp_path):
    run("evaluate", weights="$None")
    found = rows(tmp_path / "out" / "metrics_per_image.csv")
    # it starts as the identity; the shipped weights would not even fit the tiny network
    assert [float(row["psnr"]) for row in found] == pytest.approx([float(row["psnr_input"]) for row in found], abs=1e-3)
    assert len(found) == 4


@pytest.mark.parametrize("given, longest", [({}, 1024), ({"tile_size": "$None"}, 1040)])
def test_without_a_tile_size_the_network_sees_the_whole_image(workflow, tmp_path, given, longest):
    (tmp_path / "in").mkdir()
    Image.fromarray(np.zeros((20, 1040), np.uint8)).save(tmp_path / "in" / "wide.png")
    folders = {"dataset_dir": str(tmp_path / "in"), "output_dir": str(tmp_path / "out")}
    built = workflow("inference", weights="$None", **folders, **given)
    built.initialize()
    sides = []
    network = built.parser.get_parsed_content("network")
    network.register_forward_pre_hook(lambda module, inputs: sides.append(max(inputs[0].shape[2:])))
    built.run()
    assert max(sides) <= longest and (len(sides) == 1) == (longest == 1040)


def test_a_run_is_resumed_whichever_way_none_was_said(run, tmp_path):
    run(strategy="enhancer_only", resize=None)
    run(strategy="enhancer_only", resize="$None", resume="true", max_epochs=2)
    assert (tmp_path / "out" / "checkpoint_iteration=4.pt").is_file()
