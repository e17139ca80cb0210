# SPDX-License-Identifier: Apache-2.0
"""Task-driven medical image enhancement on MONAI, with gradients gated as in GradProm."""

__version__ = "0.1.0"
