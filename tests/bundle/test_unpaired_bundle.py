# SPDX-License-Identifier: Apache-2.0
"""camus_unpaired: its objective, its sides, its guides, and that other doors take its network as it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from built_bundles import Spy, get, rows
from ignite.engine import Events
from PIL import Image
from processes import in_processes
from torch.nn.utils import parameters_to_vector

from monai_gradprom.bundle import UnpairedTraining, find_input_error
from monai_gradprom.engines import GuidedBatch
from monai_gradprom.networks import HQGNet, ResidualDiscriminator

BUNDLE = "camus_unpaired"
CONFIGS = Path(__file__).parents[2] / "bundles" / BUNDLE / "configs"
CPU = "$torch.device('cpu')"
TERMS = ["wavelet", "adversarial", "divergence", "discriminator", "r1"]


def terms_in(folder):
    return {row["term"] for row in rows(folder / "losses.csv")}


def refusal(call):
    with pytest.raises(Exception) as caught:
        call()
    return str(find_input_error(caught.value))


@pytest.fixture
def unpaired(run):
    """Run one of the bundle's configurations on a miniature archive."""
    return lambda *args, **switches: run(*args, **{"bundle": BUNDLE} | switches)


def test_the_gate_the_terms_and_the_bank(unpaired, tmp_path):
    """Two epochs: the first alone, the second with the recognizer; every term logged; guides of good patients only."""
    seen = []

    def look(engine):
        seen.append(engine.state.batch)

    handlers = "$@train#handlers + @objective.handlers + [@spy, @train#checkpoint]"
    switches = {"train#trainer#train_handlers": handlers, "spy": Spy(look, Events.ITERATION_STARTED)}
    built = unpaired(max_epochs=2, warmup_epochs=1, **switches)
    assert built.check_properties() == []
    out = tmp_path / "out"
    found = rows(out / "losses.csv")
    assert [row["term"] for row in found[:5]] == TERMS and len(found) == 2 * 5
    assert all(math.isfinite(float(row["value"])) for row in found)
    (gate,) = rows(out / "gate.csv")
    assert gate["iteration"] == "2" and float(gate["gate"]) == (float(gate["cosine"]) >= 0)
    for batch in seen:
        assert all("patient0001" in name for name in batch["id"])
        assert all("patient0002" in name for name in batch["guide_id"])
        assert batch["guide"].mean() > 1.3 * batch["image"].mean()
    state = torch.load(out / "model.pt", weights_only=True)
    assert state["bank.count"] == 4 and state["bank.vectors"][:4].abs().sum() > 0
    saved = torch.load(out / "checkpoint_iteration=2.pt", weights_only=True)
    for name, value in get(built, "objective").adversary.network.state_dict().items():
        assert torch.equal(saved["discriminator"][name], value)
    assert {"optimizer_discriminator", "lr_scheduler_discriminator", "recognizer_segmentation"} <= set(saved)


def test_the_last_epoch_is_kept_where_nothing_measures_and_the_best_where_the_truth_is_known(unpaired, tmp_path):
    built = unpaired(max_epochs=2, strategy="enhancer_only")
    evaluator = get(built, "validate#evaluator")
    assert evaluator.state.key_metric_name == "latest" and evaluator.state.best_metric_epoch == 2
    assert "psnr" not in evaluator.state.metrics and 0 < evaluator.state.metrics["structure"] <= 1
    state = torch.load(tmp_path / "out" / "model.pt", weights_only=True)
    assert all(torch.equal(value, state[name]) for name, value in get(built, "network").state_dict().items())
    built = unpaired(degradation="gaussian", strategy="enhancer_only", output_dir=str(tmp_path / "degraded"))
    assert get(built, "validate#evaluator").state.key_metric_name == "psnr"


@pytest.mark.parametrize("order", [1, 2])
def test_bi_level_learning_through_the_guided_network(unpaired, tmp_path, order):
    """As the paper couples them; the second-order form differentiates the guided pass twice."""
    unpaired(strategy="bilevel", inner_order=order)
    (row,) = rows(tmp_path / "out" / "gate.csv")
    assert math.isfinite(float(row["loss"])) and terms_in(tmp_path / "out") == set(TERMS)


