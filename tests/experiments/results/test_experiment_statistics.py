# SPDX-License-Identifier: Apache-2.0
"""Against SciPy, and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from monai_gradprom.experiments.results.statistics import mean_and_std, paired_difference


def table(values):
    return {seed: {f"image{i}": float(v) for i, v in enumerate(row)} for seed, row in enumerate(values)}


def test_mean_and_sample_standard_deviation():
    assert mean_and_std([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, np.sqrt(7 / 3)))  # squares 16/9, 1/9, 25/9; over 2
    assert mean_and_std([3.0]) == (3.0, None)


def test_over_seeds_it_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(30, 2, (4, 25)), rng.normal(29, 2, (4, 25))
    found = paired_difference(table(first), table(second))
    wanted = stats.ttest_rel(first.mean(axis=1), second.mean(axis=1)).confidence_interval(0.95)
    assert (found.seeds, found.images) == (4, 25)
    assert found.mean == pytest.approx((first - second).mean(), abs=1e-12)
    assert found.over_seeds == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_two_seeds_by_hand():
    found = paired_difference({0: 0.7, 1: 0.9}, {0: 0.6, 1: 0.5})
    # differences 0.1 and 0.4: mean 0.25, standard error 0.15, t of one degree of freedom tan(0.475 pi) = 12.706
    half = 0.15 * np.tan(0.475 * np.pi)
    assert found.over_seeds == pytest.approx((0.25 - half, 0.25 + half))
    assert (found.images, found.over_images) == (0, None)


def test_over_images_it_is_the_bootstrap():
    differences = [0.0, 1.0, 5.0]
    found = paired_difference(table([differences]), table([[0.0, 0.0, 0.0]]))
    # all 27 resamples of three images; their means' 2.5th and 97.5th percentiles
    means = sorted(np.mean(resample) for resample in itertools.product(differences, repeat=3))
    assert found.over_images == pytest.approx((means[0], means[-1]))  # 1/27 of them at either end is above 2.5 %
    assert found.over_seeds is None

    rng = np.random.default_rng(1)
    first, second = rng.normal(30, 2, 200), rng.normal(29.8, 2, 200)
    found = paired_difference(table([first]), table([second]))
    wanted = stats.bootstrap((first - second,), np.mean, method="percentile", n_resamples=20000, random_state=rng)
    interval = wanted.confidence_interval
    assert found.over_images == pytest.approx((interval.low, interval.high), abs=0.02)


def test_images_are_paired_and_averaged_over_seeds_first():
    # each image's differences cancel over the seeds: no other test set could change the mean
    found = paired_difference(table([[1.0, -2.0], [-1.0, 2.0]]), table([[0.0, 0.0], [0.0, 0.0]]))
    assert found.mean == 0 and found.over_images == (0.0, 0.0)
    # a large spread between images that both share does not widen the interval
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 10, 50)
    found = paired_difference(table([hard + 1]), table([hard]))
    assert found.over_images == pytest.approx((1.0, 1.0))


def test_only_what_both_have_counts():
    first = {0: {"a": 3.0, "b": 5.0}, 7: {"a": 9.0}}
    second = {0: {"b": 1.0, "c": 8.0}, 1: {"b": 0.0}}
    found = paired_difference(first, second)
    assert (found.mean, found.seeds, found.images) == (4.0, 1, 1)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None
    assert paired_difference({0: {"a": 1.0}}, {0: {"b": 1.0}}) is None
