"""What the doctor says, and what it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from edge.config.load import Loaded
from edge.device.board import Board
from edge.device.clock import Clock
from edge.language.catalogue import Language, words
from edge.language.lines import said
from edge.readings import SourceStatus

Level = Literal["green", "yellow", "red"]
SUDO = "sudo emotion-edge doctor"  # looks with the rights of the service
_RANK = ("green", "yellow", "red")


class Finding(Struct, frozen=True):
    """One line. Green works, yellow works less well than it could, red does not work."""

    check: str
    level: Level
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class Subject:
    """A device and its configuration."""

    loaded: Loaded | None  # None: the config cannot be used
    problem: str | None  # why
    path: Path | None
    state: Path
    board: Board
    clock: Clock
    statuses: Mapping[str, SourceStatus] | None = None  # of a service in this very process: devices are left alone


def worst(findings: list[Finding]) -> Level:
    """The level of the whole."""
    return max((finding.level for finding in findings), key=_RANK.index, default="green")


def finding_in(finding: Finding, language: Language) -> Finding:
    """The same in another language; `check` and `level`, which programs read, stay."""
    return replace(finding, says=said(finding.says, language), remedy=said(finding.remedy, language))


def name_of(check: str, language: Language) -> str:
    """What a check is called."""
    return words(language).get(f"doctor.check.{check}", check)
