# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from ignite.engine import Events
from monai.data import MetaTensor
from torch import nn

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator
from monai_gradprom.errors import InputError


class Threshold(nn.Module):
    """A recognizer that can be checked by eye: foreground where the image exceeds 0.5."""

    def forward(self, x):
        return torch.cat([torch.full_like(x, 0.5), x], dim=1)


class Brightness(nn.Module):
    """Two classes, dark and bright, by the mean of the image."""

    def forward(self, x):
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([torch.full_like(mean, 0.5), mean], dim=1)


class Double(nn.Module):
    """Super-resolution by repeating pixels."""

    def forward(self, x):
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


class Halve(nn.Module):
    def forward(self, x):
        return x * 0.5


@pytest.fixture
def evaluate():
    def run(*batches, tasks=(), network=None, **options):
        evaluator = EnhancementEvaluator(
            device=torch.device("cpu"), val_data_loader=batches, network=network or Halve(), tasks=tasks, **options
        )
        outputs = []
        evaluator.add_event_handler(Events.ITERATION_COMPLETED, lambda e: outputs.extend(e.state.output))
        evaluator.run()
        return outputs

    return run


def batch():
    return {
        "image": torch.full((2, 1, 3, 3), 0.8),
        "label": torch.full((2, 1, 3, 3), 0.9),
        "segmentation": torch.ones(2, 1, 3, 3, dtype=torch.uint8),
    }


def test_recognition_of_degraded_enhanced_and_clean(evaluate):
    task = AuxiliaryTask("segmentation", Threshold(), None, None, target_key="segmentation")
    item = evaluate(batch(), tasks=[task])[0]
    assert item["segmentation_image"].unique().tolist() == [1]
    assert item["segmentation_pred"].unique().tolist() == [0]  # 0.4 < 0.5
    assert item["segmentation_label"].unique().tolist() == [1]
    assert item["segmentation_target"].shape == (1, 3, 3)
    assert torch.allclose(item["pred"], torch.tensor(0.4))


def test_the_clean_image_can_be_enhanced_too(evaluate):
    assert torch.allclose(evaluate(batch(), enhance_label=True)[0]["label_pred"], torch.tensor(0.45))
    assert "label_pred" not in evaluate(batch())[0]


def test_modes_are_restored_and_statistics_left_alone():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    recognizer = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).eval()
    task = AuxiliaryTask("t", recognizer, None, None)
    evaluator = EnhancementEvaluator(
        device=torch.device("cpu"), val_data_loader=[batch()], network=network, tasks=[task]
    )
    evaluator.run()
    assert network.training and not recognizer.training
    assert network[1].num_batches_tracked == 0


def test_the_best_metric_outlives_a_restart():
    def fresh():
        return EnhancementEvaluator(device=torch.device("cpu"), val_data_loader=[batch()], network=Halve())

    first, second = fresh(), fresh()
    first.state.best_metric, first.state.best_metric_epoch = 31.5, 7
    second.load_state_dict(first.state_dict())
    assert (second.state.best_metric, second.state.best_metric_epoch) == (31.5, 7)


def small_and_large():
    """Images [2, 1, 6, 5] with edges, at which cubic interpolation overshoots, and labels of twice their sides."""
    image = (torch.rand(2, 1, 6, 5) > 0.5).float()
    return {"image": image, "label": Double()(image), "id": ["p1/a", "p1/b"]}


def cubic(t, a=-0.75):
    """Keys' kernel with the parameter that torch, like OpenCV, uses."""
    t = abs(t)
    return (
        (a + 2) * t**3 - (a + 3) * t**2 + 1 if t <= 1 else a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0
    )


