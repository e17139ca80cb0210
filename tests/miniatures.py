# SPDX-License-Identifier: Apache-2.0
"""Miniature archives in the four official layouts: two or three images for each subset."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import scipy.io
from PIL import Image

CFG = "ED: 1\nES: 2\nNbFrame: 2\nSex: F\nAge: 56\nImageQuality: {}\nEF: 54\nFrameRate: 46.5\n"
SPACING = np.diag([0.4, 0.3, 1.0, 1.0])
LEVELS = np.array([[90, 60, 70], [30, 80, 140], [160, 120, 60]])


def blob(rng, shape=(48, 40), channels=1):
    """An 8-bit picture with a dark surround, a cavity (1) and a wall (2), and its mask."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    radius = np.hypot(x, y)
    mask = np.select([radius < 0.35, radius < 0.6], [1, 2], 0).astype(np.uint8)
    level = LEVELS[mask][..., :channels] * (radius < 0.95)[..., None]
    image = np.clip(level * rng.uniform(0.6, 1.4, (*shape, 1)), 0, 255).astype(np.uint8)
    return (image if channels > 1 else image[..., 0]), mask


def save_nifti(path, array, affine=SPACING):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def save_picture(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def write_camus(root):
    """Three patients, one for each subset, in the layout of the NIfTI release."""
    rng = np.random.default_rng(0)
    for number, subset in enumerate(("training", "validation", "testing"), 1):
        name = f"patient{number:04d}"
        for view in ("2CH", "4CH"):
            for phase in ("ED", "ES"):
                stem = root / "database_nifti" / name / f"{name}_{view}_{phase}"
                for suffix, array in zip((".nii.gz", "_gt.nii.gz"), blob(rng), strict=True):
                    save_nifti(Path(f"{stem}{suffix}"), array)
            (stem.parent / f"Info_{view}.cfg").write_text(CFG.format("Good"))
        (root / "database_split").mkdir(exist_ok=True)
        (root / "database_split" / f"subgroup_{subset}.txt").write_text(f"{name}\n")
    return root


def write_camus_unpaired(root):
    """Two patients for each subset, one of them at half the brightness and graded poor."""
    rng = np.random.default_rng(4)
    for number, subset in enumerate(("training", "validation", "testing")):
        names = [f"patient{2 * number + side:04d}" for side in (1, 2)]
        for name, quality in zip(names, ("Poor", "Good"), strict=True):
            for phase in ("ED", "ES"):
                stem = root / "database_nifti" / name / f"{name}_2CH_{phase}"
                image, mask = blob(rng)
                save_nifti(Path(f"{stem}.nii.gz"), image // 2 if quality == "Poor" else image)
                save_nifti(Path(f"{stem}_gt.nii.gz"), mask)
            (stem.parent / "Info_2CH.cfg").write_text(CFG.format(quality))
        (root / "database_split").mkdir(exist_ok=True)
        (root / "database_split" / f"subgroup_{subset}.txt").write_text("\n".join(names) + "\n")
    return root


def write_isic2018(root):
    """Four images for training and two for each other subset, with masks and a table of diagnoses."""
    rng = np.random.default_rng(1)
    rows = []
    for number, subset in enumerate(["train"] * 4 + ["val"] * 2 + ["test"] * 2):
        name = f"ISIC_{number:07d}"
        image, mask = blob(rng, channels=3)
        save_picture(root / "ISIC2018_Task1-2_Training_Input" / f"{name}.jpg", image, quality=95)
        folder = root / "ISIC2018_Task1_Training_GroundTruth"
        save_picture(folder / f"{name}_segmentation.png", np.uint8(mask > 0) * 255)
        rows.append({"image_id": name, "diagnosis": ("MEL", "NV", "BKL")[number % 3], "split": subset})
    with (root / "diagnosis.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


def write_covidct(root):
    """Two slices of each class for training and one for each other subset, grey stored as L, RGB and RGBA."""
    rng = np.random.default_rng(2)
    for kind, folder in (("COVID", "CT_COVID"), ("NonCOVID", "CT_NonCOVID")):
        lists = {"train": [0, 1], "val": [2], "test": [3]}
        for subset, numbers in lists.items():
            names = [f"{kind} p{n}-63%{n}.png" for n in numbers]
            for n, name in zip(numbers, names, strict=True):
                image, _ = blob(rng, (40, 50))
                colour = Image.fromarray(image).convert(("L", "RGB", "RGBA", "L")[n])
                save_picture(root / "Images-processed" / folder / name, np.asarray(colour))
            text = root / "Data-split" / kind / f"{subset}CT_{kind}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("\n".join(names) + "\n")
    return root


def write_lizard(root):
    """Eight images in the three folds, with nuclei of two classes."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(8):
        name = f"phantom_{number}"
        image, mask = blob(rng, (46, 54), channels=3)
        save_picture(root / f"lizard_images{number % 2 + 1}" / f"Lizard_Images{number % 2 + 1}" / f"{name}.png", image)
        classes = np.array([[2 + number % 2], [6]])
        labels = root / "lizard_labels" / "Lizard_Labels" / "Labels"
        labels.mkdir(parents=True, exist_ok=True)
        content = {"inst_map": mask.astype(np.int32), "id": np.array([[1], [2]]), "class": classes[::-1]}
        scipy.io.savemat(labels / f"{name}.mat", content | {"bbox": np.zeros((2, 4)), "centroid": np.zeros((2, 2))})
        rows.append({"Filename": name, "Source": "phantom", "Split": 3 if number > 5 else 1 + number % 2})
    with (root / "lizard_labels" / "Lizard_Labels" / "info.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


WRITERS = {
    "camus_denoise": write_camus,
    "camus_unpaired": write_camus_unpaired,
    "isic2018_denoise": write_isic2018,
    "isic2018_perceptual": write_isic2018,
    "covidct_denoise": write_covidct,
    "lizard_sr": write_lizard,
}
