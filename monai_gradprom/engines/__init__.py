# SPDX-License-Identifier: Apache-2.0
"""The engines that train and evaluate."""

from __future__ import annotations

from .evaluator import EnhancementEvaluator
from .precision import Precision
from .pretrain import RecognizerPretraining
from .random_states import RandomStates
from .recognition_batch import RecognitionBatch
from .task import AuxiliaryTask, fixed_statistics
from .trainer import GradPromTrainer

__all__ = [
    "AuxiliaryTask",
    "EnhancementEvaluator",
    "GradPromTrainer",
    "Precision",
    "RandomStates",
    "RecognitionBatch",
    "RecognizerPretraining",
    "fixed_statistics",
]
