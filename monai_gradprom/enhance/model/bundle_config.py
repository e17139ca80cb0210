# SPDX-License-Identifier: Apache-2.0
"""A bundle's inference configuration, of which nothing is evaluated but what is asked for."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from pydoc import locate
from typing import Any

import torch
from fire.parser import DefaultParseValue
from monai.bundle import ConfigParser
from monai.bundle.config_item import ConfigComponent
from monai.transforms import SaveImaged

from monai_gradprom.bundle import find_input_error
from monai_gradprom.errors import InputError

__all__ = ["BundleConfig"]

_SUFFIXES = (".json", ".yaml", ".yml")
_OURS = ("bundle_root", "device")  # decided by who calls


class BundleConfig:
    """``configs/inference.json`` (or YAML) and ``configs/metadata.json`` of one bundle.

    Transforms that save are taken out before anything is evaluated: they lead to folders of data that need not exist.

    Args:
        folder: the bundle.
        settings: id -> value as text, for ids that the configuration has, as on MONAI's command line:
            ``{"scale_factor": "4", "network_def#channels": "16"}``.
        device: where its network shall run.
        sealed: its files were compared with a digest: weights from elsewhere are refused, compiled Python, which the
            digest leaves out, is not used.

    Attributes:
        folder: absolute.
        metadata: the content of ``metadata.json``.
        settings: as given.

    Raises:
        InputError: the folder is no bundle, a file is damaged, or an id is not known.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], device: torch.device, sealed: bool = False) -> None:
        self.sealed = sealed
        self.settings = settings
        self.folder = folder.expanduser().absolute()
        if not self.folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; give the folder of a MONAI bundle.")
        self.path = self._config("inference")
        self.metadata = _read(self._config("metadata"))
        self._parser = ConfigParser()
        self._parser.read_config(_read(self.path))
        self._parser.read_meta(self.metadata)
        for name, text in settings.items():
            self._parser[self._known(name)] = _value(text) if isinstance(text, str) else text
        self._parser["bundle_root"] = str(self.folder)
        self._parser["device"] = f"$torch.device({str(device)!r})"
        if "postprocessing" in self:
            self._drop_savers(self._parser["postprocessing"])
        if (self.folder / "scripts").is_dir() and str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))  # a bundle's own code is imported as `scripts`
        if sealed:
            sys.pycache_prefix = os.devnull  # below which nothing can lie

    def __contains__(self, name: str) -> bool:
        """Whether the configuration has the id ``name`` (``evaluator#amp``)."""
        place: Any = self._parser.config
        for part in name.replace("::", "#").split("#"):
            if isinstance(place, list) and part.isdigit() and int(part) < len(place):
                place = place[int(part)]
            elif isinstance(place, dict) and part in place:
                place = place[part]
            else:
                return False
        return True

    def built(self, name: str) -> Any:
        """Evaluate ``name`` and what it refers to.

        Raises:
            InputError: it cannot be evaluated.
        """
        try:
            return self._parser.get_parsed_content(name.replace("#", "::"))
        except Exception as error:  # whatever a constructor or an expression raises
            found = find_input_error(error)
            if found is not None:
                raise found from error
            while error.__cause__ is not None and isinstance(error.__cause__, Exception):
                error = error.__cause__  # MONAI's own only says which id it was
            text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise InputError(f"{self.path}: {name} cannot be built ({text}); repair the bundle.") from error

    def _config(self, name: str) -> Path:
        paths = [self.folder / "configs" / f"{name}{suffix}" for suffix in _SUFFIXES]
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            raise InputError(f"{self.folder}: has no configs/{name}.json; give the folder of a MONAI bundle.")
        return found

    def _known(self, name: str) -> str:
        name = name.removeprefix("--").replace("::", "#")
        if name in _OURS:
            raise InputError(f"the setting {name!r} cannot be changed here: it follows from --bundle and --device.")
        if name in self:
            return name
        owner = name.rpartition("#")[0]
        place: Any = self._parser[owner] if owner and owner in self else self._parser.config
        prefix = f"{owner}#" if owner and owner in self else ""
        names = [f"{prefix}{key}" for key in place] if isinstance(place, dict) else []
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "its settings stand at the top of that file."
        raise InputError(f"{self.path}: has no setting {name!r}: {hint}")

    def _drop_savers(self, node: Any) -> None:
        """Take savers out of a composition's list, however deep."""
        transforms = node.get("transforms") if isinstance(node, dict) else None
        if isinstance(transforms, list):
            transforms[:] = [item for item in transforms if not self._is_saver(item)]
            for item in transforms:
                self._drop_savers(item)

    def _is_saver(self, item: Any) -> bool:
        if not ConfigComponent.is_instantiable(item):
            return False
        name = ConfigComponent(item, locator=self._parser.locator).resolve_module_name()
        target = locate(name) if isinstance(name, str) else name
        return isinstance(target, type) and issubclass(target, SaveImaged)


def _value(text: str) -> Any:
    """What MONAI's command line would read; and JSON's ``false``, which as a text would count as true."""
    return text == "true" if text in ("true", "false") else DefaultParseValue(text)


def _read(path: Path) -> dict[str, Any]:
    try:
        content: Any = ConfigParser.load_config_file(str(path))
    except Exception as error:  # json's, yaml's, the file system's
        raise InputError(f"{path}: cannot be read ({type(error).__name__}); repair the bundle.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__} instead of named entries; repair the bundle.")
    return content
