# SPDX-License-Identifier: Apache-2.0
"""HQGNet: an enhancer that is guided by high-quality images, in two and three dimensions."""

from __future__ import annotations

from typing import Any, Optional

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets import ResNet
from monai.networks.nets.resnet import ResNetFeatures
from torch import nn

from monai_gradprom.choices import check_boolean, check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.networks.guidance_encoder import GuidanceBank, GuidanceEncoder
from monai_gradprom.networks.guided_decoder import GuidedBlock
from monai_gradprom.networks.padding import crop_padding, repeat_to_multiple
from monai_gradprom.networks.remembered_switch import remember_switch
from monai_gradprom.networks.resnet_encoder import RESNETS, resnet_options
from monai_gradprom.networks.variational_cue import VariationalCue, gaussian_divergence

__all__ = ["HQGNet"]

_EXPANSION = {"basic": 1, "bottleneck": 4}
_DECODER = (8, 4, 2, 1, 1)  # in base widths: the bottom and four blocks


class _Encoder(ResNetFeatures):
    """MONAI's ResNet in torchvision's form, without its max-pool: features at 1/2, 1/2, 1/4, 1/8 and 1/16."""

    def __init__(self, name: str, spatial_dims: int, in_channels: int, width: int) -> None:
        options = resnet_options(name, spatial_dims, in_channels)
        # ResNetFeatures's own constructor knows neither width nor max-pool; only its forward is wanted
        ResNet.__init__(self, **options, widen_factor=width / 64, no_max_pool=True, feed_forward=False)


