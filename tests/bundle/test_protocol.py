# SPDX-License-Identifier: Apache-2.0
"""The paper's protocol: every bundle, recognition, degradation and benchmark, on miniature archives."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from built_bundles import Spy, get, rows
from PIL import Image

from monai_gradprom.bundle import find_input_error
from monai_gradprom.networks import load_weights

CELLS = [
    ("camus_denoise", "segmentation"),
    ("isic2018_denoise", "diagnosis"),
    ("isic2018_denoise", "segmentation"),
    ("isic2018_denoise", "both"),
    ("isic2018_perceptual", "segmentation"),
    ("isic2018_perceptual", "both"),
    ("covidct_denoise", "diagnosis"),
    ("lizard_sr", "diagnosis"),
    ("lizard_sr", "segmentation"),
    ("lizard_sr", "both"),
]
TASKS = {"both": ["diagnosis", "segmentation"]}


def refusal(built):
    with pytest.raises(Exception) as caught:
        built.initialize()
        built.run()
    found = find_input_error(caught.value)
    assert found is not None, caught.value
    return str(found)


@pytest.mark.parametrize("bundle, recognition", CELLS)
def test_a_cell_from_training_to_evaluation(run, tmp_path, capsys, bundle, recognition):
    built = run(bundle=bundle, recognition=recognition, recognizer_pretrain_epochs=1, strategy="gradprom")
    assert built.check_properties() == []
    tasks = TASKS.get(recognition, [recognition])
    found = rows(tmp_path / "out" / "gate.csv")
    assert sorted({row["task"] for row in found}) == tasks
    assert all(math.isfinite(float(row["loss"])) and row["gate"] in ("0", "1", "0.0", "1.0") for row in found)
    for task in get(built, "tasks"):
        load_weights(task.network, tmp_path / "out" / f"recognizer_{task.name}.pt")
    capsys.readouterr()
    run(
        "evaluate",
        bundle=bundle,
        recognition=recognition,
        weights=str(tmp_path / "out" / "model.pt"),
        recognizer_weights=str(tmp_path / "out"),
        output_dir=str(tmp_path / "evaluation"),
    )
    metrics = {row["metric"]: float(row["mean"]) for row in rows(tmp_path / "evaluation" / "metrics_summary.csv")}
    expected = {"psnr", "psnr_input", "ssim", "ssim_input"}
    if "diagnosis" in tasks:
        expected |= {f"{m}{s}" for m in ("accuracy", "balanced_accuracy", "auc") for s in ("", "_input", "_clean")}
    if "segmentation" in tasks:
        expected |= {"miou", "miou_input", "miou_clean"}
    assert expected <= set(metrics)
    printed = capsys.readouterr().out
    assert ("accuracy" in printed) == ("diagnosis" in tasks) and ("mIoU" in printed) == ("segmentation" in tasks)
    assert metrics["psnr_input"] > 5 and all(math.isfinite(metrics[name]) for name in expected)


@pytest.mark.parametrize("bundle", sorted({bundle for bundle, _ in CELLS}))
def test_a_bundle_runs_on_its_sample_data(run, tmp_path, bundle):
    """As it stands: no folder is named."""
    switches = {"bundle": bundle, "sample_data": True}
    run(batch_size=16, strategy="gradprom", **switches)
    weights = {"weights": str(tmp_path / "out" / "model.pt")}
    run("evaluate", recognizer_weights=str(tmp_path / "out"), output_dir=str(tmp_path / "e"), **weights, **switches)
    assert len(rows(tmp_path / "e" / "metrics_per_image.csv")) >= 10
    found = {row["metric"]: float(row["mean"]) for row in rows(tmp_path / "e" / "metrics_summary.csv")}
    assert all(math.isfinite(value) for value in found.values())
    built = run("inference", output_dir=str(tmp_path / "i"), **weights, **switches)
    written = [path for path in (tmp_path / "i").rglob("*") if path.is_file()]
    assert len(written) == len(get(built, "dataset")) >= 30


@pytest.mark.parametrize("strategy", ["joint", "frozen", "gradprom_cosine", "enhancer_only"])
@pytest.mark.parametrize("supervised", ["true", "false"])
def test_several_tasks_under_every_strategy(run, tmp_path, strategy, supervised):
    built = run(
        bundle="isic2018_denoise", strategy=strategy, supervised=supervised, recognizer_pretrain_epochs=1, max_epochs=1
    )
    assert [task.name for task in get(built, "tasks")] == ["diagnosis", "segmentation"]
    found = rows(tmp_path / "out" / "gate.csv")
    assert {row["task"] for row in found} == (set() if strategy == "enhancer_only" else {"diagnosis", "segmentation"})


def test_a_cell_of_the_paper_is_one_command_line(run, tmp_path):
    built = run(
        bundle="isic2018_denoise",
        strategy="frozen",
        supervised="false",
        recognition="segmentation",
        backbone="resnet34",
        noise_sigma=0.3,
        seed=2,
        recognizer_pretrain_epochs=1,
        tiny_recognizer=False,
    )
    (task,) = get(built, "tasks")
    assert type(task.loss_function).__name__ == "ConsistencyLoss" and task.target_key is None
    assert len(task.network.backbone().layer3) == 6  # a ResNet-34
    noisy, clean = (get(built, "validate#dataset")[0][key].as_tensor() for key in ("image", "label"))
    inside = (clean > 0.3) & (clean < 0.7)
    assert float((noisy - clean)[inside].std()) == pytest.approx(0.25, abs=0.06)  # 0.3, clamped to [0, 1]


# --- super-resolution -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 4])
def test_super_resolution_enlarges_and_is_compared_with_bicubic(run, tmp_path, factor, archive):
    run(bundle="lizard_sr", scale_factor=factor, strategy="enhancer_only", downsampling="bicubic")
    weights = str(tmp_path / "out" / "model.pt")
    seen = {}

    def look(engine):
        seen.update(engine.state.output[0], id=engine.state.batch[0]["id"])

    run(
        "evaluate",
        bundle="lizard_sr",
        scale_factor=factor,
        downsampling="bicubic",
        weights=weights,
        **{"evaluator#val_handlers": ["@handlers#0", Spy(look)]},
    )
    low, high, shown = (np.asarray(seen[key]) for key in ("image", "label", "baseline"))
    # 54 × 46 pixels are trimmed to a multiple of the factor
    assert high.shape == (3, 54 // factor * factor, 46 // factor * factor)
    assert low.shape[1:] == tuple(side // factor for side in high.shape[1:])
    shrunk = [
        np.asarray(Image.fromarray(np.float32(band), mode="F").resize(low.shape[1:][::-1], Image.Resampling.BICUBIC))
        for band in high
    ]
    np.testing.assert_allclose(low, np.clip(shrunk, 0, 1), atol=1e-4)
    np.testing.assert_allclose(
        shown,
        torch.nn.functional.interpolate(
            torch.as_tensor(low)[None], scale_factor=factor, mode="bicubic", align_corners=False
        )[0].clamp(0, 1),
        atol=1e-6,
    )
    (row,) = (r for r in rows(tmp_path / "out" / "metrics_per_image.csv") if r["id"] == seen["id"])
    assert float(row["psnr_input"]) == pytest.approx(-10 * math.log10(float(((shown - high) ** 2).mean())), abs=1e-3)
    small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8))
    (tmp_path / "in").mkdir()
    small.save(tmp_path / "in" / "tissue.png")
    run("inference", bundle="lizard_sr", scale_factor=factor, weights=weights, dataset_dir=str(tmp_path / "in"))
    assert Image.open(tmp_path / "out" / "tissue_enhanced.png").size == (23 * factor, 17 * factor)


def test_table_4_trains_on_one_set_and_evaluates_on_another(run, tmp_path):
    """ISIC 2018 → Lizard, denoising, in two commands."""
    run(bundle="isic2018_denoise", recognition="diagnosis", noise_sigma=0.3)
    run(
        "evaluate",
        bundle="lizard_sr",
        degradation="gaussian",
        scale_factor=1,
        noise_sigma=0.3,
        weights=str(tmp_path / "out" / "model.pt"),
        output_dir=str(tmp_path / "cross"),
    )
    assert len(rows(tmp_path / "cross" / "metrics_per_image.csv")) == 2
    built = run(bundle="lizard_sr", degradation="gaussian", scale_factor=1, recognition="diagnosis", noise_sigma=0.3)
    batch = next(iter(get(built, "train#dataloader")))
    assert batch["image"].shape == batch["label"].shape and set(batch["diagnosis"].tolist()) <= {1, 2, 5}


@pytest.mark.parametrize("degradation", ["speckle", "challenge", "none"])
def test_other_degradations(run, tmp_path, degradation):
    built = run(degradation=degradation, strategy="enhancer_only", learning_rate=1e-6)
    item = get(built, "validate#dataset")[0]
    record = item["image"].meta.get("degradation", {"degradation": "none"})
    assert record["degradation"] == degradation
    same = torch.equal(item["image"].as_tensor(), item["label"].as_tensor())
    assert same == (degradation == "none")


@pytest.mark.parametrize(
    "switches, words",
    [
        ({"degradation": "downsample"}, "set --scale_factor 2 or 4"),
        ({"scale_factor": 2}, "set --scale_factor 1, or --degradation downsample"),
        ({"degradation": "downsample", "scale_factor": 4, "image_size": 34}, "choose a multiple"),
        ({"scale_factor": 3}, "--scale_factor must be one of 1, 2, 4"),
        ({"recognition": "diagnosis"}, "--recognition 'diagnosis' is unknown"),
    ],
)
def test_contradictions_are_refused(workflow, tmp_path, switches, words):
    assert words in refusal(workflow(output_dir=str(tmp_path), **switches))


def test_resuming_another_experiment_is_refused(run, workflow, tmp_path):
    run(strategy="enhancer_only")
    for name, value in (("noise_sigma", 0.3), ("degradation", "speckle"), ("seed", 5), ("split_seed", 1)):
        built = workflow(strategy="enhancer_only", resume="true", output_dir=str(tmp_path / "out"), **{name: value})
        assert f"is of a run with {name} " in refusal(built)
    run(strategy="enhancer_only", resume="true", labelled_only="true", max_epochs=2, lr_schedule="cosine")


def test_a_split_at_random_is_the_same_for_training_and_testing_whatever_the_seed(run, workflow, tmp_path, archive):
    from monai_gradprom.datasets import isic2018_datalist

    built = run(bundle="isic2018_denoise", split="paper", seed=7, recognition="segmentation")
    trained = {item["id"] for item in get(built, "train#datalist") + get(built, "validate#datalist")}
    built = workflow("evaluate", bundle="isic2018_denoise", split="paper", output_dir=str(tmp_path / "e"), weights=None)
    built.initialize()
    tested = {item["id"] for item in get(built, "dataset").data}
    assert tested and not tested & trained
    root = archive("isic2018_denoise")
    others = [isic2018_datalist(root, "testing", split="paper", seed=seed) for seed in range(6)]
    assert len({tuple(item["id"] for item in items) for items in others}) > 1


@pytest.mark.parametrize(
    "bundle, factor",
    [
        *[("camus_denoise", 1), ("camus_unpaired", 1), ("isic2018_denoise", 1), ("isic2018_perceptual", 1)],
        ("covidct_denoise", 1),
        *[("lizard_sr", 2), ("lizard_sr", 4)],
    ],
)
def test_default_weights_are_there(workflow, bundle, factor):
    for config in ("evaluate", "inference"):
        root = Path(__file__).parents[2] / "bundles" / bundle
        built = workflow(config, bundle=bundle, scale_factor=factor, bundle_root=str(root))
        built.parser.parse(reset=True)
        assert Path(get(built, "weights")).is_file()


# --- recognizers alone: Benchmarks ii and iii -------------------------------------------------------------------------


@pytest.mark.parametrize("bundle, recognition", [c for c in CELLS if c[1] != "both"])
def test_a_recognizer_alone_is_trained_and_tested_on_degraded_images(run, tmp_path, bundle, recognition):
    built = run(bundle=bundle, recognition=recognition, extra=["recognizer_only"], max_epochs=2, learning_rate=1e-3)
    out, trainer = tmp_path / "out", get(built, "train#trainer")
    name = f"recognizer_{recognition}.pt"
    assert {path.name for path in out.glob("*.pt") if "checkpoint" not in path.name} == {name}
    (task,) = get(built, "tasks")
    assert trainer.network is task.network
    evaluator = get(built, "validate#evaluator")
    key = "accuracy_input" if recognition == "diagnosis" else "miou_input"
    assert evaluator.state.key_metric_name == key and math.isfinite(evaluator.state.metrics[key])
    # what it is trained on is the degraded image at the size of its label
    batch = next(iter(get(built, "train#dataloader")))
    image, target = trainer.prepare_batch(batch, "cpu", False)
    factor = get(built, "scale_factor")
    # its test: no enhancer at all
    run(
        "evaluate", bundle=bundle, recognition=recognition, weights=None, recognizer_weights=str(out),
        output_dir=str(tmp_path / "e"),
    )  # fmt: skip
    tested = {row["metric"]: row["mean"] for row in rows(tmp_path / "e" / "metrics_summary.csv")}
    # the baseline is clamped before the recognizer sees it, the enhanced image is not
    same = 0 if factor == 1 else 0.05
    assert float(tested[key]) == pytest.approx(float(tested[key.removesuffix("_input")]), abs=same)
    assert float(tested["psnr"]) == pytest.approx(float(tested["psnr_input"]), abs=1e-3)
    assert image.shape[2:] == tuple(side * factor for side in batch["image"].shape[2:]) and target is not None
    if factor == 1:
        torch.testing.assert_close(image, batch["image"])
        assert not torch.equal(batch["image"], batch["label"])
    before = torch.load(out / name, weights_only=True)
    run(
        bundle=bundle, recognition=recognition, extra=["recognizer_only"], max_epochs=2, learning_rate=1e-3,
        resume="true",
    )  # fmt: skip
    after = torch.load(out / name, weights_only=True)
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_recognizers_are_trained_one_at_a_time(workflow, tmp_path):
    built = workflow(bundle="isic2018_denoise", extra=["recognizer_only"], output_dir=str(tmp_path))
    assert "choose --recognition diagnosis or segmentation" in refusal(built)


# --- weights of recognizers -------------------------------------------------------------------------------------------


def test_recognizer_weights_by_file_folder_and_mapping(run, workflow, tmp_path):
    run(bundle="isic2018_denoise")
    out = tmp_path / "out"
    weights = str(out / "model.pt")
    files = {name: str(out / f"recognizer_{name}.pt") for name in ("diagnosis", "segmentation")}
    results = []
    for given in (str(out), files):
        run("evaluate", bundle="isic2018_denoise", weights=weights, recognizer_weights=given)
        results.append((out / "metrics_summary.csv").read_text())
    assert results[0] == results[1]
    switches = {"bundle": "isic2018_denoise", "weights": weights, "output_dir": str(tmp_path / "x")}
    text = refusal(workflow("evaluate", recognizer_weights=files["diagnosis"], **switches))
    assert "one file but there are several recognizers" in text
    text = refusal(workflow("evaluate", recognizer_weights={"diagnosis": files["diagnosis"]}, **switches))
    assert "add one for 'segmentation'" in text


# --- other people's data ----------------------------------------------------------------------------------------------


def test_a_class_without_a_sample_is_named(workflow, tmp_path, caplog):
    switches = {"bundle": "isic2018_denoise", "diagnoses": ["MEL", "NV", "BKL", "DF"], "output_dir": str(tmp_path)}
    assert "no training image is of class 'DF'" in refusal(workflow(**switches))
    built = workflow(every_class="false", **switches)
    built.initialize()
    get(built, "train#dataset#data")
    assert "no training image is of class 'DF'" in caplog.text


def test_one_corrupt_image(run, workflow, archive, tmp_path, caplog):
    folder = Path(shutil.copytree(archive("isic2018_denoise"), tmp_path / "isic"))
    victim = folder / "ISIC2018_Task1-2_Training_Input" / "ISIC_0000000.jpg"
    victim.write_bytes(victim.read_bytes()[:300])
    switches = {"bundle": "isic2018_denoise", "dataset_dir": str(folder), "diagnoses": ["NV", "BKL"]}
    switches |= {"recognition": "segmentation"}
    text = refusal(workflow(output_dir=str(tmp_path / "a"), **switches))
    assert "ISIC_0000000.jpg" in text and "cannot be read" in text
    built = run(skip_unreadable="true", **switches)
    assert len(get(built, "train#dataset")) == 3 and "ISIC_0000000.jpg" in caplog.text


def test_a_mask_of_another_size(workflow, archive, tmp_path):
    folder = Path(shutil.copytree(archive("isic2018_denoise"), tmp_path / "isic"))
    mask = folder / "ISIC2018_Task1_Training_GroundTruth" / "ISIC_0000001_segmentation.png"
    Image.open(mask).resize((20, 30)).save(mask)
    built = workflow(bundle="isic2018_denoise", dataset_dir=str(folder), output_dir=str(tmp_path / "out"))
    text = refusal(built)
    assert "ISIC_0000001_segmentation.png" in text and "20" in text and "30" in text


def test_colour_where_grey_is_expected(workflow, archive, tmp_path):
    files = sorted((archive("isic2018_denoise") / "ISIC2018_Task1-2_Training_Input").glob("*.jpg"))
    items = [{"image": str(path), "diagnosis": n % 2} for n, path in enumerate(files)]
    content = {"training": items[:4], "validation": items[4:6], "testing": items[6:]}
    (tmp_path / "list.json").write_text(json.dumps(content))
    built = workflow(bundle="covidct_denoise", datalist=str(tmp_path / "list.json"), output_dir=str(tmp_path / "out"))
    text = refusal(built)
    assert "ISIC_000000" in text and "where the model wants 1" in text


def test_resizing_to_a_working_size(run, archive):
    built = run(bundle="isic2018_denoise", resize=36, strategy="enhancer_only", recognition="segmentation")
    item = get(built, "validate#dataset")[0]
    assert max(item["label"].shape[1:]) == 36 and item["segmentation"].shape[1:] == item["label"].shape[1:]
    assert set(np.unique(item["segmentation"])) <= {0, 1}


def test_tiles_equal_the_whole(run, tmp_path):
    results = {}
    run(bundle="isic2018_denoise", strategy="enhancer_only", recognition="segmentation", learning_rate=1e-2)
    for tile in (None, 40):
        built = run(
            "evaluate",
            bundle="isic2018_denoise",
            weights=str(tmp_path / "out" / "model.pt"),
            tile_size=tile,
            output_dir=str(tmp_path / str(tile)),
        )
        assert get(built, "inferer").tile_size == tile
        results[tile] = rows(tmp_path / str(tile) / "metrics_per_image.csv")
    for whole, tiled in zip(results[None], results[40], strict=True):
        assert float(whole["psnr"]) == pytest.approx(float(tiled["psnr"]), abs=1e-3)


# --- figures ----------------------------------------------------------------------------------------------------------


def test_figures_are_written_on_request(run, tmp_path):
    run(bundle="isic2018_denoise", recognition="diagnosis")
    weights = str(tmp_path / "out" / "model.pt")
    run(
        "evaluate",
        bundle="isic2018_denoise",
        recognition="diagnosis",
        weights=weights,
        recognizer_weights=str(tmp_path / "out"),
        figures=["panels", "cam", "guided_backprop"],
        figure_images=1,
        compared_weights={"other": weights},
        output_dir=str(tmp_path / "evaluation"),
    )
    names = {path.name for path in (tmp_path / "evaluation" / "figures").glob("*.png")}
    assert {"panels.png", "guided_backprop.png"} <= names and any(name.startswith("cam_") for name in names)
