# SPDX-License-Identifier: Apache-2.0
"""A frame that is too large for --memory goes through the network in bands, with the result of the whole frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from enhance_commands import rows
from enhance_inputs import identity, pixels, write_ultrasound
from memory_image import MemoryImage
from PIL import Image
from tiny_bundles import image_format, write_bundle

from monai_gradprom.enhance.bands import Reach, bands, rows_of
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.formats import open_image
from monai_gradprom.networks import SRResNet

NETWORK = {"channels": 4, "num_blocks": 1, "scale_factor": 1}
SIZE = (151, 90)  # columns, rows


@pytest.mark.parametrize("reach", [Reach(0), Reach(5), Reach(5, 8), Reach(16, 8), Reach(100, 4)])
@pytest.mark.parametrize(("count", "most"), [(90, 40), (90, 1), (7, 64), (256, 100)])
def test_bands_cover_every_row_once_and_show_what_its_result_needs(reach, count, most):
    cut = list(bands(count, most, reach))
    assert [row for band in cut for row in range(band.first, band.last)] == list(range(count))
    for band in cut:
        assert band.start == 0 or band.first - band.start >= reach.radius
        assert band.stop == count or band.stop - band.last >= reach.radius
        assert band.start % reach.multiple == 0
        assert band.stop - band.start <= max(most, 3 * reach.overlap, reach.multiple + 2 * reach.overlap)


def test_regions_of_some_rows():
    image = MemoryImage(np.zeros((1, 1, 20, 30), np.uint8), regions=((1, 2, 9, 8), (0, 20, 5, 25)))
    part = rows_of(image, 5, 22)
    assert part.shape == (20, 17)
    inside = np.zeros((20, 30), bool)
    for x0, y0, x1, y1 in image.regions:
        inside[x0:x1, y0:y1] = True
    shown = np.zeros((20, 17), bool)
    for x0, y0, x1, y1 in part.regions:
        shown[max(x0, 0) : max(x1, 0), max(y0, 0) : max(y1, 0)] = True
    assert (shown == inside[:, 5:22]).all()


@pytest.fixture
def bundle(tmp_path):
    torch.manual_seed(3)
    network = {"_target_": "monai_gradprom.networks.SRResNet", **NETWORK}
    inferer = {"_target_": "monai_gradprom.inferers.HaloInferer", "tile_size": 64}
    weights = SRResNet(**NETWORK).state_dict()
    return write_bundle(tmp_path / "bundle", network, weights, image_format(num_channels=1), inferer=inferer)


@pytest.fixture
def run(tmp_path, bundle):
    def run_here(name, **options):
        options = {"device": "cpu", "workers": 0, "any_modality": True} | options
        code = run_enhance(Options(tmp_path / "in", tmp_path / name, bundle, **options))
        return code, rows(tmp_path / name)

    return run_here


def whole_gib(width, height):
    return width * height * 60 / 2**30


def test_bands_give_the_result_of_the_whole_frame(tmp_path, run):
    folder = tmp_path / "in"
    folder.mkdir()
    grey = pixels(*SIZE[::-1])
    Image.fromarray(grey).save(folder / "a.png")
    Image.fromarray(pixels(*SIZE[::-1], dtype=np.uint16, seed=2, high=60000)).save(folder / "b.tif")
    write_ultrasound(folder / "us", 2, region=(20, 10, 130, 80), rows=SIZE[1], columns=SIZE[0])
    code, whole = run("whole")
    assert code == 0
    memory = whole_gib(*SIZE) * 0.45  # colour is counted threefold
    code, cut = run("cut", memory=memory)
    assert code == 0, [row["reason"] for row in cut.values()]
    for name in ("a.png", "b.tif", "us"):
        first, second = (open_image(tmp_path / place / name).read().astype(int) for place in ("whole", "cut"))
        assert np.abs(first - second).max() <= 1 and (first != second).mean() < 1e-3
        assert cut[name]["max_abs_change"] == pytest.approx(whole[name]["max_abs_change"], abs=1)
        assert cut[name]["mean_abs_change"] == pytest.approx(whole[name]["mean_abs_change"], rel=1e-3)
        assert cut[name]["max_abs_change"] > 3


def test_without_overlap_the_result_would_be_another(tmp_path, run, monkeypatch):
    """That the test above sees a seam."""
    from monai_gradprom.enhance import bands as module

    (tmp_path / "in").mkdir()
    Image.fromarray(pixels(*SIZE[::-1])).save(tmp_path / "in" / "a.png")
    run("whole")
    monkeypatch.setattr(module.Reach, "overlap", property(lambda self: 0))
    assert run("cut", memory=whole_gib(*SIZE) * 0.45)[0] == 0
    first, second = (open_image(tmp_path / place / "a.png").read().astype(int) for place in ("whole", "cut"))
    assert (first != second).mean() > 0.01


def test_a_network_that_sees_everything_gets_no_bands(tmp_path, run, bundle):
    import shutil

    shutil.rmtree(bundle)
    identity(bundle)  # declares no radius
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels(*SIZE[::-1])).save(tmp_path / "in" / "a.png")
    code, found = run("out", memory=whole_gib(*SIZE) * 0.45)
    assert code == 1 and "allow it with --memory 1 " in found["a.png"]["reason"]


def test_a_file_larger_than_the_flag_whose_frames_are_small(tmp_path, run):
    """Its frames are read one by one."""
    (tmp_path / "in").mkdir()
    write_ultrasound(tmp_path / "in" / "us", 60, rows=40, columns=40, region=(2, 3, 30, 30))
    memory = whole_gib(40, 40) * 3.5
    assert (tmp_path / "in" / "us").stat().st_size / 2**30 > memory / 2
    assert run("out", memory=memory)[0] == 0
