# SPDX-License-Identifier: Apache-2.0
"""isic2018_perceptual: its objective, its discriminator, its degradation, own images, 16 bits, no seams."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from built_bundles import Spy, get, rows
from ignite.engine import Events
from PIL import Image
from processes import in_processes
from skimage.color import deltaE_ciede2000, rgb2lab
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.utils import parameters_to_vector

from monai_gradprom.bundle import PerceptualTraining, check_switches, find_input_error
from monai_gradprom.errors import InputError
from monai_gradprom.networks import PerceptualDiscriminator
from monai_gradprom.transforms import replay

BUNDLE = "isic2018_perceptual"
CONFIGS = Path(__file__).parents[2] / "bundles" / BUNDLE / "configs"
CPU = "$torch.device('cpu')"


def terms_in(folder):
    return {row["term"] for row in rows(folder / "losses.csv")}


@pytest.fixture
def perceptual(run):
    """Run one of the bundle's configurations on a miniature archive."""
    return lambda *args, **switches: run(*args, **{"bundle": BUNDLE} | switches)


def test_every_term_is_logged_and_the_discriminator_is_trained_and_kept(perceptual, tmp_path, capsys):
    start = []

    def look(engine):
        start.append(parameters_to_vector(engine.adversaries[0].network.parameters()).detach().clone())

    extra = "$@train#handlers + @objective.lr_handlers + [@spy, @train#checkpoint]"
    built = perceptual(max_epochs=2, spy=Spy(look, Events.STARTED), **{"train#trainer#train_handlers": extra})
    out = tmp_path / "out"
    found = rows(out / "losses.csv")
    assert [row["term"] for row in found[:3]] == ["reconstruction", "adversarial", "discriminator"]
    assert len(found) == 3 * 4 and all(math.isfinite(float(row["value"])) for row in found)
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    wanted = {"loss/reconstruction", "loss/adversarial", "loss/discriminator", "delta_e", "delta_e_input"}
    assert wanted <= set(events.Tags()["scalars"])
    network = get(built, "objective").adversary.network
    assert not torch.equal(parameters_to_vector(network.parameters()), start[0])
    saved = torch.load(out / "checkpoint_iteration=4.pt", weights_only=True)
    for name, value in network.state_dict().items():
        assert torch.equal(saved["discriminator"][name], value)
    # four updates under the cosine's schedule
    assert saved["optimizer_discriminator"]["param_groups"][0]["lr"] == pytest.approx(0, abs=1e-9)
    assert {"lr_scheduler_discriminator"} < set(saved)
    assert "DeltaE (CIEDE2000)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("switches", "weights"),
    [
        ({"adversarial_weight": 0}, {"reconstruction": 1}),
        ({"reconstruction_weight": 2.5}, {"reconstruction": 2.5, "adversarial": 0.0005}),
        (
            {"untrained_features": "true", "feature_backbone": "resnet18", "feature_weight": 0.5},
            {"reconstruction": 1, "feature": 0.5, "adversarial": 0.0005},
        ),
    ],
    ids=["no adversary", "L1", "features"],
)
def test_each_terms_weight_is_a_switch(perceptual, tmp_path, switches, weights):
    built = perceptual(**switches)
    assert get(built, "loss").weights == weights
    adversary = get(built, "train#trainer").adversaries
    assert terms_in(tmp_path / "out") == set(weights) | ({"discriminator"} if adversary else set())
    assert bool(adversary) == ("adversarial" in weights)
    assert ("discriminator" in torch.load(tmp_path / "out" / "checkpoint_iteration=2.pt")) == bool(adversary)


def test_the_feature_term_without_a_file_is_off_and_says_so(perceptual, caplog):
    perceptual()
    assert "the feature term is off" in caplog.text


def test_an_objective_of_nothing_is_refused():
    """The feature term, still on, has no file."""
    with pytest.raises(InputError, match="every loss term"):
        PerceptualTraining(
            PerceptualDiscriminator(channels=(4,)), torch.optim.Adam, reconstruction_weight=0, adversarial_weight=0
        )


