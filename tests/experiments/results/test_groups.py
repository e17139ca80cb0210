# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from made_runs import made_run

from monai_gradprom.experiments.results.charts import _COLOURS
from monai_gradprom.experiments.results.groups import by_strategy, settings
from monai_gradprom.strategies import STRATEGIES


def test_enhancer_only_stands_in_every_setting_that_it_does_not_care_about():
    alone = made_run("enhancer_only", recognition="both")
    taught = [
        made_run("gradprom", supervised=supervised, recognition=recognition, noise_sigma=0.1)
        for supervised in (True, False)
        for recognition in ("diagnosis", "segmentation")
    ]
    noisier = [made_run(name, noise_sigma=0.3) for name in ("enhancer_only", "gradprom")]
    found = settings([alone, *taught, *noisier])
    assert len(found) == 5
    assert set(found[0].switches) == {"noise_sigma", "recognition", "supervised"}
    for setting in found:
        (other,) = (run for run in setting.runs if run.strategy == "enhancer_only")
        assert other is (alone if setting.switches["noise_sigma"] == 0.1 else noisier[0])
        assert len(setting.runs) == 2


def test_a_setting_that_only_enhancer_only_has_is_kept():
    alone = made_run("enhancer_only", noise_sigma=0.05)
    found = settings([alone, made_run("joint", aux_weight=1e-4), made_run("joint", aux_weight=0.03)])
    assert [(s.switches.get("aux_weight"), s.switches["noise_sigma"], len(s.runs)) for s in found] == [
        (None, 0.05, 1),
        (0.0001, 0.1, 1),
        (0.03, 0.1, 1),
    ]


def test_seeds_and_strategies_are_told_apart_within_a_setting():
    runs = [made_run(name, seed=seed) for seed in (1, 0) for name in ("gradprom", "joint")]
    (setting,) = settings(runs)
    assert setting.switches == {} and setting.title == "all runs"
    assert {name: [run.seed for run in some] for name, some in by_strategy(runs).items()} == {
        "joint": [1, 0],
        "gradprom": [1, 0],
    }


def test_every_strategy_has_its_place_and_its_colour():
    runs = [made_run(name) for name in reversed(STRATEGIES)]
    assert list(by_strategy(runs)) == list(STRATEGIES)
    assert set(STRATEGIES) <= set(_COLOURS) and len(set(_COLOURS.values())) == len(_COLOURS)
