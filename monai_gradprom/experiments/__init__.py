# SPDX-License-Identifier: Apache-2.0
"""Grids of runs of a bundle (`monai-gradprom compare`) and what came of them (`monai-gradprom report`).

``grid/`` says which runs there are, ``running/`` runs them in processes of their own, ``results/`` reads what they have
left.
"""
