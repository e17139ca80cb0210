# SPDX-License-Identifier: Apache-2.0
"""Lemma 3.1's soft gate."""

from __future__ import annotations

from .separated import SeparatedStrategy

__all__ = ["GradPromCosine"]


class GradPromCosine(SeparatedStrategy):
    r"""θ takes the recognizer's gradient in proportion to its agreement with the enhancer's own.

    .. math::

        \theta \leftarrow \nabla_\theta L_{IP} + \lambda\, \nabla_\theta L_{VR} \cdot \max(0, \cos(G_{IP}, G_{VR}))

    The rule for which the paper proves Lemma 3.1; with λ = 1 it is the lemma literally. Each task has its own cosine.
    """

    def gates(self, dots: dict[str, float], cosines: dict[str, float]) -> dict[str, float]:
        """max(0, cos) of each task."""
        return {name: max(0.0, cosine) for name, cosine in cosines.items()}
