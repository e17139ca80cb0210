# SPDX-License-Identifier: Apache-2.0
"""The three configurations from end to end, in this process, on a miniature archive."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from built_bundles import Spy, get, rows
from ignite.engine import Events
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_gradprom.errors import InputError
from monai_gradprom.networks import load_weights

UNMASKED = ("patient0003/patient0003_2CH_ED", "patient0003/patient0003_4CH_ES")
STRATEGIES = [
    "enhancer_only",
    "detached",
    "joint",
    "frozen",
    "gradprom",
    "gradprom_cosine",
    "frozen_gradprom",
    "bilevel",
]


def parameters(path):
    return torch.load(path, weights_only=True)


def assert_equal_states(first, second):
    assert set(first) == set(second)
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_train_leaves_everything_that_it_promises(run, workflow, tmp_path, capsys):
    built = run(tiny_recognizer=False, max_epochs=2, warmup_epochs=1, recognizer_pretrain_epochs=1)
    assert built.check_properties() == []
    out = tmp_path / "out"
    enhancer, recognizer = get(built, "network"), get(built, "tasks")[0].network
    load_weights(enhancer, out / "model.pt")
    load_weights(recognizer, out / "recognizer_segmentation.pt")
    assert {path.name for path in out.glob("*.pt")} == {
        "model.pt",
        "recognizer_segmentation.pt",
        "checkpoint_iteration=2.pt",
        "checkpoint_iteration=4.pt",
    }
    assert Image.open(out / "before_after_clean.png").size[0] > 500
    # the first epoch is the enhancer's alone; 4 frames in batches of 2
    assert [(row["epoch"], row["iteration"]) for row in rows(out / "gate.csv")] == [("2", "3"), ("2", "4")]
    printed = capsys.readouterr().out
    for word in ("before", "enhanced", "PSNR [dB]", "SSIM", "mIoU", "before_after_clean.png", "model.pt"):
        assert word in printed
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    assert {"train_loss", "psnr", "ssim", "miou", "gate/segmentation/cosine"} <= set(events.Tags()["scalars"])
    # the table at the end describes the best epoch, and stands at that epoch
    best = max(events.Scalars("psnr"), key=lambda event: event.value)
    assert {event.step for event in events.Scalars("psnr")} == {1, 2}
    assert f"best epoch ({best.step})" in printed and f"{best.value:.3f}" in printed


def test_the_last_epoch_is_validated_whatever_the_interval(run, tmp_path, capsys):
    built = run(max_epochs=3, val_interval=2, strategy="enhancer_only", learning_rate=1e-3)
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    events.Reload()
    assert {2, 3} == {event.step for event in events.Scalars("psnr")}
    best = max(events.Scalars("psnr"), key=lambda event: event.value)
    assert f"best epoch ({best.step})" in capsys.readouterr().out
    assert get(built, "validate#evaluator").state.best_metric_epoch == best.step


def test_a_run_shorter_than_its_validation_interval_does_not_report_an_older_one(run, tmp_path, capsys):
    run(max_epochs=1, strategy="enhancer_only")
    old = parameters(tmp_path / "out" / "model.pt")
    capsys.readouterr()
    built = run(max_epochs=1, val_interval=5, strategy="enhancer_only", seed=1)
    assert "best epoch (1)" in capsys.readouterr().out
    new = parameters(tmp_path / "out" / "model.pt")
    assert_equal_states(new, get(built, "network").state_dict())
    assert not torch.equal(next(iter(new.values())), next(iter(old.values())))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("supervised", ["true", "false"])
def test_each_strategy_trains(run, tmp_path, strategy, supervised):
    built = run(strategy=strategy, supervised=supervised, recognizer_pretrain_epochs=1)
    (task,) = get(built, "recognizers").tasks
    assert (task.target_key, type(task.loss_function).__name__) == (
        ("segmentation", "DiceCELoss") if supervised == "true" else (None, "ConsistencyLoss")
    )
    found = rows(tmp_path / "out" / "gate.csv")
    if strategy == "enhancer_only":
        assert found == []
    else:
        assert len(found) == 2 and all(math.isfinite(float(row["loss"])) for row in found)
    assert math.isfinite(get(built, "validate#evaluator").state.metrics["psnr"])


def first_moments(run, folder, **switches):
    """Initial weights, the first batch and the first two losses of a run."""
    seen = {"losses": []}

    def start(engine):
        seen["weights"] = {name: value.clone() for name, value in engine.network.state_dict().items()}

    def look(engine):
        items = engine.state.output
        seen.setdefault("batch", [(item["image"].clone(), item["label"].clone()) for item in items])
        seen["losses"].append(float(items[0]["loss"]))

    spies = {"train#trainer#train_handlers": [Spy(start, Events.STARTED), Spy(look)]}
    run(output_dir=str(folder), recognizer_pretrain_epochs=1, **spies, **switches)
    return seen


def test_two_strategies_with_one_seed_begin_alike(run, tmp_path):
    a, b, c = (
        first_moments(run, tmp_path / name, strategy=strategy, seed=seed, aux_weight=0.5)
        for name, strategy, seed in (("a", "enhancer_only", 3), ("b", "joint", 3), ("c", "joint", 4))
    )
    assert_equal_states(a["weights"], b["weights"])
    assert all(
        torch.equal(x, y)
        for one, two in zip(a["batch"], b["batch"], strict=True)
        for x, y in zip(one, two, strict=True)
    )
    assert a["losses"][0] == b["losses"][0] and a["losses"][1] != b["losses"][1]
    assert not torch.equal(c["batch"][0][0], b["batch"][0][0])
    assert any(not torch.equal(c["weights"][name], b["weights"][name]) for name in b["weights"])


def test_the_control_trains_the_enhancer_of_enhancer_only_and_the_recognizer_beside_it(run, tmp_path):
    last = {}
    for name in ("enhancer_only", "detached", "joint"):
        run(output_dir=str(tmp_path / name), strategy=name, max_epochs=2, recognizer_pretrain_epochs=1, aux_weight=0.5)
        last[name] = parameters(tmp_path / name / "checkpoint_iteration=4.pt")
    assert_equal_states(last["detached"]["network"], last["enhancer_only"]["network"])
    tail = "tail.conv.weight"
    assert not torch.equal(last["joint"]["network"][tail], last["detached"]["network"][tail])
    first = parameters(tmp_path / "enhancer_only" / "recognizer_segmentation.pt")  # only ever saw clean images
    learnt = last["detached"]["recognizer_segmentation"]
    assert all(not torch.equal(learnt[key], first[key]) for key in first if key.endswith("conv.weight"))


def assert_equal_runs(first, second, last):
    for name in ("model.pt", "recognizer_segmentation.pt"):
        assert_equal_states(parameters(first / name), parameters(second / name))
    one, two = (parameters(folder / f"checkpoint_iteration={last}.pt") for folder in (first, second))
    for part in ("network", "recognizer_segmentation"):
        assert_equal_states(one[part], two[part])
    assert (first / "gate.csv").read_text() == (second / "gate.csv").read_text()


LEARNING = {"recognizer_pretrain_epochs": 1, "warmup_epochs": 1}


def test_a_run_resumed_with_more_epochs_equals_the_straight_one(run, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(output_dir=str(whole), max_epochs=2, lr_schedule="constant", **LEARNING)
    run(output_dir=str(cut), max_epochs=1, lr_schedule="constant", **LEARNING)
    run(output_dir=str(cut), max_epochs=2, lr_schedule="constant", resume="true", **LEARNING)
    assert_equal_runs(whole, cut, last=4)


def test_a_run_cut_short_and_resumed_equals_the_straight_one(run, tmp_path):
    """With the learning rate's schedule, and checkpoints within the epoch."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(output_dir=str(whole), max_epochs=2, checkpoint_interval=1, **LEARNING)
    shutil.copytree(whole, cut)
    (cut / "checkpoint_iteration=4.pt").unlink()
    built = run(output_dir=str(cut), max_epochs=2, checkpoint_interval=1, resume="true", **LEARNING)
    assert get(built, "lr_scheduler").get_last_lr()[0] == pytest.approx(0, abs=1e-12)
    assert_equal_runs(whole, cut, last=4)


