# SPDX-License-Identifier: Apache-2.0
"""The HTML of the report. Everything that comes from outside is escaped; no script, no file and no address is used."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone
from html import escape

from monai_gradprom import __version__
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.record.paths import MANIFEST

from .chart import histogram
from .pictures import CANDIDATES, Pictures
from .style import STYLE
from .tally import LISTED, Group, Reasons, ReportTally
from .text import shown

__all__ = ["page"]

_STATUS = (("done", "✓", "enhanced"), ("skipped", "–", "skipped"), ("failed", "✕", "failed"))


def page(tally: ReportTally, pictures: Pictures, options: Options, bundle: tuple[str, str], started: datetime) -> str:
    """The whole page.

    Args:
        tally: what was counted.
        pictures: of the sample.
        options: of the run.
        bundle: name and version.
        started: when the run began.
    """
    hashed = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    body = "".join(
        (
            _header(tally, options, bundle, started),
            "<main>",
            _tiles(tally),
            _reasons("Failed", "failed", tally.failed),
            _pictures(pictures, tally, options),
            _distribution(tally),
            _reasons("Skipped", "skipped", tally.skipped),
            "</main>",
            _footer(options),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width">'
        f"<title>Enhancement report: {escape(bundle[0])}</title><style>{STYLE}</style></head><body>{body}"
        "</body></html>\n"
    )


def _header(tally: ReportTally, options: Options, bundle: tuple[str, str], started: datetime) -> str:
    facts = [
        ("Bundle", f"{bundle[0]} {bundle[1]}"),
        ("Run started", f"{started.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"),
        ("Software", f"monai-gradprom {__version__}"),
        ("Strength", f"{options.strength:g}" + (" (what the network says)" if options.strength == 1 else "")),
        ("Intensity window", "the files' own" if options.window is None else "{:g} to {:g}".format(*options.window)),
        ("DICOM transfer syntax", options.transfer_syntax),
        ("Other modalities", "enhanced too (--any-modality)" if options.any_modality else "skipped"),
    ]
    if (options.runtime, options.precision) != ("torch", "float32"):
        facts.append(("Network computed with", f"{options.runtime}, {options.precision}"))
    if options.series_description is not None:
        facts.append(("Series description", options.series_description))
    facts += [(f"--set {name}", value) for name, value in options.settings.items()]
    if options.hash_paths:
        facts.append(("File names", "hidden (--hash-paths)"))
    else:
        facts += [("Input", str(options.input)), ("Output", str(options.output))]
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(shown(text, 300))}</dd></div>" for name, text in facts)
    files = tally.files.total()
    return (
        f"<header><h1>Enhancement report</h1><p class=soft>{files:,} file{'' if files == 1 else 's'} through "
        f"{escape(bundle[0])}. For research; not a medical device. Enhanced images are estimates: a network may smooth "
        f"away or alter what it takes for noise.</p><dl class=card>{listed}</dl></header>"
    )


def _tiles(tally: ReportTally) -> str:
    files = tally.files.total()
    tiles = [f"<div class=tile><b>{files:,}</b>files</div>"]
    for status, sign, word in _STATUS:
        count = tally.files[status]
        share = f" ({100 * count / files:.1f} %)" if files else ""
        kind = f" class={status}" if count else ""
        tiles.append(f"<div class=tile><b{kind}>{count:,}</b><span{kind}>{sign} {word}</span>{share}</div>")
    return f'<section aria-label="Counts" class=tiles>{"".join(tiles)}</section>'


def _pictures(pictures: Pictures, tally: ReportTally, options: Options) -> str:
    if options.thumbnails:
        note = (
            "<b>Whole images are shown, as asked for by --thumbnails.</b> Names and dates that are burned into them "
            "can be read here: treat this page as you treat the images."
        )
    else:
        note = (
            "<b>Only pixels inside the ultrasound regions that the files declare are shown</b>, the rest is black; "
            "files without such regions are not shown, since names can be burned into images. (--thumbnails shows "
            "all.) Some machines write inside their regions: look at this page before you pass it on."
        )
    parts = [f"<div class='card note'>{note}</div>"]
    if pictures.cards:
        parts.insert(
            0,
            f"<p class=soft>{len(pictures.cards)} of {tally.files['done']:,} enhanced files, drawn by the digests of "
            "their paths; one image or frame from the middle of each, before and after through the same grey scale, "
            "the source's own window. Differences are in stored values.</p>",
        )
    parts += pictures.cards
    if not pictures.cards:
        parts.append(f"<p>No picture: {_why_none(pictures, tally)}.</p>")
    elif pictures.unreadable:
        parts.append(f"<p class=soft>{pictures.unreadable} more could not be read again and are left out.</p>")
    return f"<section><h2>Before, after, difference</h2>{''.join(parts)}</section>"


def _why_none(pictures: Pictures, tally: ReportTally) -> str:
    if not tally.files["done"]:
        return "no file was enhanced"
    if pictures.withheld:
        looked = "" if tally.files["done"] <= CANDIDATES else f" (of the first {CANDIDATES} of the sample)"
        return f"none of the enhanced files{looked} declares an ultrasound region that may be shown"
    return "the files of the sample could not be read again"


def _distribution(tally: ReportTally) -> str:
    done = tally.files["done"]
    charts = "".join(
        f"<div class=card>{histogram(changes, what, done)}</div>"
        for changes, what in (
            (tally.mean_change, "Mean absolute change of a file"),
            (tally.max_change, "Largest absolute change of a file"),
        )
    )
    return (
        "<section><h2>How much was changed</h2><p class=soft>In stored values, as the manifest has them: 8-bit images "
        "have 256 of them, 16-bit images 65,536, so files of different depth are not to be compared by them. Under "
        f"super-resolution, against the interpolated source.</p><div class=charts>{charts}</div></section>"
    )


def _reasons(title: str, status: str, reasons: Reasons) -> str:
    groups = reasons.most_common()
    if not groups:
        return ""
    total = sum(group.count for group in groups)
    return (
        f"<section><h2><span class={status}>{title}: {total:,}</span></h2><table class=card><thead><tr>"
        "<th scope=col class=number>files</th><th scope=col>reason</th></tr></thead>"
        f"<tbody>{''.join(_reason(group, status) for group in groups)}</tbody></table></section>"
    )


def _reason(group: Group, status: str) -> str:
    paths = "".join(f"<li><code>{escape(shown(path))}</code></li>" for path in group.paths)
    if group.count > LISTED:
        paths += f"<li>and {group.count - LISTED:,} more, in <code>{MANIFEST}</code></li>"
    opened = " open" if status == "failed" and group.count <= 10 else ""
    text = shown(group.text, 400) + ("" if group.alike else " (or another number)")
    return (
        f"<tr><td class=number>{group.count:,}</td><td>{escape(text)}<details{opened}><summary>"
        f"{'which one' if group.count == 1 else 'which ones'}</summary><ul class='paths small'>{paths}</ul></details>"
        "</td></tr>"
    )


def _footer(options: Options) -> str:
    hidden = " File names are replaced by digests." if options.hash_paths else ""
    return (
        f"<footer class='soft small'>Every file has a line in <code>{MANIFEST}</code>, beside this page. The page is "
        f"complete in itself and fetches nothing.{hidden} It holds no value of a DICOM header.</footer>"
    )
