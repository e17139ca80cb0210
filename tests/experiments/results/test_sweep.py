# SPDX-License-Identifier: Apache-2.0
"""The recognizers' weight varied, on runs whose measurements are made up."""

from __future__ import annotations

import csv
import re

import pytest
from made_runs import made_run

from monai_gradprom.experiments.results.charts import sweep_chart
from monai_gradprom.experiments.results.contents import make_contents
from monai_gradprom.experiments.results.groups import settings
from monai_gradprom.experiments.results.own_tables import difference_table, quality_table
from monai_gradprom.experiments.results.read import RunResult
from monai_gradprom.experiments.results.sweep import sweep_table, sweeps, weight_order

WEIGHTS = ("relative:1.0", 0.03, "relative:0.1", 1e-4)


def runs(weights=WEIGHTS, **switches):
    found = [made_run("enhancer_only", metrics={"psnr": 30.0 + s, "miou": 0.5}, seed=s, **switches) for s in (0, 1)]
    for number, weight in enumerate(weights):
        for strategy in ("joint", "gradprom"):
            for seed in (0, 1):
                metrics = {"psnr": 29.0 - number + seed, "miou": 0.6 + 0.01 * number, "fixed_miou": 0.7}
                found.append(made_run(strategy, metrics=metrics, seed=seed, aux_weight=weight, **switches))
    return found


def test_weights_come_in_order_numbers_first():
    assert sorted(WEIGHTS, key=weight_order) == [1e-4, 0.03, "relative:0.1", "relative:1.0"]


def test_settings_that_differ_in_the_weight_alone_are_one_sweep():
    (sweep,) = sweeps(settings(runs()))
    assert list(sweep.runs) == ["enhancer_only", "joint", "gradprom"]
    assert list(sweep.runs["joint"]) == [1e-4, 0.03, "relative:0.1", "relative:1.0"]
    assert list(sweep.runs["enhancer_only"]) == [None] and len(sweep.runs["enhancer_only"][None]) == 2
    assert all(run.switches["aux_weight"] == 0.03 for run in sweep.runs["gradprom"][0.03])
    # another noise level is another sweep, and one weight is none
    assert len(sweeps(settings(runs() + runs(noise_sigma=0.3)))) == 2
    assert sweeps(settings(runs(weights=(0.03,)))) == []


def test_the_table_has_a_row_for_each_strategy_and_weight():
    (sweep,) = sweeps(settings(runs()))
    table = sweep_table(sweep, "s", lambda run: "it moves" if run.strategy == "joint" else None)
    assert len(table.rows) == 1 + 4 + 4
    (found,) = (row for row in table.rows if row.heads == ("gradprom", "0.03", "2"))
    # the second of the weights as they were given
    assert found.cells == {
        "PSNR [dB]": "28.50 ± 0.71",
        "mIoU": "0.610 ± 0.000",
        "mIoU, fixed recognizer": "0.700 ± 0.000",
    }
    assert {row.marks for row in table.rows if row.heads[0] == "joint"} == {("under-trained", "it moves")}


def test_the_chart_names_every_weight_and_is_in_the_report():
    (sweep,) = sweeps(settings(runs()))
    svg = sweep_chart(sweep)
    assert svg.startswith("<?xml") and all(f"<!-- {text} -->" in svg for text in ("ρ=0.1", "ρ=1.0", "0.0001", "0.03"))
    assert len(re.findall("<!-- mIoU", svg)) == 2  # the run's own recognizer and the fixed one
    contents = make_contents(runs(), {}, {})
    assert contents.parts[0].title == "isic2018_denoise: every aux_weight" and contents.parts[0].front == svg
    assert svg.count('id="legend_') == 1  # beside the panels; one in each would hide points
    assert len(contents.parts) == 5 and contents.parts[0].tables[0].name in {table.name for table in contents.tables}


@pytest.fixture
def judged(tmp_path):
    """A run that a fixed recognizer has judged as well."""
    for name, value in (("evaluation", 0.4), ("evaluation_fixed", 0.8)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics_summary.csv").write_text(
            f"metric,mean,std,images\npsnr,30,1,2\naccuracy,{value},0.5,2\naccuracy_input,{value / 2},0.5,2\n"
        )
        with (tmp_path / name / "metrics_per_image.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["id", "accuracy"], ["a", value], ["b", value]])
    return RunResult(tmp_path, made_run("joint").record)


def test_what_a_fixed_recognizer_says_stands_beside_the_runs_own(judged):
    assert (judged.metrics["accuracy"], judged.metrics["fixed_accuracy"]) == (0.4, 0.8)
    assert judged.per_image["fixed_accuracy"] == {"a": 0.8, "b": 0.8}
    (setting,) = settings([judged])
    degraded, own = quality_table(setting, "q", lambda run: None).rows
    assert own.cells["accuracy, fixed recognizer"] == "0.800" and own.cells["accuracy"] == "0.400"
    assert degraded.cells["accuracy, fixed recognizer"] == "0.400" and degraded.cells["accuracy"] == "0.200"
    other = made_run("gradprom", per_image={"fixed_accuracy": {"a": 1.0, "b": 1.0}})
    setting.runs.append(other)
    rows = {row.heads[1]: row.cells for row in difference_table(setting, "d", lambda run: None).rows}
    assert rows["accuracy, fixed recognizer"]["difference"] == "+0.2000"
    assert rows["accuracy, fixed recognizer"]["images"] == "2"
