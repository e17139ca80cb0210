# SPDX-License-Identifier: Apache-2.0
"""The tables of the pages in docs/results/ are those of the files beside them."""

from __future__ import annotations

import pytest

SCRIPT_NAME = "results_page"
DIRECTIVE = (
    '<!-- table tables/a.csv where="metric: PSNR | SSIM; strategies: joint"\n'
    '     columns="strategies; metric > what; value" -->\n'
)
CSV = "strategies,metric,value\njoint,PSNR,+1|2\njoint,mIoU,3\ngradprom,PSNR,4\njoint,SSIM,5\n"
TABLE = "| strategies | what | value |\n| --- | --- | --- |\n| joint | PSNR | +1\\|2 |\n| joint | SSIM | 5 |\n"


@pytest.fixture
def page(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text(CSV)
    path = tmp_path / "page.md"
    path.write_text(f"Before.\n\n{DIRECTIVE}| an old | table |\n\n| another | table |\n")
    return path


def test_a_table_is_made_anew_and_nothing_else_changes(page, script):
    assert script.main(["--folder", str(page.parent), "--check"]) == 1
    assert script.main(["--folder", str(page.parent)]) == 0
    assert page.read_text() == f"Before.\n\n{DIRECTIVE}{TABLE}\n| another | table |\n"
    assert script.main(["--folder", str(page.parent), "--check"]) == 0


def test_one_changed_figure_is_seen(page, script):
    script.main(["--folder", str(page.parent)])
    page.write_text(page.read_text().replace("| 5 |", "| 6 |"))
    assert script.main(["--folder", str(page.parent), "--check"]) == 1


def test_a_report_is_copied_without_the_papers_tables_and_charts_that_nobody_sees(tmp_path, script):
    report, folder = tmp_path / "report", tmp_path / "tables"
    for name in (
        "tables/camus_denoise_all_runs_quality.csv",
        "tables/table1.csv",
        "figures/camus_denoise_all_front.svg",
        "figures/camus_denoise_all_training.svg",
    ):
        (report / name).parent.mkdir(parents=True, exist_ok=True)
        (report / name).write_text(name)
    folder.mkdir()
    (folder / "camus_old_gate.csv").write_text("of an earlier report")
    (folder / "covid_gate.csv").write_text("of another grid")
    script.copy_report("camus", report, folder, "![shown](tables/camus_all_front.svg)")
    assert {path.name for path in folder.iterdir()} == {
        "camus_all_runs_quality.csv",
        "camus_all_front.svg",
        "covid_gate.csv",
    }
    with pytest.raises(SystemExit, match="no report"):
        script.copy_report("camus", tmp_path / "elsewhere", folder, "")
    assert (folder / "camus_all_front.svg").is_file()


def test_the_pages_of_results_show_their_files(script):
    assert script.main(["--check"]) == 0
