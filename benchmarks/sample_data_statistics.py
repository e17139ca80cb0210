# SPDX-License-Identifier: Apache-2.0
"""Statistics of the synthetic echocardiograms beside real CAMUS frames, as a Markdown table.

    python benchmarks/sample_data_statistics.py --sample sample_data/camus --real /path/to/camus

Without `--real` only the phantoms are measured. Real frames are averaged over blocks of whole pixels first, so that
both sets have about the same number of rows; then each frame gives one number a row of the table, and the table shows
mean ± standard deviation over frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from picture_statistics import table
from scipy import ndimage

ROWS = 212  # of a phantom; real frames are reduced by the whole factor that comes nearest
HALO = 5  # grey levels up to which lossy compression lit the surroundings of some real sectors
POLAR = (420, 300)  # range samples and beams of the grid on which correlation lengths are measured


def frames(root: Path, limit: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """ED and ES frames with their masks, [width, height], evenly picked."""
    paths = sorted(p for p in root.rglob("patient*_[24]CH_E[DS].nii.gz") if gt_path(p).is_file())
    picked = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, min(limit, len(paths))).astype(int))]
    return [(load(path), load(gt_path(path))) for path in picked]


def gt_path(path: Path) -> Path:
    return path.with_name(path.name.replace(".nii.gz", "_gt.nii.gz"))


def load(path: Path) -> np.ndarray:
    return np.squeeze(np.asarray(nib.Nifti1Image.from_filename(path).dataobj))


def reduce(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    k = max(1, round(image.shape[1] / ROWS))
    w, h = (n // k * k for n in image.shape)
    blocks = image[:w, :h].reshape(w // k, k, h // k, k).mean(axis=(1, 3))
    return blocks, mask[:w:k, :h:k]


def sector_of(image: np.ndarray) -> np.ndarray:
    """Pixels of the field of view: everything lit, with dark spots filled."""
    lit = ndimage.binary_closing(np.pad(image > HALO, 4), iterations=3)[4:-4, 4:-4]
    return ndimage.binary_opening(ndimage.binary_fill_holes(lit), iterations=2)


def to_polar(picture: np.ndarray, sector: np.ndarray, order: int) -> tuple[np.ndarray, float]:
    """Resample to [range, beam] about the sector's tip; also the angle between beams in degrees."""
    rows = np.flatnonzero(sector.any(axis=0))
    depth = rows[-1] - rows[0]
    # A third of the way down the edges are straight whatever clips the sector's corners or tip.
    edge = [np.flatnonzero(sector[:, rows[0] + round(depth * f)])[[0, -1]] for f in (0.2, 0.6)]
    slope = (np.diff(edge[1]) - np.diff(edge[0]))[0] / 2 / (0.4 * depth)
    tip = rows[0] + 0.2 * depth - np.diff(edge[0])[0] / 2 / slope
    half_angle = np.arctan(slope) * 0.97
    radius = np.linspace(0, rows[-1] - tip, POLAR[0])[:, None]
    angle = np.linspace(-half_angle, half_angle, POLAR[1])[None, :]
    place = np.stack([edge[0].mean() + radius * np.sin(angle), tip + radius * np.cos(angle)])
    return ndimage.map_coordinates(picture, place, order=order, mode="nearest"), np.rad2deg(2 * half_angle / POLAR[1])


def half_width(grey: np.ndarray, region: np.ndarray, axis: int) -> float:
    """Lag, in samples, at which the autocorrelation of the detrended grey levels inside a region falls to one half."""
    inside = region.astype(float)
    weight = ndimage.gaussian_filter(inside, 14)
    trend = ndimage.gaussian_filter(grey * inside, 14) / np.maximum(weight, 1e-6)
    rest, last = np.where(region, grey - trend, 0.0), 1.0
    for lag in range(1, 60):
        a, b = (np.take(rest, r, axis) for r in (range(lag, grey.shape[axis]), range(grey.shape[axis] - lag)))
        p, q = (np.take(inside, r, axis) for r in (range(lag, grey.shape[axis]), range(grey.shape[axis] - lag)))
        value = (a * b).sum() / np.sqrt(((a * q) ** 2).sum() * ((b * p) ** 2).sum() + 1e-12)
        if value < 0.5:
            return lag - (0.5 - value) / (last - value)
        last = value
    return float("nan")


