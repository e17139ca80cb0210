# SPDX-License-Identifier: Apache-2.0
"""What of an image a network is shown, and what of its answer is kept."""
