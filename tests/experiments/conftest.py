# SPDX-License-Identifier: Apache-2.0
"""Grids of bundles on miniature archives."""

from __future__ import annotations

from pathlib import Path

import pytest
from miniatures import WRITERS
from tiny_bundles import tiny_recognizer

from monai_gradprom.experiments.grid.bundle_files import BundleFiles
from monai_gradprom.experiments.grid.cells import cells
from monai_gradprom.experiments.grid.evaluations import Evaluations
from monai_gradprom.experiments.grid.plan import make_plan

BUNDLES = Path(__file__).parents[2] / "bundles"
TINY = {
    "image_size": 32,
    "batch_size": 2,
    "max_epochs": 3,
    "warmup_epochs": 1,
    "recognizer_pretrain_epochs": 1,
    "network_def#channels": 4,
    "network_def#num_blocks": 1,
    "recognizer_defs#segmentation": tiny_recognizer(),
}


@pytest.fixture(scope="session")
def camus_archive(tmp_path_factory):
    """A miniature CAMUS archive; read only."""
    return WRITERS["camus_denoise"](tmp_path_factory.mktemp("camus"))


@pytest.fixture
def plan(camus_archive, tmp_path):
    """The plan of a tiny grid of CAMUS runs below ``tmp_path``."""
    bundle = BundleFiles(BUNDLES / "camus_denoise")

    def build(output=tmp_path / "runs", figures=(), targets=(), fixed=None, arguments=None, **switches):
        given = {"dataset_dir": str(camus_archive), **TINY, **switches}
        listed = {name: value if isinstance(value, tuple) else (value,) for name, value in given.items()}
        grid = cells(listed, bundle.train, bundle.tasks)
        return make_plan(bundle, grid, output, Evaluations(figures, targets, fixed), arguments)

    return build