class HQGNet(nn.Module):
    """Encoder-decoder whose normalisation is steered by a cue from high-quality images, without any pair.

    He et al., "HQG-Net: Unpaired Medical Image Enhancement with High-Quality Guidance", 2023. A ResNet without
    max-pool reads the image; a small encoder reads the guide. The guide's vector v_z and the image's vector v_y give a
    Gaussian over the cue z (:class:`~monai_gradprom.networks.variational_cue.VariationalCue`), and z the affine
    parameters of the decoder's normalisations (:class:`~monai_gradprom.networks.guided_norm.GuidedNorm`): the
    variational normalisation module. Four blocks double the resolution, each with the encoder's features beside it; a
    1×1 convolution and a sigmoid make the image.

    - Training mode with a guide: z is sampled, and ``divergence`` holds KL(q(z | guide, image) ‖ N(0, 1)).
    - Evaluation mode with a guide: z is the mean.
    - Without a guide, in any mode: deterministic. ``cue="bank"`` takes the mean of the last guidance vectors that
      training has seen, which the state dict keeps, in the guide's place, and the prior's mean, z = 0, while there is
      none; ``cue="prior"`` always takes z = 0. The bank is the default because the decoder was trained where the guides
      are: z = 0 lies there only as far as the divergence's weight has pulled them.

    Where the paper's text leaves the form open, the simplest was taken: the guidance encoder (four convolutions), heads
    of one linear layer, the prior N(0, 1), the encoder's features added at the entry of each decoder block.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the low-quality image and of the guide.
        out_channels: channels of the enhanced image.
        encoder: resnet18, resnet34, resnet50 (the paper's) or resnet101.
        width: base width of encoder and decoder, 64 in the paper; ImageNet weights fit 64 only, through
            ``load_imagenet_resnet(network.encoder, file)``.
        guide_channels: length of v_z.
        image_channels: length of v_y.
        cue_channels: length of z.
        bank_size: how many guidance vectors are kept.
        cue: "bank" or "prior", see above.
        global_residual: instead of making the image anew, change the log-odds of its intensities:
            ``sigmoid(logit(x) + out)``. The last convolution starts at zero, so that an untrained network returns its
            input, within 0.001. Needs ``out_channels == in_channels``.

    Attributes:
        receptive_radius: None: an output pixel sees the whole image.
        size_multiple: 16. Other sizes work: the image's border is repeated, half before and half after, and cropped
            off.
        divergence: see above; a scalar with its graph, None before the first guided pass of training.

    Raises:
        InputError: an argument does not fit.

    Example:
        >>> HQGNet(width=4).eval()(torch.zeros(1, 1, 21, 30)).shape
        torch.Size([1, 1, 21, 30])
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        out_channels: int = 1,
        encoder: str = "resnet18",
        width: int = 64,
        guide_channels: int = 64,
        image_channels: int = 16,
        cue_channels: int = 64,
        bank_size: int = 64,
        cue: str = "bank",
        global_residual: bool = False,
    ) -> None:
        super().__init__()
        counts = {"width": width, "guide_channels": guide_channels, "image_channels": image_channels}
        _check(spatial_dims, encoder, cue, counts | {"cue_channels": cue_channels, "bank_size": bank_size})
        if check_boolean("HQGNet's global_residual", global_residual) and in_channels != out_channels:
            raise InputError(
                f"HQGNet's global_residual changes the image itself, but in_channels is {in_channels} and "
                f"out_channels {out_channels}; make them equal or switch global_residual off."
            )
        # plain attributes, not properties: TorchScript keeps them
        self.receptive_radius = None
        self.size_multiple = 16
        self.global_residual = global_residual
        remember_switch(self, "global_residual")
        self.black = 1e-3  # whose log-odds are finite; a quarter of a grey level of 8 bits
        self.from_bank = cue == "bank"
        self.divergence: Any = None

        expansion = _EXPANSION[RESNETS[encoder][0]]
        deepest = 8 * expansion * width
        beside = [4 * expansion * width, 2 * expansion * width, expansion * width, width]
        widths = [factor * width for factor in _DECODER]
        self.encoder = _Encoder(encoder, spatial_dims, in_channels, width)
        self.full_size = Convolution(spatial_dims, in_channels, width, conv_only=True)
        self.guidance = GuidanceEncoder(spatial_dims, in_channels, width, guide_channels)
        self.bank = GuidanceBank(bank_size, guide_channels)
        self.image_vector = nn.Linear(deepest, image_channels)
        self.cue = VariationalCue(guide_channels, image_channels, cue_channels)
        self.bottom = Convolution(spatial_dims, deepest, widths[0], kernel_size=1, conv_only=True)
        self.decoders = nn.ModuleList(
            GuidedBlock(spatial_dims, below, skip, here, cue_channels)
            for below, skip, here in zip(widths[:-1], beside, widths[1:], strict=True)
        )
        self.tail = Convolution(spatial_dims, widths[-1], out_channels, kernel_size=1, conv_only=True)
        if global_residual:
            for parameter in self.tail.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor, guide: Optional[torch.Tensor] = None) -> torch.Tensor:  # noqa: UP045
        """Enhance a batch.

        Args:
            x: [B, in_channels, *spatial], intensities in [0, 1], any size.
            guide: [B, in_channels, *other spatial] in [0, 1], any size, a high-quality image for each; or None.

        Returns:
            [B, out_channels, *spatial], within [0, 1].
        """
        padded, widths = repeat_to_multiple(x, self.size_multiple)
        skips = self.encoder(2 * padded - 1)
        features = skips.pop()
        cue = self._cue(self.image_vector(features.flatten(2).mean(dim=2)), guide)
        features = self.bottom(features)
        # the first stage's features are at the stem's resolution and go on from them; the stem's place is full size's
        skips[0] = self.full_size(2 * padded - 1)
        for decoder in self.decoders:
            features = decoder(features, skips.pop(), cue)
        out = self.tail(features)
        if self.global_residual:
            out = out + torch.logit(padded.clamp(self.black, 1 - self.black))
        return crop_padding(torch.sigmoid(out), widths)

    def _cue(self, image: torch.Tensor, guide: Optional[torch.Tensor]) -> torch.Tensor:  # noqa: UP045
        """The cue z of a batch, from the images' vectors v_y and their guides."""
        if guide is None:
            mean, _ = self.cue(self.bank().to(image.dtype).expand(image.shape[0], -1), image)
            known = self.bank.count > 0
            return torch.where(known, mean, 0.0) if self.from_bank else torch.zeros_like(mean)
        vectors = self.guidance(guide)
        mean, log_variance = self.cue(vectors, image)
        if not self.training:
            return mean
        if not torch.jit.is_scripting():
            self.bank.store(vectors)
            self.divergence = gaussian_divergence(mean, log_variance)
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)

    def __getstate__(self) -> dict[str, Any]:
        """For copies: a divergence belongs to the pass that it comes from."""
        return {**self.__dict__, "divergence": None}


def _check(spatial_dims: int, encoder: str, cue: str, counts: dict[str, int]) -> None:
    if spatial_dims not in (2, 3):
        raise InputError(f"HQGNet's spatial_dims is {spatial_dims!r}; use 2 or 3.")
    check_choice("HQGNet's encoder", encoder, RESNETS)
    check_choice("HQGNet's cue", cue, ("bank", "prior"))
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"HQGNet's {name} is {value!r}; give a whole number above 0.")
