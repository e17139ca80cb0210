# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from monai_gradprom.figures import Row, draw, make_cell

WIDTH, HEIGHT = 40, 30  # different, and quarters of different brightness, so that every flip and transposition shows


def quarters(*levels):
    """Top left, top right, bottom left, bottom right, as one looks at it; returned in MONAI's order [1, W, H]."""
    image = np.kron(np.reshape(levels, (2, 2)), np.ones((HEIGHT // 2, WIDTH // 2)))
    return torch.from_numpy(image.T.astype(np.float32).copy())[None]


def page(path):
    return np.asarray(Image.open(path).convert("RGB"))


def pictures(image, count):
    """Bounding boxes of the ``count`` largest things that are not the page's white, row by row."""
    things, _ = ndimage.label((image != 255).any(axis=2))
    sizes = np.bincount(things.ravel())[1:]
    boxes = ndimage.find_objects(things)
    found = [boxes[i] for i in np.argsort(sizes)[-count:]]
    return sorted(found, key=lambda box: (round(box[0].start / 50), box[1].start))


def levels(image):
    h, w = image.shape[:2]
    return [image[y, x].tolist() for y in (h // 4, 3 * h // 4) for x in (w // 4, 3 * w // 4)]


def grey(*values):
    return [[pytest.approx(255 * value, abs=1.5)] * 3 for value in values]


def test_rows_and_columns_stand_as_one_looks_at_them(tmp_path):
    images = [[quarters(*(np.arange(1, 5) * 0.05 + 0.2 * j + 0.1 * i)) for j in range(3)] for i in range(2)]
    rows = [
        Row(f"row {i}", tuple(make_cell(f"column {j}", image) for j, image in enumerate(line)))
        for i, line in enumerate(images)
    ]
    draw(rows, tmp_path / "new" / "picture.png")
    found = page(tmp_path / "new" / "picture.png")
    boxes = pictures(found, 6)
    for box, image in zip(boxes, (image for line in images for image in line), strict=True):
        picture = found[box]
        assert levels(picture) == grey(*image[0, :: WIDTH // 2, :: HEIGHT // 2].T.ravel().tolist())
        assert picture.shape[1] / picture.shape[0] == pytest.approx(WIDTH / HEIGHT, rel=0.02)
        assert 400 < picture.shape[1] < 500  # about 2.8 inches at 160 per inch
    assert found.shape[1] == pytest.approx((3 * 2.8 + 1) * 160, abs=1)


def test_colour_and_a_shorter_row(tmp_path):
    red = torch.cat([quarters(*[0.9] * 4), quarters(*[0.2] * 4), quarters(*[0.1] * 4)])
    draw([Row("a", (make_cell("1", red), make_cell("2", red))), Row("b", (make_cell("1", red),))], tmp_path / "p.png")
    found = page(tmp_path / "p.png")
    assert [levels(found[box])[0] for box in pictures(found, 3)] == [pytest.approx([229.5, 51, 25.5], abs=1.5)] * 3


def test_the_region_is_outlined_and_shown_enlarged(tmp_path):
    image = quarters(0.2, 0.4, 0.6, 0.8)
    cell = make_cell("x", image, box=(10, 5, 20, 20))  # its own quarters are cut by the image's cross
    draw([Row("", (cell,))], tmp_path / "p.png")
    found = page(tmp_path / "p.png")
    whole, detail = (found[box] for box in pictures(found, 2))
    assert levels(detail) == grey(0.2, 0.4, 0.6, 0.8)
    assert detail.shape[1] == pytest.approx(whole.shape[1], abs=6)
    reds = np.argwhere((whole[..., 0] > 230) & (whole[..., 1] < 60))
    step = whole.shape[1] / WIDTH
    assert reds.min(axis=0) / step == pytest.approx([5, 10], abs=0.3)
    assert reds.max(axis=0) / step == pytest.approx([25, 30], abs=0.3)


def test_heat_has_one_range_for_the_row_and_a_bar(tmp_path):
    image = quarters(0, 0, 0, 0)
    low, high = quarters(0, 0, 0, 0)[0] - 1, quarters(1, 1, 1, 1)[0] + 1
    cells = tuple(make_cell(str(i), image, heat=heat) for i, heat in enumerate((low, high, (low + high) / 2)))
    assert cells[0].heat.shape == (HEIGHT, WIDTH)
    draw([Row("", cells, "logit")], tmp_path / "p.png")
    found = page(tmp_path / "p.png")
    boxes = pictures(found, 3)
    colours = [levels(found[box])[0] for box in boxes]
    # turbo over black at 45 %: from dark blue over green to dark red
    for colour, turbo in zip(colours, ([48, 18, 59], [122, 4, 3], [164, 252, 60]), strict=True):
        assert colour == pytest.approx([0.45 * value for value in turbo], abs=3)
    bar = found[:, boxes[-1][1].stop :].astype(int)  # in full colour, at the right
    for turbo in ([48, 18, 59], [122, 4, 3]):
        assert (np.abs(bar - turbo).max(axis=2) <= 12).any()  # its outline covers the very end


def test_a_huge_image_is_kept_at_the_size_of_a_page():
    image = torch.rand(3, 2400, 1200)
    cell = make_cell("x", image, box=(0, 0, 600, 300), heat=image[0])
    assert (cell.size, cell.pixels.shape, cell.heat.shape) == ((2400, 1200), (500, 1000, 3), (500, 1000))
    assert cell.detail.shape == (300, 600, 3)
    assert cell.pixels.mean() == pytest.approx(float(image.mean()), abs=1e-3)
