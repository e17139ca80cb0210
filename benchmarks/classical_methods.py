# SPDX-License-Identifier: Apache-2.0
"""The classical methods that `classical_baselines.py` measures, on images in [0, 1]; outputs may leave that range.

Denoisers are told sigma. That clamping left the noise of dark regions smaller and off zero, they are not told.

noisy: the degraded image as it is.
nlm: non-local means of scikit-image (Buades et al., CVPR 2005): patch_size=5, patch_distance=6, h=0.6 sigma,
    sigma=sigma, fast_mode=True; patches of an RGB image are compared in all channels at once. Of the patch sizes
    3, 5, 7 and h from 0.4 to 0.8 sigma this had the best PSNR on six validation frames of CAMUS at sigma 0.05 and 0.1,
    and was within 0.03 dB of the best at 0.3; other data were not tuned for.
bm3d: BM3D (Dabov et al., IEEE TIP 2007; Makinen et al., IEEE TIP 2020), for RGB images its colour version, which
    matches blocks in the luminance of an opponent colour space; profile "np", one thread, with which it is
    reproducible. The package `bm3d` is free for non-commercial use only; without it the method is skipped.

nearest, bilinear: interpolation that takes pixels as areas.
bicubic: the `baseline` of `evaluate`, in the evaluator's own function.
lanczos: Pillow's, three lobes.

classical_lighting.py has those for images that are dark and flat.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from classical_lighting import LIGHTENERS
from PIL import Image
from torch.nn import functional as F

from monai_gradprom.engines.baseline import enlarged_to
from monai_gradprom.errors import InputError

Denoiser = Callable[[np.ndarray, float], np.ndarray]
Enlarger = Callable[[np.ndarray, int], np.ndarray]
PACKAGES = {"nlm": ("skimage.restoration", "scikit-image"), "bm3d": ("bm3d", "bm3d")}  # what to import and to install


def non_local_means(image: np.ndarray, sigma: float) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    channel = {} if image.ndim == 2 else {"channel_axis": -1}
    return denoise_nl_means(image, 5, 6, h=0.6 * sigma, sigma=sigma, fast_mode=True, **channel)


def block_matching(image: np.ndarray, sigma: float) -> np.ndarray:
    import bm3d

    profile = bm3d.BM3DProfile()
    profile.num_threads = 1  # more change the order of its sums
    return (bm3d.bm3d if image.ndim == 2 else bm3d.bm3d_rgb)(image, sigma, profile)


def interpolated(image: np.ndarray, factor: int, mode: str) -> np.ndarray:
    corners = {} if mode == "nearest" else {"align_corners": False}
    return F.interpolate(torch.from_numpy(image)[None], scale_factor=float(factor), mode=mode, **corners)[0].numpy()


def bicubic(image: np.ndarray, factor: int) -> np.ndarray:
    return enlarged_to(torch.from_numpy(image)[None], [factor * side for side in image.shape[1:]])[0].numpy()


def lanczos(image: np.ndarray, factor: int) -> np.ndarray:
    size = (factor * image.shape[2], factor * image.shape[1])  # Pillow's: columns first
    channels = [Image.fromarray(channel.astype(np.float32)) for channel in image]
    return np.stack([np.asarray(channel.resize(size, Image.Resampling.LANCZOS)) for channel in channels])


DENOISERS: dict[str, Denoiser] = {
    "noisy": lambda image, sigma: image,
    "nlm": non_local_means,
    "bm3d": block_matching,
}
ENLARGERS: dict[str, Enlarger] = {
    "nearest": partial(interpolated, mode="nearest"),
    "bilinear": partial(interpolated, mode="bilinear"),
    "bicubic": bicubic,
    "lanczos": lanczos,
}


def apply(method: str, image: np.ndarray, sigma: float, factor: int) -> np.ndarray:
    """Denoise or enlarge an image.

    Args:
        method: a name of DENOISERS or LIGHTENERS where ``factor`` is 1, else of ENLARGERS.
        image: float64 [C, W, H] with one or three channels.
        sigma: what denoisers are told, on the [0, 1] scale.
        factor: whole number by which the sides grow.

    Returns:
        [C, W * factor, H * factor], not clipped.
    """
    if factor > 1:
        return ENLARGERS[method](image, factor)
    function = (DENOISERS | LIGHTENERS)[method]
    if image.shape[0] == 1:
        return function(image[0], sigma)[None]
    channels_last = np.ascontiguousarray(np.moveaxis(image, 0, -1))
    return np.moveaxis(function(channels_last, sigma), -1, 0)


def usable(methods: Sequence[str] | None, factor: int, degradation: str = "gaussian") -> list[str]:
    """The methods to measure, by default all that fit; one whose package does not import is dropped with a note.

    Raises:
        InputError: a method does not fit the task, or none is left.
    """
    dark = degradation == "perceptual"
    fitting = ENLARGERS if factor > 1 else LIGHTENERS if dark else DENOISERS
    kept = list(dict.fromkeys(methods or fitting))
    for method in set(kept) - set(fitting):
        task = "dark images (--degradation perceptual)" if dark else "denoising (--scale_factor 1)"
        task = task if factor == 1 else f"super-resolution (--scale_factor {factor})"
        raise InputError(f"--methods {method} is not for {task}; choose from {', '.join(fitting)}.")
    for method in [name for name in kept if name in PACKAGES]:
        module, package = PACKAGES[method]
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:  # OSError: no binary for this platform
            kept.remove(method)
            print(f"{method} is skipped ({error}); `pip install {package}` adds it.", file=sys.stderr)
    if not kept:
        raise InputError(f"--methods {' '.join(methods or ())} leaves nothing to measure; add others or install bm3d.")
    return kept
