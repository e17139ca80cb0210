# SPDX-License-Identifier: Apache-2.0
"""All files of a series go through one intensity map."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from enhance_commands import rows
from enhance_inputs import pixels, shifting, write_slice
from tiny_bundles import SHIFT, image_format, shift_by, write_bundle

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance

SCALE = 0.5  # the network halves what it sees in [0, 1], so that a result tells the window's low end


@pytest.fixture
def run(tmp_path):
    bundle = shifting(tmp_path / "bundle", 0.0, SCALE)

    def run_here(**options):
        given = {"bundle": bundle, "device": "cpu", "workers": 0} | options
        code = run_enhance(Options(tmp_path / "in", tmp_path / "out", **given))
        assert code == 0
        return rows(tmp_path / "out")

    return run_here


def stored(path):
    return pydicom.dcmread(path).pixel_array.astype(float)


def check(tmp_path, name, low, high):
    """Hounsfield units (stored - 1000) in [low, high] came half as far above ``low``; others stayed."""
    units, result = (stored(tmp_path / folder / name) - 1000 for folder in ("in", "out"))
    inside = (units >= low) & (units <= high)
    expected = np.where(inside, low + SCALE * (units - low), units)
    assert np.abs(result - expected).max() <= 0.51  # rounded once
    assert (result == units)[~inside].all()
    assert np.abs(result - units)[inside & (units > low + 2)].min() > 0


def values(number, low=20, high=200):
    return pixels(9, 8, dtype=np.uint16, seed=number, high=high - 20) + np.uint16(low)


def test_windows_of_a_series_are_united(tmp_path, run):
    """LINEAR: centre c and width w span c - 0.5 - (w - 1)/2 to c - 0.5 + (w - 1)/2."""
    windows = [(-900, 101), (-800, 201), (-850, 51)]  # -950.5..-850.5, -900.5..-700.5, -875.5..-825.5
    for number, (centre, width) in enumerate(windows):
        write_slice(tmp_path / "in" / f"{number}", values(number), number, WindowCenter=centre, WindowWidth=width)
    run()
    for number in range(3):
        check(tmp_path, str(number), -950.5, -700.5)


def test_a_resumed_run_takes_the_window_of_the_whole_series(tmp_path, run):
    """Also for the only file that is left to do, whose own window is another."""
    for number, centre in enumerate((-900, -800, -850)):
        write_slice(tmp_path / "in" / f"{number}", values(number), number, WindowCenter=centre, WindowWidth=101)
    run()
    before = (tmp_path / "out" / "2").read_bytes()
    (tmp_path / "out" / "2").unlink()
    lines = (tmp_path / "out" / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "out" / "manifest.jsonl").write_bytes(b"".join(lines[:2]))
    inode = (tmp_path / "out" / "0").stat().st_ino
    run()
    assert (tmp_path / "out" / "2").read_bytes() == before
    assert (tmp_path / "out" / "0").stat().st_ino == inode
    check(tmp_path, "2", -950.5, -750.5)


def test_two_series_in_one_folder_do_not_mix(tmp_path, run):
    for number in range(4):
        window = (-900, 101) if number % 2 else (-800, 201)
        series = f"1.2.{number % 2}"
        write_slice(
            tmp_path / "in" / f"{number}",
            values(number),
            number,
            series,
            WindowCenter=window[0],
            WindowWidth=window[1],
        )
    run()
    for number in range(4):
        check(tmp_path, str(number), *((-950.5, -850.5) if number % 2 else (-900.5, -700.5)))
    made = {str(pydicom.dcmread(tmp_path / "out" / f"{number}").SeriesInstanceUID) for number in range(4)}
    recorded = [json.loads(line) for line in (tmp_path / "out" / "series.jsonl").read_text().splitlines()]
    assert {line["series"]: line["window"] for line in recorded}.keys() == made
    assert sorted(line["window"] for line in recorded) == [[-950.5, -850.5], [-900.5, -700.5]]


def test_a_series_lies_in_several_folders(tmp_path, run):
    for number, folder in enumerate(("a", "b/c")):
        given = {"WindowCenter": -900 + 100 * number, "WindowWidth": 101}
        write_slice(tmp_path / "in" / folder / "x", values(number), number, **given)
    run()
    for folder in ("a", "b/c"):
        check(tmp_path, f"{folder}/x", -950.5, -750.5)


def test_without_windows_the_pixels_of_all_files_decide(tmp_path, run):
    """Padding does not count."""
    for number in range(3):
        stack = values(number, low=100 * (number + 1))
        stack[0, 0] = 5
        write_slice(tmp_path / "in" / f"{number}", stack, number, PixelPaddingValue=5)
    run()
    every = np.concatenate([stored(tmp_path / "in" / f"{number}") for number in range(3)])
    every = every[every != 5] - 1000
    for number in range(3):
        check(tmp_path, str(number), every.min(), every.max())


def test_one_file_s_window_goes_before_the_pixels_of_the_others(tmp_path, run):
    write_slice(tmp_path / "in" / "0", values(0), 0)
    write_slice(tmp_path / "in" / "1", values(1), 1, WindowCenter=-900, WindowWidth=101)
    run()
    for number in range(2):
        check(tmp_path, str(number), -950.5, -850.5)


def test_the_user_s_window_goes_before_all(tmp_path, run):
    write_slice(tmp_path / "in" / "0", values(0), 0, WindowCenter=-900, WindowWidth=101)
    write_slice(tmp_path / "in" / "1", values(1), 1)
    run(window=(-970.0, -810.0))
    for number in range(2):
        check(tmp_path, str(number), -970, -810)


def test_a_file_outside_the_domain_has_no_say(tmp_path, run):
    """A colour picture in a grey series, a broken slice."""
    bundle = write_bundle(tmp_path / "ct", SHIFT, shift_by(0.0, SCALE), image_format(num_channels=1, modality="CT"))
    write_slice(tmp_path / "in" / "0", values(0), 0, WindowCenter=-900, WindowWidth=101)
    write_slice(tmp_path / "in" / "1", values(1), 1, WindowCenter=-500, WindowWidth=101, Modality="MR")
    found = run(bundle=bundle)
    assert found["1"]["status"] == "skipped"
    check(tmp_path, "0", -950.5, -850.5)
