# SPDX-License-Identifier: Apache-2.0
"""Structures that were put in or taken out are found; changes of the grey scale, of noise and of sharpness are not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from monai_gradprom.metrics import lost_edges, new_edges, unsupported_edges
from monai_gradprom.phantoms import draw_patient


@pytest.fixture(scope="module")
def frame():
    """An echocardiogram [1, 1, W, H] in [0, 1] and its sector."""
    view = draw_patient(0, 5002, "Medium").views["4CH"]
    image, sector = view.render([0.0])[..., 0] / 255.0, view.sector.mask()
    return torch.from_numpy(image)[None, None], torch.from_numpy(sector)[None, None]


def pasted(image, centre=(130, 75), radius=16, grey=0.85):
    """A bright disc in the left ventricle: a thrombus that is not there."""
    x, y = np.mgrid[: image.shape[2], : image.shape[3]]
    disc = torch.from_numpy(np.hypot(x - centre[0], y - centre[1]) < radius)
    return torch.where(disc, torch.tensor(grey, dtype=image.dtype), image)


def both(after, before, mask=None):
    return new_edges(after, before, mask).item(), lost_edges(after, before, mask).item()


def test_a_pasted_structure_is_found_where_it_is(frame):
    image, sector = frame
    fake = pasted(image)
    new, lost = both(fake, image, sector)
    assert new > 0.03 and lost < 0.02
    _, lacking = unsupported_edges(fake[0, 0].numpy(), image[0, 0].numpy(), sector[0, 0].numpy())
    x, y = np.nonzero(lacking)
    distance = np.hypot(x - 130, y - 75)
    assert np.abs(distance - 16).max() < 8  # along its outline and nowhere else
    # what one image has and the other lacks is new one way and lost the other way
    assert both(image, fake, sector) == (lost, new)


def test_the_share_is_that_of_the_outline():
    """Two squares of one size and height on a flat ground: half of the edges have no support in an image of one."""
    one = torch.full((1, 1, 160, 200), 0.3)
    one[..., 30:70, 30:70] = 0.7
    two = one.clone()
    two[..., 30:70, 120:160] = 0.7
    new, lost = both(two, one)
    assert new == pytest.approx(0.5, abs=0.02) and lost == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: x**0.5, id="gamma"),
        pytest.param(lambda x: 0.3 + 0.3 * x, id="contrast"),
        pytest.param(lambda x: 1 / (1 + torch.exp(-12 * (x - 0.4))), id="steep curve"),
    ],
)
def test_a_change_of_the_grey_scale_is_no_structure(frame, change):
    image, sector = frame
    assert max(both(change(image), image, sector)) < 0.002


def test_noise_and_its_removal_are_no_structure(frame):
    image, sector = frame
    noisy = image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=image.dtype)
    smooth = torch.from_numpy(gaussian_filter(image.numpy(), (0, 0, 1.2, 1.2)))
    for before, after in ((image, noisy), (image, smooth), (noisy, image), (noisy, smooth)):
        assert new_edges(after, before, sector).item() < 0.005


def test_a_reversed_edge_is_a_new_one():
    step = torch.zeros(1, 1, 80, 80)
    step[..., 40:, :] = 1.0
    assert both(step, step) == (0, 0)
    assert both(1 - step, step) == (1, 1)


def test_an_edge_of_another_direction_is_no_support():
    """An upright edge before stripes at 60° to it, one of which is always close by; at 20° they would do."""
    x, y = np.mgrid[:120, :120]
    step = torch.from_numpy((x > 60).astype(float))[None, None]

    def stripes(degrees):
        angle = np.deg2rad(degrees)
        return torch.from_numpy(np.sin(2 * np.pi / 10 * (x * np.cos(angle) + y * np.sin(angle))))[None, None]

    assert new_edges(step, stripes(60)).item() > 0.9
    assert new_edges(step, stripes(20)).item() < 0.1


def test_the_border_of_the_sector_is_no_edge(frame):
    image, sector = frame
    brighter = torch.where(sector, 0.2 + 0.8 * image, image)
    assert both(brighter, image, sector) == (0, 0)
    edges, _ = unsupported_edges(brighter[0, 0].numpy(), image[0, 0].numpy(), sector[0, 0].numpy())
    assert not (edges & ~sector[0, 0].numpy()).any()


def test_flat_images_batches_and_shapes(frame):
    image, sector = frame
    flat = torch.full_like(image, 0.5)
    assert new_edges(flat, image, sector).isnan().all() and lost_edges(flat, image, sector).item() == 1
    fake = pasted(image)
    together = new_edges(torch.cat([fake, image]), torch.cat([image, image]), torch.cat([sector, sector]))
    assert together.tolist() == [new_edges(fake, image, sector).item(), 0] and together.dtype == torch.float64
    with pytest.raises(ValueError, match="one shape"):
        new_edges(image, image[..., 1:])
