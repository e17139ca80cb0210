# SPDX-License-Identifier: Apache-2.0
"""The grids behind docs/results/ are ones that `compare` takes, and run in the order that their parts need."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from monai_gradprom.cli import main as cli

SCRIPT_NAME = "results_runs"
ROOT = Path(__file__).parents[2]
SUBSETS = ("training", "validation", "testing")
SAMPLES = {
    "covidct_denoise": "covidct",
    "camus_denoise": "camus",
    "isic2018_denoise": "isic2018",
    "lizard_sr": "lizard",
}


def test_every_table_of_the_pages_is_that_of_a_grid(script):
    folder = ROOT / "docs" / "results" / "tables"
    names = tuple(f"{name}_" for name in script.GRIDS)
    tables = [path.name for path in folder.iterdir()]
    assert tables
    assert [table for table in tables if not table.startswith(names)] == []


def test_no_grid_takes_the_tables_of_another(script):
    shown = [name for name, grid in script.GRIDS.items() if grid.judge]  # the judges' own are on no page
    for name in shown:  # results_page.py replaces what begins with NAME_
        assert not any(other.startswith(f"{name}_") for other in shown)


def test_parts_and_judges_come_before_what_needs_them(script, tmp_path):
    kinds = [
        type(step).__name__ for step in script.steps("isic_converged", setting(script, "isic_converged", tmp_path))
    ]
    assert kinds == ["Command", "Part", "Command", "Recognizers", "Command", "Part", "Command", "Table", "Command"]


def test_a_part_is_every_so_manieth_image(script, tmp_path):
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps({"dataset": "x", **{subset: list(range(20)) for subset in SUBSETS}}))
    part = script.Part(whole, tmp_path / "quarter.json")
    assert part.run() == 0
    training, validation, testing = list(range(0, 20, 4)), list(range(0, 20, 8)), list(range(0, 20, 6))
    assert json.loads(part.part.read_text()) == {
        "dataset": "x",
        "training": training,
        "validation": validation,
        "testing": testing,
    }
    assert "training[::4], validation[::8], testing[::6]" in str(part)


def test_recognizers_of_several_tasks_lie_in_one_folder(script, tmp_path):
    for task in ("diagnosis", "segmentation"):
        (tmp_path / "runs" / task).mkdir(parents=True)
        (tmp_path / "runs" / task / f"recognizer_{task}.pt").write_text(task)
        (tmp_path / "runs" / task / "model.pt").touch()
    (tmp_path / "runs" / "of_earlier_switches").mkdir()
    (tmp_path / "runs" / "of_earlier_switches" / "recognizer_diagnosis.pt").write_text("old")
    (tmp_path / "runs" / "grid.json").write_text('{"runs": ["diagnosis", "segmentation"]}')
    assert script.Recognizers(tmp_path / "runs", tmp_path / "judge").run() == 0
    assert {path.name: path.read_text() for path in (tmp_path / "judge").iterdir()} == {
        "recognizer_diagnosis.pt": "diagnosis",
        "recognizer_segmentation.pt": "segmentation",
    }


def test_the_first_failing_step_ends_it(script, monkeypatch, tmp_path):
    seen, codes = [], iter([0, 3])

    def call(words, cwd):
        seen.append(words)
        folder = Path(words[-1])
        folder.mkdir()
        (folder / "grid.json").write_text('{"runs": []}')
        return next(codes)

    monkeypatch.setattr(subprocess, "call", call)
    assert script.main(["covid_sigma0.1", "--dataset_dir", str(tmp_path), "--output", str(tmp_path / "runs")]) == 3
    assert [words[-1].rpartition("/")[2] for words in seen] == ["covid_clean", "covid_sigma0.1"]


def test_a_table_cut_off_is_measured_again(script, monkeypatch, tmp_path):
    table, codes = script.Table(["measure"], tmp_path / "bm3d.csv"), iter([1, 0])

    def measure(words, cwd):
        Path(words[-1]).write_text("rows")
        return next(codes)

    monkeypatch.setattr(subprocess, "call", measure)
    assert table.run() == 1
    assert not table.file.exists()
    assert table.run() == 0
    assert table.file.read_text() == "rows"
    assert str(table) == f"measure --output {table.file}"


def test_an_output_holds_grids_of_one_data_set(script, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(subprocess, "call", lambda words, cwd: 1)
    words = ["covid_clean", "--output", str(tmp_path), "--dataset_dir"]
    assert script.main([*words, str(tmp_path / "a")]) == 1
    assert script.main([*words, str(tmp_path / "a")]) == 1
    with pytest.raises(SystemExit) as ended:
        script.main([*words, str(tmp_path / "b")])
    assert ended.value.code == 2
    assert f"holds grids of {tmp_path / 'a'};" in capsys.readouterr().err


def test_folders_with_spaces_stay_one_word(script, tmp_path):
    steps = script.steps("camus_given", script.Setting(tmp_path / "my data", tmp_path / "my runs", 1))
    compares = [step.words for step in steps if isinstance(step, script.Command) and "frozen" in step.words]
    judge = str(tmp_path / "my runs" / "camus_clean_recognizers")
    assert len(compares) == 2
    for words in compares:
        assert words[words.index("--recognizer_weights") + 1] == f"{judge}/recognizer_segmentation.pt"
        assert words[words.index("--dataset_dir") + 1] == str(tmp_path / "my data")


def test_printed_nothing_is_run(script, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: pytest.fail("ran"))
    words = ["isic_clean", "--dataset_dir", str(tmp_path), "--output", str(tmp_path / "runs"), "--print"]
    assert script.main(words) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()][1] == "#"
    assert not (tmp_path / "runs").exists()


def test_compare_takes_every_grid(script, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert {name: listed(script, name, tmp_path / name, capsys) for name in script.GRIDS if "clean" not in name} == {
        "covid_sigma0.3": 42 + 12,
        "covid_sigma0.1": 18,
        "covid_peers": 18,
        "covid_restormer": 9,
        "covid_converged": 15,
        "covid_heavy": 9,
        "camus_sigma0.3": 18,
        "camus_sigma0.1": 18,
        "camus_given": 42 + 3,
        "camus_poor": 12,
        "camus_converged": 15 + 6 + 5,
        "isic_sigma0.3": 18,
        "isic_single_sigma0.3": 30,
        "isic_tanh": 18,
        "isic_sigma0.1": 18,
        "isic_single_sigma0.1": 30,
        "isic_converged": 15,
        "histology": 36,
    }


def setting(script, name, output):
    return script.Setting(ROOT / "sample_data" / SAMPLES[script.GRIDS[name].bundle], output, 1)


def listed(script, name, output, capsys):
    """How many runs a dry run of the grid's own commands, on the sample data, lists beside its judge's."""
    output.mkdir()
    runs = 0
    for step in script.steps(name, setting(script, name, output)):
        if isinstance(step, script.Part):
            step.run()
        elif isinstance(step, script.Recognizers):
            step.folder.mkdir()
            for task in ("diagnosis", "segmentation"):
                (step.folder / f"recognizer_{task}.pt").touch()
        elif {"prepare", "compare"} & set(step.words):
            words = list(step.words[len(script.CLI) :])
            assert cli(words + ["--dry-run"] * ("compare" in words)) == 0, capsys.readouterr().err
            lines = re.findall(r"^(\d+) runs", capsys.readouterr().out, flags=re.M)
            runs += sum(map(int, lines)) * (str(output / name) in words)
    return runs
