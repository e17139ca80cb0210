# SPDX-License-Identifier: Apache-2.0
"""The README's Python runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import torch

README = Path(__file__).parent.parent / "README.md"


def test_the_plain_loop_runs_and_trains_both_networks():
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    before = "before = [p.detach().clone() for net in (enhancer, recognizer) for p in net.parameters()]\n"
    at_loop = snippet.index("for noisy")
    scope: dict = {}
    exec(snippet[:at_loop] + before + snippet[at_loop:], scope)
    parameters = [p for net in (scope["enhancer"], scope["recognizer"]) for p in net.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(scope["before"], parameters, strict=True) if b.numel() > 1)
    assert scope["reports"]["diagnosis"].finite
    assert scope["reports"]["diagnosis"].ratio > 0


def test_the_readmes_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    missing = [link for link in links if not (README.parent / link).exists()]
    assert not missing
