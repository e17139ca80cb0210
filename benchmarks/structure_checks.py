# SPDX-License-Identifier: Apache-2.0
"""What the checks for made-up and lost structures say of changes whose nature is known, as a Markdown table.

    python benchmarks/structure_checks.py
    python benchmarks/structure_checks.py --camus /data/camus --split paper --frames 8

Each frame (of CAMUS's layout, evenly picked from the testing patients; default: the sample data of camus_unpaired) is
changed in ways that keep what is seen, and in ways that do not: a disc whose radius is 5 % of the diagonal is painted
over a place within the sector, 30 % of the range brighter than a dark ground or darker than a bright one. Edges are
those of monai_gradprom.metrics.edges, within the sector.

new, lost: mean share of edges; `found`: share of the frames whose value is above the highest of all changes that keep
    what is seen (gamma, contrast, both smoothings).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from machine import describe
from measured_runs import REPOSITORY
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.restoration import denoise_nl_means

from monai_gradprom.datasets import camus_datalist
from monai_gradprom.metrics import lost_edges, new_edges, structure_similarity
from monai_gradprom.transforms import LoadClinicalImage, ScaleStoredRange, sector_mask

KEPT = ("gamma 0.6", "contrast 0.5", "smoothed, σ 1 pixel", "non-local means")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camus", type=Path, default=REPOSITORY / "sample_data" / "camus_unpaired")
    parser.add_argument("--split", default="official")
    parser.add_argument("--frames", type=int, default=8)
    args = parser.parse_args()
    items = camus_datalist(args.camus, "testing", args.split)
    picked = [items[i]["image"] for i in np.linspace(0, len(items) - 1, min(args.frames, len(items))).astype(int)]
    values: dict[str, list[list[float]]] = {}
    for number, path in enumerate(picked):
        frame = ScaleStoredRange()(LoadClinicalImage(channels=1)(path))[0].numpy().astype(np.float64)
        inside = np.asarray(sector_mask(frame[None])).reshape(frame.shape).astype(bool)
        for name, before, after in versions(frame, inside, np.random.default_rng(number)):
            pair = [torch.from_numpy(image)[None, None] for image in (after, before, inside)]
            measured = [float(measure(*pair)) for measure in (new_edges, lost_edges, structure_similarity)]
            values.setdefault(name, []).append(measured)
    highest = np.max([row for name in KEPT for row in values[name]], axis=0)
    print(f"{len(picked)} frames of {args.camus.name}; {describe('scipy', 'scikit-image')}\n")
    print("| change | new edges (%) | found | lost edges (%) | found | structure |\n|---|---|---|---|---|---|")
    for name, rows in values.items():
        new, lost, structure = np.mean(rows, axis=0)
        found = ["–"] * 2 if name in KEPT else [f"{np.mean(np.array(rows)[:, i] > highest[i]):.0%}" for i in (0, 1)]
        print(f"| {name} | {100 * new:.2f} | {found[0]} | {100 * lost:.2f} | {found[1]} | {structure:.3f} |")


def versions(
    frame: np.ndarray, inside: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """What was done, the image before, and after."""
    smooth = np.where(inside, gaussian_filter(frame, 1.0), frame)
    still = denoise_nl_means(frame, patch_size=5, patch_distance=6, h=0.1, fast_mode=True)
    noisy = np.clip(frame + rng.normal(0, 0.1, frame.shape), 0, 1)
    yield "gamma 0.6", frame, frame**0.6
    yield "contrast 0.5", frame, 0.25 + 0.5 * frame
    yield "smoothed, σ 1 pixel", frame, smooth
    yield "non-local means", frame, still
    yield "noise, σ 0.1", frame, noisy
    yield "noise, σ 0.1, taken away again", noisy, frame
    disc = _disc(inside, rng)
    ground = frame[disc].mean()
    painted = np.where(disc, np.clip(frame + (0.3 if ground < 0.4 else -0.3), 0, 1), frame)
    yield "disc painted in", frame, painted
    yield "disc painted in, on the smoothed frame", frame, np.where(disc, painted, still)
    yield "disc taken out", painted, frame
    yield "disc painted in, gamma 0.6", frame, painted**0.6


def _disc(inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A disc anywhere that lies wholly inside."""
    radius = 0.05 * np.hypot(*inside.shape)
    x, y = np.indices(inside.shape)
    # what lies beyond the image is not inside
    distance = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    centre = rng.choice(np.argwhere(distance > radius))
    return np.asarray(np.hypot(x - centre[0], y - centre[1]) < radius)


if __name__ == "__main__":
    main()
