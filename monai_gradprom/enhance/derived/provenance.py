# SPDX-License-Identifier: Apache-2.0
"""What a derived object says about how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from monai_gradprom.errors import InputError

__all__ = ["Provenance", "plain"]


@dataclass(frozen=True)
class Provenance:
    """How a run makes its results; every object that the run derives says the same.

    Raises:
        InputError: the series description cannot be stored (PS3.5 6.2, LO: at most 64 characters, no backslash and no
            control characters), ``strength`` is outside 0 to 1, or ``started`` names no time zone.
    """

    bundle: str
    bundle_version: str
    software_version: str
    weights_sha256: str
    run_key: str
    """Decides the UIDs, together with those of the source."""
    started: datetime
    """Of the run, with a time zone; a resumed run keeps that of its first start."""
    series_description: str | None = None
    """None: the source's own with " enhanced" behind it."""
    strength: float = 1.0
    """How much of the enhancement was blended into the source, 0 to 1."""

    def __post_init__(self) -> None:
        text = self.series_description
        if text is not None and (not 1 <= len(text.strip()) <= 64 or "\\" in text or not text.isprintable()):
            raise InputError(
                "--series-description is not 1 to 64 printable characters without backslashes; give a shorter or"
                " plainer text"
            )
        if not 0 <= self.strength <= 1:
            raise InputError(f"strength is {self.strength}; give a number from 0 to 1")
        if self.started.tzinfo is None:
            raise InputError("started names no time zone; give a datetime in UTC")

    @property
    def sentence(self) -> str:
        """For DerivationDescription and ContributionDescription: plain ASCII, under 400 characters."""
        strength = "" if self.strength == 1 else f", strength {self.strength:g}"
        return (
            f"Enhanced by a neural network: bundle {plain(self.bundle)} {plain(self.bundle_version)}, weights SHA-256"
            f" {plain(self.weights_sha256)}, monai-gradprom {plain(self.software_version)}{strength}"
        )

    def started_in(self, offset: str | None) -> datetime:
        """``started`` in the time zone that a header names in TimezoneOffsetFromUTC ("+0900"), else in UTC."""
        try:
            zone = datetime.strptime(offset or "", "%z").tzinfo
        except ValueError:
            zone = None
        return self.started.astimezone(zone or timezone.utc)


def plain(text: str, limit: int = 64) -> str:
    """``text`` as every DICOM character set can hold it: printable ASCII without backslashes, ``limit`` at most."""
    return "".join(c if " " <= c <= "~" and c != "\\" else "_" for c in text)[:limit].strip()
