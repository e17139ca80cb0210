# SPDX-License-Identifier: Apache-2.0
"""Joint training."""

from __future__ import annotations

from .summed import SummedStrategy

__all__ = ["Joint"]


class Joint(SummedStrategy):
    """θ takes ∇θ(L_IP + Σ λ L_VR), φ takes ∇φ L_VR (GradProm, Eq. 6). One enhancer backward."""
