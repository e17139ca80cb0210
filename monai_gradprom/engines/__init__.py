# SPDX-License-Identifier: Apache-2.0
"""The engines that train and evaluate."""

from __future__ import annotations

from .adversary import Adversary, Guidance
from .batch_norm import SynchronisedBatchNorm, synchronise_batch_norm
from .evaluator import EnhancementEvaluator
from .guided_batch import GuidedBatch
from .precision import Precision
from .pretrain import RecognizerPretraining
from .random_states import RandomStates
from .recognition_batch import RecognitionBatch
from .task import AuxiliaryTask, fixed_statistics
from .trainer import GradPromTrainer

__all__ = [
    "Adversary",
    "AuxiliaryTask",
    "EnhancementEvaluator",
    "GradPromTrainer",
    "Guidance",
    "GuidedBatch",
    "Precision",
    "RandomStates",
    "RecognitionBatch",
    "RecognizerPretraining",
    "SynchronisedBatchNorm",
    "fixed_statistics",
    "synchronise_batch_norm",
]
