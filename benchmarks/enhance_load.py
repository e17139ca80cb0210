# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom enhance` under load: is memory flat, is the rate steady, are files closed? As a Markdown table.

    python benchmarks/enhance_load.py
    python benchmarks/enhance_load.py --only many --files 20000 --minutes 12 --samples load.csv
    python benchmarks/enhance_load.py --only image cine --side 20000 --memory 2

many: so many small files (--files) of five kinds; each is a hard link to one of --distinct files, so that the disk
    stays small. While the command runs, once a second: resident memory without mapped files (RssAnon) and open
    descriptors of the main process and of its workers, and how many rows the manifest has. A straight line is fitted to
    each against rows, from the tenth of the run on; its slope is memory that a file leaves behind. After --minutes the
    command is ended.
image: a grey PNG and grey TIFFs of 8 bits in several layouts, --side pixels a side, under --memory.
cine: a grey cine of 500 frames of 480 x 640 (146 MiB) under --memory 0.1.

The network is a small one that changes every pixel, so that reading, calculating and writing all take part. Peaks are
of resident memory without mapped files, sampled every 20 ms (once a second in "many").
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from enhance_folders import ct_slice, long_cine, radius_bundle, ultrasound
from measured_runs import MIB, Rows, cli, command, in_mib, print_table, private_memory
from PIL import Image

PICTURES: dict[str, dict[str, Any] | None] = {
    "PNG": None,
    "TIFF in strips": {"rowsperstrip": 4},
    "TIFF in strips, LZW": {"rowsperstrip": 64, "compression": "lzw"},
    "TIFF in tiles, deflate": {"tile": (256, 256), "compression": "zlib", "compressionargs": {"level": 1}},
    "TIFF in one strip, deflate": {"compression": "zlib", "compressionargs": {"level": 1}},
}
"""Layouts, and what tifffile calls them."""

_SETTLED = 0.1  # of the files, after which memory should be flat


@dataclass(frozen=True)
class Sample:
    """One look at a run."""

    seconds: float
    rows: int
    main: int
    """Bytes."""
    workers: int
    """Bytes, of all together."""
    largest: int
    """Bytes, of the largest worker."""
    descriptors: int
    """Of the main process."""
    worker_descriptors: int
    """Of all workers together."""


def linked_folder(folder: Path, count: int, distinct: int) -> Path:
    """``count`` names for ``distinct`` small files, a thousand to a folder."""
    sources = list(_small_files(folder.with_name(folder.name + "-sources"), distinct))
    for number in range(count):
        source = sources[number % distinct]
        place = folder / f"{number // 1000:04}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(source, place / f"{number:06}{source.suffix}")
    return folder


def _small_files(folder: Path, count: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 200, (32, 32)).astype(np.uint8)
        path = folder / f"{number}{('', '.png', '.tif', '.nii', '')[number % 5]}"
        if number % 5 == 0:
            ct_slice(path, 32, number, f"load {number}")
        elif number % 5 == 3:
            import nibabel

            nibabel.save(nibabel.Nifti1Image(pixels[..., None], np.eye(4)), path)
        elif number % 5 == 4:
            ultrasound(path, (32, 32), 3, number)
        else:
            Image.fromarray(pixels).save(path)
        yield path


def watched(folder: Path, output: Path, bundle: Path, workers: int | None, minutes: float) -> list[Sample]:
    """Run the command and look at it once a second, until it ends or the time is over."""
    words = ["enhance", str(folder), str(output), "--bundle", str(bundle), "--any-modality", "--device", "cpu"]
    process = cli(*words, *([] if workers is None else ["--workers", str(workers)]))
    began, samples = time.monotonic(), []
    while process.poll() is None:
        if (seconds := time.monotonic() - began) > 60 * minutes:
            process.terminate()  # Ctrl-C may be ignored, as in the background of a shell
            process.wait()
        elif sample := _sample(process.pid, output, seconds):
            samples.append(sample)
        time.sleep(1)
    if process.returncode not in (0, -signal.SIGTERM):
        raise SystemExit(f"error: the command ended with exit code {process.returncode}")
    return samples


def _sample(pid: int, output: Path, seconds: float) -> Sample | None:
    memory = private_memory(pid)
    workers = {child: size for child, size in memory.items() if child != pid and size > MIB}
    try:
        rows = (output / "manifest.jsonl").read_bytes().count(b"\n")
        open_ = {one: len(os.listdir(f"/proc/{one}/fd")) for one in (pid, *workers)}
        return Sample(
            *(round(seconds, 1), rows, memory[pid], sum(workers.values()), max(workers.values(), default=0)),
            *(open_[pid], sum(open_.values()) - open_[pid]),
        )
    except (OSError, KeyError):  # nothing to see yet, or no longer
        return None


