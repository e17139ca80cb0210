# SPDX-License-Identifier: Apache-2.0
"""The same work on the machines of a Ray cluster."""
