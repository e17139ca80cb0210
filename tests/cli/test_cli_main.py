# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys

import pytest

from monai_gradprom import __version__
from monai_gradprom.cli import main
from monai_gradprom.phantoms import MARKER


@pytest.mark.parametrize("arguments", [["--help"], ["sample-data", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = f"""
import sys
from monai_gradprom.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    print("exit", stop.code)
print("heavy", [name for name in ("torch", "monai", "numpy", "scipy", "nibabel") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sample-data" in result.stdout
    assert result.stdout.splitlines()[-2:] == ["exit 0", "heavy []"]


def test_module_runs_as_a_program():
    result = subprocess.run(
        [sys.executable, "-m", "monai_gradprom.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == f"monai-gradprom {__version__}"


def test_sample_data_writes_the_layout(tmp_path, capsys):
    arguments = ["sample-data", str(tmp_path), "--patients", "3", "--half-sequences", "0", "--seed", "5"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert str(tmp_path / "camus") in out
    assert "patient" in err  # the progress bar
    marker = json.loads((tmp_path / "camus" / MARKER).read_text())
    assert "--seed 5" in marker["command"]
    assert (tmp_path / "camus" / "database_nifti" / "patient0003" / "patient0003_4CH_ES_gt.nii.gz").is_file()
    assert len(marker["files"]) == 3 * 10 + 3


def test_foreign_folder_is_one_line_and_exit_code_2(tmp_path, capsys):
    (tmp_path / "camus").mkdir()
    (tmp_path / "camus" / "mine.txt").write_text("keep")
    assert main(["sample-data", str(tmp_path), "--patients", "3"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--force" in err
    assert "Traceback" not in err
    assert [path.name for path in (tmp_path / "camus").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("flag", "value"), [("--patients", "2"), ("--seed", "-1")])
def test_bad_number_is_exit_code_2_and_leaves_nothing(tmp_path, capsys, flag, value):
    assert main(["sample-data", str(tmp_path), flag, value]) == 2
    assert flag.strip("-") in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
