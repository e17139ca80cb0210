# SPDX-License-Identifier: Apache-2.0
"""camus_unpaired's evaluation: what it measures without a clean image, and with one."""

from __future__ import annotations

import json
import logging
import math

import pytest
from built_bundles import get, rows

from monai_gradprom.bundle import find_input_error
from monai_gradprom.datasets import camus_unpaired_datalist

BUNDLE = "camus_unpaired"
WITHOUT_TRUTH = {"structure", "new_edges", "lost_edges", "cnr", "cnr_input", "gcnr", "gcnr_input", "speckle_snr"}
PER_SET = {"fid", "fid_input", "kid", "kid_input"}
WITH_TRUTH = {"psnr", "psnr_input", "ssim", "ssim_input", "psnr_sector", "ssim_sector_input"}
MASKS = {"mask_agreement", "new_structure", "iou", "iou_input"}


@pytest.fixture
def evaluate(run, tmp_path):
    """Run the evaluation on a miniature archive; returns (rows of images by id, mean by metric)."""

    def go(**switches):
        run("evaluate", **{"bundle": BUNDLE, "weights": None} | switches)
        found = rows(tmp_path / "out" / "metrics_per_image.csv")
        means = {row["metric"]: float(row["mean"]) for row in rows(tmp_path / "out" / "metrics_summary.csv")}
        return {row["id"]: row for row in found}, means

    return go


def test_no_enhancer_changes_nothing(evaluate, archive, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        images, means = evaluate()
    poor = camus_unpaired_datalist(archive(BUNDLE), "testing")
    assert set(images) == {item["id"] for item in poor} and len(images) == 2
    assert means.keys() >= WITHOUT_TRUTH | PER_SET and not means.keys() & (WITH_TRUTH | MASKS)
    assert means["structure"] == pytest.approx(1) and means["new_edges"] == means["lost_edges"] == 0
    for name in ("cnr", "gcnr", "fid", "kid"):
        assert means[name] == means[f"{name}_input"] and math.isfinite(means[name])
    assert means["fid"] > 0  # half as bright as the good ones
    assert "untrained resnet18" in caplog.text
    assert (tmp_path / "out" / "figures" / "worst_structure.png").is_file()


def test_degraded_on_purpose_the_truth_is_measured_too(evaluate, tmp_path):
    options = {"sides": "drawn", "noise_sigma": 0.1, "worst_images": 0}
    images, means = evaluate(degradation="gaussian", **options)
    assert means.keys() >= WITHOUT_TRUTH | WITH_TRUTH | PER_SET
    # the noise is clamped at 0, which in the dark surround takes half of it away
    assert 20 < means["psnr"] == means["psnr_input"] < 22.5
    assert all(float(row["psnr"]) == float(row["psnr_input"]) for row in images.values())
    assert not (tmp_path / "out" / "figures").exists()
    clean, _ = evaluate(**options)
    assert set(clean) == set(images) and "psnr" not in next(iter(clean.values()))


def test_recognizers_are_asked_whether_they_see_the_same(run, evaluate, tmp_path):
    trained = run(bundle=BUNDLE, output_dir=str(tmp_path / "train"))
    weights = {"weights": str(tmp_path / "train" / "model.pt"), "recognizer_weights": str(tmp_path / "train")}
    images, means = evaluate(**weights, worst_images=0)
    assert means.keys() >= MASKS | {"miou", "miou_input"}
    # nothing is clean, so nothing is called so
    found = means.keys() | get(trained, "validate#evaluator").state.metrics.keys()
    assert not [name for name in found if name.endswith("_clean")]
    assert means["structure"] < 1
    assert all(0 <= float(row["iou"]) <= 1 for row in images.values())
    assert evaluate(**weights, worst_images=0, degradation="gaussian")[1].keys() >= {"miou_clean", "iou_clean"}


def test_distances_need_a_high_side_or_are_switched_off(run, evaluate, archive, tmp_path):
    items = [{**item, "quality": "low"} for item in camus_unpaired_datalist(archive(BUNDLE), "testing")]
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"testing": items}))
    _, means = evaluate(datalist=str(path), set_distances="false", worst_images=0)
    assert means.keys() >= WITHOUT_TRUTH and not means.keys() & PER_SET
    with pytest.raises(Exception) as caught:
        evaluate(datalist=str(path), worst_images=0)
    assert '"testing" has no high-quality image' in str(find_input_error(caught.value))


@pytest.mark.parametrize("switches", [{"worst_images": -1}, {"set_distances": "maybe"}, {"feature_backbone": "vgg"}])
def test_its_switches_are_checked(run, switches):
    with pytest.raises(Exception) as caught:
        run("evaluate", bundle=BUNDLE, weights=None, **switches)
    assert f"--{next(iter(switches))}" in str(find_input_error(caught.value))