def test_a_recognizer_guards_the_objective(perceptual, tmp_path):
    built = perceptual(strategy="gradprom", recognition="segmentation", max_epochs=2, aux_weight=0.1)
    gates = rows(tmp_path / "out" / "gate.csv")
    assert [row["iteration"] for row in gates] == ["1", "2", "3", "4"]
    assert all(float(row["gate"]) == (float(row["cosine"]) >= 0) for row in gates)
    assert terms_in(tmp_path / "out") == {"reconstruction", "adversarial", "discriminator"}
    kinds = [type(network).__name__ for network in get(built, "train#trainer").networks]
    assert kinds == ["DPENet", "UNet", "PerceptualDiscriminator"]


def test_a_run_cut_short_and_resumed_equals_the_straight_one(perceptual, tmp_path):
    """The labels' chance, the discriminator and its learning rate included."""
    common = {"checkpoint_interval": 1, "max_epochs": 2, "lr_schedule": "cosine", "strategy": "gradprom"}
    perceptual(output_dir=str(tmp_path / "whole"), **common)

    class Cut(Exception):
        pass

    def power_cut(engine):
        raise Cut

    handlers = "$@train#handlers + @recognizers.lr_handlers + @objective.lr_handlers + [@train#checkpoint, @cut]"
    with pytest.raises(RuntimeError, match="train::trainer"):  # MONAI's, around the cut
        perceptual(
            output_dir=str(tmp_path / "cut"),
            cut=Spy(power_cut, Events.ITERATION_COMPLETED(once=3)),
            **{"train#trainer#train_handlers": handlers},
            **common,
        )
    perceptual(output_dir=str(tmp_path / "cut"), resume="true", **common)
    whole, cut = (
        torch.load(tmp_path / name / "checkpoint_iteration=4.pt", weights_only=True) for name in ("whole", "cut")
    )
    for part in ("network", "discriminator", "recognizer_segmentation"):
        assert all(torch.equal(value, cut[part][name]) for name, value in whole[part].items())
    assert whole["optimizer_discriminator"]["param_groups"] == cut["optimizer_discriminator"]["param_groups"]
    tables = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "cut")]
    assert tables[0] == tables[1]


def test_another_weight_is_another_experiment(perceptual):
    perceptual(max_epochs=1)
    with pytest.raises(Exception) as caught:
        perceptual(max_epochs=2, adversarial_weight=0.01, resume="true")
    assert "adversarial_weight 0.0005, this one has 0.01" in str(find_input_error(caught.value))


# --- degradation and metrics ------------------------------------------------------------------------------------------


def test_evaluation_degrades_as_recorded_and_measures_delta_e(perceptual, workflow, tmp_path):
    seen = {}

    def look(engine):
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            seen[item["id"]] = {key: output[key] for key in ("image", "pred", "label")}

    network = workflow("inference", bundle=BUNDLE).parser
    network.parse(reset=True)
    torch.save(network.get_parsed_content("network_def").state_dict(), tmp_path / "untrained.pt")
    common = {"brightness": [0.3, 0.5], "contrast": 0.5, "noise": "uniform", "noise_sigma": 0.01}
    common["weights"] = str(tmp_path / "untrained.pt")
    perceptual("evaluate", **{"evaluator#val_handlers": ["@handlers#0", Spy(look)]}, **common)
    found = {row["id"]: row for row in rows(tmp_path / "out" / "metrics_per_image.csv")}
    assert len(found) == len(seen) == 2
    drawn = []
    for name, images in seen.items():
        record = images["image"].meta["degradation"]
        drawn.append(record["brightness"])
        assert 0.3 <= record["brightness"] <= 0.5 and (record["contrast"], record["noise"]) == (0.5, "uniform")
        assert torch.equal(replay(images["label"].as_tensor(), record), images["image"].as_tensor())
        clean, degraded = (
            rgb2lab(np.clip(images[key].as_tensor().double().numpy(), 0, 1), channel_axis=0)
            for key in ("label", "image")
        )
        expected = deltaE_ciede2000(clean, degraded, channel_axis=0).mean()
        assert float(found[name]["delta_e_input"]) == pytest.approx(expected, abs=1e-3)
        assert float(found[name]["delta_e"]) != pytest.approx(expected, abs=0.1)
    assert drawn[0] != drawn[1]