def test_missing_masks_are_no_obstacle(run, camus, tmp_path, caplog):
    """One frame for training, one for validation and two for testing lack their masks."""
    folder = Path(shutil.copytree(camus, tmp_path / "camus"))
    for name in ("patient0001/patient0001_2CH_ED", "patient0002/patient0002_4CH_ED", *UNMASKED):
        (folder / "database_nifti" / f"{name}_gt.nii.gz").unlink()
    built = run(dataset_dir=str(folder), strategy="enhancer_only", labelled_only="false")
    assert len(get(built, "train#dataset")) == 4
    # to be comparable with the others, the enhancer alone sees what they see
    built = run(dataset_dir=str(folder), strategy="enhancer_only")
    assert len(get(built, "train#dataset")) == 3
    assert "recognition is measured" not in caplog.text
    built = run(dataset_dir=str(folder), strategy="joint")
    assert len(get(built, "train#dataset")) == 3
    assert "recognition is measured without 1 of 4 images: no segmentation." in caplog.messages
    out = tmp_path / "out"
    run("evaluate", dataset_dir=str(folder), weights=str(out / "model.pt"), recognizer_weights=str(out))
    assert "recognition is measured without 2 of 4 images: no segmentation." in caplog.messages


def test_pixels_of_the_users_own_images_by_datalist(run, camus, tmp_path):
    frames = sorted(camus.rglob("*_2CH_ED.nii.gz"))
    content = {name: [{"image": str(path)}] * 1 for name, path in zip(("validation", "testing"), frames, strict=False)}
    content["training"] = [str(path) for path in camus.rglob("*_ES.nii.gz")]
    (tmp_path / "list.json").write_text(json.dumps(content))
    built = run(datalist=str(tmp_path / "list.json"), dataset_dir=None, strategy="enhancer_only")
    assert len(get(built, "train#dataset")) == 6
    run("evaluate", datalist=str(tmp_path / "list.json"), dataset_dir=None, weights=str(tmp_path / "out" / "model.pt"))
    assert len(rows(tmp_path / "out" / "metrics_per_image.csv")) == 1


