# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from monai_gradprom.errors import InputError
from monai_gradprom.figures import busiest_window, panel_row
from monai_gradprom.figures.cases import make_case


def energies(image, width, height):
    """Gradient energy of every window, one by one."""
    grey = image.double().numpy().mean(axis=0)
    energy = np.zeros_like(grey)
    energy[:-1] += np.diff(grey, axis=0) ** 2
    energy[:, :-1] += np.diff(grey, axis=1) ** 2
    return {
        (x, y): energy[x : x + width, y : y + height].sum()
        for x in range(grey.shape[0] - width + 1)
        for y in range(grey.shape[1] - height + 1)
    }


@pytest.mark.parametrize("size, window", [((48, 33), (12, 8)), ((20, 64), (8, 16)), ((5, 40), (5, 10))])
def test_the_window_has_the_most_gradient_energy(size, window):
    for channels in (1, 3):
        image = torch.rand(channels, *size)
        left, top, *shape = busiest_window(image)
        found = energies(image, *window)
        assert tuple(shape) == window
        assert found[left, top] == pytest.approx(max(found.values()), rel=1e-9)


def test_the_window_finds_the_one_textured_place():
    image = torch.full((1, 80, 60), 0.5)
    image[:, 30:50, 40:55] = torch.rand(1, 20, 15)
    # the step into the texture lies one pixel before it
    assert busiest_window(image) == pytest.approx((30, 40, 20, 15), abs=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_numbers_are_psnr_and_ssim_of_the_whole_image(case, channels):
    one = case((48, 40), channels)
    row = panel_row(one)
    assert [cell.title for cell in row.cells] == ["degraded", "enhanced", "clean"]
    clean = one.reference.numpy().astype(np.float64)
    for cell, image in zip(row.cells, (one.image, one.views[1].image), strict=False):
        noisy = image.numpy().astype(np.float64)
        options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=0)
        psnr = peak_signal_noise_ratio(clean, noisy, data_range=1.0)
        assert cell.caption == f"{psnr:.2f} dB, SSIM {structural_similarity(clean, noisy, **options):.3f}"
    assert row.cells[-1].caption == ""


def test_all_columns_show_the_clean_images_busiest_region(case):
    one = case((64, 48), 3)
    left, top, width, height = busiest_window(one.reference)
    for cell, view in zip(panel_row(one).cells, one.views, strict=True):
        assert cell.box == (left, top, width, height)
        region = view.image[:, left : left + width, top : top + height]
        np.testing.assert_array_equal(cell.detail, region.permute(2, 1, 0))


@pytest.mark.parametrize("same", [True, False])
def test_without_a_reference_there_are_two_columns_and_no_numbers(case, same):
    image = torch.rand(1, 48, 40)
    one = case(image=image, label=image.clone() if same else None)
    row = panel_row(one)
    assert [(cell.title, cell.caption) for cell in row.cells] == [("input", ""), ("enhanced", "")]
    assert row.cells[1].box == busiest_window(image)


def test_super_resolution_is_compared_with_bicubic(case):
    # smooth and far from any border: PIL and torch differ in the cubic's parameter and treatment of borders
    x, y = np.meshgrid(np.linspace(0, 3, 24), np.linspace(0, 2, 20), indexing="ij")
    image = torch.from_numpy(0.5 + 0.3 * np.sin(x) * np.cos(y)).float()[None]
    one = case((48, 40), image=image)
    expected = Image.fromarray(image[0].numpy().T).resize((48, 40), Image.Resampling.BICUBIC)
    assert one.views[0].title == "bicubic"
    np.testing.assert_allclose(one.given[0].T[6:-6, 6:-6], np.asarray(expected)[6:-6, 6:-6], atol=2e-3)
    assert panel_row(one).cells[0].caption.endswith(f"{_ssim(one.given, one.reference):.3f}")
    baseline = torch.rand(1, 48, 40)
    assert torch.equal(case((48, 40), scale=2, baseline=baseline).given, baseline)


def _ssim(a, b):
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
    return structural_similarity(b[0].double().numpy(), a[0].double().numpy(), **options)


def test_compared_enhancers_get_the_input_as_it_is_and_stand_before_this_one():
    image = 3 * torch.rand(1, 24, 24) - 1
    item = {"image": image, "pred": image + 0.1, "label": torch.rand(1, 24, 24)}
    one = make_case("x", item, {"frozen": lambda x: x * 0.5, "joint": lambda x: x + 0.2}, "gradprom")
    assert [view.title for view in one.views] == ["degraded", "frozen", "joint", "gradprom", "clean"]
    for view, expected in zip(one.views, (image, image / 2, image + 0.2, image + 0.1), strict=False):
        torch.testing.assert_close(view.image, expected.clamp(0, 1))
    assert torch.equal(one.image, image)


def test_volumes_are_refused():
    with pytest.raises(InputError, match=r"2-D images, but v is 3-D"):
        make_case("v", {"image": torch.rand(1, 4, 4, 4), "pred": torch.rand(1, 4, 4, 4)})
