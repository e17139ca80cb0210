# SPDX-License-Identifier: Apache-2.0
"""How steady cines are before and after `monai-gradprom enhance`, as a Markdown table.

    python benchmarks/cine_flicker.py
    python benchmarks/cine_flicker.py --cines /data/exam --noise 0
    python benchmarks/cine_flicker.py --cines frame.nii.gz --still 8

--cines are files of two or more grey frames, or folders of such (default: the half sequences of the sample CAMUS
archive). Each is written to a temporary folder with white noise of --noise of the range in each frame, and enhanced by
the command itself, so that one map for the series and rounding are part of it. --still N makes a cine of N times a
file's first frame, of which all change is noise; its motion counts as none.

Figures are in steps of the stored values; of a region they hold for `image` (all that is not black in the file, in
any frame) and, where `*_gt` lies beside the file, for each label, which moves with the anatomy.

flicker: mean absolute change of the region's mean brightness from frame to frame; of the clean file, with noise, and
    enhanced. `added`: that of enhanced - noisy, which is what the enhancer does to the brightness; `offset`: the mean
    of enhanced - noisy.
warped: mean absolute difference of a frame and the next brought back along its motion, which is TV-L1 flow of the
    clean file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import islice
from pathlib import Path

import nibabel as nib
import numpy as np
from machine import describe
from measured_runs import REPOSITORY

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage, open_image
from monai_gradprom.metrics import brightness, flicker, motion, warped_change

SAMPLE = REPOSITORY / "sample_data" / "camus" / "database_nifti"
FLICKER, WARPED = ("flicker: clean", "noisy", "enhanced", "added"), ("warped: clean", "noisy", "enhanced")
HEAD = ("cine", "region", *FLICKER, "offset", *WARPED)
SEED = 0


def files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        yield from (one for one in found if "_gt" not in one.name)


def grey_frames(path: Path) -> np.ndarray | None:
    """[T, x, y]; None for what is no grey picture of 8 or 16 bits."""
    try:
        image = open_image(path)
    except (InputError, NotAnImage):
        return None
    flat = image.spatial_dims == 2 and image.channels == 1 and image.dtype.kind in "iu"
    return image.read(0, image.frames)[:, 0] if flat else None


def cines(args: argparse.Namespace) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """Name, frames, and labels of each frame."""
    given = files(args.cines) if args.cines else sorted(SAMPLE.rglob("*_half_sequence.nii.gz"))
    for path in given:
        frames = grey_frames(path)
        if frames is None or (len(frames) < 2 and not args.still):
            continue
        beside = path.with_name(path.name.replace(".nii", "_gt.nii"))
        labels = grey_frames(beside) if beside != path and beside.is_file() else None
        if args.still:
            frames = np.repeat(frames[:1], args.still, axis=0)
            labels = None if labels is None else np.repeat(labels[:1], args.still, axis=0)
        yield path.name.split(".")[0], frames, labels


def noisy(frames: np.ndarray, sigma: float) -> np.ndarray:
    if sigma == 0:
        return frames
    limits = np.iinfo(frames.dtype)
    noise = np.random.default_rng(SEED).normal(0, sigma * (int(limits.max) - int(limits.min)), frames.shape)
    return np.clip(np.rint(frames + noise), limits.min, limits.max).astype(frames.dtype)


def enhanced(frames: np.ndarray, bundle: Path) -> np.ndarray:
    """By the command, as one file."""
    with tempfile.TemporaryDirectory(prefix="cine-flicker-") as folder:
        source, result = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        nib.save(nib.Nifti1Image(np.moveaxis(frames, 0, -1), np.eye(4)), source / "cine.nii")
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = run_enhance(Options(source, result, bundle, workers=0, any_modality=True))
        made = None if code else grey_frames(result / "cine.nii")
        if made is None or made.shape != frames.shape:
            raise SystemExit(f"error: {bundle.name} does not enhance such a cine\n{said.getvalue()}")
        return made


def rows(frames: np.ndarray, labels: np.ndarray | None, args: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Region and its figures, as HEAD names them."""
    before = noisy(frames, args.noise)
    after = enhanced(before, args.bundle)
    flow = np.zeros((len(frames) - 1, 2, *frames.shape[1:])) if args.still else motion(frames)
    change = after.astype(float) - before
    regions: dict[str, np.ndarray] = {"image": np.asarray((frames > 0).any(axis=0))}
    if labels is not None:
        regions |= {f"label {one}": np.asarray(labels == one) for one in np.unique(labels[labels > 0])}
    for name, region in regions.items():
        steady = [flicker(one, region) for one in (frames, before, after, change)]
        warped = [warped_change(one, flow, region) for one in (frames, before, after)]
        yield name, np.array([*steady, brightness(change, region).mean(), *warped])


def show(cine: str, region: str, figures: np.ndarray) -> None:
    cells = [f"{one:+.2f}" if place == 4 else f"{one:.3f}" for place, one in enumerate(figures)]
    print(f"| {cine} | {region} | {' | '.join(cells)} |", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=REPOSITORY / "bundles" / "camus_denoise")
    parser.add_argument("--cines", type=Path, nargs="+", help="files or folders; default: the sample data")
    parser.add_argument("--noise", type=float, default=0.1, help="standard deviation, of the range (0.1); 0: none")
    parser.add_argument("--still", type=int, default=0, metavar="N", help="N times the first frame of each file")
    parser.add_argument("--limit", type=int, help="so many cines; default: all")
    args = parser.parse_args(argv)
    print(f"{describe('torch', 'monai', 'scikit-image', 'numpy')}; {args.bundle.name}, noise {args.noise:g}\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    found: dict[str, list[np.ndarray]] = {}
    for name, frames, labels in islice(cines(args), args.limit):
        for region, figures in rows(frames, labels, args):
            show(f"{name}, {len(frames)} frames", region, figures)
            found.setdefault(region, []).append(figures)
    for region, all_figures in found.items():
        show(f"mean of {len(all_figures)}", region, np.mean(all_figures, axis=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
