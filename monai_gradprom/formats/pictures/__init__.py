# SPDX-License-Identifier: Apache-2.0
"""PNG, TIFF, JPEG and BMP."""
