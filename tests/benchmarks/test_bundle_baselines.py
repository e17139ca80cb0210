# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from ignite.engine import Events
from monai.bundle import ConfigParser
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from monai_gradprom.engines import EnhancementEvaluator

SCRIPT_NAME = "classical_baselines"
ROOT = Path(__file__).parents[2]
ISIC, LIZARD = (ROOT / "bundles" / name for name in ("isic2018_denoise", "lizard_sr"))
Figures = dict[tuple[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def datalist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two smooth pictures with different waves in each colour; sides divide by neither 4 nor each other."""
    root = tmp_path_factory.mktemp("pictures")
    x, y = np.mgrid[:66, :54]
    for name, period in (("a", 11.0), ("b", 17.0)):
        waves = [np.sin((x + k * y) / period) + np.cos(y / (period - k)) for k in range(3)]
        Image.fromarray((128 + 50 * np.stack(waves, axis=-1)).astype(np.uint8)).save(root / f"{name}.png")
    path = root / "list.json"
    path.write_text(json.dumps({"testing": [{"id": name, "image": f"{name}.png"} for name in "ab"]}))
    return path


def run(script: ModuleType, bundle: Path, datalist: Path, output: Path, *more: str) -> Figures:
    given = ["--bundle", str(bundle), "--datalist", str(datalist), "--output", str(output), "--workers", "1"]
    assert script.main([*given, *more]) == 0
    with output.open(newline="") as file:
        return {(row["id"], row["method"]): row for row in csv.DictReader(file)}


def evaluated(
    bundle: Path, datalist: Path, **switches: object
) -> tuple[list[dict], dict[str, dict[str, torch.Tensor]]]:
    """What the bundle's own data loader and engine hand to its metrics; the network is a stand-in of the right size."""
    parser = ConfigParser()
    parser.read_config(bundle / "configs" / "evaluate.json")
    parser.update({"bundle_root": str(bundle), "datalist": str(datalist), **switches})
    factor = parser["scale_factor"]
    evaluator = EnhancementEvaluator(
        device=torch.device("cpu"),
        val_data_loader=parser.get_parsed_content("dataloader"),
        network=torch.nn.Upsample(scale_factor=float(factor)) if factor > 1 else torch.nn.Identity(),
        decollate=False,
    )
    seen = {}

    def keep(engine: EnhancementEvaluator) -> None:
        seen[engine.state.batch["id"][0]] = {k: engine.state.output[k][0] for k in ("image", "baseline", "label")}

    evaluator.add_event_handler(Events.ITERATION_COMPLETED, keep)
    evaluator.run()
    return parser.get_parsed_content("datalist_items"), seen


def decibels(seen: dict[str, torch.Tensor], key: str) -> float:
    clean, shown = (np.asarray(seen[k], dtype=np.float64) for k in ("label", key))
    return peak_signal_noise_ratio(clean, shown, data_range=1)


@pytest.mark.parametrize("degradation", ["gaussian", "speckle"])
def test_the_noise_is_that_of_evaluate(
    script: ModuleType, datalist: Path, tmp_path: Path, degradation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, np.ndarray] = {}
    methods = sys.modules["classical_methods"].DENOISERS
    monkeypatch.setitem(methods, "noisy", lambda image, sigma: given.setdefault(str(len(given)), image))
    more = ["--methods", "noisy", "--noise_sigma", "0.07", "--resize", "48", "--degradation", degradation]
    rows = run(script, ISIC, datalist, tmp_path / "out.csv", *more)
    items, seen = evaluated(ISIC, datalist, noise_sigma=0.07, resize=48, degradation=degradation)
    assert [item["id"] for item in items] == ["a", "b"]
    for item, image in zip(items, given.values(), strict=True):
        expected = np.moveaxis(np.asarray(seen[item["id"]]["image"], dtype=np.float64), 0, -1)
        assert max(expected.shape) == 48
        np.testing.assert_array_equal(image, expected)
        assert float(rows[item["id"], "noisy"]["psnr"]) == pytest.approx(decibels(seen[item["id"]], "image"), abs=1e-4)
        assert "psnr_sector" not in rows[item["id"], "noisy"]  # only echocardiograms have one


def test_denoisers_gain_on_colour(script: ModuleType, datalist: Path, tmp_path: Path) -> None:
    pytest.importorskip("bm3d", reason="bm3d is a dependency of the benchmarks only")
    rows = run(script, ISIC, datalist, tmp_path / "out.csv", "--limit", "1", "--noise_sigma", "0.1")
    found = {method: (float(row["psnr"]), float(row["ssim"])) for (_, method), row in rows.items()}
    assert found["nlm"][0] > found["noisy"][0] + 4
    assert found["bm3d"][0] > found["noisy"][0] + 8
    assert found["bm3d"][1] > found["noisy"][1] + 0.2


def test_colour_bm3d_uses_what_the_channels_share_and_keeps_their_order(script: ModuleType) -> None:
    pytest.importorskip("bm3d", reason="bm3d is a dependency of the benchmarks only")
    apply = sys.modules["classical_methods"].apply
    x, y = np.mgrid[:40, :36]
    clean = np.stack([0.5 + 0.3 * np.sin((x + y) / 5 + k) for k in (0.0, 0.3, 0.6)])
    noisy = clean + np.random.RandomState(1).normal(0, 0.1, clean.shape)
    together = apply("bm3d", noisy, 0.1, 1)
    alone = np.concatenate([apply("bm3d", channel[None], 0.1, 1) for channel in noisy])
    error = [((image - clean) ** 2).mean() for image in (together, alone)]
    assert together.shape == clean.shape
    assert error[0] < error[1] < 0.1**2 / 5
    # told a sigma of another scale it does worse
    assert error[0] < ((apply("bm3d", noisy, 0.02, 1) - clean) ** 2).mean()


@pytest.mark.parametrize("factor", [2, 4])
def test_bicubic_is_the_baseline_of_evaluate(script: ModuleType, datalist: Path, tmp_path: Path, factor: int) -> None:
    rows = run(script, LIZARD, datalist, tmp_path / "out.csv", "--scale_factor", str(factor))
    assert {method for _, method in rows} == {"nearest", "bilinear", "bicubic", "lanczos"}
    _, seen = evaluated(LIZARD, datalist, scale_factor=factor)
    for name in "ab":
        found = {method: float(row["psnr"]) for (item, method), row in rows.items() if item == name}
        assert found["bicubic"] == pytest.approx(decibels(seen[name], "baseline"), abs=1e-4)
        assert all(found[method] > found["nearest"] + 3 for method in ("bilinear", "bicubic", "lanczos"))


def test_enlargements_keep_place_and_size(script: ModuleType) -> None:
    apply, methods = sys.modules["classical_methods"].apply, sys.modules["classical_methods"].ENLARGERS
    x, y = (np.arange(n) + 0.5 for n in (64, 48))
    ramp = np.stack([(0.2 + 0.01 * x[:, None]) + 0 * y, 0 * x[:, None] + 0.1 + 0.015 * y])
    small = ramp.reshape(2, 32, 2, 24, 2).mean(axis=(2, 4))
    inside = (slice(None), slice(6, -6), slice(6, -6))  # Lanczos reaches three coarse pixels
    for method in methods:
        large = apply(method, small, 0.1, 2)
        assert large.shape == ramp.shape
        tolerance = 0.009 if method == "nearest" else 2e-3  # cubic weights ripple; half a pixel is 0.005
        np.testing.assert_allclose(large[inside], ramp[inside], atol=tolerance)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--scale_factor", "2", "--methods", "bm3d"], "bicubic"),
        (["--scale_factor", "1", "--degradation", "gaussian", "--methods", "bicubic"], "bm3d"),
        (["--scale_factor", "1"], "--degradation downsample"),
        (["--bundle", "bundles/none"], "--bundle"),
        (["--bundle", str(ISIC), "--fold", "2"], "--fold"),
        (["--every", "0"], "--every"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    script: ModuleType, datalist: Path, tmp_path: Path, more: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--bundle", str(LIZARD), "--datalist", str(datalist), "--output", str(tmp_path / "out.csv")]
    assert script.main([*given, "--workers", "1", *more]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and word in last


@pytest.mark.parametrize(("method", "module"), [("nlm", "skimage.restoration"), ("bm3d", "bm3d")])
def test_a_method_without_its_package_is_skipped_with_the_remedy(
    script: ModuleType, method: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert script.usable(["noisy", method], 1) == ["noisy"]
    said = capsys.readouterr().err
    assert f"{method} is skipped" in said and "pip install" in said


def test_every_takes_each_nth_image(script: ModuleType, datalist: Path, tmp_path: Path) -> None:
    rows = run(script, LIZARD, datalist, tmp_path / "out.csv", "--every", "2", "--methods", "nearest")
    assert [name for name, _ in rows] == ["a"]


# --- dark and flat images ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lighting(script: ModuleType) -> ModuleType:
    return sys.modules["classical_lighting"]


def test_dark_images_are_measured_with_delta_e(
    script: ModuleType, datalist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = run(script, ROOT / "bundles" / "isic2018_perceptual", datalist, tmp_path / "out.csv")
    assert {method for _, method in rows} == {"degraded", "stretch", "clahe", "gamma", "lime"}
    printed = capsys.readouterr().out
    assert "DeltaE" in printed and "perceptual, noise sigma [0.0, 0.0158]" in printed
    for name in "ab":
        assert float(rows[name, "stretch"]["delta_e"]) < float(rows[name, "degraded"]["delta_e"])


def test_noise_of_a_range_is_not_for_denoisers(
    script: ModuleType, datalist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--bundle", str(ROOT / "bundles" / "isic2018_perceptual"), "--datalist", str(datalist)]
    assert script.main([*given, "--degradation", "gaussian", "--output", str(tmp_path / "o.csv")]) == 2
    assert "is a range" in capsys.readouterr().err
    assert script.main([*given, "--methods", "nlm", "--output", str(tmp_path / "o.csv")]) == 2
    assert "not for dark images" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(40, 48), (40, 48, 3)])
def test_lighting_by_hand(lighting: ModuleType, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    dark = 0.1 + 0.2 * random.random(shape)
    low, high = np.percentile(dark, [1, 99])
    np.testing.assert_allclose(lighting.stretch(dark), (dark - low) / (high - low))
    flat = np.full(shape, 0.25)
    np.testing.assert_allclose(lighting.gamma(flat), 0.5)  # 0.25 ** (log 0.5 / log 0.25)
    # an even illumination is its own smoothing
    np.testing.assert_allclose(lighting.lime(flat), 0.25**0.2, rtol=1e-6)
    assert lighting.clahe(dark).std() > 1.5 * dark.std()


def test_limes_illumination_is_the_papers_minimum(lighting: ModuleType) -> None:
    """Its gradient by finite differences vanishes; a step stays while waves of noise go."""
    random = np.random.default_rng(1)
    light = np.where(np.arange(24) < 12, 0.2, 0.6)[None] + 0.01 * random.standard_normal((20, 24))
    found = lighting._smoothed(light)
    assert found[:, :12].std() < 0.5 * light[:, :12].std()
    assert found[:, 13:].mean() - found[:, :11].mean() > 0.2

    from scipy.ndimage import gaussian_filter

    def cost(t: np.ndarray) -> float:
        total = ((t - light) ** 2).sum()
        for axis in (0, 1):
            steps = np.diff(light, axis=axis)
            weight = 1 / (np.abs(gaussian_filter(steps, 2, truncate=1.0)) + 1e-3) / (np.abs(steps) + 1e-3)
            total += 0.15 * (weight * np.diff(t, axis=axis) ** 2).sum()
        return total

    for _ in range(5):
        assert cost(found + 1e-3 * random.standard_normal(light.shape)) > cost(found)
