# SPDX-License-Identifier: Apache-2.0
"""Files of images, opened by their content: DICOM, NIfTI, MetaImage, PNG, TIFF, JPEG, BMP."""

from __future__ import annotations

from monai_gradprom.formats.identify import identify
from monai_gradprom.formats.open import open_image
from monai_gradprom.formats.stored import NotAnImage, StoredImage

__all__ = ["NotAnImage", "StoredImage", "identify", "open_image"]
