# SPDX-License-Identifier: Apache-2.0
"""Which runs a grid consists of, and what each of them depends on."""
