# SPDX-License-Identifier: Apache-2.0
"""What the bundles' JSON needs beyond MONAI: its own place, checked switches, clear endings."""

from __future__ import annotations

from .adopted import adopt_data
from .exits import exit_in_one_line, find_input_error, is_bundle_process
from .final_report import FinalReport
from .perceptual import PerceptualTraining
from .recognizers import Recognizers
from .switch_rules import as_bool
from .switches import check_switches, experiment, refuse_unknown_switches
from .unpaired import UnpairedTraining
from .update_strategy import update_strategy
from .workflow import root, running_workflow, sample_data

__all__ = [
    "FinalReport",
    "PerceptualTraining",
    "Recognizers",
    "UnpairedTraining",
    "adopt_data",
    "as_bool",
    "check_switches",
    "exit_in_one_line",
    "experiment",
    "find_input_error",
    "is_bundle_process",
    "refuse_unknown_switches",
    "root",
    "running_workflow",
    "sample_data",
    "update_strategy",
]
