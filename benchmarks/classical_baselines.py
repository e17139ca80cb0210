# SPDX-License-Identifier: Apache-2.0
"""What classical denoisers reach on CAMUS, as a Markdown table and a CSV with one row per image and method.

    python benchmarks/classical_baselines.py --dataset_dir /path/to/camus --subset testing --noise_sigma 0.1

Frames, noise and field of view come from the evaluation of `bundles/camus_denoise` itself, so that each method gets
the very images that its trained enhancer gets: noise fixed per image id, clamped to [0, 1]. Denoisers are told sigma;
that clamping left the noise of dark regions smaller and off zero, they are not told. Outputs are clipped to [0, 1].

noisy: the degraded frame as it is.
nlm: non-local means of scikit-image (Buades et al., CVPR 2005): patch_size=5, patch_distance=6, h=0.6 sigma,
    sigma=sigma, fast_mode=True. Of the patch sizes 3, 5, 7 and h from 0.4 to 0.8 sigma this had the best PSNR on six
    validation frames at sigma 0.05 and 0.1, and was within 0.03 dB of the best at 0.3.
bm3d: BM3D (Dabov et al., IEEE TIP 2007; Makinen et al., IEEE TIP 2020), profile "np", one thread, with which it is
    reproducible. The package `bm3d` is free for non-commercial use only; without it the method is skipped.
"""

from __future__ import annotations

import argparse
import csv
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
from monai.bundle import ConfigParser
from monai.utils import convert_to_numpy
from skimage.restoration import denoise_nl_means
from tqdm import tqdm

from monai_gradprom.bundle import find_input_error
from monai_gradprom.errors import InputError
from monai_gradprom.metrics import psnr, ssim

Row = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE_DATA = REPOSITORY / "sample_data" / "camus"
EVALUATION = REPOSITORY / "bundles" / "camus_denoise" / "configs" / "evaluate.json"
COLUMNS = {  # of the CSV, in measure's order: heading and decimals in the table
    "psnr": ("PSNR [dB]", 2),
    "ssim": ("SSIM", 3),
    "psnr_sector": ("PSNR in the sector [dB]", 2),
    "ssim_sector": ("SSIM in the sector", 3),
    "seconds": ("CPU seconds a frame", 2),
}


def non_local_means(image: np.ndarray, sigma: float) -> np.ndarray:
    return denoise_nl_means(image, patch_size=5, patch_distance=6, h=0.6 * sigma, sigma=sigma, fast_mode=True)


def block_matching(image: np.ndarray, sigma: float) -> np.ndarray:
    import bm3d

    profile = bm3d.BM3DProfile()
    profile.num_threads = 1  # more change the order of its sums
    return bm3d.bm3d(image, sigma, profile)


DENOISERS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "noisy": lambda image, sigma: image,
    "nlm": non_local_means,
    "bm3d": block_matching,
}


def usable(methods: Sequence[str]) -> list[str]:
    """Drop bm3d, with a note, where its package does not import."""
    kept = list(dict.fromkeys(methods))
    if "bm3d" in kept:
        try:
            import bm3d  # noqa: F401
        except (ImportError, OSError) as error:  # OSError: no binary for this platform
            kept.remove("bm3d")
            print(f"bm3d is skipped ({error}); `pip install bm3d` adds it.", file=sys.stderr)
    if not kept:
        raise InputError(f"--methods {' '.join(methods)} leaves nothing to measure; add nlm or install bm3d.")
    return kept


def evaluation_of(args: argparse.Namespace) -> tuple[list[Row], Callable[[Any], Row]]:
    """The frames of the bundle's evaluation and the transform that loads and degrades one."""
    parser = ConfigParser()
    parser.read_config(EVALUATION)
    parser.update({name: getattr(args, name) for name in ("dataset_dir", "subset", "noise_sigma")})
    items = parser.get_parsed_content("datalist_items")
    if args.limit is not None:
        items = [items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(args.limit, len(items))).astype(int))]
    return items, parser.get_parsed_content("preprocessing")


def measure(item: Row, preprocessing: Callable[[Any], Row], methods: Sequence[str], sigma: float) -> list[Row]:
    """One row of the CSV per method."""
    frame = preprocessing(item)
    image = convert_to_numpy(frame["image"], dtype=np.float64)[0]
    clean, sector = (frame[key][None] for key in ("label", "sector"))
    rows = []
    for method in methods:
        start = time.process_time()  # of this process alone, whatever else the machine does
        result = DENOISERS[method](image, sigma)
        seconds = time.process_time() - start
        pred = torch.from_numpy(np.clip(result, 0.0, 1.0))[None, None]
        values = [metric(pred, clean, *region).item() for region in ((), (sector,)) for metric in (psnr, ssim)]
        rows.append({"id": item["id"], "method": method, **dict(zip(COLUMNS, [*values, seconds], strict=True))})
    return rows


def measure_all(items: list[Row], work: Callable[[Row], list[Row]], jobs: int) -> Iterator[list[Row]]:
    if jobs == 1:
        yield from map(work, items)
    else:  # spawned, since forked children may hang in torch's threads
        with ProcessPoolExecutor(min(jobs, len(items)), get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            yield from pool.map(work, items)


def table(rows: list[Row], methods: Sequence[str]) -> str:
    """Mean ± sample standard deviation over frames of each method."""
    lines = ["| | " + " | ".join(heading for heading, _ in COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for method in methods:
        cells = []
        for column, (_, decimals) in COLUMNS.items():
            values = [row[column] for row in rows if row["method"] == method]
            spread = f" ± {np.std(values, ddof=1):.{decimals}f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.{decimals}f}{spread}")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def run(args: argparse.Namespace) -> None:
    for option in ("noise_sigma", "jobs", "limit"):
        value = getattr(args, option)
        if value is not None and not value > 0:
            raise InputError(f"--{option} is {value}; give a number above zero.")
    methods = usable(args.methods)
    items, preprocessing = evaluation_of(args)
    work = partial(measure, preprocessing=preprocessing, methods=methods, sigma=args.noise_sigma)
    rows: list[Row] = []
    with open_output(args.output) as file:
        writer = csv.DictWriter(file, ["id", "method", *COLUMNS])
        writer.writeheader()
        for some in tqdm(measure_all(items, work, args.jobs), total=len(items), desc="denoising", unit="frame"):
            writer.writerows(some)
            rows += some
    patients = len({item["patient"] for item in items})
    packages = ["scikit-image", "numpy", *(["bm3d", "bm4d"] if "bm3d" in methods else [])]
    print(f"{args.subset} subset of {args.dataset_dir}: {len(items)} frames of {patients} patients,")
    print(f"noise sigma {args.noise_sigma:g}, seed 0, mean ± standard deviation over frames\n")
    print(table(rows, methods) + "\n")
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
    parser.add_argument("--dataset_dir", default=str(SAMPLE_DATA), help="the CAMUS archive (default: the sample data)")
    parser.add_argument("--subset", default="testing", help="training, validation or testing (default)")
    parser.add_argument("--noise_sigma", type=float, default=0.1, help="on the [0, 1] scale (default: 0.1)")
    parser.add_argument("--methods", nargs="+", choices=DENOISERS, default=list(DENOISERS), help="default: all")
    parser.add_argument("--limit", type=int, help="only so many frames, picked evenly")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
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
