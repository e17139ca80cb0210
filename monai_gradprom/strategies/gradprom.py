# SPDX-License-Identifier: Apache-2.0
"""GradProm's hard gate."""

from __future__ import annotations

from .separated import SeparatedStrategy

__all__ = ["GradProm"]


class GradProm(SeparatedStrategy):
    r"""The recognizer's gradient reaches θ only when it does not conflict with the enhancer's own.

    .. math::

        \theta \leftarrow \nabla_\theta L_{IP} + \lambda\, \nabla_\theta L_{VR} \cdot [\cos(G_{IP}, G_{VR}) \ge 0],
        \qquad \phi \leftarrow \nabla_\phi L_{VR}

    Zhang and Cheng, *Generalized Task-Driven Medical Image Quality Enhancement with Gradient Promotion*, TPAMI 2025,
    section 3.2. The paper writes G_IP = ∇θ L_IP and G_VR = ∇φ L_VR, which live in different spaces; the only reading
    under which their cosine exists and its proof holds has both over θ: G_VR := ∇θ L_VR through ŷ.

    The sign of the cosine is the sign of the dot product, so at threshold 0 neither λ nor any epsilon moves the gate; a
    zero product is open. The proof that θ is not biased speaks of plain gradient steps: Adam's moments mix gated and
    ungated steps.

    Args:
        threshold: least cosine at which the gate opens, in [-1, 1].
        gate_scope: with several tasks, ``"each"`` gates each on its own, ``"any"`` opens all as soon as one aligns
            (section A-4 of the paper admits both readings).
    """

    def __init__(self, threshold: float = 0.0, gate_scope: str = "each") -> None:
        if not -1.0 <= threshold <= 1.0:
            raise ValueError(f"threshold must lie in [-1, 1], got {threshold}.")
        if gate_scope not in ("each", "any"):
            raise ValueError(f"gate_scope must be 'each' or 'any', got {gate_scope!r}.")
        self.threshold = threshold
        self.gate_scope = gate_scope

    def gates(self, dots: dict[str, float], cosines: dict[str, float]) -> dict[str, float]:
        """1 for an open gate, 0 for a closed one."""
        if self.threshold == 0.0:
            opened = {name: dot >= 0.0 for name, dot in dots.items()}
        else:
            opened = {name: cosine >= self.threshold for name, cosine in cosines.items()}
        if self.gate_scope == "any":
            opened = dict.fromkeys(opened, any(opened.values()))
        return {name: float(is_open) for name, is_open in opened.items()}