NETWORKS = {
    "monai_gradprom.networks.DnCNN": {"channels": 4, "depth": 3},
    "UNet": {"channels": [4, 8, 8], "strides": [2, 2], "num_res_units": 2, "norm": None},
    "SegResNet": {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]},
    "monai.networks.nets.restormer.Restormer": {"dim": 8, "num_blocks": [1, 1], "heads": [1, 1]},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_another_network_takes_the_place_of_srresnet(run, tmp_path, name):
    network = {"_target_": name, "spatial_dims": 2, "in_channels": 1, "out_channels": 1, **NETWORKS[name]}
    switches = {"tiny_network": False, "network_def": network, "size_multiple": 8}
    built = run(**switches)
    assert type(get(built, "network")).__name__ == name.rsplit(".", 1)[-1]
    odd = np.random.default_rng(0).integers(0, 256, (37, 46), np.uint8)  # no halving divides it
    (tmp_path / "odd").mkdir()
    Image.fromarray(odd).save(tmp_path / "odd" / "frame.png")
    weights = str(tmp_path / "out" / "model.pt")
    run("inference", weights=weights, dataset_dir=str(tmp_path / "odd"), **switches)
    assert np.asarray(Image.open(tmp_path / "out" / "frame_enhanced.png")).shape == odd.shape


# --- evaluate ---------------------------------------------------------------------------------------------------------


def spied_evaluation(run, weights, **switches):
    """Every image that an evaluation has seen, by id, and the metrics."""
    seen = {}

    def look(engine):
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            seen[item["id"]] = {key: output[key][0].numpy().copy() for key in ("image", "pred", "label")}

    built = run("evaluate", weights=weights, **{"evaluator#val_handlers": ["@handlers#0", Spy(look)]} | switches)
    return seen, get(built, "evaluator").state.metrics


