# SPDX-License-Identifier: Apache-2.0
"""What `monai-gradprom enhance --runtime` and `--precision` cost and change, as a Markdown table.

    python benchmarks/inference_precision.py
    python benchmarks/inference_precision.py --bundle bundles/lizard_sr --set scale_factor=4 --images 8
    python benchmarks/inference_precision.py --ways bfloat16 float16 --device cuda --batch-size 8

Images are those of the bundle's evaluate.json (default: the sample data), degraded as it says, in [0, 1]. Each way
enhances all of them through BundleNetwork, as `enhance` does, the first time to warm up, then --rounds times by turns,
so that all meet the same machine; the shortest time counts. With one thread on the CPU (OMP_NUM_THREADS=1) that is CPU
time, which other programs disturb little; else it is wall time.

difference: from float32, absolute, over all pixels: the largest, and the one that 99.9 % do not exceed, in parts of the
    range and in steps of 8 bits; PSNR between both.
PSNR: to the clean image, the mean over images; float32's own stands in its row.
batch, tiles: the largest difference of a way from itself, images alone and in batches, and whole and in tiles.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from bundle_evaluation import picked, read_evaluation
from machine import describe
from measured_runs import REPOSITORY

from monai_gradprom.enhance.execution import check_execution
from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.options import parse_settings
from monai_gradprom.enhance.processes.kept_memory import keep_freed_memory
from monai_gradprom.errors import InputError
from monai_gradprom.metrics import psnr

WAYS = {
    "float32": ("torch", "float32"),
    "onnx": ("onnx", "float32"),
    "bfloat16": ("torch", "bfloat16"),
    "float16": ("torch", "float16"),
}
BUNDLES = ("camus_denoise", "covidct_denoise", "isic2018_denoise", "lizard_sr")
HEAD = ("", "ms an image", "time", "largest difference", "99.9 % below", "PSNR between", "PSNR", "batch", "tiles")
Pictures = list[np.ndarray]


def images(bundle: Path, count: int, settings: dict[str, str]) -> tuple[Pictures, Pictures]:
    """Degraded and clean, each [1, C, x, y] in [0, 1]."""
    switches = {name: int(value) for name, value in settings.items() if name == "scale_factor"}
    parser = read_evaluation(bundle, switches)
    items = picked(parser.get_parsed_content("datalist_items"), count, None)
    frames = [parser.get_parsed_content("preprocessing")(item) for item in items]
    pairs = [[np.asarray(frame[key], np.float32)[None] for key in ("image", "label")] for frame in frames]
    return [image for image, _ in pairs], [label for _, label in pairs]


def enhanced(network: BundleNetwork, given: Pictures, batch_size: int = 1) -> Pictures:
    return [one.astype(np.float64) for one in network.infer(given, [(0.0, 1.0)] * len(given), batch_size)]


def largest(these: Pictures, those: Pictures) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(these, those, strict=True))


def quality(these: Pictures, those: Pictures) -> float:
    pairs = zip(these, those, strict=True)
    return float(np.mean([psnr(torch.from_numpy(one), torch.from_numpy(other)).item() for one, other in pairs]))


def timed(network: BundleNetwork, given: Pictures, batch_size: int) -> float:
    clock = time.process_time if torch.get_num_threads() == 1 and network.device.type == "cpu" else time.perf_counter
    began = clock()
    network.infer(given, [(0.0, 1.0)] * len(given), batch_size)
    return clock() - began


def row(name: str, network: BundleNetwork, given: Pictures, clean: Pictures, exact: Pictures, tile: int) -> list[str]:
    """All of a way but its times."""
    made = enhanced(network, given)
    error = np.concatenate([np.abs(one - other).ravel() for one, other in zip(made, exact, strict=True)])
    most, usual = error.max(), np.quantile(error, 0.999)
    cells = ["", "", ""] if name == "float32" else [in_steps(most), in_steps(usual), f"{quality(made, exact):.1f} dB"]
    together = enhanced(network, [np.concatenate([given[0]] * 4)], 4)[0]
    network._inferer.tile_size = tile
    tiled = enhanced(network, given)
    network._inferer.tile_size = None
    changes = (largest([together[:1], together[3:]], [made[0]] * 2), largest(tiled, made))
    return [*cells, f"{quality(made, clean):.3f} dB", *(f"{change:.0e}" for change in changes)]


def in_steps(difference: float) -> str:
    return f"{difference:.1e} ({255 * difference:.2g} of 255)"


def table(args: argparse.Namespace, bundle: Path) -> None:
    settings = parse_settings(args.set)
    given, clean = images(bundle, args.images, settings)
    networks = {
        way: BundleNetwork.load(bundle, args.device, settings, None, *WAYS[way]) for way in ("float32", *args.ways)
    }
    for network in networks.values():
        network._inferer.tile_size = None
    exact = enhanced(networks["float32"], given)
    rows = {way: row(way, network, given, clean, exact, args.tile_size) for way, network in networks.items()}
    best = dict.fromkeys(networks, float("inf"))
    for _ in range(args.rounds):
        for way, network in networks.items():
            best[way] = min(best[way], timed(network, given, args.batch_size))
    sizes = " and ".join(sorted({"×".join(map(str, one.shape[2:])) for one in given}))
    print(f"\n{bundle.name}{''.join(' ' + one for one in args.set)}: {len(given)} images of {sizes}\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for way, cells in rows.items():
        share = [f"{1000 * best[way] / len(given):.0f}", f"{best[way] / best['float32']:.2f}"]
        print(f"| {' | '.join([way, *share, *cells])} |", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, nargs="+", default=[REPOSITORY / "bundles" / name for name in BUNDLES])
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="as enhance takes it")
    parser.add_argument("--ways", nargs="*", choices=[way for way in WAYS if way != "float32"], help="default: all")
    parser.add_argument("--images", type=int, default=4, help="of the test subset, evenly picked (4)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the shortest counts (5)")
    parser.add_argument("--batch-size", type=int, default=1, help="of what is timed (1)")
    parser.add_argument("--tile-size", type=int, default=96, help="of the tiles that are compared (96)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(argv)
    if args.ways is None:
        args.ways = [way for way in WAYS if way != "float32" and (way != "onnx" or args.device == "cpu")]
    try:
        for way in args.ways:
            check_execution(*WAYS[way], args.device)
        keep_freed_memory(1 << 30)  # as enhance does
        print(describe("torch", "monai", "onnxruntime", "numpy"))
        for bundle in args.bundle:
            table(args, bundle)
    except InputError as error:
        raise SystemExit(f"error: {error}") from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
