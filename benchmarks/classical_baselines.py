# SPDX-License-Identifier: Apache-2.0
"""What classical methods reach on a bundle's data, as a Markdown table and a CSV with one row per image and method.

    python benchmarks/classical_baselines.py --dataset_dir /path/to/camus --subset testing --noise_sigma 0.1
    python benchmarks/classical_baselines.py --bundle bundles/isic2018_denoise --dataset_dir DIR --resize 256 --every 10
    python benchmarks/classical_baselines.py --bundle bundles/lizard_sr --dataset_dir DIR --scale_factor 4
    python benchmarks/classical_baselines.py --bundle bundles/isic2018_perceptual --dataset_dir DIR --resize 128

Images, degradation and field of view come from the bundle's own configs/evaluate.json, so that each method gets the
very images that the trained enhancer gets: degraded alike per image id, clamped to [0, 1]. Whatever a switch is not
given for stays as it is there. Outputs are clipped to [0, 1].

With --scale_factor 1 denoisers are measured: the noisy image, non-local means, BM3D. They are told --noise_sigma, also
under --degradation speckle and challenge, of whose noise that is only a part. With 2 or 4 it is enlargement: nearest,
bilinear, bicubic (the `baseline` of evaluate), Lanczos. Under --degradation perceptual it is what makes dark and flat
images brighter: percentiles, CLAHE, gamma, LIME; DeltaE is measured too. classical_methods.py and classical_lighting.py
hold their settings and sources.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from bundle_evaluation import SWITCHES, describe, picked, read_evaluation
from classical_lighting import LIGHTENERS
from classical_methods import DENOISERS, ENLARGERS, apply, usable
from monai.utils import convert_to_numpy
from tqdm import tqdm

from monai_gradprom.bundle import find_input_error
from monai_gradprom.errors import InputError
from monai_gradprom.metrics import delta_e, psnr, ssim

Row = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[1]
COLUMNS = {  # of the CSV: heading and decimals in the table
    "psnr": ("PSNR [dB]", 2),
    "ssim": ("SSIM", 3),
    "delta_e": ("DeltaE", 2),
    "psnr_sector": ("PSNR in the sector [dB]", 2),
    "ssim_sector": ("SSIM in the sector", 3),
    "seconds": ("CPU seconds an image", 2),
}


def measure(
    item: Row,
    preprocessing: Callable[[Any], Row],
    methods: Sequence[str],
    sigma: float,
    factor: int,
    color: bool = False,
) -> list[Row]:
    """One row of the CSV per method; the sector's columns only where preprocessing finds a sector."""
    frame = preprocessing(item)
    image = convert_to_numpy(frame["image"], dtype=np.float64)
    clean = frame["label"][None]
    regions = {"": (), "_sector": (frame["sector"][None],)} if "sector" in frame else {"": ()}
    rows = []
    for method in methods:
        start = time.process_time()  # of this process alone, whatever else the machine does
        result = apply(method, image, sigma, factor)
        seconds = time.process_time() - start
        pred = torch.from_numpy(np.clip(result, 0.0, 1.0))[None]
        row: Row = {"id": item["id"], "method": method}
        for suffix, region in regions.items():
            row |= {
                f"psnr{suffix}": psnr(pred, clean, *region).item(),
                f"ssim{suffix}": ssim(pred, clean, *region).item(),
            }
        row |= {"delta_e": delta_e(pred, clean).item()} if color else {}
        rows.append(row | {"seconds": seconds})
    return rows


def measure_all(items: list[Row], work: Callable[[Row], list[Row]], workers: int) -> Iterator[list[Row]]:
    if workers == 1:
        yield from map(work, items)
    else:  # spawned, since forked children may hang in torch's threads
        with ProcessPoolExecutor(min(workers, len(items)), get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            yield from pool.map(work, items)


def table(rows: list[Row], methods: Sequence[str]) -> str:
    """Mean ± sample standard deviation over images of each method."""
    columns = {name: column for name, column in COLUMNS.items() if name in rows[0]}
    lines = ["| | " + " | ".join(heading for heading, _ in columns.values()) + " |", "|---" * (len(columns) + 1) + "|"]
    for method in methods:
        cells = []
        for column, (_, decimals) in columns.items():
            values = [row[column] for row in rows if row["method"] == method]
            spread = f" ± {np.std(values, ddof=1):.{decimals}f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.{decimals}f}{spread}")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def run(args: argparse.Namespace) -> None:
    for option in ("noise_sigma", "workers", "limit", "every"):
        value = getattr(args, option)
        if value is not None and not value > 0:
            raise InputError(f"--{option} is {value}; give a number above zero.")
    parser = read_evaluation(args.bundle, {name: getattr(args, name) for name in SWITCHES})
    factor, dark = int(parser["scale_factor"]), parser["degradation"] == "perceptual"
    sigma = math.nan if dark else float(parser["noise_sigma"])
    methods = usable(args.methods, factor, parser["degradation"])
    items = picked(parser.get_parsed_content("datalist_items"), args.limit, args.every)
    preprocessing = parser.get_parsed_content("preprocessing")
    work = partial(measure, preprocessing=preprocessing, methods=methods, sigma=sigma, factor=factor, color=dark)
    rows: list[Row] = []
    with open_output(args.output) as file:
        for some in tqdm(measure_all(items, work, args.workers), total=len(items), desc="measuring", unit="image"):
            if not rows:
                writer = csv.DictWriter(file, list(some[0]))
                writer.writeheader()
            writer.writerows(some)
            rows += some
    print(describe(parser, items) + "\n\n" + table(rows, methods) + "\n")
    packages = ["scikit-image", "numpy", *(["bm3d", "bm4d"] if "bm3d" in methods else [])]
    print(f"{', '.join(f'{name} {version(name)}' for name in packages)}, Python {platform.python_version()}")
    print(f"each image: {args.output}")


def open_output(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", newline="")
    except OSError as error:
        raise InputError(f"--output {path} cannot be written ({error.strerror}); name another file.") from error


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=REPOSITORY / "bundles" / "camus_denoise", help="default: CAMUS")
    for name, (kind, text) in SWITCHES.items():
        parser.add_argument(f"--{name}", type=kind, help=text)
    parser.add_argument(
        "--methods", nargs="+", choices=[*DENOISERS, *LIGHTENERS, *ENLARGERS], help="default: all that fit"
    )
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--limit", type=int, help="only so many images, picked evenly")
    some.add_argument("--every", type=int, help="only every so manieth image")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    parser.add_argument("--output", type=Path, default=Path("runs/baselines.csv"), help="default: %(default)s")
    args = parser.parse_args(argv)
    try:
        run(args)
    except Exception as error:
        found = find_input_error(error)
        if found is None:
            raise
        print(f"error: {found}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
