# SPDX-License-Identifier: Apache-2.0
"""Writing an app that MONAI Label's server can run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from monai_gradprom.errors import InputError

__all__ = ["write_app"]

# MONAI Label takes the first class with MONAILabelApp among its own bases
_MAIN = '''# SPDX-License-Identifier: Apache-2.0
"""Image enhancement for MONAI Label; see docs/monailabel.md of monai_gradprom."""

from __future__ import annotations

from monai_gradprom.label.app import EnhancementApp
from monailabel.interfaces.app import MONAILabelApp


class App(EnhancementApp, MONAILabelApp):
    """Change what the server does here."""
'''


def write_app(folder: Path, bundles: Sequence[Path]) -> None:
    """Write ``main.py`` and copies of bundles (``model/<name>``); all at once or not at all.

    Args:
        folder: of the app; absent or empty.
        bundles: folders of bundles.

    Raises:
        InputError: the folder is in use or cannot be written, or a bundle is none or not the only one of its name.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not an empty folder; name a new one.")
    for bundle in bundles:
        if not any((bundle / "configs").glob("inference.*")):
            raise InputError(f"{bundle}: has no configs/inference.json; give the folder of a MONAI bundle.")
    names = [bundle.resolve().name for bundle in bundles]
    if len(set(names)) < len(names):
        raise InputError(f"two bundles are called {max(names, key=names.count)}; give each once.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
            draft = Path(place) / "app"
            (draft / "model").mkdir(parents=True)
            (draft / "main.py").write_text(_MAIN, encoding="utf-8")
            for name, bundle in zip(names, bundles, strict=True):
                shutil.copytree(bundle, draft / "model" / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
            draft.replace(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another place.") from error
