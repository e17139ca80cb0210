# SPDX-License-Identifier: Apache-2.0
"""Figures that evaluations have drawn, of the same images under every strategy."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from .groups import Setting, by_strategy

__all__ = ["Picture", "embedded", "pictures_of"]

_WIDEST = 1100
_IMAGES = 2

Picture = tuple[str, str, Path]
"""Strategy, figure, file."""


def pictures_of(setting: Setting, kinds: Sequence[str] = ("panels", "cam", "guided_backprop")) -> list[Picture]:
    """Side-by-side panels, CAMs and guided backpropagation of the first seed's runs, image by image.

    Of a setting the first images that all strategies have drawn are taken, so that they can be compared.
    """
    drawn = {strategy: _files(runs[0].folder / "evaluation" / "figures") for strategy, runs in _runs(setting)}
    drawn = {strategy: files for strategy, files in drawn.items() if files}
    found: list[Picture] = []
    for kind in kinds:
        names = {strategy: [n for n in files if n.startswith(f"{kind}_")] for strategy, files in drawn.items()}
        counts: dict[str, int] = {}
        for listed in names.values():
            for name in listed:
                counts[name] = counts.get(name, 0) + 1
        common = sorted(counts, key=lambda name: (-counts[name], name))[:_IMAGES]
        for name in common:
            found += [(strategy, name, files[name]) for strategy, files in drawn.items() if name in files]
    return found


def embedded(path: Path) -> str:
    """A picture as a ``data:`` address, at most 1,100 pixels wide; empty for a file that cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except OSError:
        return ""
    if picture.width > _WIDEST:
        picture = picture.resize((_WIDEST, round(picture.height * _WIDEST / picture.width)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _runs(setting: Setting) -> list:
    return [(strategy, runs) for strategy, runs in by_strategy(setting.runs).items() if strategy != "recognizer_only"]


def _files(folder: Path) -> dict[str, Path]:
    """Name → file of the figures of single images."""
    whole = {"panels", "guided_backprop", "cam_diagnosis", "cam_segmentation"}
    return {path.stem: path for path in sorted(folder.glob("*.png")) if path.stem not in whole}
