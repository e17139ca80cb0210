# SPDX-License-Identifier: Apache-2.0
"""An evaluation without clean images: made-up structures show in the checks, sets are compared, the worst are drawn."""

from __future__ import annotations

import csv
import logging
import math

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from monai.data import DataLoader

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator
from monai_gradprom.figures import WorstImages
from monai_gradprom.handlers import FeatureDistances, MetricReport, faithfulness_metrics, ultrasound_metrics
from monai_gradprom.metrics import contrast_to_noise, frechet_distance, kernel_distance

SIDE = 72


class Enhancer(torch.nn.Module):
    """Brightens every image; into those whose first pixel is lit it paints a square, as large as the pixel says."""

    def forward(self, x):
        y = 0.1 + 0.8 * x
        for image, out in zip(x, y, strict=True):
            side = int(100 * image[0, 0, 0])
            out[:, 40 : 40 + side, 8 : 8 + side] = 0.9
        return y


class Bright(torch.nn.Module):
    """A recognizer: class 1 is whatever is brighter than 0.6."""

    def forward(self, x):
        return torch.cat([0.6 - x, x - 0.6], dim=1)


def make_items(squares=(0.0, 0.12, 0.2, 0.0)):
    ramp, items = torch.linspace(0, 1, SIDE), []
    for number, marker in enumerate(squares):
        image = (0.3 + 0.05 * ramp[:, None] + 0.05 * ramp)[None].clone()
        image[:, 10:30, 30:60] += 0.45
        image[:, 0, 0] = marker
        anatomy = torch.zeros(1, SIDE, SIDE)
        anatomy[:, 12:28, 32:58], anatomy[:, 40:, 40:] = 2, 1
        items.append({"id": f"p{number}", "image": image, "label": image, "anatomy": anatomy, "sector": image * 0 + 1})
    return items


def evaluate(tmp_path, items, handlers=(), tasks=("segmentation",), metrics=None, images=0):
    segmentation = [AuxiliaryTask(name, Bright(), torch.nn.CrossEntropyLoss(), None) for name in tasks]
    metrics = faithfulness_metrics("sector", tasks) if metrics is None else metrics
    worst = WorstImages(metrics, tmp_path, images=images, region="sector")
    engine = EnhancementEvaluator(
        device="cpu",
        val_data_loader=DataLoader(items, batch_size=3),
        network=Enhancer(),
        tasks=segmentation,
        key_val_metric={"structure": metrics["structure"]},
        additional_metrics={**metrics, **ultrasound_metrics()},
        val_handlers=[*handlers, worst, MetricReport(tmp_path)],
    )
    engine.run()
    return engine.state


def table(path):
    with path.open(newline="") as file:
        return {row[next(iter(row))]: row for row in csv.DictReader(file)}


def test_a_made_up_square_shows_in_every_check_of_its_image(tmp_path):
    items = make_items()
    evaluate(tmp_path, items)
    rows = table(tmp_path / "metrics_per_image.csv")
    for name in ("p0", "p3"):  # another grey scale, the same structure
        assert [float(rows[name][check]) for check in ("new_edges", "lost_edges", "new_structure")] == [0, 0, 0]
        assert float(rows[name]["mask_agreement"]) == 1
        assert float(rows[name]["structure"]) > 0.95
    for name, side in (("p1", 12), ("p2", 20)):
        assert float(rows[name]["new_edges"]) > 0.15 and float(rows[name]["lost_edges"]) == 0
        # the recognizer sees 20 x 30 pixels before and the square as well now
        assert float(rows[name]["mask_agreement"]) == pytest.approx(600 / (600 + side**2), abs=1e-4)
        assert float(rows[name]["new_structure"]) == pytest.approx(side**2 / (600 + side**2), abs=1e-4)
        assert float(rows[name]["structure"]) < float(rows["p0"]["structure"]) - 0.02
    summary = table(tmp_path / "metrics_summary.csv")
    mean = np.mean([float(row["new_edges"]) for row in rows.values()])
    assert float(summary["new_edges"]["mean"]) == pytest.approx(mean, rel=1e-4)


