# SPDX-License-Identifier: Apache-2.0
"""Means, spreads, and confidence intervals of paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["Difference", "mean_and_std", "paired_difference"]

_RESAMPLES = 10_000
_AT_ONCE = 500


@dataclass(frozen=True)
class Difference:
    """A mean difference with two intervals.

    Args:
        mean: of the differences, first over images, then over seeds.
        seeds: how many seeds both have.
        images: how many images both have under all these seeds; 0 for a metric of the whole set, such as mIoU.
        over_seeds: confidence interval of the mean over seeds by Student's t: how far another training may be off. None
            for a single seed.
        over_images: confidence interval by the bootstrap over images, seeds held fixed: how far another test set of
            this size may be off. None where images have no values of their own.
    """

    mean: float
    seeds: int
    images: int
    over_seeds: tuple[float, float] | None
    over_images: tuple[float, float] | None


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter of a single value."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None


def paired_difference(
    first: Mapping[int, Mapping[str, float] | float],
    second: Mapping[int, Mapping[str, float] | float],
    confidence: float = 0.95,
) -> Difference | None:
    """``first`` minus ``second`` over the seeds and images that both have.

    The interval over seeds is that of a paired t-test on the seeds' mean differences. The interval over images
    resamples images with replacement (10,000 times, percentiles, fixed seed); an image's difference is its mean over
    seeds.

    Args:
        first: seed → image → value, or seed → one value for the whole set.
        second: the same of the other.
        confidence: of both intervals.

    Returns:
        None where they have no seed, or no image, in common.
    """
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    pairs = [(first[seed], second[seed]) for seed in seeds]
    whole = [a - b for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
    if len(whole) == len(pairs):
        return Difference(float(np.mean(whole)), len(seeds), 0, _over_seeds(np.array(whole), confidence), None)
    tables = [(a, b) for a, b in pairs if isinstance(a, Mapping) and isinstance(b, Mapping)]
    images = sorted(set.intersection(*(set(a) & set(b) for a, b in tables)))
    if not images:
        return None
    differences = np.array([[a[image] - b[image] for image in images] for a, b in tables], dtype=np.float64)
    return Difference(
        float(differences.mean()),
        len(seeds),
        len(images),
        _over_seeds(differences.mean(axis=1), confidence),
        _over_images(differences.mean(axis=0), confidence),
    )


def _over_seeds(means: np.ndarray, confidence: float) -> tuple[float, float] | None:
    if len(means) < 2:
        return None
    half = stats.sem(means) * stats.t.ppf((1 + confidence) / 2, len(means) - 1)
    return float(means.mean() - half), float(means.mean() + half)


def _over_images(differences: np.ndarray, confidence: float) -> tuple[float, float] | None:
    count = len(differences)
    if count < 2:
        return None
    random = np.random.default_rng(0)
    means = [
        random.choice(differences, size=(min(_AT_ONCE, _RESAMPLES - done), count)).mean(axis=1)
        for done in range(0, _RESAMPLES, _AT_ONCE)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
