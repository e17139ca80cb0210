# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from monai_gradprom.formats import open_image

SCRIPT_NAME = "enhance_speed"


@pytest.mark.slow
def test_the_mixed_folder_holds_every_format(script: ModuleType, tmp_path: Path) -> None:
    script.mixed_folder(tmp_path)
    images = [open_image(path) for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".raw"]
    found = {format_: [image for image in images if image.format == format_] for format_ in {i.format for i in images}}
    assert {name: sum(image.frames for image in some) for name, some in found.items()} == {
        "DICOM": 6 + 6 + 6,
        "PNG": 2,
        "NIfTI": 8,
        "MetaImage": 4,
    }
    assert {(image.shape, image.channels, str(image.dtype)) for image in found["DICOM"]} == {
        ((800, 600), 3, "uint8"),
        ((640, 480), 1, "uint8"),
        ((512, 512), 1, "int16"),
    }


def test_memory_of_a_child_is_seen(script: ModuleType) -> None:
    line = [sys.executable, "-c", "x = b'x' * 100_000_000; print(); input()"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdout.readline()
        import measured_runs

        found = measured_runs.private_memory(os.getpid())
        child.stdin.close()
    if not found:
        pytest.skip("this system does not tell")
    assert 100_000_000 < found[child.pid] < 150_000_000


def test_requests_are_the_frames_of_the_folder(script: ModuleType, tmp_path: Path) -> None:
    calls, infer = script.requests(
        script.plain_dicom_folder(tmp_path / "files", 2, 1), script.identity_bundle(tmp_path / "bundle")
    )
    shapes = [units.shape for call in calls for units in call[0]]
    assert sorted(shapes) == [(1, 1, 512, 512)] * 2 + [(2, 1, 640, 480)] + [(4, 1, 640, 480)] * 2
    measured = script.replay(calls, infer)
    assert measured.wall > 0


def test_help_is_measured(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--only", "help"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"\| monai-gradprom --help \| \d\.\d\d s \|", printed)
    assert "cores" in printed and "commit" in printed


@pytest.mark.slow
def test_everything_is_measured(script: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sizes = {"copies": 1, "slices": 4, "cines": 1, "many": 120, "repeats": 1}
    bundle = script.darkening_bundle(tmp_path / "bundle")
    assert json.loads((bundle / "configs" / "metadata.json").read_text())["version"]
    flags = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    assert script.main([*flags, "--bundle", str(bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 1 + 1 + 5 + 7 + 4
