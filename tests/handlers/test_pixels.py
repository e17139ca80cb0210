# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from monai_gradprom.handlers.pixels import quality_caption, reduced, to_pixels


def picture(channels, width=6, height=4):
    """[C, W, H] in which no two values are alike, and the same pixels by row and column."""
    rows = np.arange(channels * height * width, dtype=np.float32).reshape(height, width, channels) / 1000
    return torch.from_numpy(np.stack([rows[..., c].T for c in range(channels)])), rows


def test_colour_stands_by_row_column_and_channel():
    image, expected = picture(3)
    found = to_pixels(image)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_anything_but_colour_is_shown_by_its_first_channel(channels):
    image, expected = picture(channels)
    np.testing.assert_array_equal(to_pixels(image), expected[..., 0])


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_saturate_and_the_image_stays(channels):
    image = MetaTensor(torch.full((channels, 2, 3), 0.5)).requires_grad_()
    with torch.no_grad():
        image[0, 0, 0], image[0, 1, 0] = -2, 3
    found = to_pixels(image).reshape(3, 2, -1)[..., 0]
    assert found.tolist() == [[0, 1], [0.5, 0.5], [0.5, 0.5]]
    assert image.detach()[0, 1, 0] == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_a_huge_image_is_averaged_to_the_size_of_a_page(channels):
    image = torch.rand(channels, 2000, 60)
    found = to_pixels(image).reshape(30, 1000, channels)
    expected = image.numpy().reshape(channels, 1000, 2, 30, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(found, expected.transpose(2, 1, 0), atol=1e-6)


def test_a_thin_image_keeps_a_pixel():
    assert reduced(torch.rand(1, 3, 9000)).shape == (1, 1, 1000)
    assert reduced(torch.rand(1, 1000, 1000)).shape == (1, 1000, 1000)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_caption_measures_what_one_sees(channels):
    """Values that a picture cannot show do not count."""
    generator = torch.Generator().manual_seed(channels)
    clean = 1.4 * torch.rand(channels, 40, 32, generator=generator) - 0.2
    image = clean + 0.1 * torch.randn(clean.shape, generator=generator)
    pair = [np.clip(i.double().numpy(), 0, 1) for i in (clean, image)]
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=0)
    expected = f"{peak_signal_noise_ratio(*pair, data_range=1):.2f} dB, SSIM "
    assert quality_caption(MetaTensor(image), clean) == expected + f"{structural_similarity(*pair, **options):.3f}"
