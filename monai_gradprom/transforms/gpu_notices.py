# SPDX-License-Identifier: Apache-2.0
"""What MONAI has to say about a decoder that nobody asked for."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_gpu_notices"]


@contextmanager
def without_gpu_notices() -> Iterator[None]:
    """Keep MONAI from announcing, at every LoadImage, that an optional GPU DICOM decoder is absent."""
    logger = logging.getLogger("monai.data.nvimgcodec_pydicom_plugin")
    level = logger.level
    with warnings.catch_warnings():
        if not os.environ.get("MONAI_DICOM_READER"):  # else the user asked for a decoder and should hear of it
            logger.setLevel(logging.ERROR)
            warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
        try:
            yield
        finally:
            logger.setLevel(level)
