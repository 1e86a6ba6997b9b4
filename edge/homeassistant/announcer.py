"""Publishes the discovery message, again when Home Assistant starts, and takes it back when that is switched off."""

from __future__ import annotations

import contextlib
import random as chance
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.homeassistant.device import device, is_discovery_topic
from edge.homeassistant.discovery import discovery_message
from edge.homeassistant.places import PersonPlaces
from edge.messages.payloads import EventPayload, InfoPayload, Payload, PersonPayload
from edge.rate_limit import RateLimit

FILE_NAME = "home-assistant"  # in the state folder: where we are announced, and whether people are
_PEOPLE = "people"  # a line in it
_MOST = 8  # earlier names that are cleaned up
JITTER_S = 3.0  # Home Assistant starts, and all devices answer: not in the same moment


class Announcer:
    """An observer of the decision loop; `on_birth` comes from the publisher's thread."""

    def __init__(
        self,
        publish: Callable[[str, str], None],
        folder: Path,
        *,
        enabled: bool,
        connected: Callable[[], bool],
        has_temperature: bool = True,
        has_throttling: bool = True,
        random: Callable[[], float] = chance.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._publish = publish
        self._file = folder / FILE_NAME
        self._enabled = enabled
        self._connected = connected
        self._has_temperature = has_temperature
        self._has_throttling = has_throttling
        self._random = random
        self._host = socket.gethostname().partition(".")[0]
        self._info: InfoPayload | None = None
        self._changed: dict[str, str] = {}
        self._places = PersonPlaces()
        self._arrivals = RateLimit(20, 3.0, monotonic())  # each repeats the whole announcement
        self._people_announced = False  # in this session or an earlier one
        self._people_withdrawn = False
        self._lock = threading.Lock()
        self._published: tuple[str, str] | None = None  # topic and text
        self._again: threading.Timer | None = None

    def start(self) -> None:
        """What was announced under another name, or must not be any more, is taken back."""
        self._people_announced = self._enabled and _PEOPLE in self._remembered()
        if not self._enabled:
            self._withdraw("")

    def notify(self, topic: str, payload: Payload | str, captured: float | None) -> None:  # noqa: ARG002
        """What we announce follows `info`, the intervals that change live, and who is in view where that is told."""
        if not self._enabled:
            return
        if isinstance(payload, InfoPayload):
            self._info, self._changed = payload, {}
        elif topic.startswith("config/publish.") and isinstance(payload, str):
            self._changed[topic.partition("/")[2]] = payload
        elif not self._news_of_people(topic, payload):
            return
        if self._info is not None:
            self._announce(self._info)

    def _news_of_people(self, topic: str, payload: Payload | str) -> bool:
        """Who has which place; whether that is to be announced."""
        if isinstance(payload, PersonPayload):
            if self._arrivals.wait(self._monotonic()) > 0.0 or not self._places.come(payload.track):
                return False  # whoever waits is told of again in a moment
            self._arrivals.take()
            return True
        if isinstance(payload, EventPayload) and payload.event == "person_gone" and payload.track is not None:
            self._places.leave(payload.track)
        elif topic == "privacy" and payload == "ON":
            self._places.empty()
        return False

    def on_birth(self, word: bytes) -> None:
        """Home Assistant says that it has started: publish again, some moments later."""
        if word.strip() != b"online":
            return
        with self._lock:
            if self._published is None or (self._again is not None and self._again.is_alive()):
                return
            self._again = threading.Timer(self._random() * JITTER_S, self._publish_again)
            self._again.daemon = True
            self._again.start()

    def stop(self) -> None:
        with self._lock:
            topic = self._published[0] if self._published else ""
            self._published = None
            if self._again is not None:
                self._again.cancel()
        if self._connected():  # so the broker has what was to be taken back
            self._people_announced = self._people_announced and not self._people_withdrawn
            self._remember([topic] if topic else [])

    def _announce(self, info: InfoPayload) -> None:
        ours = device(
            info, self._changed, host=self._host, has_temperature=self._has_temperature,
            has_throttling=self._has_throttling, people=self._places.tracks, people_before=self._people_announced,
        )  # fmt: skip
        self._people_announced = self._people_announced or bool(ours.people)
        self._people_withdrawn = ours.people_withdrawn
        message = (ours.discovery_topic, discovery_message(ours))
        with self._lock:
            if message == self._published:
                return
            self._published = message
        self._withdraw(message[0])
        self._publish(f"discovery/{message[0]}", message[1])

    def _publish_again(self) -> None:
        with self._lock:
            published = self._published
        if published is not None:
            self._publish(f"discovery/{published[0]}", published[1])

    def _withdraw(self, unless: str) -> None:
        """Clears the topics on which we were announced before."""
        earlier = [topic for topic in self._remembered() if topic != unless and is_discovery_topic(topic)][:_MOST]
        for topic in earlier:
            self._publish(f"discovery/{topic}", "")
        self._remember([unless, *earlier] if unless else earlier)

    def _remembered(self) -> list[str]:
        try:
            return self._file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []

    def _remember(self, topics: list[str]) -> None:
        lines = [*topics, *([_PEOPLE] if self._people_announced else [])]
        if lines != self._remembered():
            with contextlib.suppress(OSError):  # a full disk costs the cleaning-up, no more
                self._file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