def test_without_weights_evaluation_measures_the_degraded_image(perceptual, tmp_path):
    """An untrained DPENet is no identity, and stands for no enhancer only by way of `Unchanged`."""
    perceptual("evaluate", weights="$None", tile_size=16)
    for row in rows(tmp_path / "out" / "metrics_per_image.csv"):
        assert all(row[name] == row[f"{name}_input"] for name in ("psnr", "ssim", "delta_e"))


def test_training_draws_from_the_switches(workflow, tmp_path):
    built = workflow(bundle=BUNDLE, brightness=0.5, contrast=1, noise_sigma=0, output_dir=str(tmp_path))
    built.initialize()
    for batch in get(built, "train#dataloader"):
        torch.testing.assert_close(batch["image"], 0.5 * batch["label"])
    built = workflow(
        bundle=BUNDLE, brightness=0.5, contrast=1, noise_sigma=0, degrade_on="device", output_dir=str(tmp_path)
    )
    built.initialize()
    batch = get(built, "train#trainer").batch_transform(next(iter(get(built, "train#dataloader"))), torch.device("cpu"))
    torch.testing.assert_close(batch["image"], 0.5 * batch["label"])


def test_a_range_of_noise_is_for_this_degradation_only():
    check_switches(degradation="perceptual", noise_sigma=[0.0, 0.1])
    with pytest.raises(InputError, match=r"--noise_sigma \[0.0, 0.1\] is a range"):
        check_switches(degradation="gaussian", noise_sigma=[0.0, 0.1])


# --- own images, 16 bits, tiles ---------------------------------------------------------------------------------------


@pytest.fixture
def radiographs(tmp_path):
    """Grey 16-bit PNGs of four patients, smooth, with values that 8 bits cannot tell apart."""
    x, y = np.meshgrid(np.linspace(0, 1, 52), np.linspace(0, 1, 44))
    for number in range(4):
        folder = tmp_path / "radiographs" / f"p{number}"
        folder.mkdir(parents=True)
        pixels = 9000 + 4000 * (x * (1 + number) + y**2) / 6
        Image.fromarray(pixels.astype(np.uint16)).save(folder / "chest.png")
    return tmp_path / "radiographs"


def test_any_folder_of_images_is_trained_on_evaluated_and_enhanced(perceptual, radiographs, tmp_path):
    common = {"channels": 1, "dataset_dir": str(radiographs)}
    built = perceptual(**common, batch_size=1)
    assert len(get(built, "train#dataset#data")) == 2 and len(get(built, "validate#dataset#data")) == 1
    assert terms_in(tmp_path / "out") == {"reconstruction", "adversarial", "discriminator"}
    weights = {"weights": str(tmp_path / "out" / "model.pt")}
    perceptual("evaluate", output_dir=str(tmp_path / "e"), **weights, **common)
    summary = {row["metric"] for row in rows(tmp_path / "e" / "metrics_summary.csv")}
    assert summary == {f"{name}{end}" for name in ("psnr", "ssim", "delta_e") for end in ("", "_input")}
    built = perceptual("inference", output_dir=str(tmp_path / "i"), **weights, **common)
    network = get(built, "network").eval()
    for path in radiographs.rglob("*.png"):
        made = Image.open(tmp_path / "i" / path.parent.name / "chest_enhanced.png")
        assert made.mode == "I;16"
        values = np.asarray(made).astype(np.int64)
        # 256 levels of 8 bits would leave a few dozen values here
        assert len(np.unique(values)) > 500 and np.any(values % 257)
        image = torch.from_numpy(np.asarray(Image.open(path)).astype(np.float32).T / 65535)[None, None]
        with torch.no_grad():
            expected = (65535 * network(image)[0, 0].double().numpy().T).clip(0, 65535)
        assert np.abs(values - expected).max() <= 1


