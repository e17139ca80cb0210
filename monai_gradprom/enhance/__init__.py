# SPDX-License-Identifier: Apache-2.0
"""Clinical folders: discover, read, enhance, write, record, report."""
