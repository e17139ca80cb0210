# SPDX-License-Identifier: Apache-2.0
"""The HTML of the report. Everything that comes from outside is escaped; no script, no file and no address is used."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from monai_gradprom.enhance.report.style import STYLE as COMMON

from .contents import Contents, Part
from .pictures import embedded
from .render import as_html

__all__ = ["page"]

STYLE = (
    COMMON
    + """
main, header, footer { max-width: 1400px; }
.wide { overflow-x: auto; }
.wide table { font-size: 13px; width: auto; min-width: 60%; }
.wide th, .wide td { white-space: nowrap; padding: 4px 14px 4px 0; }
th.value, td.value { text-align: right; font-variant-numeric: tabular-nums; }
tr.paper th, tr.paper td { color: var(--soft); }
tr.ours th { font-weight: 400; } tr.ours td.value { font-weight: 600; }
em.mark { color: var(--failed); font-size: 12px; }
figure { margin: 0 0 12px; } figure.chart img { background: #fff; padding: 6px; width: auto; max-width: 100%; }
nav ul { columns: 2; margin: 0; padding-left: 18px; } a { color: var(--accent); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(480px, 1fr)); gap: 14px; }
"""
)


def page(contents: Contents, pictures: bool = True) -> str:
    """The whole page.

    Args:
        contents: what it shows.
        pictures: whether the data's images are shown.
    """
    hashed = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    parts = "".join(_part(part, number, pictures) for number, part in enumerate(contents.parts))
    paper = "".join(as_html(table) for table in contents.paper_tables)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width">'
        f"<title>Comparison of strategies</title><style>{STYLE}</style></head><body>{_header(contents)}<main>"
        f"{_contents(contents)}{_failed(contents.unfinished)}{parts}"
        '<section id="paper"><h2>The paper\'s tables</h2><p class=soft>Under each row of the paper stands ours: mean ± '
        "sample standard deviation over seeds. What was not run is not there. Data, budget and networks are those of "
        f"the runs, not the paper's.</p>{paper}</section></main>"
        "<footer class='soft small'>The tables stand in <code>tables/</code> as CSV and LaTeX, the curves in "
        "<code>figures/</code>. The page is complete in itself and fetches nothing.</footer></body></html>\n"
    )


def _header(contents: Contents) -> str:
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in contents.facts.items()
    )
    return (
        "<header><h1>Comparison of strategies</h1><p class=soft>For research; not a medical device. A result marked "
        "<em class=mark>under-trained</em> enters no comparison: the enhancer alone does not beat BM3D (super-"
        "resolution: bicubic enlargement), or that is not known, or validation PSNR still moved by 0.05 dB or more "
        f"over the last tenth of the training.</p><dl class=card>{facts}</dl></header>"
    )


def _contents(contents: Contents) -> str:
    parts = "".join(
        f'<li><a href="#part{number}">{escape(part.title)}</a></li>' for number, part in enumerate(contents.parts)
    )
    return f'<nav class=card><ul>{parts}<li><a href="#paper">The paper\'s tables</a></li></ul></nav>'


def _failed(unfinished: Mapping[str, str]) -> str:
    if not unfinished:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(reason)}</td></tr>" for name, reason in unfinished.items()
    )
    return (
        f"<section><h2 class=failed>Not finished: {len(unfinished)}</h2><table class=card><tbody>{rows}</tbody></table>"
        "</section>"
    )


def _part(part: Part, number: int, pictures: bool) -> str:
    quality, *others = part.tables
    front = _chart(part.front, "Image quality against recognition, one point for each strategy")
    training = _chart(part.training, "Validation metrics and the gate over the epochs")
    return (
        f'<section id="part{number}"><h2>{escape(part.title)}</h2>{as_html(quality)}{front}'
        f"{''.join(as_html(table) for table in others)}{training}{_pictures(part) if pictures else ''}</section>"
    )


def _chart(svg: str, text: str) -> str:
    if not svg:
        return ""
    address = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    image = f'<img src="{address}" alt="{escape(text)}">'
    return f"<figure class=chart>{image}<figcaption>{escape(text)}.</figcaption></figure>"


def _pictures(part: Part) -> str:
    shown = [(strategy, name, embedded(path)) for strategy, name, path in part.pictures]
    figures = "".join(
        f'<figure><img src="{address}" alt="">'
        f"<figcaption><b>{escape(strategy)}</b> {escape(name)}</figcaption></figure>"
        for strategy, name, address in shown
        if address
    )
    if not figures:
        return ""
    return f"<details><summary>pictures of the first seed</summary><div class=pictures>{figures}</div></details>"