def test_own_images_without_labels_ask_for_a_strategy_that_needs_none(workflow, radiographs, tmp_path):
    built = workflow(
        bundle=BUNDLE, channels=1, dataset_dir=str(radiographs), strategy="gradprom", output_dir=str(tmp_path / "o")
    )
    with pytest.raises(Exception) as caught:
        built.initialize()
        built.run()
    assert re.search("diagnosis|segmentation", str(find_input_error(caught.value)))


def test_a_large_image_has_no_seams(perceptual, tmp_path):
    """With all five levels, on a side that 16 does not divide, in the smallest tiles that the halo of 123 allows."""
    (tmp_path / "in").mkdir()
    x, y = np.meshgrid(np.arange(301), np.arange(435))
    pixels = (100 * x + 60 * y + 500 * ((x * y) % 7)).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / "in" / "large.png")
    torch.manual_seed(3)
    network = {"network_def#channels": [4, 4, 6, 6, 8]}
    built = perceptual(
        "inference", channels=1, tiny_network=False, dataset_dir=str(tmp_path / "in"), weights=None, **network
    )
    state = {name: value + 0.1 * torch.randn_like(value) for name, value in get(built, "network").state_dict().items()}
    torch.save(state, tmp_path / "w.pt")
    results = {}
    for name, tile in (("tiles", 272), ("whole", "$None")):
        perceptual(
            "inference", channels=1, tiny_network=False, dataset_dir=str(tmp_path / "in"), tile_size=tile,
            weights=str(tmp_path / "w.pt"), output_dir=str(tmp_path / name), **network,
        )  # fmt: skip
        results[name] = np.asarray(Image.open(tmp_path / name / "large_enhanced.png")).astype(int)
    assert np.abs(results["tiles"] - results["whole"]).max() <= 1
    assert np.abs(results["whole"] - pixels).mean() > 100  # it does something
    with pytest.raises(Exception) as caught:
        perceptual(
            "inference", channels=1, tiny_network=False, dataset_dir=str(tmp_path / "in"), tile_size=256,
            weights=str(tmp_path / "w.pt"), output_dir=str(tmp_path / "x"), **network,
        )  # fmt: skip
    assert "set --tile_size to 272" in str(find_input_error(caught.value))


# --- several processes ------------------------------------------------------------------------------------------------


def _train(rank, world, archive, folder):
    from monai.bundle import ConfigWorkflow

    files = [str(CONFIGS / f"{name}.json") for name in ("train", "multi_gpu_train")]
    built = ConfigWorkflow(
        config_file=files, workflow_type="train", logging_file=False, device=CPU, dataset_dir=str(archive),
        output_dir=str(folder), image_size=32, batch_size=1, max_epochs=2, learning_rate=0.01,
        **{"network_def#channels": [4, 6, 8], "discriminator_def#channels": [4, 6]},
    )  # fmt: skip
    built.initialize()
    built.run()
    adversary = get(built, "objective").adversary
    state = [*get(built, "network").state_dict().values(), *adversary.network.state_dict().values()]
    kinds = {type(module).__name__ for module in adversary.network.modules()}
    rate = adversary.optimizer.param_groups[0]["lr"]
    built.finalize()
    return {"state": state, "kinds": kinds, "rate": rate}


@pytest.mark.slow
def test_two_processes_train_one_discriminator(archive, tmp_path):
    first, second = in_processes(_train, archive(BUNDLE), tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(first["state"], second["state"], strict=True))
    assert "SynchronisedBatchNorm" in first["kinds"]
    assert first["rate"] == second["rate"] == pytest.approx(0, abs=1e-9)
    assert len(rows(tmp_path / "losses.csv")) == 3 * 4
