# SPDX-License-Identifier: Apache-2.0
"""How many images go to which subset, and the checks that all writers of sample data share."""

from __future__ import annotations

from ..errors import InputError

__all__ = ["check_seed", "split_sizes"]


def split_sizes(images: int, validation: float, testing: float, least: int = 3) -> tuple[int, int, int]:
    """Sizes of the training, validation and testing subset; none is empty.

    Args:
        images: how many there are.
        validation: share of the validation subset.
        testing: share of the testing subset.
        least: the smallest number of images to accept, 3 or more.

    Raises:
        InputError: for fewer than `least` or more than 9999 images.
    """
    if not least <= images <= 9999:
        raise InputError(f"images is {images}; give {least} to 9999.")
    tests, checks = max(1, round(images * testing)), max(1, round(images * validation))
    return images - checks - tests, checks, tests


def check_seed(seed: int) -> None:
    """Raise InputError unless `seed` is 0 to 2³² - 1."""
    if not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed}; give a whole number from 0 to {2**32 - 1}.")
