# SPDX-License-Identifier: Apache-2.0
"""What an unpaired objective compares an enhanced image with."""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["UnpairedTarget", "reference_of", "source_of"]


class UnpairedTarget(NamedTuple):
    """Takes the clean image's place where there is none.

    Attributes:
        source: the low-quality images, [B, C, *spatial] in [0, 1], whose content shall stay.
        reference: high-quality images of others, [B, C, *other spatial] in [0, 1], whose look is wanted.
    """

    source: torch.Tensor
    reference: torch.Tensor


def source_of(target: torch.Tensor | UnpairedTarget) -> torch.Tensor:
    """What the content is compared with: the source, or a plain image as it is; without gradient."""
    return (target.source if isinstance(target, UnpairedTarget) else target).detach()


def reference_of(target: torch.Tensor | UnpairedTarget) -> torch.Tensor:
    """What real images look like: the reference, or a plain image as it is; without gradient."""
    return (target.reference if isinstance(target, UnpairedTarget) else target).detach()
