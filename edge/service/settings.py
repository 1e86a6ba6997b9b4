"""The effective configuration while the service runs: the owner's file, what was changed live, what must wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.config import overrides
from edge.config.load import Loaded, live_part, load, needs_restart
from edge.config.schema import Config


class Settings:
    """Owned by the decision loop."""

    def __init__(self, loaded: Loaded, overrides_file: Path) -> None:
        self.config: Config = loaded.config
        self.loaded = loaded  # as last adopted; its config is what the files say, not what is in effect
        self.error: str | None = None  # why the last reload was refused
        self.pending: tuple[str, ...] = ()  # changed keys that wait for a restart
        self.folder = overrides_file.parent
        self._path = loaded.path
        self._overrides = overrides_file

    def read(self) -> Loaded:
        """The file and the overrides as they are now; ConfigError when they cannot be used."""
        return load(self._path, overrides=self._overrides)

    def adopt(self, wanted: Loaded) -> Config:
        """Take over what may change live; the rest is named in `pending`."""
        self.pending = needs_restart(self.config, wanted.config)
        self.config = live_part(self.config, wanted.config)
        self.error = None
        self.loaded = wanted
        return self.config

    def change(self, values: Mapping[str, Any]) -> Loaded:
        """Store live changes, all or none; ConfigError when one is not allowed. The result is to be adopted."""
        overrides.change(self._overrides, self.config, values)
        return self.read()

    def change_and_reset(self, values: Mapping[str, Any], dropped: Sequence[str]) -> Loaded:
        """Store live changes, all or none, and forget those of some other keys. The result is to be adopted."""
        if values:
            overrides.change(self._overrides, self.config, values)
        for key in dropped:
            overrides.reset(self._overrides, key)
        return self.read()

    def reset(self, key: str | None) -> Loaded:
        """Forget one live change, or all. The result is to be adopted."""
        overrides.reset(self._overrides, key)
        return self.read()

    def live_values(self) -> dict[str, Any]:
        """What is published on config/<key>."""
        return overrides.live_values(self.config)
