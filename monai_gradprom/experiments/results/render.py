# SPDX-License-Identifier: Apache-2.0
"""A table as Markdown, CSV, LaTeX and HTML."""

from __future__ import annotations

import csv
import io
from html import escape

from .table import Row, Table

__all__ = ["as_csv", "as_html", "as_latex", "as_markdown"]

_LATEX = {
    **{"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"},
    **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "σ": r"$\sigma$", "γ": r"$\gamma$"},
    **{
        "λ": r"$\lambda$",
        "−": r"$-$",
        "‖": r"$\|$",
        "×": r"$\times$",
        "–": "--",
        "…": r"\ldots{}",
    },
}


def as_markdown(table: Table) -> str:
    """A table of GitHub's Markdown under a bold title, with its notes as a list."""
    titles = [*table.heads, *table.columns]
    lines = [f"**{_md(table.title)}**", "", _md_row(titles), "|" + "---|" * len(titles)]
    lines += [_md_row([*_heads(row, "*under-trained*"), *_cells(table, row)]) for row in table.rows]
    notes = [f"- {_md(note)}" for note in [*_reasons(table), *table.notes]]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def as_csv(table: Table) -> str:
    """One line a row; marks in a column of their own."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*table.heads, *table.columns, "marks"])
    for row in table.rows:
        writer.writerow([*row.heads, *_cells(table, row), "; ".join(row.marks)])
    return file.getvalue()


def as_latex(table: Table) -> str:
    """A ``table`` environment; it needs the package booktabs."""
    kinds = "l" * len(table.heads) + "r" * len(table.columns)
    body = [_latex_row([*_heads(row, r"under-trained"), *_cells(table, row)]) for row in table.rows]
    notes = r"\\ ".join(_latex(note) for note in [*_reasons(table), *table.notes])
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\centering\footnotesize",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _latex_row([*table.heads, *table.columns]),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *([rf"\par\smallskip\raggedright {notes}"] if notes else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def as_html(table: Table) -> str:
    """A ``<table>`` in a box that scrolls sideways, with its notes."""
    heads = "".join(f"<th scope=col>{escape(title)}</th>" for title in table.heads)
    columns = "".join(f"<th scope=col class=value>{escape(title)}</th>" for title in table.columns)
    rows = []
    for row in table.rows:
        first, *others = _heads(row, "")
        mark = ' <em class=mark title="see below">under-trained</em>' if row.marks else ""
        named = f"<th scope=row>{escape(first)}</th>" + "".join(f"<td>{escape(t)}{mark}</td>" for t in others)
        values = "".join(f"<td class=value>{escape(cell)}</td>" for cell in _cells(table, row))
        rows.append(f"<tr class={row.kind or 'other'}>{named}{values}</tr>")
    notes = "".join(f"<li>{escape(note)}</li>" for note in [*_reasons(table), *table.notes])
    listed = f"<ul class='soft small'>{notes}</ul>" if notes else ""
    return (
        f"<div class=card><h3>{escape(table.title)}</h3><div class=wide><table><thead><tr>{heads}{columns}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{listed}</div>"
    )


def _heads(row: Row, mark: str) -> list[str]:
    heads = list(row.heads)
    if row.marks and mark:
        heads[-1] = f"{heads[-1]} ({mark})".strip()
    return heads


def _cells(table: Table, row: Row) -> list[str]:
    return [row.cells.get(column, "–" if row.kind == "paper" else "") for column in table.columns]


def _reasons(table: Table) -> list[str]:
    """Why rows are under-trained, each reason once."""
    reasons = dict.fromkeys(reason for row in table.rows for reason in row.marks[1:])
    return [f"under-trained: {reason}." for reason in reasons]


def _md(text: str) -> str:
    return text.replace("|", r"\|")


def _md_row(cells: list[str]) -> str:
    return "| " + " | ".join(_md(cell) for cell in cells) + " |"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _latex_row(cells: list[str]) -> str:
    return " & ".join(_latex(cell) for cell in cells) + r" \\"
