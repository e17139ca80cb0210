#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the bundles' configurations from what they share and what sets each apart.

A bundle must be self-contained JSON, so that the parts which all bundles have in common appear in each. Here they stand
once: ``shared/<config>.json`` is a whole configuration, and ``<bundle>.json`` says how it becomes the bundle's::

    {"all": CHANGES, "train": CHANGES, "evaluate": CHANGES, ...}

where CHANGES are ``set`` (id → new value), ``add`` (new id → value), ``remove`` (ids), ``insert`` (``id#position`` of a
list → items put there) and ``before`` (top-level id → {new top-level ids, or new values of those above it}). Ids are
MONAI's (``train#dataset#data``). Those under ``all`` are passed over where a configuration lacks them; elsewhere that
is an error.

    python recipes/compose.py            # rewrite bundles/*/configs
    python recipes/compose.py --check    # say what differs, exit code 1
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUNDLES = HERE.parent / "bundles"


def compose(recipe: dict[str, Any], name: str) -> dict[str, Any]:
    """One configuration of one bundle.

    Args:
        recipe: the content of ``<bundle>.json``.
        name: of the configuration, such as ``"train"``.

    Raises:
        KeyError: when a change that is meant for this configuration names an id that it does not have.
    """
    config = _read(HERE / "shared" / f"{name}.json")
    for changes, strict in ((recipe.get("all", {}), False), (recipe.get(name, {}), True)):
        for path, value in changes.get("set", {}).items():
            _change(config, path, strict, lambda owner, key, value=value: owner.__setitem__(key, value))
        for path, value in changes.get("add", {}).items():
            _change(config, path, strict, lambda owner, key, value=value: _add(owner, key, value), new=True)
        for path, items in changes.get("insert", {}).items():
            _change(config, path, strict, lambda owner, key, items=items: _insert(owner, key, items))
        for path in changes.get("remove", []):
            _change(config, path, strict, lambda owner, key: owner.__delitem__(key))
        for anchor, entries in changes.get("before", {}).items():
            config = _put_before(config, anchor, entries, strict)
    return config


def _change(config: Any, path: str, strict: bool, act: Any, new: bool = False) -> None:
    """Apply ``act(owner, key)`` to the place that ``path`` names, if it is there."""
    owner, parts = config, path.split("#")
    try:
        for part in parts[:-1]:
            owner = owner[int(part)] if isinstance(owner, list) else owner[part]
        key: Any = int(parts[-1]) if isinstance(owner, list) else parts[-1]
        if isinstance(owner, dict) and not new:
            owner[key]
        act(owner, key)
    except (KeyError, IndexError) as error:
        if strict:
            raise KeyError(f"there is no {path!r} to change") from error


def _add(owner: dict[str, Any], key: str, value: Any) -> None:
    if key in owner:
        raise ValueError(f"{key!r} is there already: use `set`")
    owner[key] = value


def _insert(owner: list[Any], position: int, items: list[Any]) -> None:
    if position > len(owner):
        raise IndexError(position)
    owner[position:position] = items


def _put_before(config: dict[str, Any], anchor: str, entries: dict[str, Any], strict: bool) -> dict[str, Any]:
    if anchor not in config:
        if strict:
            raise KeyError(f"there is no {anchor!r} to put something before")
        return config
    content = list(config.items())
    position = list(config).index(anchor)
    return dict([*content[:position], *entries.items(), *content[position:]])


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def composed() -> dict[Path, str]:
    """Every configuration that is made here: its path and its text."""
    names = sorted(path.stem for path in (HERE / "shared").glob("*.json"))
    texts = {}
    for recipe in sorted(HERE.glob("*.json")):
        for name in names:
            content = compose(_read(recipe), name)
            path = BUNDLES / recipe.stem / "configs" / f"{name}.json"
            texts[path] = json.dumps(content, indent=4, ensure_ascii=False) + "\n"
    return texts


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="Write the bundles' configurations from recipes/.")
    parser.add_argument("--check", action="store_true", help="write nothing; name the files that differ")
    check = parser.parse_args().check
    differing = 0
    for path, text in composed().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing += 1
        if check:
            print(f"{path.relative_to(BUNDLES.parent)} is not what recipes/ make: run `make bundles`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(BUNDLES.parent)}")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
