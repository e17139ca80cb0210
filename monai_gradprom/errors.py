# SPDX-License-Identifier: Apache-2.0
"""The one exception that means "the input is at fault, not the program"."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """A mistake in what the user gave: a switch, a file, a folder, an image.

    The message is one sentence that names the file or argument, what was found, and the remedy, so that a command line
    can print it alone. Library code raises it; only a command-line process turns it into an exit code.
    """
