# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.record.paths import shown_path
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.enhance.report.tally import ReportTally
from monai_gradprom.enhance.report.write import write_report
from monai_gradprom.errors import InputError
from monai_gradprom.phantoms.clinical_dicom import save_object
from monai_gradprom.phantoms.clinical_ultrasound import ultrasound_cine

STARTED = datetime(2026, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;.dcm'


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.text, self.style, self.attributes = Counter(), [], "", "", []
        self._within = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self._within = tag
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data):
        if self._within == "style":
            self.style += data
        else:
            self.text += data

    def handle_endtag(self, tag):
        self._within = None

    def pictures(self, title):
        found = [image for image in self.images if image["alt"].startswith(title)]
        return [np.asarray(Image.open(io.BytesIO(base64.b64decode(i["src"].split(",")[1])))) for i in found]


@pytest.fixture(scope="module")
def cine():
    return ultrasound_cine(0, frames=2)


@pytest.fixture
def folder(tmp_path, cine):
    """An ultrasound cine and a PNG, before and after."""
    source, result = tmp_path / "in", tmp_path / "out"
    save_object(cine, source / "us" / "cine.dcm")
    (result / "us").mkdir(parents=True)
    (result / "us" / "cine.dcm").write_bytes((source / "us" / "cine.dcm").read_bytes())
    Image.fromarray(np.full((20, 30), 90, np.uint8)).save(source / "photo.png")
    Image.fromarray(np.full((20, 30), 93, np.uint8)).save(result / "photo.png")
    return tmp_path


def done(path, output=None, mean=1.0, largest=4.0):
    return Row(path, "done", None, output or path, mean_abs_change=mean, max_abs_change=largest)


def report(folder, rows, **options):
    given = Options(folder / "in", folder / "out", folder / "bundle", **options)
    path = write_report(given, lambda: iter(rows), "camus<denoise>", "0.1.0", STARTED)
    assert path == folder / "out" / "report.html"
    return path.read_text(encoding="utf-8")


def test_page_counts_and_says_what_was_run(folder):
    rows = [done("photo.png"), Row("a.txt", "skipped", "no image"), *(Row(f"{k}", "failed", "bad") for k in range(3))]
    page = Page(report(folder, rows, strength=0.5, window=(-100.0, 300.0), settings={"scale_factor": "1"}))
    text = re.sub(r"\s+", " ", page.text)
    for words in ("5files", "1✓ enhanced (20.0 %)", "1– skipped (20.0 %)", "3✕ failed (60.0 %)"):
        assert words in text
    for words in ("camus<denoise> 0.1.0", "2026-02-03 02:05 UTC", "0.5", "-100 to 300", "--set scale_factor"):
        assert words in text


def test_page_is_complete_in_itself(folder):
    text = report(folder, [done("us/cine.dcm")])
    page = Page(text)
    assert page.tags["img"] == 3
    assert all(image["alt"] and image["src"].startswith("data:image/png;base64,") for image in page.images)
    assert not {"script", "link", "iframe", "object", "form", "base"} & page.tags.keys()
    assert not [a for a in page.attributes if a[1] in ("href", "style") or a[1].startswith("on")]
    assert "url(" not in page.style
    assert "http" not in text.replace("http-equiv", "")
    (policy,) = (value for tag, name, value in page.attributes if name == "content" and "default-src" in value)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy


def test_names_and_reasons_are_text_whatever_they_hold(folder):
    evil = folder / "in" / EVIL.replace("/", "\\")
    evil.write_bytes((folder / "in" / "us" / "cine.dcm").read_bytes())
    rows = [
        done(evil.name, "us/cine.dcm"),
        Row(EVIL, "failed", "<b>bold</b> " + EVIL),
        Row("undecodable \udcff and \x1b[31m.dcm", "skipped", "no image"),
    ]
    page = Page(report(folder, rows))
    assert page.tags["script"] == 0
    assert page.tags["b"] == 5  # four counts and the note
    assert page.tags["img"] == 3
    assert EVIL in page.text
    assert "<b>bold</b>" in page.text
    assert "undecodable \\udcff and \\x1b[31m.dcm" in page.text
    assert all(evil.name in image["alt"] for image in page.images)


def test_only_the_inside_of_ultrasound_regions_is_pictured(folder, cine):
    page = Page(report(folder, [done("us/cine.dcm"), done("photo.png")]))
    (before,) = page.pictures("Before")
    (region,) = cine.SequenceOfUltrasoundRegions
    x0, y0, x1, y1 = (region[f"RegionLocation{end}"].value for end in ("MinX0", "MinY0", "MaxX1", "MaxY1"))
    assert before.shape == (y1 - y0 + 1, x1 - x0 + 1)
    assert (before == cine.pixel_array[1, y0 : y1 + 1, x0 : x1 + 1]).all()
    assert "files without such regions are not shown" in page.text


