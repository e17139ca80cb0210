# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from derived_case import IMPLICIT, RUN, derive_raw, raw_file, read

from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.errors import InputError

# from PS3.5 H.3, I.2 and J, and others by Python's own codecs
NAMES = {
    "japanese": (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
    "katakana": (b"ISO_IR 13 ", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
    "korean": (b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
    "cyrillic": (b"ISO_IR 144", "Люкceмбypг".encode("iso8859_5")),
    "latin1": (b"ISO_IR 100", b"Buc^J\xe9r\xf4me"),
    "chinese": (b"GB18030 ", "王^小东".encode("gb18030")),
    "utf8": (b"ISO_IR 192", "Wang^小东 😀".encode()),
    "undecodable": (b"ISO_IR 192", b"\xff\xfe\x80broken"),
    "undeclared": (b"", b"M\xfcller"),
    "unknown set": (b"ISO_IR 999", b"M\xfcller"),
}  # fmt: skip


def even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", IMPLICIT])
@pytest.mark.parametrize("name", NAMES)
def test_text_keeps_its_bytes(tmp_path, name, syntax):
    charset, text = NAMES[name]
    nested = b"\xfe\xff\x00\xe0" + (len(even(text)) + 8).to_bytes(4, "little") + b"\x08\x00\x04\x01"
    nested += (
        (b"LO" + len(even(text)).to_bytes(2, "little")) if syntax != IMPLICIT else len(even(text)).to_bytes(4, "little")
    )
    elements = [
        (0x00080005, "CS", even(charset)),
        (0x00100010, "PN", even(text)),
        (0x00081030, "LO", even(text)),
        (0x0008103E, "LO", even(text)),
        (0x00104000, "LT", even(text)),
        (0x00081032, "SQ", nested + even(text)),
    ]
    made = derive_raw(tmp_path, elements, syntax)
    declared = b"\x08\x00\x05\x00CS" + len(even(charset)).to_bytes(2, "little") + even(charset)
    assert declared in (tmp_path / "derived.dcm").read_bytes()
    for tag in (0x00100010, 0x00081030, 0x00104000):
        assert made.get_item(tag).value == even(text)
    assert made[0x00081032].value[0].get_item(0x00080104).value == even(text)
    assert made.get_item(0x0008103E).value.rstrip() in (text + b" enhanced", b"Enhanced")


@pytest.mark.parametrize("name", ["japanese", "korean", "cyrillic", "latin1", "chinese", "utf8"])
def test_description_is_marked_in_the_character_set(tmp_path, name):
    charset, text = NAMES[name]
    made = derive_raw(tmp_path, [(0x00080005, "CS", even(charset)), (0x0008103E, "LO", even(text))])
    source = pydicom.dcmread(tmp_path / "source.dcm")
    assert made.SeriesDescription == source.SeriesDescription + " enhanced"


@pytest.mark.parametrize(
    ("charset", "codec"), [(b"ISO_IR 192", "utf8"), (b"ISO_IR 144", "iso8859_5"), (b"GB18030 ", "gb18030")]
)
def test_long_description_is_cut_between_characters(tmp_path, charset, codec):
    text = "".join(chr(0x430 + i % 32) for i in range(64))
    made = derive_raw(tmp_path, [(0x00080005, "CS", charset), (0x0008103E, "LO", even(text.encode(codec)))])
    assert made.get_item(0x0008103E).value.rstrip().decode(codec) == text[:55] + " enhanced"


@pytest.mark.parametrize("source", [[], [(0x0008103E, "LO", b"")], [(0x0008103E, "LO", b"x\x1b$B\xff" + b"y" * 60)]])
def test_description_where_there_is_none_to_add_to(tmp_path, source):
    assert derive_raw(tmp_path, source).SeriesDescription == "Enhanced"


def test_description_ends_in_ascii_whatever_it_was_before(tmp_path):
    open_ended = b"Yamada=\x1b$B;3ED"  # as some write it: the set of two bytes a character is still chosen at the end
    elements = [(0x00080005, "CS", b"\\ISO 2022 IR 87"), (0x0008103E, "LO", even(open_ended))]
    assert derive_raw(tmp_path, elements).SeriesDescription == "Yamada=山田 enhanced"


def test_long_description_with_escapes_is_cut_between_characters(tmp_path):
    raw = b"a" * 50 + b"\x1b$B;3EDB@O:\x1b(B" + b"b" * 10
    made = derive_raw(tmp_path, [(0x00080005, "CS", b"\\ISO 2022 IR 87"), (0x0008103E, "LO", even(raw))])
    assert made.SeriesDescription == "a" * 50 + "山田太郎b enhanced"
    made = derive_raw(tmp_path, [(0x00080005, "CS", b"\\ISO 2022 IR 87"), (0x0008103E, "LO", even(b"aaa" + raw))])
    assert made.SeriesDescription == "a" * 53 + "山田 enhanced"


def given(tmp_path, charset: bytes, text: str) -> bytes:
    source = raw_file(tmp_path / "source.dcm", [(0x00080005, "CS", charset)])
    run = replace(RUN, series_description=text)
    write_derived(read(source), tmp_path / "derived.dcm", np.zeros((1, 1, 2, 2), np.uint8), run)
    return pydicom.dcmread(tmp_path / "derived.dcm").get_item(0x0008103E).value


def test_given_description_is_stored_in_the_character_set(tmp_path):
    assert given(tmp_path, b"ISO_IR 100", "débruité") == "débruité".encode("latin1")
    assert given(tmp_path, b"ISO_IR 192", "débruité") == "débruité".encode()
    assert given(tmp_path, b"", "plain") == b"plain "


@pytest.mark.parametrize(("charset", "text"), [(b"", "débruité"), (b"ISO_IR 100", "обработано"), (b"ISO_IR 144", "é")])
def test_given_description_that_the_character_set_lacks(tmp_path, charset, text):
    with pytest.raises(InputError, match="plain ASCII"):
        given(tmp_path, charset, text)
