# SPDX-License-Identifier: Apache-2.0
"""Statistics of the synthetic skin lesions and chest slices beside real ones, as a Markdown table.

    python benchmarks/picture_statistics.py isic2018 --sample sample_data/isic2018 --real /path/to/isic2018
    python benchmarks/picture_statistics.py covidct --sample sample_data/covidct --real /path/to/covidct

Each image gives one number a row of the table; the table shows mean ± standard deviation over the images of a class.
Real photographs of skin are averaged down to 256 x 192 pixels first. Grey levels and colours are 0 to 255.
"""

from __future__ import annotations

import argparse
import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.segmentation import find_boundaries

from monai_gradprom.phantoms import covidct_name

Row = dict[str, float]
Columns = dict[str, list[Row]]


def spectral_slope(grey: np.ndarray) -> float:
    """Exponent of the power spectrum between 0.03 and 0.25 cycles a pixel, from the largest centred square."""
    n = min(grey.shape)
    top, left = (grey.shape[0] - n) // 2, (grey.shape[1] - n) // 2
    square = grey[top : top + n, left : left + n]
    window = np.outer(np.hanning(n), np.hanning(n))
    power = np.abs(np.fft.fft2((square - square.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n))
    edges = np.geomspace(0.03, 0.25, 9)
    bands = [power[(radius >= low) & (radius < high)].mean() for low, high in pairwise(edges)]
    return float(np.polyfit(np.log(np.sqrt(edges[:-1] * edges[1:])), np.log(bands), 1)[0])


def fine_noise(grey: np.ndarray) -> float:
    """Noise by Immerkaer's operator (1996), which fine structures raise as well."""
    kernel = np.outer([1, -2, 1], [1, -2, 1])
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(ndimage.convolve(grey, kernel)).mean())


def skin_row(picture: np.ndarray, mask: np.ndarray) -> Row | None:
    grey = picture @ [0.299, 0.587, 0.114]
    down, right = (np.linspace(-1, 1, n) for n in mask.shape)
    skin = ~ndimage.binary_dilation(mask, iterations=6) & (np.hypot(down[:, None], right) < 0.95)
    if not 0.005 < mask.mean() < 0.95 or skin.sum() < 100:
        return None
    row = {"lesion, share of the image (%)": 100 * mask.mean(), "mean": grey.mean(), "standard deviation": grey.std()}
    row |= {"spectral slope": spectral_slope(grey), "fine noise": fine_noise(grey)}
    for name, region in (("skin", skin), ("lesion", mask)):
        means = picture[region].mean(axis=0)
        row |= {f"{colour} of {name}": value for colour, value in zip(("red", "green", "blue"), means, strict=True)}
        row[f"standard deviation of {name}"] = grey[region].std()
    return row | {"contrast skin - lesion": grey[skin].mean() - grey[mask].mean()}


def isic2018(root: Path, limit: int, real: bool) -> Columns:
    with (root / "diagnosis.csv").open(newline="") as file:
        diagnoses = {row["image_id"]: row["diagnosis"] for row in csv.DictReader(file)}
    columns: Columns = {"MEL": [], "NV": [], "BKL": []}
    for name, rows in columns.items():
        paths = sorted((root / "ISIC2018_Task1-2_Training_Input").glob("*.jpg"))
        paths = [path for path in paths if diagnoses.get(path.stem) == name]
        for path in paths[:: max(1, len(paths) // limit)]:
            truth = root / "ISIC2018_Task1_Training_GroundTruth" / f"{path.stem}_segmentation.png"
            if not truth.is_file():
                continue
            picture, mask = Image.open(path).convert("RGB"), Image.open(truth).convert("L")
            if real:
                picture = picture.resize((256, 192), Image.Resampling.BOX)
                mask = mask.resize((256, 192), Image.Resampling.NEAREST)
            row = skin_row(np.asarray(picture, np.float64), np.asarray(mask) > 127)
            rows += [row] if row else []
    return columns


def covidct(root: Path, limit: int, real: bool) -> Columns:
    columns: Columns = {"COVID": [], "NonCOVID": []}
    for name, rows in columns.items():
        paths = sorted((root / "Images-processed" / f"CT_{name}").iterdir())
        for path in paths[:: max(1, len(paths) // limit)]:
            grey = np.asarray(Image.open(path).convert("RGB").convert("L"), np.float64)
            row = {"width": float(grey.shape[1]), "height": float(grey.shape[0])}
            row |= {"mean": grey.mean(), "standard deviation": grey.std()}
            row |= {f"quantile {q} %": float(np.percentile(grey, q)) for q in (5, 25, 50, 75, 95)}
            rows.append(row | {"spectral slope": spectral_slope(grey), "fine noise": fine_noise(grey)})
    return columns


def table(columns: Columns, unit: str = "", digits: int = 1) -> str:
    """Mean ± standard deviation of each row's finite numbers, as Markdown."""
    lines = ["| | " + " | ".join(f"{name} ({len(rows)}{unit})" for name, rows in columns.items()) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for key in next(iter(columns.values()))[0]:
        values = [np.array([row[key] for row in rows]) for rows in columns.values()]
        cells = [f"{np.nanmean(v):.{digits}f} ± {np.nanstd(v):.{digits}f}" for v in values]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def show(root: Path, names: list[str], path: Path) -> None:
    """Pictures of the phantoms in a row, every second lesion with the outline of its mask."""
    row = Image.new("RGB", (len(names) * 230, 184))
    for i, name in enumerate(names):
        picture = np.asarray(Image.open(root / name).convert("RGB")).copy()
        truth = root / "ISIC2018_Task1_Training_GroundTruth" / f"{Path(name).stem}_segmentation.png"
        if i % 2 and truth.is_file():
            picture[find_boundaries(np.asarray(Image.open(truth)) > 0, mode="inner")] = (79, 195, 247)
        row.paste(Image.fromarray(picture).resize((230, 184), Image.Resampling.LANCZOS), (i * 230, 0))
    row.save(path, quality=90)


SHOWN = {
    "isic2018": [f"ISIC2018_Task1-2_Training_Input/ISIC_{90_000 + n:07d}.jpg" for n in (42, 12, 31, 28, 8, 44)],
    "covidct": [
        f"Images-processed/CT_{'COVID' if n % 2 else 'NonCOVID'}/{covidct_name(n)}" for n in (5, 9, 21, 29, 4, 14)
    ],
}
SETS = {"isic2018": isic2018, "covidct": covidct}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=tuple(SETS), help="which layout")
    parser.add_argument("--sample", type=Path, help="folder of the phantoms (default: sample_data/SET)")
    parser.add_argument("--real", type=Path, help="folder of the real archive")
    parser.add_argument("--limit", type=int, default=150, help="about how many images of a class (default: 150)")
    parser.add_argument("--picture", type=Path, help="also write a picture of six phantoms to this file")
    args = parser.parse_args()
    measure = SETS[args.set]
    sample = args.sample or Path("sample_data") / args.set
    columns = measure(sample, args.limit, False)
    columns = {f"phantom {name}": rows for name, rows in columns.items()}
    if args.real:
        columns |= {f"real {name}": rows for name, rows in measure(args.real, args.limit, True).items()}
    print(table(columns))
    if args.picture:
        show(sample, SHOWN[args.set], args.picture)


if __name__ == "__main__":
    main()