def test_evaluation_agrees_with_scikit_image(run, weights, camus, tmp_path):
    seen, _ = spied_evaluation(run, weights)
    found = rows(tmp_path / "out" / "metrics_per_image.csv")
    assert len(found) == len(seen) == 4
    means = {name: [] for name in ("psnr", "psnr_input", "ssim", "ssim_input")}
    for row in found:
        clean = nib.load(camus / "database_nifti" / f"{row['id']}.nii.gz").get_fdata() / 255
        mask = nib.load(camus / "database_nifti" / f"{row['id']}_gt.nii.gz").get_fdata()
        images = seen[row["id"]]
        np.testing.assert_allclose(images["label"], clean, atol=1e-7)
        for name, image in (("", images["pred"]), ("_input", images["image"])):
            assert image.min() >= 0 and image.max() <= 1
            expected = {
                f"psnr{name}": peak_signal_noise_ratio(clean, image.astype(np.float64), data_range=1),
                f"ssim{name}": structural_similarity(
                    clean,
                    image.astype(np.float64),
                    data_range=1,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                ),
            }
            for metric, value in expected.items():
                assert float(row[metric]) == pytest.approx(value, abs=1e-4)
                means[metric].append(value)
        cavity, wall = clean[mask == 1], clean[mask == 2]
        contrast = abs(cavity.mean() - wall.mean()) / np.sqrt(cavity.var() + wall.var())
        assert float(row["cnr_undegraded"]) == pytest.approx(contrast, rel=1e-4)
        assert float(row["speckle_snr_undegraded"]) == pytest.approx(wall.mean() / wall.std(), rel=1e-4)
        assert float(row["cnr_undegraded_enhanced"]) != pytest.approx(contrast, rel=1e-4)
    summary = {row["metric"]: row for row in rows(tmp_path / "out" / "metrics_summary.csv")}
    for metric, values in means.items():
        assert float(summary[metric]["mean"]) == pytest.approx(np.mean(values), abs=1e-4)
        assert float(summary[metric]["std"]) == pytest.approx(np.std(values, ddof=1), abs=1e-4)


def test_evaluation_noise_is_fixed_per_image(run, weights, tmp_path):
    first, _ = spied_evaluation(run, weights)
    again, _ = spied_evaluation(run, weights, num_workers=2, seed=9)
    few, _ = spied_evaluation(run, weights, views=["4CH"])
    assert len(few) == 2
    for name in first:
        np.testing.assert_array_equal(first[name]["image"], again[name]["image"])
        assert (first[name]["image"] != first[name]["label"]).mean() > 0.4
    for name in few:
        np.testing.assert_array_equal(first[name]["image"], few[name]["image"])
    one, two = list(first)[:2]
    assert not np.array_equal(first[one]["image"] - first[one]["label"], first[two]["image"] - first[two]["label"])


def test_validation_noise_is_that_of_every_strategy(run, tmp_path):
    inputs = {}
    for strategy in ("enhancer_only", "joint"):
        built = run(strategy=strategy, output_dir=str(tmp_path / strategy), seed=len(strategy))
        inputs[strategy] = torch.stack([item["image"].as_tensor() for item in get(built, "validate#dataset")])
    assert torch.equal(inputs["enhancer_only"], inputs["joint"])


def test_evaluation_with_a_recognizer_reports_what_it_sees(run, tmp_path, capsys):
    run(strategy="joint")
    out = tmp_path / "out"
    built = run(
        "evaluate",
        weights=str(out / "model.pt"),
        recognizer_weights=str(out / "recognizer_segmentation.pt"),
        output_dir=str(tmp_path / "evaluation"),
    )
    assert built.check_properties() == []
    summary = {row["metric"]: row for row in rows(tmp_path / "evaluation" / "metrics_summary.csv")}
    assert {"miou_input", "miou", "miou_clean"} <= set(summary)
    assert "mIoU" in capsys.readouterr().out
    assert (tmp_path / "evaluation" / "before_after_clean.png").is_file()


# --- inference --------------------------------------------------------------------------------------------------------


