"""What is published of the service itself, retained: what runs here, and the values that change live."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import msgspec

from edge.config.secrets import public
from edge.device.board import Board
from edge.inference import runtime_name
from edge.messages.payloads import InfoPayload, SettingsPayload
from edge.readings import LABELS
from edge.service.outlets import Outlets
from edge.service.settings import Settings
from edge.version import __version__


class Announcements:
    """Belongs to the decision loop."""

    def __init__(
        self, settings: Settings, outlets: Outlets, board: Board, models: Mapping[str, dict[str, str]]
    ) -> None:
        self._settings = settings
        self._outlets = outlets
        self._board = board
        self._models = models
        self._told: dict[str, str] = {}  # live keys and their values, as published

    def info(self) -> InfoPayload:
        """What runs here."""
        return InfoPayload(
            version=__version__,
            device=self._outlets.broker.device,
            board=self._board.model or self._board.name,
            runtime=runtime_name(),
            python=platform.python_version(),
            models=dict(self._models),
            labels=LABELS,
            config=public(self._settings.config),
            pending_restart=self._settings.pending,
            config_error=self._settings.error,
        )

    def tell_info(self) -> None:
        """Publish it."""
        self._outlets.tell("info", self.info())

    def tell_values(self) -> None:
        """Publish the live values that differ from what was told, each by itself and all in one document."""
        values, before = self._settings.live_values(), dict(self._told)
        for key, value in values.items():
            word = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            if self._told.get(key) != word:
                self._told[key] = word
                self._outlets.tell(f"config/{key}", word)
        if self._told != before:
            self._outlets.tell("settings", SettingsPayload(values=values))

    def tell_again(self, key: str) -> None:
        """Publish the values, this one also if it did not change."""
        self._told.pop(key, None)
        self.tell_values()
