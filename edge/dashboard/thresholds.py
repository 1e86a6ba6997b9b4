"""The thresholds that can be changed on the page, and what others would have made of the last minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.config import keys, schema
from edge.config.overrides import with_changes
from edge.config.schema import Config
from edge.dashboard.history import History
from edge.dashboard.replay import replay
from edge.errors import ConfigError

WINDOW_S = 300.0
_SECTION = "decision."


def names() -> list[str]:
    """The keys that the page changes."""
    return [key for key in keys.types() if key.startswith(_SECTION)]


class Thresholds:
    """Belongs to the page's thread, except what `trial` returns."""

    def __init__(self, history: History) -> None:
        self._history = history

    def candidate(self, values: object) -> schema.DecisionConfig:
        """The present thresholds with some changed; ConfigError with what is wrong, as the service itself says it."""
        if not isinstance(values, Mapping) or not values or set(values) - set(names()):
            raise ConfigError(f"values: must be some of {', '.join(names())}")
        present = {key: value for key, value in self._history.config.items() if key.startswith(_SECTION)}
        return with_changes(keys.replaced(Config(), present), values).decision

    def trial(self, settings: schema.DecisionConfig, now: float) -> Callable[[], dict[str, Any]]:
        """Work for another thread: it shares nothing with us any more."""
        points = tuple(self._history.past.readings)
        start = max(now - WINDOW_S, self._history.past.spans[0][0] if self._history.past.spans else now)

        def run() -> dict[str, Any]:
            found = replay(points, settings, start, now)
            return {"start": start, "end": now, "spans": found.spans, "curve": found.curve}

        return run
