# SPDX-License-Identifier: Apache-2.0
"""Broken files, each a function of (kind, seed, number)."""

from __future__ import annotations

import random
import re
import struct
import zlib

from hostile_seeds import KINDS, SUFFIXES, packed, seeds

__all__ = ["KINDS", "WORD", "mutated"]

WORD = b"Zeugin7Q"
"""Of a patient; it stands in many of the files, anywhere, and must not be shown."""

_NUMBERS = (0, 1, 2, 3, 7, 8, 12, 16, 32, 64, 127, 128, 255, 256, 1000, 4096, 32767, 32768, 65535, 65536)
_NUMBERS += (1 << 20, (1 << 24) + 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1, 1 << 40, (1 << 64) - 1)
_TEXTS = (
    b"",
    b"0",
    b"-1",
    b"1",
    b"3",
    b"65535",
    b"2147483647",
    b"99999999999999999999",
    b"9" * 5000,
    b"1e308",
    b"-0.0",
)
_TEXTS += (
    b"nan",
    b"inf",
    b"1e-320",
    b"\xc2\xb2",
    b"\xd9\xa3",
    b"0x10",
    b"1 2 3",
    b"1\\2",
    b"..",
    b"/etc/passwd",
    b"\0",
    b"\xff\xfe",
    WORD,
    WORD,
)
_ELEMENTS = (0x00020010, 0x00080005, 0x00080016, 0x00080060, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010)
_ELEMENTS += (
    0x00280011,
    0x00280030,
    0x00280100,
    0x00280101,
    0x00280102,
    0x00280103,
    0x00280120,
    0x00281050,
    0x00281051,
)
_ELEMENTS += (
    0x00281052,
    0x00281053,
    0x00281101,
    0x00281201,
    0x00186011,
    0x7FE00010,
    0x00200032,
    0x00200037,
    0x0020000E,
)
_ELEMENTS += (
    0x00200013,
    0x52009229,
    0x52009230,
    0x60000010,
    0x60003000,
    0x00082112,
    0x00080008,
    0x00020000,
    0x00020002,
)
_META_KEYS = (b"NDims", b"DimSize", b"ElementType", b"ElementDataFile", b"HeaderSize", b"ElementNumberOfChannels")
_META_KEYS += (
    b"CompressedData",
    b"ElementSpacing",
    b"Offset",
    b"TransformMatrix",
    b"BinaryData",
    b"CompressedDataSize",
)
_META_VALUES = (
    b"LOCAL",
    b"LIST",
    b"../outside.raw",
    b"/etc/passwd",
    b"a%03d.raw",
    b"-1",
    b"MET_DOUBLE",
    b"True",
    b"False",
)


def mutated(kind, seed, number):
    """The name's suffix and the bytes of one broken file; the same arguments give the same bytes."""
    chance = random.Random(f"{kind} {seed} {number}")
    data = bytearray(chance.choice(seeds(kind)))
    special = globals().get(f"_break_{kind}")
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 9))):
        broken = special if special and chance.random() < 0.6 else chance.choice(_ANYWHERE)
        data = broken(data, chance)
    suffix = SUFFIXES[kind]
    if kind == "png" and chance.random() < 0.8:
        data = _with_checksums(data)
    if kind == "nifti" and chance.random() < 0.5:
        data, suffix = bytearray(packed(bytes(data))), ".nii.gz"
        if chance.random() < 0.2:
            data = chance.choice(_ANYWHERE)(data, chance)
    return suffix, bytes(data)


def _place(data, chance, room=1):
    """Most often near the beginning, where headers are."""
    end = max(1, len(data) - room + 1)
    return chance.randrange(min(end, chance.choice((64, 400, 1500, end))))


def _flip(data, chance):
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)
    return data


def _byte(data, chance):
    if data:
        data[_place(data, chance)] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    return data


def _number(data, chance):
    form = chance.choice("HHIIQ")
    size = struct.calcsize(form)
    if len(data) >= size:
        number = chance.choice(_NUMBERS) % (1 << 8 * size)
        struct.pack_into(chance.choice("<>") + form, data, _place(data, chance, size), number)
    return data


def _text(data, chance):
    """Another number where digits stand."""
    found = list(re.finditer(rb"[-+.\d]+", data[:3000]))
    if found:
        at = chance.choice(found)
        data[at.start() : at.end()] = chance.choice(_TEXTS)
    return data


def _cut(data, chance):
    return data[: _place(data, chance)] if chance.random() < 0.3 else data[: chance.randrange(len(data) + 1)]


def _delete(data, chance):
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 2, 4, 8, 100))]
    return data


def _insert(data, chance):
    at, count = _place(data, chance), chance.choice((1, 2, 4, 8, 100, 3000))
    data[at:at] = bytes(count) if chance.random() < 0.3 else chance.randbytes(count)
    return data


def _repeat(data, chance):
    at = _place(data, chance)
    span = bytes(data[at : at + chance.choice((4, 8, 12, 60, 600))])
    data[at:at] = span * chance.choice((1, 1, 2, 50))
    return data


def _append(data, chance):
    return data + (bytes(2000) if chance.random() < 0.5 else chance.randbytes(chance.choice((1, 8, 500))))


def _plant(data, chance):
    at = _place(data, chance)
    data[at : at + chance.choice((0, len(WORD)))] = WORD
    return data


def _splice(data, chance):
    other = chance.choice(seeds(chance.choice(KINDS[:7])))
    at = _place(data, chance)
    return data[:at] + bytearray(other[chance.randrange(len(other)) :])


_ANYWHERE = (_flip, _byte, _byte, _number, _number, _number, _text, _cut, _delete, _insert, _repeat, _append, _splice)
_ANYWHERE += (_plant, _plant)


