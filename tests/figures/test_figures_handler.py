# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader, Dataset
from PIL import Image
from torch import nn

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator
from monai_gradprom.errors import InputError
from monai_gradprom.figures import Figures, handler
from monai_gradprom.inferers import PaddedInferer
from monai_gradprom.networks import SRResNet

ALL = ["panels", "cam", "guided_backprop"]


def scaling(factor):
    network = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(network.weight, factor)
    return network


def items(count=3, size=(40, 32), degraded=True):
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(count, 1, *size, generator=generator)
    noise = 0.1 * torch.randn(clean.shape, generator=generator) * degraded
    return [
        {"id": f"p/{i}", "image": c + n, "label": c, "diagnosis": i % 3}
        for i, (c, n) in enumerate(zip(clean, noise, strict=True))
    ]


@pytest.fixture
def evaluate(tmp_path):
    """Evaluate with figures; returns their rows as drawn, by file name."""

    def run(names, images=1, network=None, data=None, tasks=(), compared=None, drawn=False, **options):
        network = scaling(1.0) if network is None else network
        amp = options.pop("amp", False)
        figures = Figures(names, tmp_path, images, network, PaddedInferer(), tasks, compared, **options)
        rows = {}
        with pytest.MonkeyPatch.context() as patch:
            if not drawn:
                patch.setattr(handler, "draw", lambda found, path: rows.__setitem__(Path(path).name, list(found)))
            engine = EnhancementEvaluator(
                device=torch.device("cpu"),
                val_data_loader=DataLoader(Dataset(items() if data is None else data), batch_size=2),
                network=network,
                tasks=tasks,
                inferer=PaddedInferer(),
                val_handlers=[figures],
                amp=amp,
            )
            preds = []
            engine.add_event_handler(
                Events.ITERATION_COMPLETED, lambda e: preds.extend(o["pred"] for o in e.state.output)
            )
            engine.run()
        return SimpleNamespace(rows=rows, preds=torch.stack(preds), folder=tmp_path / "figures")

    return run


def test_every_figure_opens_and_every_network_is_left_alone(evaluate, diagnosis, segmentation, snapshot):
    network = SRResNet(2, 1, 1, channels=4, num_blocks=1)
    tasks = [AuxiliaryTask("diagnosis", diagnosis, None, None), AuxiliaryTask("segmentation", segmentation, None, None)]
    networks = network, diagnosis.train(), segmentation.train()
    plain = evaluate([], network=network, tasks=tasks).preds
    before = snapshot(*networks)
    result = evaluate(ALL, 1, network, tasks=tasks, drawn=True)
    snapshot.unchanged(before, *networks)
    assert torch.equal(result.preds, plain)
    stems = ["panels", "cam_diagnosis", "cam_segmentation", "guided_backprop"]
    assert {path.name for path in result.folder.iterdir()} == {f"{s}{e}.png" for s in stems for e in ("", "_p_0")}
    for path in result.folder.iterdir():
        with Image.open(path) as picture:
            columns = 4 if path.name.startswith("guided") else 3
            assert picture.size[0] == pytest.approx((columns * 2.8 + 1) * 160, abs=1)
            assert np.ptp(np.asarray(picture.convert("L"))) > 200


def test_compared_enhancers_run_with_their_own_weights(evaluate, tmp_path):
    weights = {}
    for name, factor in (("frozen", 0.5), ("joint", 0.25)):
        weights[name] = tmp_path / f"{name}.pt"
        torch.save(scaling(factor).state_dict(), weights[name])
    network = scaling(0.75)
    image = torch.full((1, 16, 16), 0.8)
    data = [{"id": "a", "image": image, "label": image + 0.1}]
    row = evaluate("panels", network=network, data=data, compared=weights, title="gradprom").rows["panels_a.png"][0]
    found = {cell.title: float(np.unique(cell.pixels)[0]) for cell in row.cells}
    assert found == pytest.approx({"degraded": 0.8, "frozen": 0.4, "joint": 0.2, "gradprom": 0.6, "clean": 0.9})
    assert float(network.weight.detach()) == 0.75


