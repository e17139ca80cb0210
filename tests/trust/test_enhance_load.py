# SPDX-License-Identifier: Apache-2.0
"""Many files leave nothing behind in memory and among the open files; few very large ones keep to --memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
MIB = 1 << 20


def samples(*rows):
    from enhance_load import Sample

    return [Sample(second, files, main, 0, 0, 11, 15) for second, (files, main) in enumerate(rows)]


def test_the_slope_of_a_leak_is_found():
    from enhance_load import settled, slope

    leaking = samples((0, 5 * MIB), *((files, 90 * MIB + 1000 * files) for files in range(100, 1100, 100)))
    kept = settled(leaking)
    assert kept[0].rows == 100 and kept[-1].rows == 900
    assert slope(kept, "main") == pytest.approx((1000, 0), abs=1e-3)
    assert slope(settled(samples(*((files, 7 * MIB) for files in range(100, 1100, 100)))), "main")[0] == 0


@pytest.mark.slow
def test_three_thousand_files(tmp_path):
    """A leak of two kilobytes a file would show; benchmarks/enhance_load.py has more files."""
    from enhance_folders import radius_bundle
    from enhance_load import linked_folder, settled, slope, watched

    folder = linked_folder(tmp_path / "many", 3000, 200)
    found = watched(folder, tmp_path / "out", radius_bundle(tmp_path / "bundle"), workers=2, minutes=30)
    kept = settled(found)
    per_file, error = slope(kept, "main")
    print(f"main process: {per_file:.0f} ± {error:.0f} bytes a file over {len(kept)} samples")
    assert found[-1].rows == 3000
    assert per_file < 2000
    assert max(sample.largest for sample in kept) < 300 * MIB
    for name in ("descriptors", "worker_descriptors"):
        numbers = [getattr(sample, name) for sample in kept]
        assert max(numbers) - min(numbers) <= 6, numbers


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["PNG", "TIFF in strips", "TIFF in tiles, deflate", "TIFF in one strip, deflate"])
def test_a_large_picture_keeps_to_the_memory_flag(tmp_path, layout, side=6000, memory=0.3):
    """Calculated with at once, it would take seven times as much."""
    from enhance_folders import radius_bundle
    from enhance_load import large_picture
    from measured_runs import command

    folder = large_picture(tmp_path / "in", side, layout).parent
    measured = command(1, folder, radius_bundle(tmp_path / "bundle"), "--memory", str(memory))
    print(f"worker {measured.worker / MIB:.0f} MiB, main process {measured.main / MIB:.0f} MiB")
    assert measured.worker < (memory + 0.1) * 1024 * MIB
    assert measured.main < 1024 * MIB


@pytest.mark.slow
def test_a_long_cine_keeps_to_the_memory_flag(tmp_path):
    from enhance_folders import long_cine, radius_bundle
    from measured_runs import command

    measured = command(1, long_cine(tmp_path / "in", 500), radius_bundle(tmp_path / "bundle"), "--memory", "0.1")
    print(f"worker {measured.worker / MIB:.0f} MiB, main process {measured.main / MIB:.0f} MiB")
    assert measured.worker < 200 * MIB
