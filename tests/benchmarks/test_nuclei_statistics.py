# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT_NAME = "nuclei_statistics"
ROOT = Path(__file__).parents[2]


def test_a_picture_of_two_colours(script: ModuleType) -> None:
    nuclei = np.zeros((40, 60), np.int32)
    nuclei[8:16, 8:18], nuclei[20:32, 30:40] = 3, 9
    picture = np.where(nuclei[..., None] > 0, [60.0, 30.0, 120.0], [200.0, 120.0, 180.0])
    row = script.nuclei_row(picture, nuclei)
    assert row["nuclei, share of the area (%)"] == pytest.approx(100 * 200 / 2400)
    assert row["area of a nucleus, median (px)"] == 100
    assert (row["red of nuclei"], row["green of nuclei"], row["blue of background"]) == pytest.approx((60, 30, 180))
    assert row["bicubic PSNR x4 (dB)"] < row["bicubic PSNR x2 (dB)"] < 60
    shifted = 0.299 * 140 + 0.587 * 90 + 0.114 * 60
    assert row["contrast background - nuclei"] == pytest.approx(shifted)


def test_noise_and_slope(script: ModuleType) -> None:
    noise = np.random.RandomState(0).normal(0, 5.0, (128, 128))
    assert script.fine_noise(noise) == pytest.approx(5.0, rel=0.05)
    assert script.spectral_slope(noise) == pytest.approx(0, abs=0.15)
    radius = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    radius[0, 0] = 1
    pink = np.fft.ifft2(np.fft.fft2(noise) / radius).real  # amplitude 1 / f is power 1 / f²
    assert script.spectral_slope(pink) == pytest.approx(-2, abs=0.3)


def test_averaging_halves_both_and_leaves_a_multiple_of_four(script: ModuleType) -> None:
    picture = np.arange(35 * 50 * 3, dtype=float).reshape(35, 50, 3) % 251
    small, nuclei = script.reduced(picture, np.arange(35 * 50).reshape(35, 50), 2)
    assert small.shape == (16, 24, 3) and nuclei.shape == (16, 24)
    assert abs(small[1, 2] - picture[2:4, 4:6].mean(axis=(0, 1))).max() <= 0.5
    assert nuclei[1, 2] == 2 * 50 + 4


def test_sample_data_gives_a_table(
    script: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = str(ROOT / "sample_data" / "lizard")
    monkeypatch.setattr("sys.argv", ["nuclei_statistics.py", "--sample", sample, "--real", sample, "--limit", "2"])
    script.main()
    assert capsys.readouterr().out.startswith("| | phantoms (2) | real phantom (2) |")
