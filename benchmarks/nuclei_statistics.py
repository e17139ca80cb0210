# SPDX-License-Identifier: Apache-2.0
"""Statistics of the synthetic nuclei beside real ones in Lizard's layout, as a Markdown table.

    python benchmarks/nuclei_statistics.py --sample sample_data/lizard --real /path/to/lizard [--reduce 2]

Lizard is 0.5 µm a pixel; pictures of twice the magnification are averaged 2 x 2 first with `--reduce 2`. Each picture
gives one number a row of the table; the table shows mean ± standard deviation over pictures. Grey levels and colours
are 0 to 255. Bicubic PSNR is what `evaluate` of bundles/lizard_sr compares with: area down-sampling, enlarged again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from classical_methods import bicubic
from picture_statistics import Columns, Row, fine_noise, spectral_slope, table
from PIL import Image
from scipy import ndimage

from monai_gradprom.datasets.lizard import find_lizard
from monai_gradprom.transforms import DownsampleDegradation
from monai_gradprom.transforms.nuclei_reader import read_nuclei

HIGHEST = 4  # scale factor; pictures are cropped to a multiple of it


def bicubic_psnr(picture: np.ndarray, factor: int) -> float:
    clean = np.moveaxis(picture / 255, -1, 0)
    small = DownsampleDegradation(factor, "area")(torch.from_numpy(clean.astype(np.float32)))
    shown = bicubic(np.asarray(small, np.float64), factor)
    return float(-10 * np.log10(((shown - clean) ** 2).mean()))


def nuclei_row(picture: np.ndarray, nuclei: np.ndarray) -> Row:
    """Measure one picture, [H, W, 3], with the numbers of its nuclei, [H, W], 0 where there is none."""
    inside = nuclei > 0
    around = ~ndimage.binary_dilation(inside, iterations=2)
    grey = picture @ [0.299, 0.587, 0.114]
    sizes = np.unique(nuclei[inside], return_counts=True)[1]
    row = {f"bicubic PSNR x{factor} (dB)": bicubic_psnr(picture, factor) for factor in (2, HIGHEST)}
    row |= {"nuclei, share of the area (%)": 100 * inside.mean(), "area of a nucleus, median (px)": np.median(sizes)}
    row |= {"mean": grey.mean(), "standard deviation": grey.std()}
    for name, region in (("nuclei", inside), ("background", around)):
        means = picture[region].mean(axis=0)
        row |= {f"{colour} of {name}": value for colour, value in zip(("red", "green", "blue"), means, strict=True)}
        row[f"standard deviation of {name}"] = grey[region].std()
    row["contrast background - nuclei"] = grey[around].mean() - grey[inside].mean()
    return row | {"spectral slope": spectral_slope(grey), "fine noise": fine_noise(grey)}


def reduced(picture: np.ndarray, nuclei: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    h, w = (n // (k * HIGHEST) * (k * HIGHEST) for n in nuclei.shape)
    blocks = picture[:h, :w].reshape(h // k, k, w // k, k, 3).mean(axis=(1, 3))
    return np.round(blocks), nuclei[:h:k, :w:k]


def measure(root: Path, limit: int, reduce: int) -> Columns:
    """A column per source of info.csv."""
    layout = find_lizard(root)
    columns: Columns = {}
    names = sorted(layout.labels.keys() & layout.images.keys())
    for name in [names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(limit, len(names))).astype(int))]:
        picture = np.asarray(Image.open(layout.images[name]).convert("RGB"), np.float64)
        picture, nuclei = reduced(picture, read_nuclei(layout.labels[name])["inst_map"], reduce)
        if (nuclei > 0).any():
            columns.setdefault(layout.info.get(name, {}).get("Source", "unknown"), []).append(
                nuclei_row(picture, nuclei)
            )
    return columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, default=Path("sample_data/lizard"), help="folder of the phantoms")
    parser.add_argument("--real", type=Path, help="folder of real pictures in Lizard's layout")
    parser.add_argument("--reduce", type=int, default=1, help="average real pictures over so many pixels (default: 1)")
    parser.add_argument("--limit", type=int, default=60, help="pictures measured of each set (default: 60)")
    args = parser.parse_args()
    columns = {"phantoms": [row for rows in measure(args.sample, args.limit, 1).values() for row in rows]}
    if args.real:
        columns |= {f"real {name}": rows for name, rows in measure(args.real, args.limit, args.reduce).items()}
    print(table(columns))


if __name__ == "__main__":
    main()
