# SPDX-License-Identifier: Apache-2.0
"""A small training in all its parts, and what two of them must have in common to be the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from built_bundles import assert_equal
from miniatures import write_camus
from tiny_bundles import tiny_recognizer
from training_journal import read_journal

CONFIGS = Path(__file__).parents[2] / "bundles" / "camus_denoise" / "configs"
SWITCHES = {
    # with dropout, so that random states matter
    "recognizer_defs#segmentation": json.dumps(tiny_recognizer(strides=[2], dropout=0.2)),
    "network_def#channels": 4,
    "network_def#num_blocks": 1,
    "image_size": 40,
    "batch_size": 1,
    "max_epochs": 3,
    "warmup_epochs": 1,
    "recognizer_pretrain_epochs": 1,
    "checkpoint_interval": 3,
    "num_workers": 0,
    "device": "$torch.device('cpu')",
    "resume": "true",
}
_FIRST = "$(@train#handlers if @rank == 0 else @train#handlers[:3])"


@pytest.fixture(scope="package")
def camus(tmp_path_factory):
    """The miniature CAMUS archive; read only."""
    return write_camus(tmp_path_factory.mktemp("camus"))


@pytest.fixture(scope="package")
def switches_for(camus, tmp_path_factory):
    """Switches of the small training, with a journal of every iteration, in ``world`` processes."""
    folder = tmp_path_factory.mktemp("configs")

    def build(output, world=1, **more):
        journal = {"_target_": "training_journal.Journal", "folder": "@output_dir", "rank": "@rank" if world > 1 else 0}
        handlers = f"{_FIRST if world > 1 else '$@train#handlers'} + @recognizers.lr_handlers"
        extra = folder / f"journal{world}.json"
        extra.write_text(
            json.dumps(
                {"journal": journal, "train#trainer#train_handlers": f"{handlers} + [@journal, @train#checkpoint]"}
            )
        )
        names = ["train", *(["multi_gpu_train"] if world > 1 else [])]
        files = [str(CONFIGS / f"{name}.json") for name in names] + [str(extra)]
        return {"config_file": files, "dataset_dir": str(camus), "output_dir": str(output)} | SWITCHES | more

    return build


@pytest.fixture(scope="package")
def assert_same_run():
    return _assert_same_run


def _assert_same_run(one, other, world=1):
    """Losses, gates, data in their order, random states and parameters of each iteration; files at the end."""
    for rank in range(world):
        expected, found = (read_journal(folder / f"journal-{rank}.jsonl") for folder in (other, one))
        assert list(expected) == sorted(found) and len(expected) > 1
        for iteration, lines in found.items():
            for line in lines:
                assert line == expected[iteration][0], f"rank {rank}, iteration {iteration}"
    assert (one / "gate.csv").read_bytes() == (other / "gate.csv").read_bytes()
    names = {path.name for path in other.iterdir() if not path.name.startswith("journal")}
    assert {path.name for path in one.iterdir() if not path.name.startswith("journal")} == names
    for name in sorted(names):
        if name.endswith(".pt"):
            first, second = (torch.load(folder / name, weights_only=True) for folder in (one, other))
            assert_equal(first, second, name)
