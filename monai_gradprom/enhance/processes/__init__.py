# SPDX-License-Identifier: Apache-2.0
"""Worker processes and what they share."""
