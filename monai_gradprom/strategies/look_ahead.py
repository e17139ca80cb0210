# SPDX-License-Identifier: Apache-2.0
"""The gradient of L_VR over ŷ after the recognizer's own step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .gradients import GradientList, add_, differentiate
from .parametric_loss import ParametricLoss

__all__ = ["LookAhead"]


@dataclass(frozen=True)
class LookAhead:
    r"""L_VR as the upper level of bi-level learning sees it.

    The lower level takes K steps of plain gradient descent from φ, which itself stays: :math:`\phi_{k+1} = \phi_k -
    \eta \nabla_\phi L(\hat y, \phi_k)`. What the enhancer learns from is the gradient of :math:`L(\hat y, \phi_K)`
    over ŷ: with φ_K held in the first-order form, through all steps in the second-order form,

    .. math::

        \frac{dL}{d\hat y} = \frac{\partial L(\hat y, \phi_K)}{\partial \hat y}
        - \eta \sum_k \frac{\partial}{\partial \hat y} \langle \nabla_\phi L(\hat y, \phi_k), a_{k+1} \rangle,
        \qquad a_K = \nabla_\phi L(\hat y, \phi_K),
        \quad a_k = a_{k+1} - \eta \nabla^2_\phi L(\hat y, \phi_k)\, a_{k+1}.

    The sum is taken from the last step to the first. No step is differentiated through as a whole: between the two
    factors of each product lies the place where several processes have to agree, on the mean over all of them.

    Attributes:
        loss: L_VR on the mini-batch.
        order: 1 or 2.
        inner_lr: η > 0.
        inner_steps: K ≥ 1.
        average: replaces tensors by their means over processes.
    """

    loss: ParametricLoss
    order: int
    inner_lr: float
    inner_steps: int
    average: Callable[[Iterable[Tensor | None]], None]

    def __call__(self) -> Tensor:
        """L_VR at φ."""
        return self.loss()

    def differentiate(self, output: Tensor, phi: Sequence[Tensor]) -> tuple[Tensor | None, GradientList]:
        """The gradient over ŷ after the steps, None where there is none, and ∇φ L_VR at φ itself."""
        second = self.order == 2
        point, value = list(phi), self.loss()
        own = gradient = differentiate([value], point, create_graph=second)
        passed = []
        for step in range(self.inner_steps):
            if step:
                gradient = differentiate([value], point, create_graph=second)
            if second:
                passed.append((point, gradient))
            point = self._stepped(point, gradient)
            value = self.loss.at(point)
        if not second:
            return differentiate([value], [output])[0], own
        seed, *adjoint = differentiate([value], [output, *point])
        self.average(adjoint)
        while passed and seed is not None:
            point, gradient = passed.pop()
            seed = self._pulled_back(seed, adjoint, gradient, output, point if passed else [])
        return seed, [None if g is None else g.detach() for g in own]

    def _stepped(self, point: Sequence[Tensor], gradient: GradientList) -> list[Tensor]:
        """One step of gradient descent, along the mean over processes; the result knows nothing of where it is from."""
        with torch.no_grad():
            steps = [None if g is None else g * -self._rate for g in gradient]
            self.average(steps)
            # in place: the steps become the parameters
            moved = [p if s is None else s.add_(p) for p, s in zip(point, steps, strict=True)]
        return [q if q is p else q.requires_grad_() for p, q in zip(point, moved, strict=True)]

    def _pulled_back(
        self, seed: Tensor, adjoint: GradientList, gradient: GradientList, output: Tensor, point: Sequence[Tensor]
    ) -> Tensor:
        """The seed with one step's share; ``adjoint`` becomes the one at ``point``, where the step began, if given."""
        pairs = [(g, a) for g, a in zip(gradient, adjoint, strict=True) if g is not None and a is not None]
        pairs = [(g, a) for g, a in pairs if g.requires_grad]  # the others depend on nothing
        if not pairs:
            return seed
        # without the loss's scale, which the gradients bring along: their product, squared, has no room in float16
        directions = torch._foreach_div([a for _, a in pairs], self.loss.scale)
        found = differentiate([g for g, _ in pairs], [output, *point], directions)
        share, *changes = [None if f is None else f * -self.inner_lr for f in found]
        if point:
            self.average(changes)
            add_(adjoint, changes)
        return seed if share is None else seed + share

    @property
    def _rate(self) -> float | Tensor:
        """η for gradients that carry the loss's scale."""
        return self.inner_lr / self.loss.scale
