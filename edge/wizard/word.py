"""The word that opens the page: made for one run and shown at the terminal, so that whoever sees it may set up."""

from __future__ import annotations

import hmac
import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_LENGTH = 10


class ShownWord:
    """In the place of a stored password (edge.dashboard.sign_in.Secret)."""

    is_set = True
    version = 1

    def __init__(self, word: str | None = None) -> None:
        self.word = word or "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))

    def refresh(self) -> None:
        """It never changes."""

    def matches(self, given: str) -> bool:
        """Whether it is the word; spaces and capitals do not matter."""
        typed = "".join(given.split()).lower()
        return hmac.compare_digest(typed.encode(), self.word.encode())