@pytest.mark.parametrize(
    ("switches", "weights"),
    [
        ({"adversarial_weight": 0}, {"wavelet": 20, "divergence": 0.01}),
        ({"divergence_weight": 0, "wavelet_weight": 2.5, "r1_weight": 0}, {"wavelet": 2.5, "adversarial": 1}),
        (
            {"untrained_features": "true", "feature_weight": 0.5, "wavelet_weight": 0},
            {"feature": 0.5, "adversarial": 1, "divergence": 0.01},
        ),
    ],
    ids=["no adversary", "no KL, no R1", "features"],
)
def test_each_terms_weight_is_a_switch(unpaired, tmp_path, switches, weights):
    built = unpaired(strategy="enhancer_only", **switches)
    assert get(built, "loss").weights == weights
    learnt = {"discriminator"} if "adversarial" in weights else set()
    if learnt and switches.get("r1_weight") != 0:
        learnt |= {"r1"}
    assert terms_in(tmp_path / "out") == set(weights) | learnt
    assert bool(get(built, "train#trainer").adversaries) == ("adversarial" in weights)


def test_levels_encoders_and_features_are_switches(workflow, resnet_file, tmp_path):
    built = workflow(
        bundle=BUNDLE, encoder="resnet50", width=2, cue="prior", wavelet_levels=[2, 3],
        feature_encoders={"resnet18": str(resnet_file)}, output_dir=str(tmp_path),
    )  # fmt: skip
    built.initialize()
    network, loss = get(built, "network"), get(built, "loss")
    assert len(network.encoder.layer3) == 6 and not network.from_bank  # a ResNet-50
    assert loss.losses["wavelet"].levels == (2, 3) and loss.losses["feature"].encoders["resnet18"].pretrained
    assert loss.losses["divergence"]._network[0] is network
    assert isinstance(get(built, "train#trainer").prepare_batch, GuidedBatch)


def test_the_shipped_form(workflow):
    built = workflow("inference", bundle=BUNDLE, tiny_network=False)
    built.parser.parse(reset=True)
    network = get(built, "network")
    assert isinstance(network, HQGNet) and network.global_residual and network.from_bank
    assert get(built, "tile_size") is None  # nothing is cut: the network sees whole images


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"supervised": "false"}, "images without pairs have none"),
        ({"sides": "half"}, "--sides 'half' is unknown"),
        ({"high_quality": ["Poor"]}, "is in both"),
        ({"wavelet_levels": [0]}, "--wavelet_levels"),
        ({"feature_encoders": {"vgg19": "/nowhere.pth"}}, "/nowhere.pth"),
        ({"low_quality": "bad"}, "--low_quality"),
        ({"high_quality_dir": "/nowhere"}, "--high_quality_dir"),
    ],
)
def test_wrong_switches_are_refused(workflow, tmp_path, switches, words):
    built = workflow(bundle=BUNDLE, output_dir=str(tmp_path), **switches)

    def go():
        built.initialize()
        built.run()

    assert words in refusal(go)


def test_an_objective_of_nothing_is_refused():
    with pytest.raises(Exception, match="every loss term"):
        UnpairedTraining(
            HQGNet(width=2), ResidualDiscriminator(channels=(2, 2)), torch.optim.Adam, wavelet_weight=0,
            adversarial_weight=0, divergence_weight=0,
        )  # fmt: skip


# --- data -------------------------------------------------------------------------------------------------------------


