# SPDX-License-Identifier: Apache-2.0
"""Links of the documents lead to files, and to headings, that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("bundles/*/docs/*.md"),
    *ROOT.glob("sample_data/*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    broken = [link for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", text) if not there(page, link)]
    assert broken == []


def there(page, link):
    """Whether the file of a link exists, with the heading it names."""
    name, _, heading = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not heading or heading in anchors(target))


def anchors(page):
    """A page's headings as links name them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def test_what_is_broken_is_seen(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# One, two\n")
    assert there(page, "#one-two")
    assert there(page, "a.md#one-two")
    assert not there(page, "#three")
    assert not there(page, "b.md")
