# SPDX-License-Identifier: Apache-2.0
"""The bundle's network with its own transforms and inferer."""
