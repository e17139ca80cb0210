# SPDX-License-Identifier: Apache-2.0
"""One mini-batch of a bundle's training: its own networks and losses, random images, nothing loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn
from torch.nn import functional as F

from monai_gradprom.strategies import NetworkLoss

__all__ = ["Case", "bundle_case"]

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"


@dataclass
class Case:
    """What every method gets: the same networks, weights and batch.

    Attributes:
        weight: λ of each task.
        sign: -1 turns every L_VR round, and with it each gate: what was open is closed.
        dtype: of autocast; float32 for none.
        optimizers: Adam with a learning rate of 0: it does all its work and leaves the weights as they are.
    """

    name: str
    enhancer: nn.Module
    recognizers: dict[str, nn.Module]
    losses: dict[str, nn.Module]
    image: Tensor
    label: Tensor
    targets: dict[str, Tensor]
    weight: float = 0.1
    sign: float = 1.0
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        self.theta = list(self.enhancer.parameters())
        self.phis = {name: list(network.parameters()) for name, network in self.recognizers.items()}
        self.optimizers = [torch.optim.Adam(parameters, lr=0.0) for parameters in (self.theta, *self.phis.values())]

    def count_of(self, *layers: str) -> int:
        """How many of θ's tensors belong to these top-level layers of the enhancer."""
        return sum(name.split(".")[0] in layers for name, _ in self.enhancer.named_parameters())

    @property
    def device(self) -> torch.device:
        """Where everything lies."""
        return self.image.device

    def autocast(self) -> AbstractContextManager:
        """The context for forward passes and losses."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def enhance(self) -> Tensor:
        """ŷ, with its graph."""
        with self.autocast():
            return self.enhancer(self.image)

    def main_loss(self, output: Tensor) -> Tensor:
        """L_IP."""
        with self.autocast():
            return F.mse_loss(output, self.label)

    def aux_losses(self, output: Tensor) -> dict[str, Callable[[], Tensor]]:
        """L_VR of each task, to be computed when it is called for, at φ or elsewhere."""
        return {
            name: NetworkLoss(network, partial(self._aux_loss, name, output))
            for name, network in self.recognizers.items()
        }

    def _aux_loss(self, name: str, output: Tensor) -> Tensor:
        with self.autocast():
            return self.sign * self.losses[name](self.recognizers[name](output), self.targets[name])

    def zero_grad(self) -> None:
        """Let go of all gradients."""
        for network in (self.enhancer, *self.recognizers.values()):
            network.zero_grad(set_to_none=True)

    def step(self, method: Callable[[Case], None]) -> None:
        """One update, gradients included; the weights stay."""
        method(self)
        for optimizer in self.optimizers:
            optimizer.step()

    def gradients(self, method: Callable[[Case], None]) -> tuple[Tensor, Tensor]:
        """What a method leaves in the ``.grad`` of θ and of all φ, as two vectors."""
        self.zero_grad()
        method(self)
        found = _flat_grad(self.theta), _flat_grad([p for phi in self.phis.values() for p in phi])
        self.zero_grad()
        return found

    def resident(self) -> Iterator[Tensor]:
        """Everything that lies in memory before a step begins."""
        for network in (self.enhancer, *self.recognizers.values()):
            yield from network.state_dict().values()
        for optimizer in self.optimizers:
            for state in optimizer.state.values():
                yield from (value for value in state.values() if isinstance(value, Tensor))
        yield from (self.image, self.label, *self.targets.values())


def bundle_case(
    bundle: str,
    batch: int = 4,
    size: int | None = None,
    width: int | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    channels_last: bool = False,
    compile: bool = False,
) -> Case:
    """The networks and losses of ``bundles/<bundle>/configs/train.json`` with a random batch, seed 0.

    Args:
        bundle: its name.
        batch: images.
        size: their sides in pixels, as the enhancer's output has them; default: the bundle's ``image_size``.
        width: the enhancer's channels; default: the bundle's.
        device: where everything lies.
        dtype: of autocast; float32 for none.
        channels_last: memory layout of images and networks.
        compile: compile the enhancer, as the trainer does.
    """
    torch.manual_seed(0)
    parser = ConfigParser()
    parser.read_config(BUNDLES / bundle / "configs" / "train.json")
    if width is not None:
        parser.update({"network_def#channels": width})
    size = size or parser["image_size"]
    layout = torch.channels_last if channels_last else torch.contiguous_format
    enhancer = parser.get_parsed_content("network_def")
    # the bundles' last layer begins at zero, and would let no gradient through
    nn.init.normal_(next(iter(enhancer.tail.parameters())), std=0.01)
    recognizers = dict(parser.get_parsed_content("recognizer_defs"))
    classes = dict(parser.get_parsed_content("num_classes"))
    label = torch.rand(batch, parser["channels"], size, size)
    image = F.avg_pool2d(label, parser["scale_factor"])
    image = (image + 0.1 * torch.randn_like(image)).clamp(0, 1)
    targets = {
        name: torch.randint(classes[name], (batch,) if name == "diagnosis" else (batch, 1, size, size))
        for name in recognizers
    }
    case = Case(
        name=f"{bundle}, {batch} images of {size} x {size}",
        enhancer=enhancer.to(device, memory_format=layout),
        recognizers={name: net.to(device, memory_format=layout) for name, net in recognizers.items()},
        losses=dict(parser.get_parsed_content("recognizer_losses")),
        image=image.to(device, memory_format=layout),
        label=label.to(device, memory_format=layout),
        targets={name: target.to(device) for name, target in targets.items()},
        dtype=dtype,
    )
    if compile:
        from torch._functorch import config  # not there until imported

        config.donated_buffer = False
        case.enhancer.compile()
    return case


def _flat_grad(parameters: Sequence[Tensor]) -> Tensor:
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