def local_snr(grey: np.ndarray, region: np.ndarray) -> float:
    """Median over 9 x 9 windows inside a region of mean / standard deviation of the grey levels."""
    window = 9
    full = ndimage.minimum_filter(region.astype(np.uint8), window) > 0
    mean = ndimage.uniform_filter(grey, window)
    sd = np.sqrt(np.maximum(ndimage.uniform_filter(grey**2, window) - mean**2, 1e-6))
    return float(np.median((mean / sd)[full])) if full.any() else float("nan")


def measure(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    zeros = 100 * (image == 0).mean()
    image, mask = reduce(image.astype(float), mask)
    sector = sector_of(image)
    inside = image[sector]
    regions = {
        name: ndimage.binary_erosion(mask == value, iterations=n) & sector
        for name, value, n in (("LV cavity", 1, 5), ("myocardium", 2, 2), ("left atrium", 3, 4))
    }
    row = {"zeros, whole frame (%)": zeros, "zeros, inside the sector (%)": 100 * (inside == 0).mean()}
    row["mean inside the sector"] = inside.mean()
    row["standard deviation inside the sector"] = inside.std()
    for q in (5, 25, 50, 75, 95):
        row[f"quantile {q} %"] = np.percentile(inside, q)
    for name, region in regions.items():
        row[f"mean of {name}"] = image[region].mean() if region.any() else float("nan")
    for name in ("LV cavity", "myocardium"):
        row[f"standard deviation of {name}"] = image[regions[name]].std() if regions[name].any() else float("nan")
    row["contrast myocardium - LV cavity"] = row["mean of myocardium"] - row["mean of LV cavity"]
    spread = np.hypot(row["standard deviation of LV cavity"], row["standard deviation of myocardium"])
    row["contrast-to-noise ratio"] = row["contrast myocardium - LV cavity"] / spread
    grey, beam = to_polar(image, sector, order=1)
    for name in ("LV cavity", "myocardium"):
        row[f"grey-level speckle SNR, {name}"] = local_snr(image, regions[name])
        region = to_polar(regions[name].astype(np.uint8), sector, order=0)[0] > 0
        row[f"axial correlation, {name} (% of depth)"] = half_width(grey, region, 0) * 100 / POLAR[0]
        row[f"lateral correlation, {name} (degrees)"] = half_width(grey, region, 1) * beam
    return row


def picture(root: Path, path: Path) -> None:
    """Eight phantom frames, two of them with the outlines of their masks."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    nifti = root / "database_nifti"
    names = [f"patient{n:04d}_{v}_{p}" for n, v, p in PICTURED]
    figure, axes = plt.subplots(2, 4, figsize=(12, 5.6), facecolor="black")
    for i, (axis, name) in enumerate(zip(axes.flat, names, strict=True)):
        file = nifti / name[:11] / f"{name}.nii.gz"
        axis.imshow(load(file).T, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
        if i % 4 == 3:
            colors = ["#4fc3f7", "#81c784", "#ffb74d"]
            mask = load(gt_path(file))
            for value, color in enumerate(colors, start=1):
                axis.contour((mask == value).T, levels=[0.5], colors=color, linewidths=0.9)
        axis.set_title(name.replace("_", " "), color="white", fontsize=9)
        axis.axis("off")
    figure.tight_layout(pad=0.4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, facecolor="black")


PICTURED = [(2, "4CH", "ED"), (2, "4CH", "ES"), (1, "2CH", "ED"), (4, "4CH", "ED")]
PICTURED += [(7, "2CH", "ED"), (3, "4CH", "ED"), (10, "4CH", "ES"), (7, "2CH", "ES")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, default=Path("sample_data/camus"), help="folder of the phantoms")
    parser.add_argument("--real", type=Path, help="folder of the real CAMUS archive")
    parser.add_argument("--limit", type=int, default=96, help="frames measured of each set (default: 96)")
    parser.add_argument("--picture", type=Path, help="also write a picture of a few phantoms to this PNG")
    args = parser.parse_args()
    sets = {"phantoms": args.sample} | ({"real CAMUS": args.real} if args.real else {})
    columns = {name: [measure(*pair) for pair in frames(root, args.limit)] for name, root in sets.items()}
    print(table(columns, " frames", digits=2))
    if args.picture:
        picture(args.sample, args.picture)


if __name__ == "__main__":
    main()
