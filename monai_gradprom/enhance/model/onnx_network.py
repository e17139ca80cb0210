# SPDX-License-Identifier: Apache-2.0
"""A network in ONNX Runtime, in the place of PyTorch's."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from monai_gradprom.errors import InputError
from monai_gradprom.inferers.declared import declared

__all__ = ["OnnxNetwork", "in_onnx"]

_TOLERANCE = 1e-4  # of the range


class OnnxNetwork:
    """A network that ONNX Runtime computes on the CPU, with as many threads as PyTorch has.

    It is called as the module was that it comes from, and declares what an inferer wants to know of that.

    Args:
        content: the ONNX model: one input, one output.
        network: where it comes from.

    Attributes:
        receptive_radius: as the network declares it, or None.
        size_multiple: likewise, or 1.
    """

    def __init__(self, content: bytes, network: nn.Module) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # of which Windows has some
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        # threads that wait would take the cores from the processes that read and write
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.receptive_radius = declared(network, "receptive_radius")
        self.size_multiple = declared(network, "size_multiple", 1)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """[B, C, *spatial], float32 -> [B, C, *(factor * spatial)].

        Raises:
            RuntimeError: as PyTorch would raise it, whatever ONNX Runtime raises.
        """
        try:
            (made,) = self._session.run(None, {self._input: images.numpy()})
        except Exception as error:  # its exceptions have no other base
            raise RuntimeError(str(error)) from error
        return torch.from_numpy(made)


@torch.no_grad()
def in_onnx(network: nn.Module, inferer: Callable[..., torch.Tensor], images: Sequence[torch.Tensor]) -> OnnxNetwork:
    """Export a network in memory, for any number of images of any size, and see that it is the same network.

    Args:
        network: in evaluation mode, on the CPU.
        inferer: what applies it.
        images: [C, *spatial], float32 in [0, 1]; the first is what it is exported with, on all of them both networks
            must agree to 1e-4.

    Raises:
        InputError: the network cannot be exported, or gives other pixels.
    """
    exported = _exported(network, images[0], any(len(image) != len(images[0]) for image in images))
    for image in images:
        try:
            expected, made = (inferer(image[None], one) for one in (network, exported))
        except Exception as error:  # whatever networks and runtime raise
            raise InputError(
                f"--runtime onnx: the bundle cannot be applied to an image of {list(image.shape)} "
                f"({type(error).__name__}); use --runtime torch."
            ) from error
        _require_same_pixels(expected, made)
    return exported


def _exported(network: nn.Module, image: torch.Tensor, channels_free: bool) -> OnnxNetwork:
    images = torch.stack([image, image])  # one alone would be exported for one only
    free = {axis: Dim.DYNAMIC for axis in range(images.ndim) if axis != 1 or channels_free}
    try:
        with _silence():
            program: Any = torch.onnx.export(network, (images,), dynamo=True, dynamic_shapes=(free,), verbose=False)
            return OnnxNetwork(program.model_proto.SerializeToString(), network)
    except Exception as error:  # whatever exporter and runtime raise
        raise InputError(
            f"--runtime onnx: the bundle's {type(network).__name__} cannot be exported for images of any size "
            f"({type(error).__name__}); use --runtime torch."
        ) from error


def _require_same_pixels(expected: torch.Tensor, made: torch.Tensor) -> None:
    error = (made - expected).abs().max().item() if made.shape == expected.shape else math.inf
    if not error <= _TOLERANCE:
        raise InputError(
            f"--runtime onnx: the exported network's pixels differ from PyTorch's by {error:.1e} of the range, more "
            f"than {_TOLERANCE:g}; use --runtime torch."
        )


@contextmanager
def _silence() -> Iterator[None]:
    """The exporter prints, logs and warns of what it is not asked for."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
