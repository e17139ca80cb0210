# SPDX-License-Identifier: Apache-2.0
"""Before, after and difference of a sample of files, as a part of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from monai_gradprom.enhance.discovery import discover
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.record.paths import shown_path
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.errors import InputError
from monai_gradprom.formats.open import open_image
from monai_gradprom.formats.stored import StoredImage

from .chart import number
from .text import shown
from .thumbnails import Thumbnail, may_be_shown, thumbnail

__all__ = ["CANDIDATES", "SHOWN", "Pictures", "collect_pictures", "picture_card"]

SHOWN = 12
"""How many files are pictured."""

CANDIDATES = 240
"""How many files are opened, at most, in search of some that may be shown."""


@dataclass(frozen=True)
class Pictures:
    """What became of the sample."""

    cards: list[str]
    """HTML, one each."""
    withheld: int
    """Files that were looked at and hold no ultrasound region."""
    unreadable: int
    """Files whose source or result could not be read again."""


def collect_pictures(rows: Iterable[Row], options: Options) -> Pictures:
    """Read files again until :data:`SHOWN` of them are pictured.

    Args:
        rows: enhanced files, in the order of preference.
        options: of the run; without ``thumbnails``, only pixels inside ultrasound regions are shown.
    """
    cards: list[str] = []
    withheld = unreadable = 0
    for row, source in _sources(list(rows), options):
        if len(cards) == SHOWN:
            break
        try:
            before = open_image(source)
            if may_be_shown(before, options.thumbnails):
                cards.append(picture_card(row, before, _thumbnail(row, before, options)))
            else:
                withheld += 1
        # A picture is a courtesy: whatever is wrong with one (a decoder's own faults included), the report appears.
        except Exception:
            unreadable += 1
    return Pictures(cards, withheld, unreadable)


def _thumbnail(row: Row, before: StoredImage, options: Options) -> Thumbnail:
    if row.output is None:
        raise InputError("an enhanced file without an output.")
    return thumbnail(before, open_image(options.output / row.output), options.thumbnails)


def _sources(rows: list[Row], options: Options) -> Iterator[tuple[Row, Path]]:
    """Each row with its input file, which hashed paths do not tell: the folder is walked through for them once."""
    if not options.hash_paths:
        yield from ((row, options.input / row.path) for row in rows)
        return
    wanted = {row.path for row in rows}
    found: dict[str, str] = {}
    if wanted:
        for file in discover(options.input):
            path = shown_path(file.path, hash_paths=True)
            if path in wanted:
                found[path] = file.path
    yield from ((row, options.input / found[row.path]) for row in rows if row.path in found)


def picture_card(row: Row, image: StoredImage, made: Thumbnail) -> str:
    """HTML of one file's three pictures."""
    name = escape(shown(row.path), True)
    frame = f"frame {made.frame} of {made.frames}" if made.frames > 1 else "the image"
    about = [image.format, f"{frame}, inside the ultrasound regions only" if made.masked else frame]
    if made.reduced > 1.01:
        about.append(f"shown at {100 / made.reduced:.0f} % of its size, which hides fine noise")
    if row.mean_abs_change is not None and row.max_abs_change is not None:
        about.append(f"mean change {number(row.mean_abs_change)}, largest {number(row.max_abs_change)} stored values")
    captions = {"Before": made.before, "After": made.after, "Difference": made.difference}
    figures = "".join(
        f'<figure><img src="{uri}" width="{made.width}" height="{made.height}" alt="{title}: {frame} of {name}">'
        f"<figcaption>{title}{_scale(made, image) if title == 'Difference' else ''}</figcaption></figure>"
        for title, uri in captions.items()
    )
    return (
        f"<article class=card><h3><code>{name}</code></h3><p class='soft small'>{escape('; '.join(about))}</p>"
        f"<div class=three>{figures}</div></article>"
    )


def _scale(made: Thumbnail, image: StoredImage) -> str:
    """What the colours of the difference mean; zero is in the middle."""
    if not made.scale:
        return ": none"
    size = number(made.scale)
    return f": −{size}<span class=scale></span>+{size}{' in brightness' if image.channels > 1 else ''}"
