# SPDX-License-Identifier: Apache-2.0
"""Contrast and speckle measures of B-mode ultrasound, which need no clean image."""

from __future__ import annotations

import torch
from monai.utils import convert_to_tensor

from monai_gradprom.metrics.region import region_mean

__all__ = ["contrast_to_noise", "generalized_contrast", "speckle_snr"]


def contrast_to_noise(img: torch.Tensor, region_a: torch.Tensor, region_b: torch.Tensor) -> torch.Tensor:
    """Contrast-to-noise ratio of two regions, ``|μa - μb| / sqrt(σa² + σb²)``.

    Patterson and Foster, "The improvement and quantitative assessment of B-mode images produced by an annular
    array/cone hybrid", Ultrasonic Imaging 5(3), 1983. Any change of the grey scale changes it, without any structure
    becoming easier to see (Rodriguez-Molares et al., "The generalized contrast-to-noise ratio", IEEE Trans. UFFC 67(4),
    2020): compare only images in the same scale.

    Args:
        img: [B, C, *spatial].
        region_a: where it is not zero lies the first region, [B, 1, *spatial] (blood, say).
        region_b: the second region (myocardium, say).

    Returns:
        float64 [B], without unit, population variances; nan when a region is empty, inf between two flat regions of
        different brightness.
    """
    mean_a, variance_a = _moments(img, region_a)
    mean_b, variance_b = _moments(img, region_b)
    return (mean_a - mean_b).abs() / (variance_a + variance_b).sqrt()


def generalized_contrast(img: torch.Tensor, region_a: torch.Tensor, region_b: torch.Tensor) -> torch.Tensor:
    """Generalized contrast-to-noise ratio (gCNR): how well one grey level would tell two regions apart.

    One less the overlap of their histograms (Rodriguez-Molares et al., IEEE Trans. UFFC 67(4), 2020, equation 18). The
    bins hold equally many pixels of both regions together, 64 of them, so that no change of the grey scale that keeps
    the order of grey levels changes it.

    Args:
        img: [B, C, *spatial].
        region_a: where it is not zero lies the first region, [B, 1, *spatial].
        region_b: the second region.

    Returns:
        float64 [B], 0 for equal histograms to 1 for disjoint ones; nan when a region is empty.
    """
    values = convert_to_tensor(img, dtype=torch.float64, track_meta=False)
    regions = (convert_to_tensor(region, track_meta=False) != 0 for region in (region_a, region_b))
    inside = (region.expand_as(values) for region in regions)
    return torch.stack([1 - _overlap(v[a], v[b]) for v, a, b in zip(values, *inside, strict=True)])


def _overlap(a: torch.Tensor, b: torch.Tensor, bins: int = 64) -> torch.Tensor:
    """Of the histograms of two samples, over bins of equally many of their values."""
    if not (len(a) and len(b)):
        return a.new_tensor(torch.nan)
    both = torch.cat([a, b]).sort().values
    edges = both[torch.arange(1, bins, device=both.device) * len(both) // bins]
    shares = [torch.bincount(torch.bucketize(v, edges, right=True), minlength=bins) / len(v) for v in (a, b)]
    return torch.minimum(*shares).sum().double()


def speckle_snr(img: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    """Signal-to-noise ratio of speckle, ``μ / σ``, in a region of uniform tissue.

    Fully developed speckle has a Rayleigh-distributed envelope and the ratio sqrt(π / (4 - π)) = 1.91 (Burckhardt,
    "Speckle in ultrasound B-mode scans", IEEE Trans. Sonics and Ultrasonics 25(1), 1978); smoothing raises it. The 1.91
    holds for the envelope, not for the log-compressed image that scanners store.

    Args:
        img: [B, C, *spatial].
        region: where it is not zero, pixels count, [B, 1, *spatial].

    Returns:
        float64 [B], without unit, population standard deviation; nan when the region is empty, inf when it is flat.
    """
    mean, variance = _moments(img, region)
    return mean / variance.sqrt()


def _moments(img: torch.Tensor, region: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and population variance of each image in the region, float64 [B]."""
    values = convert_to_tensor(img, dtype=torch.float64, track_meta=False)
    inside = convert_to_tensor(region, track_meta=False)
    mean = region_mean(values, inside)
    deviation = values - mean.view(-1, *[1] * (values.ndim - 1))
    return mean, region_mean(deviation.square(), inside)