def slope(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """Least squares of the field ``name`` against rows: its slope, and the standard error of that."""
    rows = np.array([sample.rows for sample in samples], dtype=float)
    values = np.array([getattr(sample, name) for sample in samples], dtype=float)
    spread = rows - rows.mean()
    found = float(spread @ values / (spread @ spread))
    left = values - values.mean() - found * spread
    return found, float(np.sqrt(left @ left / max(len(rows) - 2, 1) / (spread @ spread)))


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """Those from a tenth of the rows on that came before the last file was done."""
    most = max(sample.rows for sample in samples)
    return [sample for sample in samples if _SETTLED * most <= sample.rows < most]


def many(args: argparse.Namespace, folder: Path) -> Rows:
    source = linked_folder(folder / "many", args.files, args.distinct)
    samples = watched(source, folder / "out", radius_bundle(folder / "bundle"), args.workers, args.minutes)
    if args.samples:
        with args.samples.open("w", newline="") as file:
            csv.writer(file).writerows([[field.name for field in fields(Sample)], *map(astuple, samples)])
    kept = settled(samples)
    done, began = samples[-1].rows, next(sample.seconds for sample in samples if sample.rows)
    yield f"files done of {args.files}", f"{done} in {samples[-1].seconds:.0f} s, the first after {began:.0f} s"
    yield "files a second, in tenths of the time", ", ".join(f"{rate:.0f}" for rate in rates(kept, 10))
    for name, what in (("main", "main process"), ("workers", "all workers")):
        per_file, error = slope(kept, name)
        first, last = (getattr(sample, name) / MIB for sample in (kept[0], kept[-1]))
        yield f"memory of {what}, from a tenth on", f"{first:.0f} to {last:.0f} MiB"
        yield "its growth (linear fit, ± standard error)", f"{per_file:+.1f} ± {error:.1f} bytes a file"
    for name, what in (("descriptors", "the main process"), ("worker_descriptors", "all workers")):
        seen = [getattr(sample, name) for sample in kept]
        yield f"open descriptors of {what}: least, most, last", f"{min(seen)}, {max(seen)}, {seen[-1]}"


def rates(samples: Sequence[Sample], parts: int) -> Iterator[float]:
    """Files a second in equal parts of the time."""
    edges = np.linspace(samples[0].seconds, samples[-1].seconds, parts + 1)
    rows = np.interp(edges, [sample.seconds for sample in samples], [sample.rows for sample in samples])
    yield from np.diff(rows) / np.diff(edges)


def image(args: argparse.Namespace, folder: Path) -> Rows:
    bundle, flags = radius_bundle(folder / "bundle"), ("--memory", str(args.memory))
    for layout in args.layouts:
        path = large_picture(folder / "in", args.side, layout)
        size = path.stat().st_size / MIB
        measured = command(1, path.parent, bundle, *flags)
        name = f"{args.side} x {args.side}, 8-bit grey {layout} of {size:.0f} MiB under {' '.join(flags)}"
        yield f"peak of main process, worker: {name}", f"{in_mib(measured)}; {measured.wall:.0f} s"
        shutil.rmtree(path.parent)


def large_picture(folder: Path, side: int, layout: str) -> Path:
    """Waves with a little noise, in one of PICTURES."""
    rows = np.arange(side, dtype=np.float32)
    across, down = (80 + 40 * np.sin(rows / scale) for scale in (37, 53))
    pixels = np.empty((side, side), np.uint8)
    noise = np.random.default_rng(0).integers(0, 8, side, dtype=np.uint8)
    for number in range(side):
        pixels[number] = ((across + down[number]) / 2).astype(np.uint8) + np.roll(noise, 7 * number)
    folder.mkdir()
    if (options := PICTURES[layout]) is None:
        Image.fromarray(pixels).save(folder / "large.png", compress_level=1)
        return folder / "large.png"
    import tifffile

    tifffile.imwrite(folder / "large.tif", pixels, metadata=None, **({"rowsperstrip": side} | options))
    return folder / "large.tif"


def cine(args: argparse.Namespace, folder: Path) -> Rows:
    source = long_cine(folder / "cine", 500)
    measured = command(1, source, radius_bundle(folder / "bundle"), "--memory", "0.1")
    yield "peak of main process, worker: a cine of 500 frames (146 MiB) under --memory 0.1", in_mib(measured)


PARTS = {"many": many, "image": image, "cine": cine}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="default: all")
    parser.add_argument("--files", type=int, default=100_000, help="of many (100000)")
    parser.add_argument("--distinct", type=int, default=500, help="of many that are not the same file (500)")
    parser.add_argument("--minutes", type=float, default=60, help="after which many is ended (60)")
    parser.add_argument("--samples", type=Path, help="a CSV file for the samples of many")
    parser.add_argument("--side", type=int, default=20_000, help="of image, in pixels (20000)")
    parser.add_argument("--layouts", choices=PICTURES, nargs="+", default=list(PICTURES), help="of image (all)")
    parser.add_argument("--memory", type=float, default=2.0, help="the command's --memory for image, in GiB (2)")
    parser.add_argument("--workers", type=int, help="of the command in many; default: its own")
    args = parser.parse_args(argv)
    print_table(PARTS, args, "torch", "monai", "pydicom", "numpy", "pillow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
