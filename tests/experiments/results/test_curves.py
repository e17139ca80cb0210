# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from monai_gradprom.experiments.results.curves import gate_curves, mean_curve, scalar_curves

GATE = """epoch,iteration,task,loss,cosine,gate,ratio
2,3,diagnosis,1.0,0.5,1.0,0.3
2,4,diagnosis,3.0,-0.1,0.0,0.3
2,4,segmentation,2.0,,,
3,5,diagnosis,1.0,nan,nan,nan
3,6,diagnosis,1.0,0.25,0.25,0.1
"""


def test_the_gate_by_epoch_by_hand(tmp_path):
    (tmp_path / "gate.csv").write_text(GATE)
    found = gate_curves(tmp_path / "gate.csv")
    assert found["diagnosis"]["gate"] == {2: 0.5, 3: 1.0}  # a cosine as a gate is open as well
    assert found["diagnosis"]["cosine"] == pytest.approx({2: 0.2, 3: 0.25})
    assert found["diagnosis"]["ratio"] == pytest.approx({2: 0.3, 3: 0.1})
    assert found["segmentation"] == {"loss": {2: 2.0}}
    assert gate_curves(tmp_path / "none.csv") == {}


def test_validation_curves_are_read_over_warm_up_and_resumption(tmp_path):
    for values in ({1: 20.0, 2: 21.0}, {2: 22.0, 3: 23.0}):  # an epoch that a resumed run has repeated
        writer = SummaryWriter(str(tmp_path))
        for epoch, value in values.items():
            writer.add_scalar("psnr", value, epoch)
            writer.add_scalar("train_loss", value, epoch)
        writer.close()
    assert scalar_curves(tmp_path) == {"psnr": {1: 20.0, 2: 22.0, 3: 23.0}}
    assert scalar_curves(tmp_path / "none") == {}


def test_mean_over_seeds_by_hand():
    epochs, mean, spread = mean_curve([{1: 1.0, 2: 4.0, 3: 9.0}, {1: 3.0, 2: 4.0}, {}])
    assert list(epochs) == [1, 2]
    np.testing.assert_allclose(mean, [2.0, 4.0])
    np.testing.assert_allclose(spread, [np.sqrt(2), 0.0])
    assert list(mean_curve([])[0]) == []
