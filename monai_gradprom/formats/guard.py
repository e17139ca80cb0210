# SPDX-License-Identifier: Apache-2.0
"""Foreign decoders at arm's length: their exceptions become one sentence, their warnings are kept from the terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from monai_gradprom.errors import InputError

__all__ = [
    "decoding",
    "has_codecs",
    "huge_pictures",
    "quiet",
    "refuse_bomb",
    "refuse_countless",
    "refuse_huge",
    "without_codecs",
]

_MOST_FRAMES = 200_000
_MOST_INFLATION = 500  # times the size of a file; deflate could make 1032
_SMALL = 1 << 28  # bytes


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a library raises over the file at ``path`` into :class:`InputError`.

    The library's own text is left out, as it may quote the file. Being out of memory passes: the file is not at fault.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InputError, MemoryError):
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; put it back or leave it out.") from None
    except Exception as error:  # each library has its own exceptions, down to zlib's
        raise InputError(
            f"{path}: cannot be decoded ({type(error).__name__}); put an intact copy in its place or leave it out."
        ) from None


@contextmanager
def quiet(logger: str) -> Iterator[None]:
    """Keep a library from logging to the terminal what it finds odd about a file."""
    level = logging.getLogger(logger).level
    logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logging.getLogger(logger).setLevel(level)


def has_codecs() -> bool:
    """Whether the extra ``clinical`` is installed, which brings imagecodecs."""
    return find_spec("imagecodecs") is not None


def without_codecs(path: Path, what: str) -> InputError:
    """The error for a file that needs imagecodecs: ``what`` says why."""
    return InputError(f"{path}: {what} needs the package imagecodecs; install monai-gradprom[clinical].")


@contextmanager
def huge_pictures() -> Iterator[None]:
    """Within it, neither :func:`refuse_huge` nor Pillow has a limit; for one who minds memory before reading."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def refuse_countless(path: Path, frames: int) -> None:
    """Refuse what claims more frames than any recording has; of single pixels, a small file could hold millions.

    Raises:
        InputError: ``frames`` is above 200,000.
    """
    if frames > _MOST_FRAMES:
        raise InputError(f"{path}: claims {frames} frames, more than {_MOST_FRAMES}; split it or leave it out.")


def refuse_bomb(path: Path, size: int, inflated: int) -> None:
    """Refuse a compressed file that stands for far more than images do.

    Args:
        path: the file.
        size: its bytes.
        inflated: what they become, as far as is known.

    Raises:
        InputError: ``inflated`` is above 256 MiB and above 500 times ``size``.
    """
    if inflated > max(_SMALL, _MOST_INFLATION * size):
        raise InputError(
            f"{path}: holds {size} bytes that stand for {inflated} or more, as no image does; leave it out, or save it "
            "again uncompressed."
        )


def refuse_huge(path: Path, width: int, height: int) -> None:
    """Refuse an image above Pillow's limit, ``PIL.Image.MAX_IMAGE_PIXELS`` (89,478,485), by its header.

    A few kilobytes of a compressed file can claim gigabytes. Pillow itself warns above the limit and fails above twice
    as much; None, set by a program that knows its files, lifts it.

    Raises:
        InputError: ``width`` x ``height`` is zero or above the limit.
    """
    from PIL import Image

    if width < 1 or height < 1:
        raise InputError(f"{path}: has a side without pixels; put an intact copy in its place or leave it out.")
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise InputError(
            f"{path}: claims {width} x {height} pixels, more than the {limit} that Pillow takes for safe; "
            "cut it into tiles or leave it out."
        )
