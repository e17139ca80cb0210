# SPDX-License-Identifier: Apache-2.0
"""Whether a frame may be given to a network in bands, and how far these have to overlap."""

from __future__ import annotations

import math
from typing import Any

from monai.inferers import SimpleInferer

from monai_gradprom.enhance.bands import Reach
from monai_gradprom.enhance.pixels.domain import Domain
from monai_gradprom.inferers import PaddedInferer
from monai_gradprom.inferers.declared import declared

__all__ = ["reach_of"]


def reach_of(network: Any, inferer: Any, domain: Domain, is_plain: bool) -> Reach | None:
    """How far the bundle's result for a pixel depends on others.

    Args:
        network: of the bundle.
        inferer: likewise; MONAI's sliding windows lie elsewhere in a band than in the whole frame.
        domain: likewise; a band has other sides than the frame.
        is_plain: intensities are scaled by the window alone, not by what else is in the image.

    Returns:
        None where it may be the whole frame, or is not declared.
    """
    radius = declared(network, "receptive_radius")
    pixelwise = isinstance(inferer, PaddedInferer) or type(inferer) is SimpleInferer
    any_side = all(side == "*" for side in domain.spatial_shape or ())
    if radius is None or not (pixelwise and any_side and is_plain and domain.spatial_dims == 2):
        return None
    own = declared(network, "size_multiple", 1) or 1
    return Reach(int(radius), math.lcm(getattr(inferer, "size_multiple", 1), own))