@pytest.fixture
def clinic(tmp_path):
    """A folder of many formats: 8-bit and signed 16-bit NIfTI, MetaImage, PNG of 8 and 16 bits."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "clinic"
    (folder / "a" / "b").mkdir(parents=True)
    affine = np.array([[0.0, -0.5, 0, 7], [0.3, 0, 0, -2], [0, 0, 1.5, 3], [0, 0, 0, 1.0]])
    nib.save(nib.Nifti1Image(rng.integers(0, 256, (40, 36), np.uint8), affine), folder / "a" / "b" / "eight.nii.gz")
    nib.save(nib.Nifti1Image(rng.integers(-900, 2000, (36, 40), np.int16), affine), folder / "signed.nii")
    import itk

    image = itk.image_from_array(rng.integers(0, 3000, (36, 44), np.int16))
    image.SetSpacing((0.25, 0.5))
    image.SetOrigin((3.0, -4.0))
    itk.imwrite(image, str(folder / "a" / "frame.mhd"))
    Image.fromarray(rng.integers(0, 256, (33, 47), np.uint8)).save(folder / "a" / "grey.png")
    Image.fromarray(rng.integers(0, 65536, (33, 47)).astype(np.uint16)).save(folder / "deep.png")
    return folder


IDENTITY = {"network_def": {"_target_": "torch.nn.Identity"}, "tiny_network": False}


def identity_weights(tmp_path):
    torch.save({}, tmp_path / "identity.pt")
    return str(tmp_path / "identity.pt")


def relative_files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_inference_keeps_names_geometry_type_and_range(run, clinic, weights, tmp_path):
    import itk

    built = run("inference", dataset_dir=str(clinic), weights=weights)
    assert built.check_properties() == []
    out = tmp_path / "out"
    assert relative_files(out) == {
        "a/b/eight_enhanced.nii.gz",
        "signed_enhanced.nii",
        "a/frame_enhanced.mhd",
        "a/frame_enhanced.raw",
        "a/grey_enhanced.png",
        "deep_enhanced.png",
    }
    for name in ("a/b/eight.nii.gz", "signed.nii"):
        source, result = nib.load(clinic / name), nib.load(out / name.replace(".nii", "_enhanced.nii"))
        np.testing.assert_allclose(result.affine, source.affine, atol=1e-6)
        np.testing.assert_allclose(result.header.get_zooms(), source.header.get_zooms())
        assert result.get_data_dtype() == source.get_data_dtype() and result.shape == source.shape
        assert not np.array_equal(np.asarray(result.dataobj), np.asarray(source.dataobj))
    source, result = itk.imread(str(clinic / "a/frame.mhd")), itk.imread(str(out / "a/frame_enhanced.mhd"))
    assert tuple(result.GetSpacing())[:2] == tuple(source.GetSpacing())[:2]
    assert tuple(result.GetOrigin())[:2] == tuple(source.GetOrigin())[:2]
    assert itk.array_from_image(result).dtype == np.int16
    assert itk.array_from_image(result).shape == itk.array_from_image(source).shape
    for name, mode in (("a/grey", "L"), ("deep", "I;16")):
        result = Image.open(out / f"{name}_enhanced.png")
        assert (result.mode, result.size) == (mode, (47, 33))


def test_inference_with_an_identity_gives_every_value_back(run, clinic, tmp_path):
    """Nothing but the network changes an image: stored values, orientation and order of the axes."""
    import itk

    run("inference", dataset_dir=str(clinic), weights=identity_weights(tmp_path), output_postfix="x", **IDENTITY)
    out = tmp_path / "out"
    for name in ("a/b/eight.nii.gz", "signed.nii"):
        source, result = nib.load(clinic / name), nib.load(out / name.replace(".nii", "_x.nii"))
        np.testing.assert_array_equal(np.asarray(result.dataobj), np.asarray(source.dataobj))
    source, result = (itk.array_from_image(itk.imread(str(p))) for p in (clinic / "a/frame.mhd", out / "a/frame_x.mhd"))
    np.testing.assert_array_equal(result, source)
    for name in ("a/grey", "deep"):
        images = [np.asarray(Image.open(path)) for path in (clinic / f"{name}.png", out / f"{name}_x.png")]
        np.testing.assert_array_equal(*images)


def test_inference_enhances_as_the_network_does(run, clinic, weights, tmp_path):
    built = run("inference", dataset_dir=str(clinic), weights=weights)
    stored = np.asarray(nib.load(clinic / "a/b/eight.nii.gz").dataobj)
    network = get(built, "network").eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(stored / np.float32(255))[None, None])[0, 0].numpy()
    result = np.asarray(nib.load(tmp_path / "out" / "a/b/eight_enhanced.nii.gz").dataobj)
    np.testing.assert_array_equal(result, np.clip(np.round(255 * expected.astype(np.float64)), 0, 255))


def test_a_source_is_never_replaced(run, clinic, tmp_path):
    before = {name: (clinic / name).read_bytes() for name in relative_files(clinic)}
    with pytest.raises(Exception) as caught:
        run(
            "inference",
            dataset_dir=str(clinic),
            weights=identity_weights(tmp_path),
            output_dir=str(clinic),
            output_postfix="",
            **IDENTITY,
        )
    error = caught.value
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__
    assert "would be replaced by its result" in str(error)
    assert {name: (clinic / name).read_bytes() for name in before} == before
