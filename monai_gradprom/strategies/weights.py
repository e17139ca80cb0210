# SPDX-License-Identifier: Apache-2.0
"""λ, fixed or relative to the enhancer's own gradient."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RelativeWeight", "Weight", "parse_weight"]


@dataclass(frozen=True)
class RelativeWeight:
    """λ chosen anew in every update so that ‖λ G_VR‖ = ρ ‖G_IP‖ over θ.

    A fixed λ fades or explodes as the two losses shrink at different rates; ρ says how loud the task may be instead.
    It needs both gradients apart: ``joint`` and ``frozen`` then pay the extra enhancer backward of ``gradprom``.

    Attributes:
        rho: ρ > 0.
    """

    rho: float

    def __post_init__(self) -> None:
        if not 0 < self.rho < float("inf"):
            raise ValueError(f"a relative weight must be a positive number, got {self.rho}.")


Weight = float | RelativeWeight


def parse_weight(text: str | float) -> Weight:
    """Read λ as a command line gives it.

    Args:
        text: a number (λ), or ``"relative:0.3"`` (ρ = 0.3).

    Raises:
        ValueError: for anything else, or a negative or non-finite number.
    """
    try:
        if isinstance(text, str) and text.strip().startswith("relative:"):
            return RelativeWeight(float(text.split(":", 1)[1]))
        value = float(text)
    except ValueError as error:
        raise ValueError(f"aux_weight must be a number or 'relative:NUMBER', got {text!r}.") from error
    if not 0 <= value < float("inf"):
        raise ValueError(f"aux_weight must be a finite number of at least 0, got {text!r}.")
    return value
