# SPDX-License-Identifier: Apache-2.0
"""Runs in processes of their own: started, watched, recorded, continued."""
