# SPDX-License-Identifier: Apache-2.0
"""Enhancers, recognizers, discriminators, features that compare images, and the loading of their weights."""

from __future__ import annotations

from monai_gradprom.networks.discriminator import PerceptualDiscriminator
from monai_gradprom.networks.dncnn import DnCNN
from monai_gradprom.networks.dpenet import DPENet
from monai_gradprom.networks.feature_network import FEATURE_BACKBONES, FeatureNetwork
from monai_gradprom.networks.hqgnet import HQGNet
from monai_gradprom.networks.padding import crop_padding, pad_to_multiple, repeat_to_multiple
from monai_gradprom.networks.pretrained import LoadReport, load_imagenet_resnet
from monai_gradprom.networks.recognizers import BACKBONES, DiagnosisRecognizer, Recognizer, SegmentationRecognizer
from monai_gradprom.networks.residual_discriminator import ResidualDiscriminator
from monai_gradprom.networks.srresnet import SRResNet
from monai_gradprom.networks.unchanged import Unchanged
from monai_gradprom.networks.weights import load_weights

__all__ = [
    "BACKBONES",
    "FEATURE_BACKBONES",
    "DPENet",
    "DiagnosisRecognizer",
    "DnCNN",
    "FeatureNetwork",
    "HQGNet",
    "LoadReport",
    "PerceptualDiscriminator",
    "Recognizer",
    "ResidualDiscriminator",
    "SRResNet",
    "SegmentationRecognizer",
    "Unchanged",
    "crop_padding",
    "load_imagenet_resnet",
    "load_weights",
    "pad_to_multiple",
    "repeat_to_multiple",
]
