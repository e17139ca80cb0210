# SPDX-License-Identifier: Apache-2.0
"""The side lengths that a bundle's metadata allow: 512, "*", "16*n", "2**p*n"."""

from __future__ import annotations

import ast
from functools import lru_cache

from monai_gradprom.errors import InputError

__all__ = ["Side", "check_side", "fits", "typical_side"]

Side = int | str
_LONGEST = 1 << 16
_OPERATORS = {
    ast.Mult: lambda a, b: a * b,
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    # a power beyond this is longer than any image
    ast.Pow: lambda a, b: a**b if 0 <= b <= 32 else _LONGEST + 1,
}


def check_side(side: object) -> Side:
    """``side`` as :func:`fits` takes it.

    Raises:
        InputError: it is neither a positive whole number, nor ``"*"``, nor an expression in n and p.
    """
    if isinstance(side, int) and not isinstance(side, bool) and side > 0:
        return side
    if isinstance(side, str):
        text = side.strip()
        if text == "*" or text.isdigit():
            return text if text == "*" else int(text)
        try:
            _value(_parsed(text), {"n": 1, "p": 1})
            return text
        except (SyntaxError, KeyError, TypeError, AttributeError):
            pass
    raise InputError(
        f'the bundle\'s metadata give {side!r} in spatial_shape; write a number of pixels, "*", or an expression in n '
        'and p such as "16*n".'
    )


@lru_cache(maxsize=1024)
def fits(length: int, side: Side) -> bool:
    """Whether an image's side of ``length`` pixels is what ``side`` allows, for some whole n and p from 1 on."""
    if isinstance(side, int):
        return length == side
    if side == "*":
        return True
    tree = _parsed(side)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    powers = range(1, length.bit_length() + 1) if "p" in names else (1,)
    factors = range(1, length + 1) if "n" in names else (1,)
    return any(_value(tree, {"n": n, "p": p}) == length for p in powers for n in factors)


def typical_side(side: Side, wanted: int) -> int:
    """The allowed length nearest above ``wanted``: for trying a network."""
    if isinstance(side, int):
        return side
    return next((length for length in range(wanted, 16 * wanted) if fits(length, side)), wanted)


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _value(node: ast.expr, values: dict[str, int]) -> int:
    """Evaluate whole numbers, n, p, and the four operators: metadata are read, never run."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if not isinstance(node, ast.BinOp):
        raise TypeError(type(node).__name__)
    result: int = _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    return min(result, _LONGEST + 1)
