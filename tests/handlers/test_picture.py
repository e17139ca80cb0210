# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from matplotlib.figure import Figure
from PIL import Image
from scipy import ndimage

from monai_gradprom.handlers import ComparisonPicture, save_comparison
from monai_gradprom.metrics import psnr, ssim

# [W, H] = 30 x 20 in MONAI's order: quarters of different brightness tell every flip and transposition
WIDTH, HEIGHT = 30, 20


def quarters(top_left, top_right, bottom_left, bottom_right):
    image = np.zeros((HEIGHT, WIDTH), np.float32)  # as one looks at it
    image[: HEIGHT // 2, : WIDTH // 2], image[: HEIGHT // 2, WIDTH // 2 :] = top_left, top_right
    image[HEIGHT // 2 :, : WIDTH // 2], image[HEIGHT // 2 :, WIDTH // 2 :] = bottom_left, bottom_right
    return torch.from_numpy(image.T.copy())[None]


DEGRADED = quarters(0.1, 0.2, 0.3, 0.4)
ENHANCED = quarters(0.5, 0.6, 0.7, 0.8)
CLEAN = quarters(0.15, 0.35, 0.55, 0.75)


def panels(path, number=3):
    """Cut the images out of the picture: the large areas that are not the page's white."""
    page = np.asarray(Image.open(path).convert("RGB"))
    boxes, count = ndimage.label((page != 255).any(axis=2))
    sizes = np.bincount(boxes.ravel())[1:]
    largest = sorted(np.argsort(sizes)[-number:] + 1, key=lambda i: ndimage.find_objects(boxes)[i - 1][1].start)
    assert count >= number
    return [page[ndimage.find_objects(boxes)[i - 1]] for i in largest]


def corner_levels(panel):
    h, w = panel.shape[:2]
    return [panel[y, x].tolist() for y in (h // 4, 3 * h // 4) for x in (w // 4, 3 * w // 4)]


def grey(*levels):
    return [[pytest.approx(255 * level, abs=1.5)] * 3 for level in levels]


def test_the_three_images_stand_as_one_looks_at_them(tmp_path):
    save_comparison(tmp_path / "new" / "picture.png", DEGRADED, ENHANCED, CLEAN)
    found = panels(tmp_path / "new" / "picture.png")
    assert [corner_levels(panel) for panel in found] == [
        grey(0.1, 0.2, 0.3, 0.4),
        grey(0.5, 0.6, 0.7, 0.8),
        grey(0.15, 0.35, 0.55, 0.75),
    ]
    for panel in found:
        assert panel.shape[1] / panel.shape[0] == pytest.approx(WIDTH / HEIGHT, rel=0.02)


def test_colour_and_a_smaller_input(tmp_path):
    colour = torch.cat([CLEAN, 0 * CLEAN + 0.25, 1 - CLEAN])
    save_comparison(tmp_path / "picture.png", colour[:, ::2, ::2], colour, colour)
    top_left = [pytest.approx(255 * level, abs=1.5) for level in (0.15, 0.25, 0.85)]
    assert [corner_levels(panel)[0] for panel in panels(tmp_path / "picture.png")] == [top_left] * 3


def test_out_of_range_values_saturate(tmp_path):
    save_comparison(tmp_path / "picture.png", DEGRADED, ENHANCED * 0 + quarters(-1.0, 0.5, 0.5, 0.9), CLEAN)
    assert corner_levels(panels(tmp_path / "picture.png")[1]) == grey(0.0, 0.5, 0.5, 0.9)


@pytest.fixture
def titles(monkeypatch):
    """What stands above each panel of the last picture."""
    found, save = [], Figure.savefig

    def savefig(self, path):
        found[:] = [axes.get_title() for axes in self.axes]
        save(self, path)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found


def draw(path, **item):
    engine = Engine(lambda engine, batch: batch)
    ComparisonPicture(path).attach(engine)
    engine.run([[item]])


def numbers(image):
    pair = image[None], CLEAN[None]
    return f"\n{psnr(*pair).item():.2f} dB, SSIM {ssim(*pair).item():.3f}"


def test_every_panel_but_the_clean_one_has_its_numbers(tmp_path, titles):
    draw(tmp_path / "picture.png", image=DEGRADED, baseline=DEGRADED, pred=ENHANCED, label=CLEAN)
    assert titles == ["degraded" + numbers(DEGRADED), "enhanced" + numbers(ENHANCED), "clean"]


def test_super_resolution_shows_the_bicubic_enlargement(tmp_path, titles):
    draw(tmp_path / "picture.png", image=ENHANCED[:, ::2, ::2], baseline=DEGRADED, pred=ENHANCED, label=CLEAN)
    assert titles == ["bicubic" + numbers(DEGRADED), "enhanced" + numbers(ENHANCED), "clean"]
    assert corner_levels(panels(tmp_path / "picture.png")[0]) == grey(0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize("reference", [{"label": CLEAN.clone()}, {}])
def test_without_a_reference_nothing_is_called_clean_or_measured(tmp_path, titles, reference):
    draw(tmp_path / "picture.png", image=CLEAN, baseline=CLEAN, pred=ENHANCED, **reference)
    assert titles == ["input", "enhanced"]
    found = panels(tmp_path / "picture.png", number=2)
    assert [corner_levels(panel) for panel in found] == [grey(0.15, 0.35, 0.55, 0.75), grey(0.5, 0.6, 0.7, 0.8)]


def test_colours_stand_in_their_channels(tmp_path):
    colour = torch.cat([CLEAN, 0 * CLEAN, 1 - CLEAN])
    draw(tmp_path / "picture.png", image=colour / 2, baseline=colour / 2, pred=colour, label=colour)
    expected = [[pytest.approx(255 * level, abs=1.5) for level in (grey, 0, 1 - grey)] for grey in (0.15, 0.35)]
    assert corner_levels(panels(tmp_path / "picture.png")[1])[:2] == expected


@pytest.mark.parametrize("index, expected", [(0, 0.1), (3, 0.4)])
def test_the_chosen_image_of_an_evaluation_is_drawn_in_each_run(tmp_path, index, expected):
    def item(level):
        return {"image": 0 * CLEAN + level, "pred": ENHANCED, "label": CLEAN}

    engine = Engine(lambda engine, batch: batch)
    path = tmp_path / "picture.png"
    ComparisonPicture(path, index).attach(engine)
    batches = [[item(0.1), item(0.2)], [item(0.3), item(0.4)]]
    for _ in range(2):
        engine.run(batches)
        assert corner_levels(panels(path)[0]) == grey(*[expected] * 4)
        path.unlink()
