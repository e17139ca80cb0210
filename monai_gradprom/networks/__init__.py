# SPDX-License-Identifier: Apache-2.0
"""Enhancers, recognizers and the loading of their weights."""

from __future__ import annotations

from monai_gradprom.networks.padding import crop_padding, pad_to_multiple
from monai_gradprom.networks.pretrained import LoadReport, load_imagenet_resnet
from monai_gradprom.networks.recognizers import BACKBONES, DiagnosisRecognizer, Recognizer, SegmentationRecognizer
from monai_gradprom.networks.srresnet import SRResNet
from monai_gradprom.networks.weights import load_weights

__all__ = [
    "BACKBONES",
    "DiagnosisRecognizer",
    "LoadReport",
    "Recognizer",
    "SRResNet",
    "SegmentationRecognizer",
    "crop_padding",
    "load_imagenet_resnet",
    "load_weights",
    "pad_to_multiple",
]