def test_whole_images_are_pictured_only_on_demand(folder, cine):
    page = Page(report(folder, [done("us/cine.dcm"), done("photo.png")], thumbnails=True))
    shapes = sorted(picture.shape for picture in page.pictures("Before"))
    assert shapes == [(20, 30), (cine.Rows, cine.Columns)]
    assert {93} in [set(np.unique(picture)) for picture in page.pictures("After")]
    assert "Names and dates that are burned into them can be read here" in page.text


def test_no_header_value_is_told(folder, cine):
    text = report(folder, [done("us/cine.dcm")], thumbnails=True)
    for value in (cine.PatientName, cine.PatientID, cine.StudyInstanceUID, cine.SeriesDescription, cine.StudyDate):
        assert str(value) not in text
    assert "Phantom" not in text


def test_hashed_paths_hide_names_and_keep_pictures(folder):
    path = shown_path("us/cine.dcm", hash_paths=True)
    (folder / "out" / path).parent.mkdir()
    (folder / "out" / "us" / "cine.dcm").rename(folder / "out" / path)
    text = report(folder, [done(path)], hash_paths=True)
    assert Page(text).tags["img"] == 3
    assert path in text
    assert "cine" not in text
    assert str(folder) not in text


def test_long_lists_are_cut_and_alike_reasons_thrown_together(folder):
    rows = [Row(f"slice {k:03d}.dcm", "failed", f"{k} bytes are missing") for k in range(250)]
    rows += [Row("z.dcm", "failed", "no memory")]
    page = Page(report(folder, rows))
    assert "0 bytes are missing (or another number)" in page.text
    assert "slice 099.dcm" in page.text
    assert "slice 100.dcm" not in page.text
    assert "and 150 more, in manifest.jsonl" in page.text
    assert page.tags["th"] == 2


def test_a_picture_that_fails_is_left_out_with_a_word(folder):
    (folder / "in" / "torn.dcm").write_bytes((folder / "in" / "us" / "cine.dcm").read_bytes()[:20_000])
    rows = [done("us/cine.dcm"), done("torn.dcm", "us/cine.dcm"), done("gone.dcm"), done("photo.png")]
    page = Page(report(folder, rows))
    assert page.tags["img"] == 3
    assert "2 more could not be read again" in page.text
    assert "could not be read again" in Page(report(folder, [done("gone.dcm")])).text
    assert "none of the enhanced files declares an ultrasound region" in Page(report(folder, [done("photo.png")])).text


def test_many_files_make_a_small_page_and_are_not_kept(folder, monkeypatch):
    def rows():
        for k in range(4_000):
            status = ("done", "skipped", "failed")[k % 3]
            reason = None if status == "done" else f"reason {chr(97 + k % 26)}{chr(97 + k // 26 % 26)} " + "x" * 1000
            path = "y" * 3000 + f"/{k}"
            yield Row(path, status, reason, path if status == "done" else None, mean_abs_change=1.0, max_abs_change=2.0)

    alive = []
    monkeypatch.setattr(ReportTally, "add", lambda self, row, add=ReportTally.add: (alive.append(self), add(self, row)))
    text = report(folder, rows())
    tally = alive[0]
    assert len(tally.sample.rows()) < 300
    assert max(len(tally.failed.groups), len(tally.skipped.groups)) < 30
    assert len(text) < 2_500_000


def test_no_more_than_twelve_files_are_pictured(folder):
    image = (folder / "in" / "photo.png").read_bytes()
    for k in range(20):
        (folder / "in" / f"{k}.png").write_bytes(image)
    page = Page(report(folder, [done(f"{k}.png", "photo.png") for k in range(20)], thumbnails=True))
    assert page.tags["img"] == 3 * 12


def test_bars_stand_for_the_files(folder):
    rows = [done("a", mean=0.0), done("b", mean=3.0), done("c", mean=3.1), done("d", mean=None)]
    page = Page(report(folder, rows))
    assert re.search(r"2\.15 to 4\.64: 2 files", page.text)
    assert "none: 1 files" in page.text
    assert "Largest: 3.1. 1 files state none." in page.text
    empty = Page(report(folder, [Row("a", "failed", "bad")]))
    assert "No enhanced file states it." in empty.text


def test_a_page_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch):
    report(folder, [done("photo.png")])
    before = (folder / "out" / "report.html").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        report(folder, [])
    assert (folder / "out" / "report.html").read_bytes() == before
