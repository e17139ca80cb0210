# SPDX-License-Identifier: Apache-2.0
"""Tables of runs whose measurements are made up, so that every cell is known."""

from __future__ import annotations

import csv
import io

import pytest
from made_runs import made_run

from monai_gradprom.experiments.results.groups import Setting, settings
from monai_gradprom.experiments.results.own_tables import difference_table, gate_table, quality_table
from monai_gradprom.experiments.results.paper_tables import paper_table
from monai_gradprom.experiments.results.render import as_csv, as_html, as_latex, as_markdown
from monai_gradprom.experiments.results.sweep import sweep_table, sweeps
from monai_gradprom.experiments.results.table import Row, Table


def fine(run):
    return None


def row(table, *heads):
    (found,) = (row for row in table.rows if row.heads == heads)
    return found


def gradprom(psnr, seed=0, **switches):
    return made_run("gradprom", metrics={"psnr": psnr, "ssim": 0.9, "accuracy": 0.75}, seed=seed, **switches)


def test_table_1_has_the_papers_figure_and_ours_beside_it():
    runs = [gradprom(30.0), gradprom(31.0, seed=1), gradprom(25.0, supervised=False)]
    runs += [gradprom(20.0, recognition="segmentation"), gradprom(10.0, degradation="challenge")]
    table = paper_table(1, runs, fine)
    assert row(table, "Sup. GradProm", "paper").cells["σ=0.1 PSNR"] == "34.646 ± 1.11 (a, i)"
    ours = row(table, "Sup. GradProm", "ours, 2 seeds")
    assert ours.cells == {"σ=0.1 PSNR": "30.50 ± 0.71", "σ=0.1 SSIM": "0.9000 ± 0.0000", "σ=0.1 Acc": "0.750 ± 0.000"}
    assert row(table, "Unsup. GradProm", "ours, 1 seed").cells["σ=0.1 PSNR"] == "25.00"
    assert any(note.startswith("(a) ") for note in table.notes)
    assert table.columns[:4] == ["σ=0.05 PSNR", "σ=0.05 SSIM", "σ=0.05 Acc", "σ=0.1 PSNR"]
    # of segmentation and of the challenge
    assert row(paper_table(2, runs, fine), "Sup. GradProm", "ours, 1 seed").cells["σ=0.1 PSNR"] == "20.00"
    assert all(row.kind == "paper" for row in paper_table(8, runs, fine).rows)


def test_what_a_table_leaves_open_makes_rows_of_its_own():
    runs = [gradprom(30.0, aux_weight=1e-4), gradprom(28.0, aux_weight=0.03)]
    runs += [made_run("enhancer_only", metrics={"psnr": 29.0})]
    table = paper_table(1, runs, fine)
    assert row(table, "Sup. GradProm", "ours, 1 seed, aux_weight 0.0001").cells["σ=0.1 PSNR"] == "30.00"
    assert row(table, "Sup. GradProm", "ours, 1 seed, aux_weight 0.03").cells["σ=0.1 PSNR"] == "28.00"
    assert row(table, "Benchmark-i", "ours, 1 seed").cells == {"σ=0.1 PSNR": "29.00"}


def test_the_recognizer_alone_is_asked_about_the_degraded_image():
    run = made_run("recognizer_only", metrics={"accuracy_input": 0.6, "accuracy": 0.1, "psnr": 12.0})
    assert row(paper_table(1, [run], fine), "Benchmark-ii", "ours, 1 seed").cells == {"σ=0.1 Acc": "0.600"}


def test_table_3_tells_supervision_by_column_and_table_7_enlargement():
    runs = [gradprom(9.0, degradation="challenge", noise_sigma=0.3, recognition="segmentation", supervised=False)]
    runs += [made_run("enhancer_only", metrics={"psnr": 8.0}, degradation="challenge", noise_sigma=0.3)]
    table = paper_table(3, runs, fine)
    assert row(table, "GradProm", "ours, 1 seed").cells["Unsup. PSNR"] == "9.00"
    assert "Sup. PSNR" not in row(table, "GradProm", "ours, 1 seed").cells
    # it has no supervision, so it stands under both, as in the paper
    assert set(row(table, "Benchmark-i", "ours, 1 seed").cells) == {"Unsup. PSNR", "Sup. PSNR"}
    switches = {"bundle": "lizard_sr", "degradation": "downsample", "scale_factor": 4}
    table = paper_table(7, [gradprom(22.0, **switches, backbone="resnet50")], fine)
    assert row(table, "Ours(VR_dia), ResNet-50", "ours, 1 seed").cells == {"γ=4 PSNR": "22.00", "γ=4 SSIM": "0.9000"}


def test_table_4_takes_the_other_sets_measurements(tmp_path):
    run = gradprom(30.0, noise_sigma=0.3)
    object.__setattr__(run, "folder", tmp_path)
    (tmp_path / "transfer_lizard_sr").mkdir()
    (tmp_path / "transfer_lizard_sr" / "metrics_summary.csv").write_text("metric,mean,std,images\npsnr,13.5,1,4\n")
    base = gradprom(15.0, noise_sigma=0.3, bundle="lizard_sr")
    table = paper_table(4, [run, base], fine)
    assert row(table, "GradProm", "ours, 1 seed").cells == {"Sup. PSNR": "13.50"}
    assert row(table, "Base GradProm", "ours, 1 seed").cells["Sup. PSNR"] == "15.00"


