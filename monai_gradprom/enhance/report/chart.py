# SPDX-License-Identifier: Apache-2.0
"""A histogram as inline SVG, with the same numbers as a table for those who cannot see it."""

from __future__ import annotations

import math
from html import escape

from .tally import Changes

__all__ = ["histogram", "number"]

_WIDTH, _HEIGHT = 520, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 40

_Bar = tuple[str, int]


def histogram(changes: Changes, what: str, files: int) -> str:
    """HTML of a chart and its table.

    Args:
        changes: what to show.
        what: the quantity, a plain text.
        files: how many were enhanced; what has no finite change is said.
    """
    bars = _bars(changes)
    counted = sum(count for _, count in bars)
    if not counted:
        return f"<h3>{escape(what)}</h3><p class=soft>No enhanced file states it.</p>"
    rows = "".join(
        f"<tr><th scope=row>{label}</th><td class=number>{count:,}</td></tr>" for label, count in bars if count
    )
    missing = f" {files - counted:,} files state none." if files > counted else ""
    return (
        f"<h3>{escape(what)}</h3>{_chart(changes, bars, what)}"
        f"<p class='soft small'>Largest: {number(changes.largest)}.{missing}</p>"
        "<details><summary>as a table</summary><table><thead><tr><th scope=col>stored values</th>"
        f"<th scope=col class=number>files</th></tr></thead><tbody>{rows}</tbody></table></details>"
    )


def number(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "not finite"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"


def _bars(changes: Changes) -> list[_Bar]:
    """From no change on; then at least one power of ten, whole ones, in thirds."""
    bars = [("none", changes.zero)]
    for k in _range(changes):
        bars.append((f"{number(10 ** (k / 3))} to {number(10 ** ((k + 1) / 3))}", changes.bins[k]))
    return bars


def _range(changes: Changes) -> range:
    used = changes.bins.keys() or {0}
    first, last = 3 * math.floor(min(used) / 3), 3 * (math.floor(max(used) / 3) + 1)
    return range(first, last)


def _chart(changes: Changes, bars: list[_Bar], what: str) -> str:
    height, width = _HEIGHT - _TOP - _BOTTOM, _WIDTH - _LEFT - _RIGHT
    top = _round_up(max(count for _, count in bars))
    step = width / (len(bars) + 1)  # one bar's room between "none" and the rest
    parts = []
    for share in (0.0, 0.5, 1.0):
        if share == 0.5 and top % 2:
            continue
        y = _TOP + height * (1 - share)
        parts.append(f'<path class="{"grid" if share else "axis"}" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{round(share * top):,}</text>')
    for index, (label, count) in enumerate(bars):
        x = _LEFT + step * (index + (1 if index else 0))
        if count:
            tall = max(height * count / top, 1.5)
            parts.append(
                f'<rect class="bar" x="{x + 1:.1f}" y="{_TOP + height - tall:.1f}" width="{step - 2:.1f}" '
                f'height="{tall:.1f}" rx="2"><title>{label}: {count:,} files</title></rect>'
            )
    base = _TOP + height + 16
    parts.append(f'<text x="{_LEFT + step / 2:.1f}" y="{base}" text-anchor="middle">none</text>')
    decades = _range(changes)
    for k in range(decades.start, decades.stop + 1, 3):
        x = _LEFT + step * (2 + k - decades.start)
        anchor = "end" if k == decades.stop else "middle"
        parts.append(f'<text x="{x:.1f}" y="{base}" text-anchor="{anchor}">{number(10 ** (k / 3))}</text>')
    parts.append(
        f'<text x="{_LEFT + width / 2:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">stored values (logarithmic)</text>'
    )
    label = escape(f"Histogram of the {what[:1].lower()}{what[1:]} over files; the table below has the numbers.", True)
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(parts)}</svg>'


def _round_up(count: int) -> int:
    power = 10 ** max(0, math.floor(math.log10(count)))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= count)
