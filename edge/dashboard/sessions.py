"""Who is signed in: a random word in a cookie, known here only by its hash, and a second word against forged posts."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from edge.device.clock import Clock

IDLE_S = 12 * 3_600.0
LONGEST_S = 7 * 86_400.0
_MOST = 50  # the one that was used least lately goes first


@dataclass(slots=True)
class _Session:
    began: float
    used: float
    version: int  # of the password it was opened with


class Sessions:
    """Lives in memory: a restart signs everybody out. Belongs to the page's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    def open(self, version: int) -> str:
        """A new session's word for the cookie."""
        word = secrets.token_urlsafe(32)
        now = self._clock.monotonic()
        self._sessions[_name(word)] = _Session(now, now, version)
        while len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        return word

    def valid(self, word: str, version: int) -> bool:
        """Whether the cookie's word is that of somebody signed in with the present password."""
        name = _name(word)
        session = self._sessions.get(name)
        if session is None:
            return False
        now = self._clock.monotonic()
        if session.version != version or now - session.used > IDLE_S or now - session.began > LONGEST_S:
            del self._sessions[name]
            return False
        session.used = now
        self._sessions.move_to_end(name)
        return True

    def close(self, word: str) -> None:
        """Sign out."""
        self._sessions.pop(_name(word), None)

    def token(self, word: str) -> str:
        """What a post must bring along: a foreign page cannot read it. `word` is empty where nobody signs in."""
        return hmac.new(self._secret, word.encode("utf-8", "replace"), "sha256").hexdigest()

    def token_fits(self, word: str, token: str) -> bool:
        return hmac.compare_digest(self.token(word).encode(), token.encode("utf-8", "replace"))


def _name(word: str) -> bytes:
    return hashlib.sha256(word.encode("utf-8", "replace")).digest()
