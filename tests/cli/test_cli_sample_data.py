# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from monai_gradprom import phantoms
from monai_gradprom.cli import main
from monai_gradprom.phantoms import MARKER, lizard_layout

NAMES = ["camus", "camus_unpaired", "isic2018", "covidct", "lizard", "clinical"]


@pytest.fixture
def writers(monkeypatch):
    """Writers that leave one small file each; returns what they were called with."""
    calls = {}

    def stand_in(name):
        def write(root, progress=iter, **options):
            calls[name] = options
            (root / "pictures").mkdir()
            for item in progress([f"{name}.txt"]):
                (root / "pictures" / item).write_text(name)

        return write

    for name in NAMES:
        monkeypatch.setattr(lizard_layout if name == "lizard" else phantoms, f"write_{name}", stand_in(name))
    return calls


def test_all_sets_are_written_and_described(tmp_path, capsys, writers):
    assert main(["sample-data", str(tmp_path), "--seed", "5", "--patients", "4"]) == 0
    out, err = capsys.readouterr()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert str(tmp_path / name) in out
        assert name in err  # the progress bar
        assert (tmp_path / name / "pictures" / f"{name}.txt").read_text() == name
        marker = json.loads((tmp_path / name / MARKER).read_text())
        assert marker["files"] == [f"pictures/{name}.txt"]
        assert f"--only {name}" in marker["command"]
        assert "--seed 5" in marker["command"]
    assert writers["camus"] == {"seed": 5, "patients": 4, "half_sequences": 1}
    assert all(writers[name] == {"seed": 5} for name in NAMES[1:])


def test_only_picks_sets(tmp_path, writers):
    assert main(["sample-data", str(tmp_path), "--only", "lizard", "isic2018"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["isic2018", "lizard"]


def test_unknown_set_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["sample-data", str(tmp_path), "--only", "isic"])
    assert stop.value.code == 2
    assert "isic2018" in capsys.readouterr().err


def test_a_failure_leaves_every_older_set_alone(tmp_path, monkeypatch, writers):
    assert main(["sample-data", str(tmp_path)]) == 0

    def fail(root, **options):
        raise RuntimeError

    monkeypatch.setattr(phantoms, "write_covidct", fail)
    with pytest.raises(RuntimeError):
        main(["sample-data", str(tmp_path), "--seed", "9"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    assert "--seed 0" in (tmp_path / "camus" / MARKER).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_foreign_folder_is_one_line_exit_code_2_and_nothing_is_written(tmp_path, capsys, writers, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("keep")
    assert main(["sample-data", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--force" in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in (tmp_path / name).iterdir()] == ["mine.txt"]
    assert main(["sample-data", str(tmp_path), "--only", name, "--force"]) == 0
    assert (tmp_path / f"{name}.old" / "mine.txt").read_text() == "keep"


def test_camus_options_reach_the_files(tmp_path):
    arguments = ["sample-data", str(tmp_path), "--only", "camus", "--patients", "3", "--half-sequences", "0"]
    assert main(arguments) == 0
    marker = json.loads((tmp_path / "camus" / MARKER).read_text())
    assert (tmp_path / "camus" / "database_nifti" / "patient0003" / "patient0003_4CH_ES_gt.nii.gz").is_file()
    assert len(marker["files"]) == 3 * 10 + 3


@pytest.mark.parametrize(
    ("name", "flag", "value"), [("camus", "--patients", "2"), *((name, "--seed", "-1") for name in NAMES)]
)
def test_bad_number_is_exit_code_2_and_leaves_nothing(tmp_path, capsys, name, flag, value):
    assert main(["sample-data", str(tmp_path), "--only", name, flag, value]) == 2
    assert flag.strip("-") in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
