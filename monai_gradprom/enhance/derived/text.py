# SPDX-License-Identifier: Apache-2.0
"""Texts that must fit the character set that a header declares (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

import re

from pydicom.charset import convert_encodings, decode_bytes, encode_string

from monai_gradprom.errors import InputError

__all__ = ["encoded_description", "marked_description", "with_history"]

_MARK = b" enhanced"
_LONGEST = 64  # characters of an LO, PS3.5 6.2
_DEFAULT = "iso8859"  # as pydicom calls the default repertoire, which is ASCII
_UNREADABLE = "\ufffd"
_FIRST_SET = re.compile(rb"\x1b(\$[@AB]|\$\([A-D]|\([A-Z])")  # escapes that choose the set for bytes below 0x80


def marked_description(source: bytes, charsets: list[str]) -> bytes:
    """The source's series description with " enhanced" behind it; cut to fit, between characters.

    Its bytes are not decoded and encoded again: there are several ways to encode a text with escape sequences.
    """
    room = _LONGEST - len(_MARK)
    encodings = convert_encodings(charsets or [""])
    text = _decoded(source, encodings)
    if not text:
        # nothing to mark, or broken: bytes can still be added to, but neither cut nor trusted after an escape
        fits = 0 < len(source) <= room and b"\x1b" not in source
        return source + _MARK if fits else _MARK.strip().capitalize()
    kept, end = text, len(source)
    while end and (not kept or len(kept) > room or not text.startswith(kept)):
        end -= 1
        kept = _decoded(source[:end], encodings)
    return _back_to_ascii(source[:end].rstrip(b" ")) + _MARK


def _back_to_ascii(value: bytes) -> bytes:
    chosen = _FIRST_SET.findall(value)
    return value + b"\x1b(B" if chosen and chosen[-1].startswith(b"$") else value


def encoded_description(text: str, charsets: list[str]) -> bytes:
    """``text`` in the character set of the header.

    Raises:
        InputError: it has characters that the set lacks.
    """
    text = text.strip()
    encodings = convert_encodings(charsets or [""])
    try:
        value = text.encode("ascii") if text.isascii() else encode_string(text, encodings)
        undeclared = encodings[0] == _DEFAULT and b"\x1b" not in value and not value.isascii()
        if not undeclared and _decoded(value, encodings) == text:
            return value
    except (UnicodeError, LookupError):
        pass
    raise InputError(
        "the series description has characters that the file's character set lacks; give --series-description in plain"
        " ASCII"
    )


def with_history(sentence: str, earlier: bytes, limit: int = 1024) -> bytes:
    """A sentence, and behind a line break what the source said of its own derivation, if both fit an ST.

    The line break resets the character set (PS3.5 6.1.2.5.3), so that the source's bytes mean what they meant.
    """
    both = sentence.encode("ascii") + (b"\r\n" + earlier if earlier else b"")
    return both if len(both) <= limit else sentence.encode("ascii")


def _decoded(value: bytes, encodings: list[str]) -> str:
    """Empty if it does not obey the character set."""
    try:
        text = decode_bytes(value, encodings, set())
    except (UnicodeError, LookupError):
        return ""
    return "" if _UNREADABLE in text or "\x1b" in text else text
