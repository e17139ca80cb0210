# SPDX-License-Identifier: Apache-2.0
"""Enhanced images as derived DICOM images."""
