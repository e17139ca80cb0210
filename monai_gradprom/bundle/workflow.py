# SPDX-License-Identifier: Apache-2.0
"""Where the running bundle lies and what its configuration holds: what JSON cannot know by itself."""

from __future__ import annotations

import inspect
import sys
from itertools import pairwise
from pathlib import Path

from monai.bundle import ConfigWorkflow

from monai_gradprom.errors import InputError

from .exits import exit_in_one_line

__all__ = ["given_on_command_line", "root", "running_workflow", "sample_data"]


def running_workflow() -> ConfigWorkflow | None:
    """The :class:`monai.bundle.ConfigWorkflow` whose configuration is being evaluated, found on the call stack."""
    frame = inspect.currentframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, ConfigWorkflow):
            return owner
        frame = frame.f_back
    return None


def root() -> str:
    """The bundle's folder, as an absolute path.

    Taken from the running workflow's ``config_root_path``, else from ``--config_file`` on the command line, else the
    working directory. In a ``python -m monai.bundle`` process this also arranges that an :class:`InputError` ends it in
    one line: ``bundle_root`` is the first thing that every configuration evaluates.
    """
    exit_in_one_line()
    workflow = running_workflow()
    configs = Path(workflow.config_root_path) if workflow is not None else _configs_from_command_line()
    configs = configs.absolute()
    return str(configs.parent if configs.name == "configs" else configs)


def sample_data(bundle_root: str, name: str) -> str:
    """The folder of the sample data set ``name``, beside the bundles.

    Outside a workflow it is not looked for: MONAI Label evaluates parts of a configuration that name the folder and
    never read it.

    Raises:
        InputError: when it is not there, as in a bundle that was copied away from the repository.
    """
    folder = Path(bundle_root).parent.parent / "sample_data" / name
    if running_workflow() is not None and not folder.is_dir():
        raise InputError(
            f"there is no sample data at {folder}: name your own with --dataset_dir, or make some with "
            "`monai-gradprom sample-data DIR`."
        )
    return str(folder)


def given_on_command_line() -> dict[str, str]:
    """Name → text of every ``--name value`` and ``--name=value``, named as Fire hands them on; the last one counts."""
    given = {}
    for argument, following in pairwise([*sys.argv[1:], ""]):
        if argument.startswith("-"):
            name, equals, value = argument.partition("=")
            given[name.lstrip("-").replace("-", "_")] = value if equals else following
    return given


def _configs_from_command_line() -> Path:
    files = given_on_command_line().get("config_file")
    return Path(".") if files is None else Path(files.strip("[]'\" ").split(",")[0].strip("'\" ")).parent
