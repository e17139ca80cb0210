# SPDX-License-Identifier: Apache-2.0
"""The look of the report, in light and dark; nothing in it is fetched from elsewhere."""

from __future__ import annotations

from .thumbnail_scales import DARKER, LIGHTER

__all__ = ["STYLE"]

_STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #5b6570; --line: #dde2e8; --accent: #2f6f9f;
  --done: #1e7b4f; --skipped: #7a6200; --failed: #b3261e; --code: #eef1f4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1d2127; --ink: #e8ebee; --soft: #a3adb8; --line: #343b44; --accent: #6fb3e0;
    --done: #5fc796; --skipped: #d9b84a; --failed: #f2877f; --code: #2a3038;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header, footer { max-width: 1160px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 36px 0 10px; }
h3 { font-size: 15px; margin: 0 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 10px; max-width: 85ch; }
.soft, figcaption, caption { color: var(--soft); }
.small { font-size: 13px; }
code { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--code);
  border-radius: 4px; padding: 1px 4px; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin: 0 0 16px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 20px 0 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.tile b { display: block; font-size: 28px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.done { color: var(--done); } .skipped { color: var(--skipped); } .failed { color: var(--failed); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 10px 24px; margin: 0; }
dt { color: var(--soft); font-size: 13px; } dd { margin: 0; overflow-wrap: anywhere; }
.note { border-left: 4px solid var(--accent); }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px; margin-top: 10px; }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; height: auto; background: #000; border-radius: 6px; }
figcaption { font-size: 13px; margin-top: 4px; }
.card p { max-width: none; }
.scale { display: inline-block; width: 72px; height: 9px; margin: 0 6px; border-radius: 3px;
  background: linear-gradient(90deg, rgb(DARKER), #000, rgb(LIGHTER)); }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
svg { display: block; width: 100%; height: auto; }
svg .bar { fill: var(--accent); } svg .bar:hover { opacity: .7; }
svg .axis { stroke: var(--soft); stroke-width: 1; } svg .grid { stroke: var(--line); stroke-width: 1; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
table { border-collapse: separate; border-spacing: 0; width: 100%; }
table.card { padding: 12px 16px 4px; }
caption { text-align: left; padding: 0 0 8px; }
th, td { text-align: left; vertical-align: top; padding: 8px 12px 8px 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: 13px; font-weight: 600; padding-top: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; width: 4.5em; padding-right: 18px; }
summary { cursor: pointer; color: var(--soft); font-size: 13px; }
ul.paths { margin: 6px 0 0; padding-left: 20px; }
details { margin-top: 4px; }
footer { padding-top: 24px; padding-bottom: 40px; }
@media (max-width: 760px) {
  .tiles { grid-template-columns: repeat(2, 1fr); } .three, .charts { grid-template-columns: 1fr; }
}
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } }
"""


def _rgb(colour: tuple[int, int, int]) -> str:
    return f"rgb({', '.join(map(str, colour))})"


STYLE = _STYLE.replace("rgb(DARKER)", _rgb(DARKER)).replace("rgb(LIGHTER)", _rgb(LIGHTER))