def test_a_mark_says_why():
    table = paper_table(1, [gradprom(30.0)], lambda run: "it still moves")
    ours = row(table, "Sup. GradProm", "ours, 1 seed")
    assert ours.marks == ("under-trained", "it still moves")
    text = as_markdown(table)
    assert "ours, 1 seed (*under-trained*)" in text and "- under-trained: it still moves." in text


def pair():
    values = {"a": 1.0, "b": 2.0}
    first = [made_run("enhancer_only", seed=s, metrics={"miou": 0.5}, per_image={"psnr": values}) for s in (0, 1)]
    better = {"a": 1.5, "b": 2.5}
    second = [made_run("gradprom", seed=s, metrics={"miou": 0.6}, per_image={"psnr": better}) for s in (0, 1)]
    return Setting({}, first + second)


def test_differences_are_paired_by_seed_and_image():
    table = difference_table(pair(), "d", fine)
    found = row(table, "gradprom − enhancer_only", "PSNR [dB]").cells
    assert found == {
        "difference": "+0.500",
        "over seeds": "[+0.500, +0.500]",
        "seeds": "2",
        "over images": "[+0.500, +0.500]",
        "images": "2",
    }
    pooled = row(table, "gradprom − enhancer_only", "mIoU").cells
    assert (pooled["difference"], pooled["over images"], pooled["images"]) == ("+0.1000", "", "pooled")
    assert len(table.rows) == 2 and "not corrected for the number of comparisons" in table.notes[0]


def test_runs_of_which_one_has_no_values_of_images_are_compared_as_a_whole():
    runs = pair().runs
    for run, psnr in zip(runs, (1.0, 2.0, 4.0, 6.0), strict=True):
        run.metrics["psnr"] = psnr
    runs[3].per_image.clear()
    found = row(difference_table(Setting({}, runs), "d", fine), "gradprom − enhancer_only", "PSNR [dB]").cells
    assert (found["difference"], found["seeds"], found["images"]) == ("+3.500", "2", "pooled")


def test_quality_and_gate_by_hand():
    gates = [{"diagnosis": {"gate": {2: 0.5, 3: 1.0}, "cosine": {2: 0.1, 3: 0.3}}}, {"diagnosis": {"gate": {2: 0.25}}}]
    runs = [
        made_run("gradprom", seed=seed, metrics={"psnr": 30.0 + seed, "psnr_input": 20.0}, gate=gate)
        for seed, gate in enumerate(gates)
    ]
    setting = Setting({}, runs)
    table = quality_table(setting, "q", fine)
    assert row(table, "degraded image", "").cells == {"PSNR [dB]": "20.00"}
    assert row(table, "gradprom", "2").cells == {"PSNR [dB]": "30.50 ± 0.71"}
    cells = row(gate_table(setting, "g"), "gradprom", "diagnosis").cells
    assert cells == {"gate open": "50.0 ± 35.4 %", "cosine": "0.2"}  # 75 % and 25 %


@pytest.fixture
def table():
    rows = [
        Row(("a_b & <c>", "paper"), {"σ=0.1 PSNR": "1 ± 2"}, kind="paper"),
        Row(("d|e", "ours"), {}, ("under-trained", "w")),
    ]
    return Table("t", "50 % of ‖G‖", ("method", "from"), ["σ=0.1 PSNR"], rows, ["a note"])


def test_each_form_escapes_its_own_signs(table):
    assert r"| d\|e | ours (*under-trained*) |  |" in as_markdown(table)
    lines = list(csv.reader(io.StringIO(as_csv(table))))
    assert lines == [
        ["method", "from", "σ=0.1 PSNR", "marks"],
        ["a_b & <c>", "paper", "1 ± 2", ""],
        ["d|e", "ours", "", "under-trained; w"],
    ]
    latex = as_latex(table)
    assert r"\caption{50 \% of $\|$G$\|$}" in latex and r"a\_b \& <c> & paper & 1 $\pm$ 2 \\" in latex
    html = as_html(table)
    assert "a_b &amp; &lt;c&gt;" in html and html.count("<tr") == 3 and "<li>a note</li>" in html


def test_what_came_after_the_best_epoch_is_shown_too():
    """The weights measured are the best epoch's; under a harmful strategy that is an early one."""
    runs = [made_run("joint", psnr={3: 22.0, 6: 21.0, 10: 20.0}), made_run("joint", psnr={3: 20.0, 10: 21.0}, seed=1)]
    runs += [made_run("enhancer_only", psnr={3: 22.0, 10: 23.0}), made_run("recognizer_only", psnr={3: 12.0, 10: 12.0})]
    runs += [made_run("joint", psnr={3: 22.0, 10: 19.0}, aux_weight="relative:3")]
    table = quality_table(Setting({"aux_weight": "relative:0.3"}, runs[:4]), "x", fine)
    best, last = "best epoch", "validation PSNR, last epoch [dB]"
    assert (row(table, "joint", "2").cells[best], row(table, "joint", "2").cells[last]) == ("3, 10", "20.50 ± 0.71")
    assert row(table, "enhancer_only", "1").cells == {best: "10", last: "23.00"}
    assert row(table, "recognizer_only", "1").cells == {}
    assert table.columns[-2:] == [best, last]
    (sweep,) = sweeps(settings(runs[:3] + runs[4:]))
    swept = sweep_table(sweep, "x", fine)
    assert row(swept, "joint", "relative:3", "1").cells == {best: "3", last: "19.00"}