def test_compared_enhancers_run_in_the_evaluators_precision(evaluate, tmp_path):
    network = SRResNet(2, 1, 1, channels=4, num_blocks=1)
    torch.save(network.state_dict(), tmp_path / "same.pt")
    pixels = {}
    for amp in (False, True):
        row = evaluate("panels", network=network, compared={"same": tmp_path / "same.pt"}, amp=amp).rows["panels.png"][
            0
        ]
        pixels[amp] = row.cells[1].pixels
        np.testing.assert_allclose(pixels[amp], row.cells[2].pixels, atol=1e-5)
    assert np.abs(pixels[False] - pixels[True]).max() > 1e-4


@pytest.mark.parametrize("images, expected", [(2, ["p/0", "p/1"]), (9, ["p/0", "p/1", "p/2"]), (["p/2"], ["p/2"])])
def test_the_chosen_images_are_drawn_alone_and_together(evaluate, images, expected):
    result = evaluate("panels", images)
    assert [row.name for row in result.rows["panels.png"]] == expected
    assert set(result.rows) == {"panels.png", *(f"panels_{name.replace('/', '_')}.png" for name in expected)}


def test_ids_that_differ_in_punctuation_get_their_own_files(evaluate):
    data = [{**item, "id": name} for item, name in zip(items(), ("a/b", "a_b", "a b"), strict=True)]
    assert set(evaluate("panels", 3, data=data).rows) == {
        "panels.png",
        "panels_a_b.png",
        "panels_a_b_2.png",
        "panels_a_b_3.png",
    }


def test_genuine_images_have_no_clean_column(evaluate):
    row = evaluate("panels", data=items(degraded=False)).rows["panels.png"][0]
    assert [(cell.title, cell.caption) for cell in row.cells] == [("input", ""), ("enhanced", "")]


def test_the_true_class_is_read_under_the_tasks_key(evaluate, diagnosis):
    task = AuxiliaryTask("other", diagnosis, None, None, target_key="diagnosis")
    rows = evaluate("cam", 3, tasks=[task], class_names=["x", "y", "z"]).rows["cam_other.png"]
    assert [row.name for row in rows] == ["p/0\nx (true)", "p/1\ny (true)", "p/2\nz (true)"]


def test_a_recognizer_without_a_map_is_said_once(evaluate, caplog):
    task = AuxiliaryTask("unet", nn.Conv2d(1, 2, 1), None, None)
    with caplog.at_level(logging.WARNING, "monai_gradprom.figures"):
        assert evaluate("cam", 3, tasks=[task]).rows == {}
    assert [record.getMessage() for record in caplog.records] == [
        "no activation maps of task 'unet': which layer of a Conv2d to look at is not known."
    ]


def test_a_second_run_starts_anew(evaluate, tmp_path):
    network = scaling(1.0)
    figures = Figures("panels", tmp_path, 1, network, PaddedInferer())
    engine = Engine(lambda engine, batch: [{**item, "pred": item["image"]} for item in batch])
    figures.attach(engine)
    for _ in range(2):
        engine.run([items(1)])
        assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["panels.png", "panels_p_0.png"]


def test_no_names_no_work():
    engine = Engine(lambda engine, batch: batch)
    before = copy.copy(engine._event_handlers)
    Figures(None, "nowhere", 1, scaling(1.0), PaddedInferer()).attach(engine)
    assert engine._event_handlers == before


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"names": ["panel"]}, "figures 'panel' is unknown: did you mean 'panels'"),
        ({"names": "cam"}, "'cam' looks into a recognizer, but there is none; give --recognizer_weights"),
        ({"images": 0}, "figure_images is 0"),
        ({"images": []}, r"figure_images is \[\]"),
        ({"images": ["p/0", "q/1"]}, "names 'q/1', which is not among the 3 images: did you mean 'p/1'"),
        ({"compared": "runs/frozen/model.pt"}, "compared_weights is 'runs/frozen/model.pt'; give {'name'"),
        ({"compared": {"clean": "x.pt"}}, "calls an enhancer 'clean', as another column"),
        ({"compared": {"frozen": "nowhere/x.pt"}}, "the weights nowhere/x.pt are not there"),
    ],
)
def test_mistakes_are_said_before_anything_is_evaluated(evaluate, options, sentence):
    with pytest.raises(InputError, match=sentence):
        evaluate(**{"names": "panels", **options})
