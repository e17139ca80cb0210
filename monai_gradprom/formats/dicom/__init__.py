# SPDX-License-Identifier: Apache-2.0
"""DICOM: headers, frames, colour, regions, windows, geometry."""