def test_ultrasound_metrics_are_of_input_and_output(tmp_path):
    items = make_items()
    evaluate(tmp_path, items)
    row = table(tmp_path / "metrics_per_image.csv")["p1"]
    image, anatomy = items[1]["image"][None], items[1]["anatomy"][None]
    after = Enhancer()(image)
    for ending, picture in (("_input", image), ("", after)):
        expected = contrast_to_noise(picture, anatomy == 1, anatomy == 2).item()
        assert float(row[f"cnr{ending}"]) == pytest.approx(expected, rel=1e-4)
        wall = picture[anatomy == 2].double()
        assert float(row[f"speckle_snr{ending}"]) == pytest.approx((wall.mean() / wall.std(correction=0)).item(), 1e-4)
    assert row["gcnr"] == row["gcnr_input"] and float(row["gcnr"]) > 0.98


def test_without_a_recognizer_there_is_nothing_to_agree(tmp_path):
    evaluate(tmp_path, make_items(), tasks=())
    columns = next(iter(table(tmp_path / "metrics_per_image.csv").values()))
    assert "new_edges" in columns and "mask_agreement" not in columns


def corners(images):
    """Features: the means of the four quarters, [B, 2, 2, 1]."""
    return torch.nn.functional.avg_pool2d(images, SIDE // 2)[:, 0].unsqueeze(-1)


def test_distances_of_sets_are_those_of_their_features(tmp_path):
    items = make_items()
    good = [{"image": 0.2 + 0.5 * item["image"]} for item in make_items((0.3, 0.5, 0.9))]
    state = evaluate(tmp_path, items, [FeatureDistances(corners, DataLoader(good, batch_size=2))])

    def describe(images):
        return torch.stack([corners(image[None].clamp(0, 1)).flatten(2).mean(2)[0] for image in images]).double()

    images = [item["image"] for item in items]
    reference = describe([item["image"] for item in good])
    for ending, own in (("_input", images), ("", [Enhancer()(image[None])[0] for image in images])):
        for name, distance in (("fid", frechet_distance), ("kid", kernel_distance)):
            expected = distance(describe(own), reference).item()
            assert state.metrics[name + ending] == pytest.approx(expected, rel=1e-5)
    assert state.metrics["fid"] != state.metrics["fid_input"]
    assert float(table(tmp_path / "metrics_summary.csv")["kid"]["mean"]) == pytest.approx(
        state.metrics["kid"], rel=1e-4
    )


def test_nothing_is_said_of_a_single_image(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        state = evaluate(tmp_path, make_items()[:1], [FeatureDistances(corners, DataLoader(make_items()))])
    assert math.isnan(state.metrics["fid"]) and "got 1 and 4 good ones" in caplog.text


def test_the_worst_images_are_drawn_the_worst_first(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("monai_gradprom.figures.worst.draw", lambda rows, path: drawn.setdefault(path.name, rows))
    evaluate(tmp_path, make_items(), images=2)
    assert set(drawn) == {f"worst_{check}.png" for check in faithfulness_metrics(tasks=["segmentation"])}
    for check in ("new_structure", "mask_agreement"):
        assert [row.name.split("\n")[0] for row in drawn[f"worst_{check}.png"]] == ["p2", "p1"]
    cells = {cell.title: cell.pixels for cell in drawn["worst_new_structure.png"][0].cells}
    assert list(cells) == ["input", "enhanced", "new edges", "lost edges", "masks"]
    red = (cells["new edges"] == np.float32([1.0, 0.1, 0.1])).all(axis=-1)  # [H, W]
    height, width = np.nonzero(red)
    assert red.any() and height.min() > 4 and height.max() < 32 and width.min() > 36 and width.max() < 64
    assert cells["lost edges"].ndim == 2 or not (cells["lost edges"][..., 0] > cells["lost edges"][..., 1]).any()
    blue = (cells["masks"] == np.float32([0.1, 0.9, 1.0])).all(axis=-1)
    assert blue[8, 40:60].all() and not blue[15, 45]  # the square's outline, not its inside


def test_pictures_are_written_or_not_at_all(tmp_path):
    metrics = {"structure": faithfulness_metrics()["structure"]}
    evaluate(tmp_path / "some", make_items()[:1], metrics=metrics, images=1)
    assert imread(tmp_path / "some" / "figures" / "worst_structure.png").shape[1] > 1000
    evaluate(tmp_path / "none", make_items(), images=0)
    assert not (tmp_path / "none" / "figures").exists()
