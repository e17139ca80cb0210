# SPDX-License-Identifier: Apache-2.0
"""NIfTI and MetaImage."""
