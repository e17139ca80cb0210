# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom report` over folders as runs leave them."""

from __future__ import annotations

import csv
import json
import re

import pytest
from made_runs import made_record
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from monai_gradprom.cli import main

STRATEGIES = ("enhancer_only", "joint", "gradprom")


@pytest.fixture
def runs(tmp_path):
    """Two seeds of three strategies, with everything that a run leaves but networks; and a failed one."""
    for seed in (0, 1):
        for number, strategy in enumerate(STRATEGIES):
            folder = tmp_path / "runs" / f"{strategy}_{seed}"
            evaluation = folder / "evaluation"
            (evaluation / "figures").mkdir(parents=True)
            record = made_record(strategy, seed=seed, max_epochs=20)
            (folder / "record.json").write_text(json.dumps(record))
            psnr = 30 + number + 0.1 * seed
            (evaluation / "metrics_summary.csv").write_text(
                f"metric,mean,std,images\npsnr,{psnr},1,3\npsnr_input,20,1,3\n"
                f"ssim,0.9,0.1,3\naccuracy,0.{5 + number},nan,3\n"
            )
            rows = "".join(f"<i>{i},{psnr + i},20\n" for i in range(3))
            (evaluation / "metrics_per_image.csv").write_text("id,psnr,psnr_input\n" + rows)
            (folder / "gate.csv").write_text("epoch,iteration,task,loss,cosine,gate,ratio\n")
            if number:
                with (folder / "gate.csv").open("a") as file:
                    file.write("2,3,diagnosis,1,0.5,1,0.3\n")
            Image.new("RGB", (1400, 40), "red").save(evaluation / "figures" / "panels_a.png")
            Image.new("RGB", (140, 40), "red").save(evaluation / "figures" / "panels.png")
            writer = SummaryWriter(str(folder / "tensorboard"))
            for epoch in range(1, 21):
                writer.add_scalar("psnr", psnr, epoch)
            writer.close()
    failed = tmp_path / "runs" / "frozen_0"
    failed.mkdir()
    record = made_record("frozen") | {"stages": {}, "failed": {"stage": "train", "reason": "train: <no memory>"}}
    (failed / "record.json").write_text(json.dumps(record))
    return tmp_path / "runs"


@pytest.fixture
def bm3d(tmp_path):
    path = tmp_path / "bm3d.csv"
    path.write_text("id,method,psnr,ssim\na,noisy,20,0.1\na,bm3d,27,0.8\nb,bm3d,29,0.8\n")
    return path


def test_what_an_earlier_report_had_beside_is_gone(runs):
    """Of this bundle's settings; nothing that somebody else put there."""
    tables, figures = runs / "report" / "tables", runs / "report" / "figures"
    tables.mkdir(parents=True)
    figures.mkdir()
    stale = [tables / f"isic2018_denoise_seed_0_{kind}.csv" for kind in ("quality", "differences", "gate")]
    stale += [figures / "isic2018_denoise_seed_0_front.svg", tables / "isic2018_denoise_seed_0_gate.tex"]
    own = [
        tables / "my_quality.csv",
        tables / "isic2018_denoise_notes.csv",
        figures / "camus_denoise_all_runs_front.svg",
    ]
    for path in (*stale, *own):
        path.touch()
    assert main(["report", str(runs)]) == 0
    assert not any(path.exists() for path in stale)
    assert all(path.exists() for path in own) and (tables / "isic2018_denoise_all_runs_quality.csv").is_file()


def test_everything_is_written(runs, bm3d, capsys):
    assert main(["report", str(runs), "--bm3d", f"0.1={bm3d}"]) == 0
    assert "6 runs, 1 not finished" in capsys.readouterr().out
    out = runs / "report"
    for number in range(1, 9):
        assert (out / "tables" / f"table{number}.csv").is_file() and (out / "tables" / f"table{number}.tex").is_file()
    drawn = {path.name for path in (out / "figures").iterdir()}
    assert drawn == {f"isic2018_denoise_all_runs_{name}.svg" for name in ("training", "front")}
    with (out / "tables" / "isic2018_denoise_all_runs_differences.csv").open(newline="") as file:
        rows = {(row["strategies"], row["metric"]): row for row in csv.DictReader(file)}
    assert rows["gradprom − enhancer_only", "PSNR [dB]"]["difference"] == "+2.000"
    assert rows["gradprom − enhancer_only", "PSNR [dB]"]["marks"] == ""  # BM3D has 28 dB
    text = (out / "report.md").read_text()
    assert "Sup. GradProm | ours, 2 seeds |" in text and "34.646 ± 1.11" in text
    assert "![training](figures/isic2018_denoise_all_runs_training.svg)" in text


def test_the_page_is_complete_in_itself_and_escapes_what_comes_from_outside(runs):
    assert main(["report", str(runs), "--output", str(runs.parent / "there")]) == 0
    page = (runs.parent / "there" / "report.html").read_text()
    assert "<script" not in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert "train: &lt;no memory&gt;" in page and "<no memory>" not in page
    assert page.count("data:image/jpeg;base64,") == 3  # one image under each strategy, of the first seed
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "under-trained: BM3D was not measured (--bm3d)." in page


def test_pictures_can_be_left_out(runs):
    assert main(["report", str(runs), "--no-pictures"]) == 0
    assert "data:image/jpeg" not in (runs / "report" / "report.html").read_text()


def test_the_same_runs_give_the_same_files(runs):
    out = runs / "report"

    def written():
        main(["report", str(runs)])
        return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    first = written()
    assert len(first) > 20 and written() == first


@pytest.mark.parametrize(
    "words, said",
    [
        (["nowhere"], "is no folder"),
        (["."], "no run here is trained and evaluated"),
        (["runs", "--bm3d", "0.1"], "is no CSV of benchmarks/classical_baselines.py"),
        (["runs", "--bm3d", "a=b"], "write [BUNDLE:]SIGMA=CSV"),
        (["runs", "--bm3d", "0.1=empty.csv"], "has no rows of the method bm3d"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(runs, words, said, monkeypatch, capsys):
    monkeypatch.chdir(runs.parent)
    (runs.parent / "empty.csv").write_text("id,method,psnr\n")
    assert main(["report", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
