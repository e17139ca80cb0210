# SPDX-License-Identifier: Apache-2.0
"""SRResNet: the enhancer of GradProm and ESTR, in two and three dimensions."""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution, SubpixelUpsample
from torch import nn
from torch.nn import functional as F

from monai_gradprom.choices import check_boolean
from monai_gradprom.errors import InputError
from monai_gradprom.networks.remembered_switch import remember_switch
from monai_gradprom.networks.residual_block import ResidualBlock

__all__ = ["SRResNet"]

_PIXELWISE_NORMS = ("batch", "syncbatch")


class SRResNet(nn.Module):
    """Residual enhancer for denoising (``scale_factor=1``) and super-resolution (2 or 4).

    9×9 convolution and PReLU; ``num_blocks`` residual blocks; a 3×3 convolution closing the long skip; one sub-pixel
    step per doubling; 9×9 convolution; output ``(tanh + 1) / 2``. The defaults are the form of ESTR (Liu et al.,
    "Exploring simple and transferable recognition-aware image processing", 2019), in which PReLU follows the closing
    convolution. ``num_blocks=16, norm_after_body=True`` is the body of SRGAN's generator (Ledig et al., CVPR 2017,
    figure 4), in which batch normalisation follows it.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the degraded image.
        out_channels: channels of the enhanced image.
        channels: width of the body.
        num_blocks: residual blocks in the body.
        scale_factor: how much larger the output is: 1, 2 or 4.
        global_residual: add the network's output to the input (enlarged bicubically, or trilinearly in 3-D) instead of
            squashing it into [0, 1]; nothing is clamped, and an untrained network returns its (enlarged) input. Needs
            ``out_channels == in_channels``.
        norm: normalisation inside the blocks, as MONAI names it, or None. Only batch normalisation and None keep the
            receptive field finite.
        norm_after_body: normalise after the convolution that closes the long skip, instead of a PReLU.

    Attributes:
        receptive_radius: how far, in input pixels, an output pixel sees in evaluation mode; None when a normalisation
            makes it see the whole image. An output pixel belongs to the input pixel that it lies in.
        size_multiple: 1, any input size works.
        scale_factor: as given.

    Example:
        >>> SRResNet(num_blocks=2, channels=8, scale_factor=2)(torch.zeros(1, 1, 20, 31)).shape
        torch.Size([1, 1, 40, 62])
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        out_channels: int = 1,
        channels: int = 64,
        num_blocks: int = 5,
        scale_factor: int = 1,
        global_residual: bool = False,
        norm: str | tuple | list | None = "batch",
        norm_after_body: bool = False,
    ) -> None:
        super().__init__()
        check_boolean("SRResNet's norm_after_body", norm_after_body)
        _check(spatial_dims, in_channels, out_channels, scale_factor, global_residual)
        doublings = scale_factor.bit_length() - 1
        norm = tuple(norm) if isinstance(norm, list) else norm  # JSON has no tuples
        self.scale_factor = scale_factor
        self.global_residual = global_residual
        remember_switch(self, "global_residual")
        self.interpolation = "bicubic" if spatial_dims == 2 else "trilinear"
        self.size_multiple = 1
        # plain attributes, not properties: TorchScript keeps them
        self.receptive_radius = _receptive_radius(num_blocks, doublings) if _is_pixelwise(norm) else None

        self.head = Convolution(spatial_dims, in_channels, channels, kernel_size=9, norm=None, act="prelu")
        self.body = nn.Sequential(*(ResidualBlock(spatial_dims, channels, norm) for _ in range(num_blocks)))
        after = {"norm": norm, "act": None} if norm_after_body else {"norm": None, "act": "prelu"}
        self.body_end = Convolution(spatial_dims, channels, channels, **after)
        self.upsample = nn.Sequential(*(_doubling(spatial_dims, channels) for _ in range(doublings)))
        self.tail = Convolution(spatial_dims, channels, out_channels, kernel_size=9, conv_only=True)
        if global_residual:
            # begin as the identity: a random residual would first have to be unlearnt
            for parameter in self.tail.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enhance a batch.

        Args:
            x: [B, in_channels, *spatial], intensities in [0, 1].

        Returns:
            [B, out_channels, *(scale_factor * spatial)]; within [0, 1] unless ``global_residual``.
        """
        features = self.head(x)
        features = self.upsample(features + self.body_end(self.body(features)))
        out = self.tail(features)
        if self.global_residual:
            return out + self._enlarge(x)
        return (torch.tanh(out) + 1) / 2

    def _enlarge(self, x: torch.Tensor) -> torch.Tensor:
        if self.scale_factor == 1:
            return x
        return F.interpolate(x, scale_factor=float(self.scale_factor), mode=self.interpolation, align_corners=False)


def _doubling(spatial_dims: int, channels: int) -> nn.Sequential:
    subpixel = SubpixelUpsample(spatial_dims, channels, channels, scale_factor=2, apply_pad_pool=False)
    return nn.Sequential(subpixel, nn.PReLU())


def _is_pixelwise(norm: str | tuple | None) -> bool:
    name = norm[0] if isinstance(norm, tuple) else norm
    return name is None or name.lower() in _PIXELWISE_NORMS


def _receptive_radius(num_blocks: int, doublings: int) -> int:
    """Input pixels reached beyond its own by the output pixel that reaches furthest.

    Walks back from each output pixel of one input pixel: the final 9×9 convolution reaches 4 pixels to either side,
    a doubling maps pixel p to p // 2 and its 3×3 convolution then reaches 1; the rest works at the input's resolution.
    """
    scale = 2**doublings
    spans = [(pixel - 4, pixel + 4) for pixel in range(scale)]
    for _ in range(doublings):
        spans = [(low // 2 - 1, high // 2 + 1) for low, high in spans]
    tail = max(max(-low, high) for low, high in spans)
    return 4 + 2 * num_blocks + 1 + tail


def _check(spatial_dims: int, in_channels: int, out_channels: int, scale_factor: int, global_residual: bool) -> None:
    if spatial_dims not in (2, 3):
        raise InputError(f"SRResNet's spatial_dims is {spatial_dims!r}; use 2 or 3.")
    if scale_factor not in (1, 2, 4):
        raise InputError(f"SRResNet's scale_factor is {scale_factor!r}; use 1 (same size), 2 or 4.")
    if check_boolean("SRResNet's global_residual", global_residual) and in_channels != out_channels:
        raise InputError(
            f"SRResNet's global_residual adds the input to the output, but in_channels is {in_channels} and "
            f"out_channels is {out_channels}; make them equal or switch global_residual off."
        )