def pictures(folder, level, count):
    generator = np.random.default_rng(level)
    for number in range(count):
        (folder / f"p{number}").mkdir(parents=True)
        pixels = generator.integers(level // 2, level, size=(40, 36), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number}" / "a.png")
    return str(folder)


def test_any_two_folders_are_trained_on_and_enhanced(unpaired, tmp_path):
    low, high = pictures(tmp_path / "low", 90, 5), pictures(tmp_path / "high", 240, 4)
    built = unpaired(
        dataset_dir=None, low_quality_dir=low, high_quality_dir=high, strategy="enhancer_only", batch_size=1
    )
    assert len(get(built, "train#dataset#data")) == 3 and len(get(built, "train#dataset#guides")) >= 3
    assert terms_in(tmp_path / "out") == set(TERMS)
    weights = str(tmp_path / "out" / "model.pt")
    built = unpaired("inference", dataset_dir=low, weights=weights, output_dir=str(tmp_path / "i"))
    network = get(built, "network").eval()
    made = np.asarray(Image.open(tmp_path / "i" / "p2" / "a_enhanced.png")).astype(int)
    image = torch.from_numpy(np.asarray(Image.open(tmp_path / "low" / "p2" / "a.png")).astype(np.float32).T / 255)
    with torch.no_grad():
        expected = 255 * network(image[None, None])[0, 0].numpy().T
    assert np.abs(made - expected).max() <= 1


def test_a_datalist_says_its_sides(unpaired, tmp_path):
    items = {}
    for subset, count in (("training", 4), ("validation", 2), ("testing", 1)):
        folder = Path(pictures(tmp_path / subset, 200, count))
        items[subset] = [
            {"image": str(folder / f"p{n}" / "a.png"), "quality": "high" if n % 2 else "low"} for n in range(count)
        ]
    (tmp_path / "list.json").write_text(json.dumps(items))
    built = unpaired(datalist=str(tmp_path / "list.json"), strategy="enhancer_only")
    assert len(get(built, "train#dataset#data")) == len(get(built, "train#dataset#guides")) == 2


def test_drawn_sides_share_no_patient_and_are_degraded(workflow, tmp_path):
    """For images without grades: the truth is known, and still nothing is paired."""
    built = workflow(
        bundle=BUNDLE, sample_data=True, sides="drawn", degradation="perceptual", brightness=0.5, contrast=1,
        noise_sigma=0, output_dir=str(tmp_path),
    )  # fmt: skip
    built.initialize()
    sides = [{item["patient"] for item in get(built, name)} for name in ("train#dataset#data", "train#dataset#guides")]
    assert sides[0] and sides[1] and not sides[0] & sides[1]
    batch = next(iter(get(built, "train#dataloader")))
    torch.testing.assert_close(batch["image"], 0.5 * batch["label"])


# --- resume and several processes -------------------------------------------------------------------------------------


def test_a_run_cut_short_and_resumed_equals_the_straight_one(unpaired, tmp_path):
    common = {"max_epochs": 3, "lr_schedule": "constant"}
    unpaired(output_dir=str(tmp_path / "whole"), **common)
    unpaired(output_dir=str(tmp_path / "cut"), **common | {"max_epochs": 1})
    unpaired(output_dir=str(tmp_path / "cut"), resume="true", **common)
    whole, cut = (
        torch.load(tmp_path / name / "checkpoint_iteration=3.pt", weights_only=True) for name in ("whole", "cut")
    )
    for part in ("network", "discriminator", "recognizer_segmentation"):
        assert all(torch.equal(value, cut[part][name]) for name, value in whole[part].items())
    tables = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "cut")]
    assert tables[0] == tables[1]
    message = refusal(lambda: unpaired(output_dir=str(tmp_path / "cut"), resume="true", divergence_weight=1, **common))
    assert "divergence_weight 0.01, this one has 1" in message


def _train(rank, world, archive, folder):
    from monai.bundle import ConfigWorkflow

    files = [str(CONFIGS / f"{name}.json") for name in ("train", "multi_gpu_train")]
    built = ConfigWorkflow(
        config_file=files, workflow_type="train", logging_file=False, device=CPU, dataset_dir=str(archive),
        output_dir=str(folder), image_size=32, batch_size=1, max_epochs=1, learning_rate=0.01, width=4,
        strategy="enhancer_only", recognizer_pretrain_epochs=0, **{"discriminator_def#channels": [4, 6]},
    )  # fmt: skip
    built.initialize()
    built.run()
    network, adversary = get(built, "network"), get(built, "objective").adversary
    found = [parameters_to_vector(n.parameters()).detach() for n in (network, adversary.network)]
    kinds = {type(module).__name__ for module in network.modules()}
    built.finalize()
    return found, sorted(kinds)


@pytest.mark.slow
def test_two_processes_train_one_network_and_one_discriminator(archive, tmp_path):
    two = in_processes(_train, archive(BUNDLE), tmp_path / "out")
    assert all(torch.equal(a, b) for a, b in zip(two[0][0], two[1][0], strict=True))
    assert "SynchronisedBatchNorm" in two[0][1]
    assert terms_in(tmp_path / "out") == set(TERMS)
    assert torch.load(tmp_path / "out" / "model.pt", weights_only=True)["bank.count"] > 0


@pytest.mark.slow
def test_it_runs_on_its_sample_data(unpaired, tmp_path):
    """As it stands: no folder is named."""
    common = {"sample_data": True}
    unpaired(batch_size=8, image_size=48, **common)
    weights = {"weights": str(tmp_path / "out" / "model.pt")}
    unpaired("evaluate", recognizer_weights=str(tmp_path / "out"), output_dir=str(tmp_path / "e"), **weights, **common)
    assert len(rows(tmp_path / "e" / "metrics_per_image.csv")) == 8  # two poor patients, two views, two phases
    unpaired("inference", output_dir=str(tmp_path / "i"), **weights, **common)
    assert len([path for path in (tmp_path / "i").rglob("*") if path.is_file()]) >= 30


@pytest.mark.slow
def test_a_recognizer_alone(unpaired, tmp_path):
    built = unpaired(extra=["recognizer_only"])
    (task,) = get(built, "tasks")
    assert get(built, "train#trainer").network is task.network
    assert (tmp_path / "out" / "recognizer_segmentation.pt").is_file()