def _break_dicom(data, chance):
    """Length, VR or value of an element that counts."""
    tag = chance.choice(_ELEMENTS)
    order = chance.choice("<<<>")
    at = data.find(struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF), 128)
    if at < 0 or at + 12 > len(data):
        return data
    what = chance.random()
    if what < 0.25:
        struct.pack_into(f"{order}H", data, at + 6, chance.choice(_NUMBERS) % 65536)
    elif what < 0.4:
        struct.pack_into(f"{order}I", data, at + chance.choice((4, 8)), chance.choice(_NUMBERS) % (1 << 32))
    elif what < 0.5:
        data[at + 4 : at + 6] = chance.choice((b"SQ", b"UN", b"US", b"DS", b"IS", b"OB", b"PN", b"FD", b"AT", b"??"))
    elif what < 0.8:
        struct.pack_into(f"{order}H", data, at + 8, chance.choice(_NUMBERS) % 65536)
    else:
        text = chance.choice(_TEXTS)[: len(data) - at - 8]
        data[at + 8 : at + 8 + len(text)] = text
    return data


def _break_nifti(data, chance):
    fields = {"H": (40, 42, 44, 46, 48, 50, 52, 54, 70, 72, 68, 252, 254), "I": (0, 108, 352, 356), "B": (123, 348)}
    form = chance.choice("HHHHIB")
    at = chance.choice(fields[form])
    if chance.random() < 0.2:  # voxel sizes, slope, intercept, offset, window
        form, at = "f", chance.choice((76, 80, 84, 88, 108, 112, 116, 124, 128, 256, 268, 280, 284))
        value = chance.choice((0.0, -1.0, float("nan"), float("inf"), 1e38, 1e-40, 352.5, -352.0))
    else:
        value = chance.choice(_NUMBERS) % (1 << 8 * struct.calcsize(form))
    if at + struct.calcsize(form) <= len(data):
        struct.pack_into(f"<{form}", data, at, value)
    return data


def _chunks(data):
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            return
        yield at, length
        at += 12 + length


def _break_png(data, chance):
    found = list(_chunks(data))
    if not found:
        return data
    at, length = chance.choice(found)
    what = chance.random()
    if what < 0.4 and data[12:16] == b"IHDR":
        struct.pack_into(">I", data, chance.choice((16, 20)), chance.choice(_NUMBERS) % (1 << 32))
    elif what < 0.55 and len(data) > 28:
        data[chance.choice((24, 25, 26, 27, 28))] = chance.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    elif what < 0.7:
        kinds = (b"IDAT", b"PLTE", b"tRNS", b"acTL", b"iCCP", b"eXIf", b"pHYs", b"IEND", b"zTXt", b"iTXt", b"abCd")
        data[at + 4 : at + 8] = chance.choice(kinds)
    elif what < 0.85:
        data[at + 8 : at + 8 + length] = chance.randbytes(length)
    else:
        data[at:at] = data[at : at + 12 + length]
    return data


def _with_checksums(data):
    for at, length in _chunks(data):
        struct.pack_into(">I", data, at + 8 + length, zlib.crc32(data[at + 4 : at + 8 + length]))
    return data


def _break_tiff(data, chance):
    """An entry of the first directory: tag, type, count or value."""
    if len(data) < 16 or data[2:3] not in (b"*", b"\0"):
        return data
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if start + 2 > len(data) or start < 8:
        return data
    (count,) = struct.unpack_from(f"{order}H", data, start)
    at = start + 2 + 12 * chance.randrange(max(1, min(count, 40)))
    if at + 16 > len(data):
        return data
    offset, form = chance.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "I"), (8, "H"), (12, "I")))
    number = chance.choice((*_NUMBERS, start, at, 256, 257, 258, 259, 262, 273, 277, 279, 320, 322, 330, 34665))
    struct.pack_into(order + form, data, at + offset, number % (1 << 8 * struct.calcsize(form)))
    return data


def _break_jpeg(data, chance):
    """A segment's marker, length or sizes."""
    places = [m.start() for m in re.finditer(rb"\xff[\xc0-\xfe]", data)]
    if not places:
        return data
    at = chance.choice(places)
    what = chance.random()
    if what < 0.3:
        data[at + 1 : at + 2] = bytes(
            [chance.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xD8, 0xD9, 0xDA, 0xDB, 0xE1))]
        )
    elif at + 10 < len(data):
        struct.pack_into(">H", data, at + chance.choice((2, 5, 7, 8)), chance.choice(_NUMBERS) % 65536)
    return data


def _break_bmp(data, chance):
    form, at = chance.choice((("I", 10), ("I", 14), ("i", 18), ("i", 22), ("H", 28), ("I", 30), ("I", 46)))
    if at + 4 <= len(data):
        number = chance.choice(_NUMBERS) % (1 << 8 * struct.calcsize(form))
        struct.pack_into(f"<{form.upper()}", data, at, number)
    return data


def _break_metaimage(data, chance):
    key = chance.choice(_META_KEYS)
    value = chance.choice((*_TEXTS, *_META_VALUES, b" ".join(chance.choice(_TEXTS) for _ in range(3))))
    line = key + b" = " + value
    found = re.search(rb"(?m)^" + key + rb" = .*$", data)
    if found:
        data[found.start() : found.end()] = line
    else:
        at = data.find(b"\n") + 1  # behind the first, by which the format is known
        data[at:at] = line + b"\n"
    return data


_break_mhd = _break_metaimage


def _break_cfg(data, chance):
    lines = bytes(data).split(b"\n")
    at = chance.randrange(len(lines))
    key = lines[at].partition(b":")[0]
    lines[at] = key + chance.choice((b": ", b":", b" = ", b"::")) + chance.choice(_TEXTS)
    return bytearray(b"\n".join(lines))
