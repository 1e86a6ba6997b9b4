"""Which person Home Assistant shows where: "person 1" is whoever took the first place that was free."""

from __future__ import annotations

MOST = 10


class PersonPlaces:
    """Tracks come and go and their numbers only rise; a place stays, so that its entity does."""

    def __init__(self) -> None:
        self._last: list[int] = []  # the track that has each place, or had it last
        self._present: set[int] = set()

    @property
    def tracks(self) -> tuple[int, ...]:
        """The track in each place that was ever taken."""
        return tuple(self._last)

    def come(self, track: int) -> bool:
        """Take the lowest free place; whether that changed `tracks`. Who finds none is not shown."""
        if track in self._present:
            return False
        free = next((place for place, last in enumerate(self._last) if last not in self._present), len(self._last))
        if free == MOST:
            return False
        self._last[free : free + 1] = [track]
        self._present.add(track)
        return True

    def leave(self, track: int) -> None:
        self._present.discard(track)

    def empty(self) -> None:
        """Everybody has left, as when privacy is switched on."""
        self._present.clear()
