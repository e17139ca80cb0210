# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

SCRIPT_NAME = "classical_baselines"
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "classical_baselines.py"
SIGMA = 0.12  # not the configuration's own
LIT = (slice(8, 56), slice(10, 44))  # a rectangle is its own convex hull
FIGURES = ("psnr", "ssim", "psnr_sector", "ssim_sector")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of one patient: smooth waves in a lit rectangle, dark around it."""
    root = tmp_path_factory.mktemp("camus")
    folder = root / "database_nifti" / "patient0001"
    folder.mkdir(parents=True)
    x, y = np.mgrid[:64, :52]
    for phase, period in (("ED", 9.0), ("ES", 14.0)):
        image = np.zeros((64, 52), dtype=np.uint8)
        image[LIT] = (130 + 60 * np.sin(x / period) + 50 * np.cos(y / period))[LIT]
        nib.save(nib.Nifti1Image(image, np.eye(4)), folder / f"patient0001_2CH_{phase}.nii.gz")
    (root / "database_split").mkdir()
    (root / "database_split" / "subgroup_testing.txt").write_text("patient0001\n")
    return root


def options(archive: Path, output: Path, *methods: str, workers: int = 1) -> list[str]:
    where = ["--dataset_dir", str(archive), "--output", str(output)]
    return [*where, "--noise_sigma", str(SIGMA), "--workers", str(workers), "--methods", *methods]


def run(
    script: ModuleType, archive: Path, output: Path, *methods: str, more: Sequence[str] = ()
) -> dict[tuple[str, str], dict[str, float]]:
    assert script.main([*options(archive, output, *methods), *more]) == 0
    return read(output)


def read(path: Path) -> dict[tuple[str, str], dict[str, float]]:
    with path.open(newline="") as file:
        return {(row["id"], row["method"]): {k: float(row[k]) for k in FIGURES} for row in csv.DictReader(file)}


def expected_noisy_row(path: Path) -> dict[str, float]:
    clean = np.asarray(nib.load(path).dataobj).astype(np.float32) / np.float32(255)
    name = f"0:patient0001/{path.name.removesuffix('.nii.gz')}"
    seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")
    noise = np.random.RandomState(seed).standard_normal(clean.shape).astype(np.float32)
    noisy = np.clip(clean + np.float32(SIGMA) * noise, 0, 1).astype(np.float64)
    clean = clean.astype(np.float64)
    _, similarity = structural_similarity(
        clean, noisy, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    valid = np.zeros(clean.shape, dtype=bool)
    valid[5:-5, 5:-5] = True
    lit = np.zeros_like(valid)
    lit[LIT] = True
    return {
        "psnr": peak_signal_noise_ratio(clean, noisy, data_range=1),
        "ssim": similarity[valid].mean(),
        "psnr_sector": peak_signal_noise_ratio(clean[LIT], noisy[LIT], data_range=1),
        "ssim_sector": similarity[valid & lit].mean(),
    }


def test_rows_and_table(script: ModuleType, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = run(script, archive, tmp_path / "deep" / "out.csv", "noisy", "nlm")
    assert len(rows) == 4
    for path in archive.glob("database_nifti/*/*.nii.gz"):
        name = f"patient0001/{path.name.removesuffix('.nii.gz')}"
        assert rows[name, "noisy"] == pytest.approx(expected_noisy_row(path), abs=1e-4)
        assert all(rows[name, "nlm"][figure] > rows[name, "noisy"][figure] for figure in FIGURES)
        assert rows[name, "nlm"]["psnr_sector"] > rows[name, "noisy"]["psnr_sector"] + 3
    printed = capsys.readouterr().out
    for method in ("noisy", "nlm"):
        a, b = (figures["psnr"] for (_, m), figures in rows.items() if m == method)
        assert f"| {method} | {(a + b) / 2:.2f} ± {abs(a - b) / 2**0.5:.2f} |" in printed


def test_limit_measures_fewer_frames(script: ModuleType, archive: Path, tmp_path: Path) -> None:
    assert len(run(script, archive, tmp_path / "out.csv", "noisy", more=["--limit", "1"])) == 1
    assert len(run(script, archive, tmp_path / "out.csv", "noisy", more=["--limit", "9"])) == 2


def test_bm3d(script: ModuleType, archive: Path, tmp_path: Path) -> None:
    pytest.importorskip("bm3d", reason="bm3d is a dependency of the benchmarks only")
    rows = run(script, archive, tmp_path / "out.csv", "noisy", "bm3d")
    for name in {name for name, _ in rows}:
        assert rows[name, "bm3d"]["psnr_sector"] > rows[name, "noisy"]["psnr_sector"] + 3
        assert rows[name, "bm3d"]["ssim_sector"] > rows[name, "noisy"]["ssim_sector"]


def test_without_the_package_bm3d_is_skipped(
    script: ModuleType,
    archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)
    rows = run(script, archive, tmp_path / "out.csv", "noisy", "bm3d")
    assert {method for _, method in rows} == {"noisy"}
    assert "bm3d is skipped" in capsys.readouterr().err
    assert script.main(options(archive, tmp_path / "out.csv", "bm3d")) == 2


@pytest.mark.parametrize(
    ("mistake", "word"),
    [
        (["--dataset_dir", "nowhere"], "nowhere"),
        (["--subset", "tesing"], "'testing'"),
        (["--noise_sigma", "0"], "--noise_sigma"),
        (["--noise_sigma", "inf"], "sigma"),
        (["--workers", "0"], "--workers"),
        (["--output", "."], "--output"),
    ],
)
def test_a_mistake_ends_in_one_line(
    script: ModuleType,
    archive: Path,
    tmp_path: Path,
    mistake: list[str],
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert script.main([*options(archive, tmp_path / "out.csv", "noisy"), *mistake]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and word in last


def test_processes_give_the_same_rows_and_name_an_unreadable_frame(
    script: ModuleType,
    archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = run(script, archive, tmp_path / "alone.csv", "noisy", "nlm")
    broken = archive / "database_nifti" / "patient0001" / "patient0001_4CH_ED.nii.gz"
    broken.write_bytes(b"not an image")
    output = tmp_path / "two.csv"
    try:
        assert script.main(options(archive, output, "noisy", "nlm", workers=2)) == 2
    finally:
        broken.unlink()
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and broken.name in last
    assert read(output) == alone