def enlarge_by_hand(line, factor):
    out = []
    for pixel in range(factor * len(line)):
        centre = (pixel + 0.5) / factor - 0.5
        first = int(centre // 1) - 1
        taps = [(min(max(i, 0), len(line) - 1), cubic(centre - i)) for i in range(first, first + 4)]
        out.append(sum(weight * line[i] for i, weight in taps))
    return torch.stack(out)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_super_resolution_is_compared_with_bicubic_enlargement(evaluate, dtype):
    batch = small_and_large()
    items = evaluate(batch, network=Double(), amp=dtype == torch.bfloat16)
    for item, image in zip(items, batch["image"], strict=True):
        by_hand = enlarge_by_hand(enlarge_by_hand(image[0].double(), 2).T, 2).T
        assert by_hand.min() < -0.01 and by_hand.max() > 1.01  # so that the clamping is seen
        assert item["baseline"].dtype == torch.float32
        torch.testing.assert_close(item["baseline"][0].double(), by_hand.clamp(0, 1), atol=1e-5, rtol=0)
        assert torch.equal(item["image"], image)  # what the network got stays as it is


def test_the_recognizer_of_super_resolution_sees_the_baseline(evaluate):
    batch = small_and_large() | {"segmentation": torch.zeros(2, 1, 12, 10)}
    task = AuxiliaryTask("segmentation", Threshold(), None, None)
    for item in evaluate(batch, network=Double(), tasks=[task]):
        assert torch.equal(item["segmentation_image"][0], (item["baseline"][0] > 0.5).long())


def test_without_enlargement_the_baseline_is_the_degraded_image(evaluate):
    given = batch() | {"image": MetaTensor(torch.rand(2, 1, 3, 3) + 1)}
    for item, image in zip(evaluate(given), given["image"], strict=True):
        assert isinstance(item["baseline"], MetaTensor) and torch.equal(item["baseline"], image)  # not clamped either


def test_volumes_have_a_baseline_too(evaluate):
    class Double3d(nn.Module):
        def forward(self, x):
            return nn.functional.interpolate(x, scale_factor=2.0)

    ramp = torch.arange(4.0).view(1, 1, 4, 1, 1).expand(1, 1, 4, 3, 3) / 4
    item = evaluate({"image": ramp, "label": Double3d()(ramp)}, network=Double3d())[0]
    # halves of the pixels' distance, and the outermost value at the border
    expected = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]) / 4
    torch.testing.assert_close(item["baseline"], expected.view(1, 8, 1, 1).expand(1, 8, 6, 6))


@pytest.mark.parametrize(
    ("image", "label", "sizes"),
    [((1, 6, 5), (1, 13, 10), r"\[1, 13, 10\].*\[1, 12, 10\]"), ((1, 6, 5), (3, 12, 10), r"\[3, 12, 10\]")],
)
def test_other_sizes_than_the_clean_image_are_named(evaluate, image, label, sizes):
    data = {"image": torch.rand(2, *image), "label": torch.rand(2, *label)}
    with pytest.raises(InputError, match=f"p1/a, p1/b: the clean image is {sizes}.*--scale_factor"):
        evaluate(data | {"id": ["p1/a", "p1/b"]}, network=Double())
    data["image"] = MetaTensor(data["image"], meta={"filename_or_obj": ["a.png", "b.png"]})
    with pytest.raises(InputError, match=r"^a\.png, b\.png: "):
        evaluate(data, network=Double())


def test_a_mask_of_another_size_is_named(evaluate):
    task = AuxiliaryTask("segmentation", Threshold(), None, None)
    with pytest.raises(InputError, match=r"an image: the segmentation is \[1, 4, 3\].*\[1, 3, 3\]"):
        evaluate(batch() | {"segmentation": torch.ones(2, 1, 4, 3)}, tasks=[task])


def test_probabilities_of_a_diagnosis(evaluate):
    task = AuxiliaryTask("diagnosis", Brightness(), None, None, target_key="diagnosis")
    items = evaluate(batch() | {"diagnosis": torch.tensor([1, 0])}, tasks=[task], amp=True)
    for item, target in zip(items, [1, 0], strict=True):
        for view, level, found in (("image", 0.8, 1), ("pred", 0.4, 0), ("label", 0.9, 1)):
            probabilities = item[f"diagnosis_{view}_probabilities"]
            e = [2.718281828459045**x for x in (0.5, level)]
            assert probabilities.dtype == torch.float32 and probabilities.shape == (2,)
            assert probabilities.tolist() == pytest.approx([x / sum(e) for x in e], abs=1e-6)
            assert item[f"diagnosis_{view}"].tolist() == [found]
        assert item["diagnosis_target"].tolist() == [target]


def test_pixels_have_no_probabilities(evaluate):
    item = evaluate(batch(), tasks=[AuxiliaryTask("segmentation", Threshold(), None, None)])[0]
    assert not any("probabilities" in key for key in item)


def test_images_without_a_diagnosis_or_a_clean_image_are_enhanced_all_the_same(evaluate):
    task = AuxiliaryTask("diagnosis", Brightness(), None, None, target_key="diagnosis")
    known, unknown, alone = batch() | {"diagnosis": torch.tensor([1, 1])}, batch(), {"image": batch()["image"]}
    items = evaluate(known, unknown | {"diagnosis": None}, unknown, alone, tasks=[task])
    assert ["diagnosis_target" in item for item in items] == [True] * 2 + [False] * 6
    assert all("diagnosis_pred" in item and "baseline" in item for item in items)
    assert ["diagnosis_label" in item for item in items] == [True] * 6 + [False] * 2
