# SPDX-License-Identifier: Apache-2.0
"""MONAI's datalist (JSON), read and written: any user's own images, split and labelled."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.folder import stem
from monai_gradprom.errors import InputError

__all__ = ["read_datalist", "write_datalist"]

_PATHS = ("image", "label", "segmentation")


def read_datalist(path: str | Path, subset: str, diagnoses: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Read one list of a MONAI datalist.

    ``{"training": [{"image": "a.png"}, ...], "validation": [...], "testing": [...]}``. Relative paths are looked up
    from the JSON file's folder; an entry may also be a path alone. A ``diagnosis`` is an index or, where the classes
    are known, a name of ``"diagnoses": ["MEL", "NV", ...]`` at the top level.

    Args:
        path: the JSON file.
        subset: the list to read: ``"training"``, ``"validation"`` or ``"testing"``.
        diagnoses: the classes that the caller counts by. Those of the file, where it names any, are translated; a class
            that is none of them is unknown.

    Returns:
        The entries with absolute paths; ``label`` is ``image`` where it is absent; ``id`` is the path relative to the
        JSON file's folder, without extension, where it is absent; ``diagnosis`` is an index, absent where it is null.

    Raises:
        InputError: the file is missing, is no JSON, lacks the list, or an entry lacks ``image`` or has an impossible
            ``diagnosis``; or two entries share an ``id``.
    """
    path = Path(path).expanduser().absolute()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"datalist {str(path)!r} cannot be read ({error.strerror}); correct the path.") from error
    except ValueError as error:
        raise InputError(f"datalist {str(path)!r} is no valid JSON ({error}); correct it there.") from error
    if not isinstance(content, dict) or not isinstance(content.get(subset), list) or not content[subset]:
        raise InputError(f'datalist {str(path)!r} has no list "{subset}"; add one with an entry per image.')
    named = content.get("diagnoses")
    if named is not None and not (isinstance(named, list) and all(isinstance(name, str) for name in named)):
        raise InputError(f'datalist {str(path)!r}: "diagnoses" is no list of names; give one, such as ["MEL", "NV"].')
    items = []
    for position, entry in enumerate(content[subset]):
        where = f'datalist {str(path)!r}: entry {position} of "{subset}"'
        if not isinstance(entry, (str, dict)) or (isinstance(entry, dict) and not isinstance(entry.get("image"), str)):
            raise InputError(f'{where} has no "image"; give its path.')
        item = _complete({"image": entry} if isinstance(entry, str) else dict(entry), path.parent)
        if item.get("diagnosis", 0) is None:
            del item["diagnosis"]
        if "diagnosis" in item:
            index = _class_index(item["diagnosis"], named, diagnoses, where)
            item = (
                {**item, "diagnosis": index}
                if index is not None
                else {k: v for k, v in item.items() if k != "diagnosis"}
            )
        items.append(item)
    twice = [name for name, count in Counter(item["id"] for item in items).items() if count > 1]
    if twice:
        raise InputError(f'datalist {str(path)!r}: "{subset}" has the id {twice[0]!r} twice; make ids unique.')
    return items


def _complete(item: dict[str, Any], base: Path) -> dict[str, Any]:
    # MONAI's load_decathlon_datalist would also turn an id into a path where a folder happens to have that name
    item.setdefault("label", item["image"])
    frame = f"_frame{int(item['frame']):04d}" if "frame" in item else ""
    item["id"] = str(item.get("id", stem(item["image"]) + frame))
    for key in _PATHS:
        if key in item:
            item[key] = os.path.normpath(base / item[key])
    return item


def _class_index(value: Any, named: Sequence[str] | None, wanted: Sequence[str] | None, where: str) -> int | None:
    """None for a class of the file that the caller does not count.

    Else the index in ``wanted`` (else ``named``) of a class given as an index or name in ``named`` (else ``wanted``).
    """
    given = named if named is not None else wanted
    if isinstance(value, str) and given is not None and value in given:
        value = list(given).index(value)
    most = f" to {len(given) - 1}" if given is not None else " or more"
    names = f" or one of {', '.join(given)}" if given is not None else ""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < 0 or (given is not None and value >= len(given)):
        raise InputError(
            f"{where} has the diagnosis {value!r}; give a whole number, 0{most},{names or ' as diagnosis'}."
        )
    if named is None or wanted is None:
        return int(value)
    return list(wanted).index(named[value]) if named[value] in wanted else None


def write_datalist(
    path: str | Path,
    lists: Mapping[str, Sequence[Mapping[str, Any]]],
    diagnoses: Sequence[str] | None = None,
    **info: Any,
) -> None:
    """Write a datalist that :func:`read_datalist` reads back as it was, if its paths were absolute and normal.

    Args:
        path: the JSON file; missing folders are made; an existing file is replaced at once or not at all.
        lists: ``"training"``, ``"validation"``, ``"testing"`` → items. Their ``image``, ``label`` and ``segmentation``
            are written relative to the JSON file's folder, so that both can move together.
        diagnoses: names of the classes that ``diagnosis`` counts.
        info: what else to put at the top level, such as ``dataset="isic2018"``.

    Raises:
        InputError: the file cannot be written there.
    """
    path = Path(path).expanduser().absolute()
    content: dict[str, Any] = dict(info)
    if diagnoses is not None:
        content["diagnoses"] = list(diagnoses)
    content |= {subset: [_relative(item, path.parent) for item in items] for subset, items in lists.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            draft.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
            draft.replace(path)
    except OSError as error:
        raise InputError(
            f"datalist {str(path)!r} cannot be written ({error.strerror}); choose another place."
        ) from error


def _relative(item: Mapping[str, Any], base: Path) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key != "unreadable"}  # of this reading, not of the image
    return {key: _from(base, value) if key in _PATHS else value for key, value in kept.items()}


def _from(base: Path, path: str) -> str:
    try:
        return Path(os.path.relpath(path, base)).as_posix()
    except ValueError:  # another drive
        return Path(path).as_posix()
