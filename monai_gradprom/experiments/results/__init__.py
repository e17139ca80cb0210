# SPDX-License-Identifier: Apache-2.0
"""What runs have left: tables, differences, curves, pictures."""
