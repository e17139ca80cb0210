# SPDX-License-Identifier: Apache-2.0
"""A bundle as a grid sees it: its configurations, through MONAI's parser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from monai_gradprom.errors import InputError

__all__ = ["RECOGNIZER_ONLY", "BundleFiles"]

RECOGNIZER_ONLY = "recognizer_only"
"""The configuration that trains a recognizer by itself (the paper's Benchmarks ii and iii), and its name in a grid."""


class BundleFiles:
    """The configuration files of one bundle.

    Args:
        root: the bundle's folder.

    Raises:
        InputError: it has no configurations for training and evaluation.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.name = self.root.name
        for name in ("train", "evaluate", "metadata"):
            if not self.path(name).is_file():
                raise InputError(
                    f"--bundle {root} lacks configs/{name}.json; name a bundle that trains and evaluates, such as "
                    "bundles/camus_denoise."
                )

    def path(self, name: str) -> Path:
        """The configuration file ``name``."""
        return self.root / "configs" / f"{name}.json"

    def train_files(self, strategy: str) -> list[Path]:
        """The files that a training with ``strategy`` is made of."""
        return [self.path("train"), *([self.path(RECOGNIZER_ONLY)] if strategy == RECOGNIZER_ONLY else [])]

    @cached_property
    def version(self) -> str:
        """Of the bundle's metadata."""
        return str(self._read(["metadata"]).get("version", "unknown"))

    @cached_property
    def train(self) -> dict[str, Any]:
        """What train.json says."""
        return self._read(["train"])

    @cached_property
    def evaluate(self) -> dict[str, Any]:
        """What evaluate.json says."""
        return self._read(["evaluate"])

    @property
    def tasks(self) -> list[str]:
        """The recognition tasks that the data set has labels for."""
        return list(self.train.get("recognizer_defs", {}))

    def resolved(self, files: Sequence[Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The whole configuration of a run: files, one over the other, with what was overridden."""
        parser = ConfigParser()
        parser.read_config([str(path) for path in files])
        parser.update(dict(overrides))
        content: dict[str, Any] = json.loads(json.dumps(parser.get()))
        return content

    def evaluated(self, content: Mapping[str, Any], name: str) -> Any:
        """The value of ``name`` in a run's configuration, as the run will find it.

        Raises:
            InputError: as the bundle itself would.
        """
        from monai_gradprom.bundle import find_input_error

        parser = ConfigParser(json.loads(json.dumps({**content, "bundle_root": str(self.root)})))
        try:
            return parser.get_parsed_content(name)
        except Exception as error:
            found = find_input_error(error)
            if found is None:
                raise
            raise found from None

    def _read(self, names: Sequence[str]) -> dict[str, Any]:
        try:
            return ConfigParser.load_config_files([str(self.path(name)) for name in names])
        except (ValueError, OSError) as error:
            raise InputError(f"{self.path(names[0])} cannot be read as JSON ({error}); repair the bundle.") from error
