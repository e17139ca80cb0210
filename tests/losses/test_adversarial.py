# SPDX-License-Identifier: Apache-2.0
"""Both sides of the game: labels, formulas, who learns from what."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from monai.losses import PatchAdversarialLoss
from scipy import stats
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.losses import AdversarialGuidance, SoftLabelAdversarialLoss
from monai_gradprom.networks import PerceptualDiscriminator


def discriminator():
    torch.manual_seed(0)
    return PerceptualDiscriminator(channels=(8, 16))


def labels_of(target_is_real, count=4000, **options):
    """The derivative of cross-entropy by a logit is p - label: at logit 0 it gives each label away."""
    logits = torch.zeros(count, 1, dtype=torch.float64, requires_grad=True)
    SoftLabelAdversarialLoss(**options)(logits, target_is_real, True).backward()
    return (0.5 - logits.grad * count).flatten().numpy()


@pytest.mark.parametrize(
    ("real", "options", "low", "high"),
    [(True, {}, 0.7, 1.2), (False, {}, 0.0, 0.3), (True, {"real": (0.9, 1.0)}, 0.9, 1.0)],
)
def test_labels_are_drawn_uniformly_for_each_image(real, options, low, high):
    assert stats.kstest(labels_of(real, **options), "uniform", args=(low, high - low)).pvalue > 1e-3
    assert not np.array_equal(labels_of(real, **options), labels_of(real, **options))


def test_fixed_labels_give_the_formula():
    logits = torch.randn(6, 1, dtype=torch.float64)
    p = 1 / (1 + np.exp(-logits.numpy()))
    for label in (1.2, 0.8):
        found = SoftLabelAdversarialLoss(real=(label, label))(logits, True, True).item()
        assert found == pytest.approx(np.mean(-label * np.log(p) - (1 - label) * np.log(1 - p)))
    assert SoftLabelAdversarialLoss()(logits, True, False).item() == pytest.approx(np.mean(-np.log(p)))


def test_extreme_logits_and_half_precision_stay_finite():
    loss = SoftLabelAdversarialLoss()
    for value in (-300.0, 300.0):
        assert loss(torch.full((2, 1), value).half(), True, False).isfinite()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = AdversarialGuidance(discriminator())(torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16))
    assert found.dtype == torch.float32 and found.isfinite()


@pytest.mark.parametrize("options", [{"real": (0.2, 1)}, {"fake": (0.3, 0)}, {"real": (1,)}, {"fake": (0, 0.7)}])
def test_labels_that_overlap_are_refused(options):
    with pytest.raises(InputError, match="labels"):
        SoftLabelAdversarialLoss(**options)


def test_the_enhancer_cannot_aim_at_fake():
    with pytest.raises(ValueError, match="called real"):
        SoftLabelAdversarialLoss()(torch.zeros(1, 1), False, False)


def pairs(count, seed):
    """Enhanced images that are still dark, and real ones."""
    noise = torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
    return 0.4 * noise, 0.3 + 0.5 * noise


def verdicts_after_training(guidance, steps=40):
    """Of images not trained on, each kind in the company that it had in training."""
    optimizer = torch.optim.Adam(guidance.discriminator.parameters(), 1e-3)
    for step in range(steps):
        optimizer.zero_grad()
        guidance.discriminator_loss(*pairs(8, step)).backward()
        optimizer.step()
    fake, real = pairs(32, 999)
    with torch.no_grad():
        if guidance.together:
            return guidance.discriminator(torch.cat([fake, real])).chunk(2)
        return guidance.discriminator(fake), guidance.discriminator(real)


@pytest.mark.parametrize("loss", [None, PatchAdversarialLoss(criterion="hinge")], ids=["paper", "MONAI's hinge"])
def test_the_discriminator_learns_to_tell_two_kinds_of_images_apart(loss):
    fake, real = verdicts_after_training(AdversarialGuidance(discriminator(), loss))
    assert fake.max() < -0.2 and real.min() > 0.2


def test_one_kind_after_the_other_it_stays_blind():
    """Why the images go together: batch normalisation takes away what a batch has in common, darkness too."""
    fake, real = verdicts_after_training(AdversarialGuidance(discriminator(), together=False))
    assert fake.max() > real.min() and abs(real.mean() - fake.mean()) < 0.3


def test_its_loss_is_the_sum_over_both_and_spares_the_enhancer():
    guidance = AdversarialGuidance(discriminator().eval(), SoftLabelAdversarialLoss((0.9, 0.9), (0.1, 0.1)))
    enhancer = nn.Conv2d(1, 1, 3, padding=1)
    fake, real = enhancer(torch.rand(3, 1, 16, 16)), torch.rand(3, 1, 16, 16)
    loss = guidance.discriminator_loss(fake, real)

    def entropy(images, label):
        p = guidance.discriminator(images).sigmoid().detach().double()
        return (-label * p.log() - (1 - label) * (1 - p).log()).mean().item()

    assert loss.item() == pytest.approx(entropy(real, 0.9) + entropy(fake, 0.1), rel=1e-5)
    loss.backward()
    assert all(parameter.grad is None for parameter in enhancer.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in guidance.discriminator.parameters())


def test_guidance_reaches_the_enhancer_and_spares_the_discriminator():
    guidance = AdversarialGuidance(discriminator().eval())
    before = copy.deepcopy(guidance.discriminator.state_dict())
    enhancer = nn.Conv2d(1, 1, 3, padding=1)
    x = torch.rand(4, 1, 16, 16)
    first = guidance(enhancer(x), x)
    first.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in enhancer.parameters())
    assert all(parameter.grad is None for parameter in guidance.discriminator.parameters())
    optimizer = torch.optim.SGD(enhancer.parameters(), 0.05 / first.item())
    for _ in range(5):
        optimizer.step()
        optimizer.zero_grad()
        guidance(enhancer(x), x).backward()
    assert guidance(enhancer(x), x) < first  # the discriminator comes nearer to calling its images real
    after = guidance.discriminator.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


@pytest.mark.parametrize("together", [True, False])
def test_guidance_is_the_discriminators_own_verdict(together):
    guidance = AdversarialGuidance(discriminator().train(), together=together)
    pred, target = torch.rand(3, 1, 16, 16), torch.rand(5, 1, 16, 16)
    with torch.no_grad():
        seen = guidance.discriminator(torch.cat([target, pred]))[5:] if together else guidance.discriminator(pred)
    torch.testing.assert_close(guidance(pred, target), -seen.sigmoid().log().mean())
    assert set(dict(guidance.named_parameters())) == {
        f"discriminator.{name}" for name, _ in guidance.discriminator.named_parameters()
    }


def test_the_two_ways_differ_in_training_mode_only():
    pred, target = torch.rand(4, 1, 16, 16), torch.rand(4, 1, 16, 16)
    together, apart = (AdversarialGuidance(discriminator(), together=way) for way in (True, False))
    assert together(pred, target).item() != pytest.approx(apart(pred, target).item(), rel=1e-4)
    apart.load_state_dict(together.state_dict())
    torch.testing.assert_close(together.eval()(pred, target), apart.eval()(pred, target))
