# SPDX-License-Identifier: Apache-2.0
"""How far apart two sets of images are, by their features: no image needs a partner."""

from __future__ import annotations

import torch

from monai_gradprom.errors import InputError

__all__ = ["frechet_distance", "kernel_distance"]


def frechet_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """FID: the squared Fréchet distance between Gaussians fitted to two sets of features.

    ``|μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½)`` (Heusel et al., NeurIPS 2017), sample covariances. MONAI's ``FIDMetric``
    takes the root of a matrix that is singular where there are fewer images than features, as here as a rule; its
    trace is also the sum of the singular values of ``A Bᵀ``, A and B being the centred features, which is exact for
    any number. It is biased upwards, the more so the fewer images: compare only values of equally many.

    Args:
        a: [N, F], one row an image.
        b: [M, F].

    Returns:
        float64 scalar, 0 or more.

    Raises:
        InputError: a set has fewer than two images.
    """
    a, b = _checked(a, b)
    roots = [(features - features.mean(dim=0)) / (len(features) - 1) ** 0.5 for features in (a, b)]
    shared = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    spread = sum((root.square().sum() for root in roots), -2 * shared)
    return (a.mean(dim=0) - b.mean(dim=0)).square().sum() + spread.clamp(min=0)


def kernel_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """KID: the unbiased estimate of the squared maximum mean discrepancy (Bińkowski et al., ICLR 2018).

    With the cubic kernel ``k(x, y) = (x·y / F + 1)³``; pairs of an image with itself are left out. Its expectation does
    not depend on the number of images, and is 0 for two sets of one kind, so that single values may be below 0.

    Args:
        a: [N, F], one row an image.
        b: [M, F].

    Returns:
        float64 scalar.

    Raises:
        InputError: a set has fewer than two images.
    """
    a, b = _checked(a, b)

    def among(features: torch.Tensor) -> torch.Tensor:
        kernel, n = _cubic(features, features), len(features)
        return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))

    return among(a) + among(b) - 2 * _cubic(a, b).mean()


def _cubic(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _checked(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if min(len(a), len(b)) < 2:
        raise InputError(
            f"a distance between sets of {len(a)} and {len(b)} images says nothing: give two or more of each."
        )
    return a.double(), b.double()
