#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pack a bundle as the zip that ``monai.bundle download`` fetches: ``<bundle>_v<version>.zip`` with the folder in it.

MONAI unpacks such files but makes none. The same folder gives the same bytes: names sorted, no times, no owners.

    python recipes/zip_bundle.py bundles/camus_denoise dist
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_MADE_BY_RUNS = ("eval", "__pycache__")
_ENGINE = ".plan"  # TensorRT's, good for one machine


def members(bundle: Path) -> list[Path]:
    """The files of a bundle that belong into its zip, sorted: nothing hidden, nothing that a run has left."""
    files = []
    for path in sorted(bundle.rglob("*")):
        parts = path.relative_to(bundle).parts
        unwanted = any(part.startswith(".") or part in _MADE_BY_RUNS for part in parts)
        if path.is_file() and not unwanted and path.suffix != _ENGINE:
            files.append(path)
    return files


def zip_bundle(bundle: Path, output: Path) -> Path:
    """Write the zip.

    Args:
        bundle: its folder.
        output: the folder for the zip; made where it is missing.

    Returns:
        The path of the zip.

    Raises:
        FileNotFoundError: the folder has no ``configs/metadata.json``.
    """
    bundle = bundle.resolve()
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    output.mkdir(parents=True, exist_ok=True)
    target = output / f"{bundle.name}_v{metadata['version']}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for path in members(bundle):
            entry = zipfile.ZipInfo(path.relative_to(bundle.parent).as_posix(), _EARLIEST)
            entry.create_system, entry.external_attr = 3, _READABLE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return target


def main() -> int:
    """Pack the bundle that the command line names."""
    parser = argparse.ArgumentParser(description="Pack a bundle as a zip.")
    parser.add_argument("bundle", type=Path, help="its folder, such as bundles/camus_denoise")
    parser.add_argument("output", type=Path, nargs="?", default=Path("dist"), help="folder for the zip (dist)")
    args = parser.parse_args()
    if not (args.bundle / "configs" / "metadata.json").is_file():
        parser.error(f"{args.bundle} has no configs/metadata.json: name a bundle's folder")
    print(f"wrote {zip_bundle(args.bundle, args.output)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
