# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_gradprom.experiments.running.progress import OverallProgress, epochs_done


def test_epochs_are_told_by_the_names_of_checkpoints(tmp_path):
    assert epochs_done(tmp_path) == 0
    (tmp_path / "checkpoint_iteration=25.pt").touch()
    assert epochs_done(tmp_path) == 1
    (tmp_path / "checkpoint_iteration=25.pt").rename(tmp_path / "checkpoint_iteration=75.pt")
    (tmp_path / "checkpoint_iteration=100.pt").touch()
    (tmp_path / "checkpoint_other.pt").touch()
    assert epochs_done(tmp_path) == 4


def test_the_bar_counts_parts_of_runs_and_never_goes_back(capsys):
    bar = OverallProgress(4)
    bar.show(1.5)
    bar.show(1.2)
    bar.note("a run has failed")
    bar.show(3, failed=1)
    bar.close()
    said = capsys.readouterr().err
    assert "a run has failed\n" in said
    assert said.splitlines()[-1].startswith("comparing:  75% 3.0/4") and "1 failed" in said
