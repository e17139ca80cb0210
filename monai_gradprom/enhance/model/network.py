# SPDX-License-Identifier: Apache-2.0
"""A bundle's network with its own preprocessing, inferer and postprocessing, for images that are in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers import SimpleInferer

from monai_gradprom.enhance.bundle_provenance import code_sha256, require_sha256
from monai_gradprom.enhance.execution import check_execution
from monai_gradprom.enhance.hashing import sha256_of
from monai_gradprom.enhance.pixels.domain import Domain
from monai_gradprom.errors import InputError

from .batch_limits import batches, check_tiles, set_tiles_at_once, with_tile_size
from .bundle_config import BundleConfig
from .bundle_weights import built_network, load_bundle_weights
from .devices import chosen_device
from .frame_transforms import FrameTransforms
from .image_copy import copy_image
from .network_trial import channels_that_work, enlargement_of, trial_images
from .one_by_one import together_or_one_by_one
from .onnx_network import in_onnx
from .plain_scaling import PlainScaling
from .reach import reach_of
from .reduced_precision import autocast_dtype, for_reduced_precision

__all__ = ["BundleNetwork"]

Window = tuple[float, float]
_NO_SETTINGS: Mapping[str, str] = {}


class BundleNetwork:
    """What :meth:`load` returns.

    Attributes:
        name: the bundle's folder.
        version: the bundle's.
        weights_sha256: of the file that the weights come from.
        config_sha256: of the bundle's inference configuration.
        code_sha256: of the bundle's own Python; None if it has none.
        domain: what the bundle says that it was made for.
        factor: by how much the network enlarges; 1 for denoising.
        reach: how far a pixel of the result sees, so that frames may come in bands; None: they may not.
        spatial_dims: 2 or 3.
        device: where the network runs.
    """

    def __init__(
        self, config: BundleConfig, device: torch.device, tile_size: int | None, runtime: str, precision: str
    ) -> None:
        self.name = config.folder.name
        self.version = str(config.metadata.get("version", ""))
        self.config_sha256 = sha256_of(config.path)
        self.code_sha256 = code_sha256(config.folder)
        self.device = device
        channels = config.built("channels") if "channels" in config.settings else None
        self.domain = Domain.from_metadata(config.metadata, channels)
        self.spatial_dims = self.domain.spatial_dims
        network = built_network(config)
        self.weights_sha256 = load_bundle_weights(config, network)
        self._network: Callable[..., Any] = network.to(device).eval()
        self._inferer: Any = config.built("inferer") if "inferer" in config else SimpleInferer()
        if tile_size is not None:
            self._inferer = with_tile_size(self._inferer, tile_size)
        parts = ("preprocessing", "postprocessing")
        self._transforms = FrameTransforms(*(config.built(part) if part in config else None for part in parts))
        amp = "evaluator#amp" in config and bool(config.built("evaluator#amp"))
        self._dtype = autocast_dtype(precision, device, amp)
        if precision != "float32":
            for_reduced_precision(network)
        worked = channels_that_work(self.domain, self._try)
        if len(worked) == 1:
            self.domain = replace(self.domain, channels=worked[0])
        if tile_size is not None:
            check_tiles(self._inferer, self._network, worked[0], self.spatial_dims, device)
        plain = self._transforms.plain is not None
        self.reach = reach_of(self._network, self._inferer, self.domain, plain) if self.factor == 1 else None
        if runtime == "onnx":
            self._network = in_onnx(network, self._inferer, trial_images(self.domain, worked))

    @classmethod
    def load(
        cls,
        folder: Path,
        device: str = "auto",
        settings: Mapping[str, str] = _NO_SETTINGS,
        tile_size: int | None = None,
        runtime: str = "torch",
        precision: str = "float32",
        sha256: str | None = None,
    ) -> BundleNetwork:
        """Load a MONAI bundle from its ``configs/inference.json`` (or YAML) and ``configs/metadata.json``.

        Of the configuration only ``network`` (or ``network_def``), ``weights``, ``inferer``, ``preprocessing``,
        ``postprocessing`` and ``evaluator#amp`` are evaluated; data, handlers and savers are not, so that nothing has
        to be where they point. Weights come from the file that ``weights`` names, else from ``models/model.pt``: a
        state dict, bare or under "model". TorchScript archives are not supported.

        Args:
            folder: the bundle.
            device: ``"cpu"``, ``"cuda:1"``, ``"mps"``, or ``"auto"`` for the fastest that is there.
            settings: id -> value as on MONAI's command line, such as ``{"scale_factor": "4"}``.
            tile_size: instead of the inferer's own.
            runtime: ``"onnx"``: the network is exported now, in memory, and computed by ONNX Runtime on the CPU.
            precision: of the network's convolutions: ``"float32"``, ``"bfloat16"`` or ``"float16"``.
            sha256: what the bundle's files must have as digest, see
                :func:`~monai_gradprom.enhance.bundle_provenance.provenance_of`; weights must be among them, and
                compiled Python is not used. None: any.

        Raises:
            InputError: it has another digest, and nothing of it was evaluated; this is no bundle, its weights are
                missing or do not fit, its network does not make an image of an image, or cannot be run like this.
        """
        check_execution(runtime, precision, device)
        if sha256 is not None:
            require_sha256(Path(folder), sha256)
        chosen = chosen_device("cpu" if runtime == "onnx" else device)
        config = BundleConfig(Path(folder), settings, chosen, sealed=sha256 is not None)
        return cls(config, chosen, tile_size, runtime, precision)

    def infer(self, units: Sequence[np.ndarray], windows: Sequence[Window], batch_size: int = 1) -> list[np.ndarray]:
        """Enhance the frames of one or more files; frames of one shape share batches.

        Args:
            units: of each file float32, [n, C, *spatial], in modality units.
            windows: of each file (low, high) in the same units: what the bundle's network is shown as its whole range.
            batch_size: how many frames, or tiles of a frame, go through the network at once.

        Returns:
            Of each file float32, [n, C, *(factor * spatial)], in the same units, such that a network that changes
            nothing returns ``units`` bit for bit (under a factor of 1), values outside the window included; that may be
            the very arrays that were given.

        Raises:
            InputError: the network cannot be applied to one of these files, runs out of memory even with a single
                frame, or returns NaN or infinity.
        """
        ranges = [_increasing(window) for window in windows]
        out: list[Any] = [None] * len(units)
        for places in batches(self._inferer, [frames.shape for frames in units], batch_size):
            frames = torch.empty(len(places), *units[places[0][0]].shape[1:])
            for (file, frame), target in zip(places, frames.numpy(), strict=True):
                copy_image(target, units[file][frame])
            results = together_or_one_by_one(self._enhanced, frames, [ranges[file] for file, _ in places], batch_size)
            if results is frames:  # nothing has changed
                continue
            for (file, frame), result in zip(places, results.numpy(), strict=True):
                if out[file] is None:
                    out[file] = self._room_for(units[file], result.shape)
                copy_image(out[file][frame], result)
        return [given if made is None else made for given, made in zip(units, out, strict=True)]

    def _room_for(self, given: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """For the results of a file, in memory as the file has it; under a factor of 1 they begin as what was given."""
        if self.factor == 1:
            return given.copy(order="K")
        return np.empty_like(given, np.float32, shape=(len(given), *shape))

    def _enhanced(self, frames: torch.Tensor, ranges: Sequence[Window], batch_size: int) -> torch.Tensor:
        set_tiles_at_once(self._inferer, batch_size)
        transforms = self._transforms
        if transforms.plain is not None:
            value_range = transforms.plain.scale.value_range
            scaling = PlainScaling(frames, [value_range] * len(frames) if value_range else ranges)
            results = scaling.back(self._predicted(scaling.images), self.factor)
        else:
            prepared = [transforms.prepare(frame, window) for frame, window in zip(frames, ranges, strict=True)]
            predictions = self._predicted_by_shape([one.image for one in prepared])
            pairs = zip(prepared, predictions, strict=True)
            results = torch.stack([transforms.finish(one, made, self.factor) for one, made in pairs])
        if list(results.shape) != [*frames.shape[:2], *(self.factor * side for side in frames.shape[2:])]:
            raise InputError(f"the bundle makes {list(results.shape[1:])} of {list(frames.shape[1:])}: no such image.")
        if not np.isfinite(results.numpy()).all():
            remedy = "use --precision bfloat16" if self._dtype is torch.float16 else "check the bundle's weights"
            raise InputError(f"the network returns NaN or infinity for this image; {remedy}.")
        return results

    def _predicted_by_shape(self, images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        if len({image.shape for image in images}) == 1:
            return list(self._predicted(torch.stack(list(images))))
        return [self._predicted(image[None])[0] for image in images]

    def _predicted(self, images: torch.Tensor) -> torch.Tensor:
        """[B, C, *spatial] -> float32 on the CPU."""
        with torch.no_grad(), torch.autocast(self.device.type, self._dtype, enabled=self._dtype is not None):
            # a copy, since a network may work in place
            made = self._inferer(images.to(self.device, torch.float32, copy=True), self._network)
        if not isinstance(made, torch.Tensor):
            raise InputError(f"the bundle's network returns a {type(made).__name__} instead of an image.")
        return made.detach().float().cpu().as_subclass(torch.Tensor)

    def _try(self, image: torch.Tensor) -> None:
        self.factor = enlargement_of(self._predicted, self._transforms, image)
        self.infer([image[None].numpy()], [(0.0, 1.0)])


def _increasing(window: Window) -> Window:
    low, high = float(window[0]), float(window[1])
    return low, high if high > low else low + 1.0  # an image of a single value
