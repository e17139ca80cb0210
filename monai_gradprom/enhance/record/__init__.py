# SPDX-License-Identifier: Apache-2.0
"""What is known and told of the files: index, manifest, run record."""
