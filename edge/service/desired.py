"""The fleet's documents: applied like a live change, remembered by version, answered on `reported`.

Those for a group win over those for all, those for this device over both. A document that would loosen privacy, or that
lacks the signature it needs, is refused as a whole; a key that this version does not know, or cannot change live, is
left out and named.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge.config import overrides
from edge.config.load import Loaded
from edge.config.loosening import loosens
from edge.config.schema import Config
from edge.device.files import folder_owner, write_atomically
from edge.errors import ConfigError, EdgeError
from edge.messages.desired import Desired, opened, parse
from edge.messages.document import Unreadable
from edge.messages.payloads import ReportedPayload
from edge.service.desired_signers import DesiredSigners
from edge.service.settings import Settings

log = logging.getLogger(__name__)

FILE_NAME = "desired.json"  # in the state folder


class Held(msgspec.Struct, frozen=True):
    """A document that holds."""

    version: int
    digest: str
    values: dict[str, Any]
    signed: bool = False


Change = Callable[[Callable[[Settings], Loaded]], None]  # stores and applies, or EdgeError


class DesiredDocuments:
    """Belongs to the decision loop."""

    def __init__(
        self,
        settings: Settings,
        names: tuple[str, ...],
        signers: DesiredSigners,
        *,
        change: Change,
        privacy_on: Callable[[], str | None],
        tell: Callable[[ReportedPayload], None],
    ) -> None:
        """`names` are those whose documents concern us, the more particular the later.

        `privacy_on` closes camera and microphone, and returns what went wrong.
        """
        self._settings = settings
        self._names = names
        self._signers = signers
        self._change = change
        self._privacy_on = privacy_on
        self._tell = tell
        self._path = settings.folder / FILE_NAME
        self._held = {name: held for name, held in _read(self._path).items() if name in names}
        self._refused: dict[str, str] = {}
        self._told: ReportedPayload | None = None

    def announce(self) -> None:
        """Publish what holds."""
        if self._names and self._told is None:
            self._report("", None, None)

    def take(self, name: str, payload: bytes) -> None:
        """A document for `name` has come."""
        try:
            content, signature = opened(payload)
            document = parse(content, self._settings.config.device.tenant, name)
            if document is None or self._is_known(name, document, content):
                return
            signed = self._signers.check(document, content, signature)
            problem = self._apply(name, document, Held(document.version, _digest(content), {}, signed))
        except Unreadable as unreadable:
            log.warning("fleet document for %s refused: %s", name, unreadable)
            self._report(name, unreadable.version, str(unreadable))
            return
        if problem:
            log.warning("fleet document %d for %s: %s", document.version, name, problem)
        self._report(name, document.version, problem)

    def _is_known(self, name: str, document: Desired, content: bytes) -> bool:
        """Whether it is the one that holds, which the broker shows on every connect. Unreadable if it is older."""
        held = self._held.get(name)
        if held is None or document.version > held.version or (self._signers.required and not held.signed):
            return False
        if document.version == held.version and held.digest == _digest(content):
            return True
        older = document.version < held.version
        why = "which is newer" if older else "and its content differs"
        raise Unreadable(
            f"version {document.version} is not applied: version {held.version} holds, {why}", document.version
        )

    def _apply(self, name: str, document: Desired, new: Held) -> str | None:
        """What went wrong beside single keys, which stand in `refused`."""
        config = self._settings.config
        loosening = _loosening(config, document)
        if loosening:
            self._refused = loosening
            raise Unreadable(f"the document would loosen privacy: {', '.join(loosening)}", document.version)
        good, refused = _sorted_out(document.values)
        held = {**self._held, name: msgspec.structs.replace(new, values=good)}
        before, after = self._together(self._held), self._together(held)
        dropped = [key for key in before if key not in after and self._is_still(key, before[key])]
        try:
            problem = self._privacy_on() if document.privacy else None
            if any(self._is_still(key, value) is False for key, value in after.items()) or dropped:
                self._change(lambda settings: settings.change_and_reset(after, dropped))
        except EdgeError as error:
            raise Unreadable(str(error), document.version) from None
        self._held, self._refused = held, refused
        return problem or self._keep()

    def _is_still(self, key: str, value: Any) -> bool:
        """Whether a live change of that value is in effect."""
        try:
            return bool(overrides.with_changes(self._settings.config, {key: value}) == self._settings.config)
        except ConfigError:
            return False

    def _together(self, held: Mapping[str, Held]) -> dict[str, Any]:
        return {key: value for name in self._names if name in held for key, value in held[name].values.items()}

    def _keep(self) -> str | None:
        try:
            write_atomically(self._path, msgspec.json.encode(self._held), owner=folder_owner(self._path.parent))
        except OSError as error:
            return f"applied, but {self._path} cannot be written: {error.strerror}; it will be forgotten at a restart"
        return None

    def _report(self, name: str, version: int | None, error: str | None) -> None:
        told = ReportedPayload(
            documents={each: held.version for each, held in self._held.items()},
            values=self._together(self._held), refused=self._refused, document=name, version=version, error=error,
        )  # fmt: skip
        if told != self._told:
            self._told = told
            self._tell(told)


def _loosening(config: Config, document: Desired) -> dict[str, str]:
    found = {key: why for key, value in document.values.items() if (why := loosens(config, key, value))}
    if document.privacy not in ("", "ON"):
        found["privacy"] = "may be switched on from here, never off"
    return found


def _sorted_out(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What may be set, and what may not, each with the reason. Whether the former fit together is seen later."""
    good: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for key, value in values.items():
        try:
            overrides.checked(key, value)
        except ConfigError as error:
            refused[key] = str(error).removeprefix(f"{key}: ")
        else:
            good[key] = value
    return good, refused


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> dict[str, Held]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Held])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("%s: cannot be used: %s; the fleet's documents are applied anew when they come", path, error)
        return {}
