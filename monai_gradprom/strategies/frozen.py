# SPDX-License-Identifier: Apache-2.0
"""A fixed recognizer that still teaches."""

from __future__ import annotations

from .summed import SummedStrategy

__all__ = ["Frozen"]


class Frozen(SummedStrategy):
    """θ takes ∇θ(L_IP + Σ λ L_VR) *through* the fixed recognizer; φ takes nothing.

    This is ESTR's setting (Liu et al., recognition-aware image processing), the paper's "frozen-params" row. The paper
    also says of it that the recognizer's gradient "is not passed into IP"; that would make it equal to
    :class:`EnhancerOnly` and contradicts ESTR, so it is read as: the recognizer's *parameters* get none.
    Keep the recognizer in eval mode, so that its normalisation statistics stay fixed too.
    """

    trains_recognizer = False
