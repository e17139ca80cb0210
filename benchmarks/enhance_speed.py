# SPDX-License-Identifier: Apache-2.0
"""What `monai-gradprom enhance` takes beside the network itself: time and memory, as a Markdown table.

    python benchmarks/enhance_speed.py
    python benchmarks/enhance_speed.py --only network --bundle bundles/camus_denoise --copies 10 --repeats 3
    python benchmarks/enhance_speed.py --only rewrite --slices 5000 --cines 0
    python benchmarks/enhance_speed.py --only memory --many 50000

network: the whole command on a mixed folder, over BundleNetwork.infer on the very same frames, which lie in memory, in
    this process with as many threads.
rewrite: networks that do next to nothing on uncompressed DICOM, over plainly reading and re-writing the same files with
    pydicom in this process. Where nothing changes, what would be calculated with the change is left out; so there is
    also a network that changes every pixel.
memory: peaks of the main process and of the largest worker (without mapped files, which the system can take back) for
    few and many files, and for a cine that does not fit into --memory.
help: how long `monai-gradprom --help` takes.

Start-up is what the command takes for a folder with one file of 16 x 16 pixels. Of --repeats measurements the shortest
counts, which is the one that other programs disturbed least. The files, up to some gigabytes, are made by
enhance_folders.py in a temporary folder: TMPDIR says where.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pydicom
from enhance_folders import darkening_bundle, identity_bundle, long_cine, mixed_folder, plain_dicom_folder, tiny_folder
from measured_runs import MIB, REPOSITORY, Measured, Rows, best, cli, command, in_mib, print_table

from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance


def network(args: argparse.Namespace, folder: Path) -> Rows:
    mixed = mixed_folder(folder / "mixed", args.copies)
    start = best(args.repeats, lambda: command(args.workers, tiny_folder(folder / "one", 1), args.bundle))
    calls, infer = requests(mixed, args.bundle)
    frames = sum(len(units) for call in calls for units in call[0])
    whole = pure = None
    for _ in range(args.repeats):  # by turns, so that both meet the same machine
        now = replay(calls, infer)
        pure = now if pure is None or now.wall < pure.wall else pure
        now = command(args.workers, mixed, args.bundle)
        whole = now if whole is None or now.wall < whole.wall else whole
    assert whole is not None and pure is not None
    yield f"network alone, {frames} frames of {args.bundle.name}", f"{pure.wall:.1f} s"
    yield "start-up", f"{start.wall:.1f} s"
    yield "command / network, wall", f"{whole.wall / pure.wall:.2f}"
    yield "(command - start-up) / network, wall", f"{(whole.wall - start.wall) / pure.wall:.2f}"
    yield "(command - start-up) / network, CPU", f"{(whole.cpu - start.cpu) / pure.cpu:.2f}"


def requests(folder: Path, bundle: Path) -> tuple[list[tuple], Callable[..., Any]]:
    """What the network is asked for, and what answers it."""
    loaded = BundleNetwork.load(bundle)
    calls = []

    def note(units: Sequence[np.ndarray], windows: Any, batch_size: int) -> list[np.ndarray]:
        calls.append((list(units), list(windows), batch_size))
        return [np.zeros((*u.shape[:2], *(loaded.factor * side for side in u.shape[2:])), np.float32) for u in units]

    infer = loaded.infer
    with tempfile.TemporaryDirectory() as output, mock.patch.object(BundleNetwork, "load", return_value=loaded):
        loaded.infer = note  # type: ignore[method-assign, assignment]
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            run_enhance(Options(folder, Path(output), bundle, workers=0, any_modality=True))
    return calls, infer


def replay(calls: list[tuple], infer: Callable[..., Any]) -> Measured:
    wall, cpu = time.perf_counter(), time.process_time()
    for units, windows, batch_size in calls:
        infer(units, windows, batch_size)
    return Measured(time.perf_counter() - wall, time.process_time() - cpu, 0, 0)


def rewrite(args: argparse.Namespace, folder: Path) -> Rows:
    files = plain_dicom_folder(folder / "plain", args.slices, args.cines)
    count = args.slices + args.cines
    plain = best(args.repeats, lambda: pydicom_alone(files))
    yield f"pydicom alone, {args.slices} CT slices and {args.cines} cines", f"{1000 * plain.wall / count:.2f} ms a file"
    for name, bundle in (
        ("identity", identity_bundle(folder / "identity")),
        ("0.01 darker", darkening_bundle(folder / "darkening")),
    ):
        start = best(args.repeats, lambda b=bundle: command(args.workers, tiny_folder(folder / "one", 1), b))
        whole = best(args.repeats, lambda b=bundle: command(args.workers, files, b))
        after = Measured(whole.wall - start.wall, whole.cpu - start.cpu, 0, 0)
        yield f"{name}: (command - start-up) / pydicom, wall", f"{after.wall / plain.wall:.1f}"
        yield f"{name}: (command - start-up) / pydicom, CPU", f"{after.cpu / plain.cpu:.1f}"
        yield f"{name}: command / pydicom, wall", f"{whole.wall / plain.wall:.1f}"


def pydicom_alone(folder: Path) -> Measured:
    with tempfile.TemporaryDirectory() as output:
        wall, cpu = time.perf_counter(), time.process_time()
        for path in (path for path in folder.rglob("*") if path.is_file()):
            data = pydicom.dcmread(path)
            data.PixelData = data.pixel_array.tobytes()
            target = Path(output) / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            data.save_as(target)
        return Measured(time.perf_counter() - wall, time.process_time() - cpu, 0, 0)


def memory(args: argparse.Namespace, folder: Path) -> Rows:
    bundle = identity_bundle(folder / "unchanging")
    sizes = {"100 tiny files": tiny_folder(folder / "few", 100), f"{args.many} tiny files": None}
    for name in sizes:
        measured = command(args.workers, sizes[name] or tiny_folder(folder / "many", args.many), bundle)
        yield f"peak of main process, largest worker: {name}", in_mib(measured)
    for frames in (100, 500):
        cine, flags = long_cine(folder / f"cine{frames}", frames), ("--memory", "0.1")
        name = f"one cine of {frames} frames ({frames * 480 * 640 / MIB:.0f} MiB of pixels) under {' '.join(flags)}"
        yield f"peak of main process, largest worker: {name}", in_mib(command(args.workers, cine, bundle, *flags))


def help_(args: argparse.Namespace, folder: Path) -> Rows:
    def once() -> float:
        began = time.perf_counter()
        cli("--help").wait()
        return time.perf_counter() - began

    yield "monai-gradprom --help", f"{min(once() for _ in range(5)):.2f} s"


PARTS = {"help": help_, "network": network, "rewrite": rewrite, "memory": memory}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="default: all")
    parser.add_argument("--bundle", type=Path, default=REPOSITORY / "bundles" / "camus_denoise", help="of network")
    parser.add_argument("--copies", type=int, default=4, help="examinations in the mixed folder (4)")
    parser.add_argument("--slices", type=int, default=1000, help="CT slices of 512 x 512 to re-write (1000)")
    parser.add_argument("--cines", type=int, default=20, help="cines of 10 frames of 480 x 640 to re-write (20)")
    parser.add_argument("--many", type=int, default=10000, help="tiny files (10000)")
    parser.add_argument("--workers", type=int, help="of the command; default: its own")
    parser.add_argument("--repeats", type=int, default=2, help="measurements, of which the best counts (2)")
    args = parser.parse_args(argv)
    args.bundle = args.bundle.resolve()
    print_table(PARTS, args, "torch", "monai", "pydicom", "numpy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
