"""Who is it: the password, the session behind a cookie, and how often somebody may try."""

from __future__ import annotations

import asyncio
import html
import logging
from concurrent.futures import Executor
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from edge.config import schema
from edge.dashboard.attempts import Attempts
from edge.dashboard.files import Files
from edge.dashboard.password import Password, file_in
from edge.dashboard.sessions import LONGEST_S, Sessions
from edge.device.clock import Clock
from edge.errors import ConfigError
from edge.language.catalogue import words
from edge.rate_limit import LogOnce
from edge.web.exchange import Answer, Refused, Request
from edge.web.guard import client_address, is_loopback, same_address

log = logging.getLogger(__name__)

COOKIE = "emotion_edge"


class Secret(Protocol):
    """What is asked for at the door: the stored password, or a word for one run."""

    @property
    def is_set(self) -> bool:
        """Whether one is needed."""

    @property
    def version(self) -> int:
        """Counts up whenever it changes: whoever signed in with another is signed out."""

    def refresh(self) -> None:
        """Notice what another process has changed."""

    def matches(self, given: str, /) -> bool:
        """Whether it is the right one."""


class SignIn:
    """Belongs to the page's thread."""

    def __init__(
        self,
        settings: schema.DashboardConfig,
        password: Secret,
        files: Files,
        *,
        clock: Clock,
        once: LogOnce,
        work: Executor,
        cookie: str = COOKIE,
    ) -> None:
        self._settings = settings
        self._cookie = cookie
        self._password = password
        self._files = files
        self._once = once
        self._work = work
        self._sessions = Sessions(clock)
        self._attempts = Attempts(clock)

    def knows_visitors(self, request: Request) -> bool:
        """Whether who asks had to sign in, here or at the proxy."""
        return self._password.is_set or self.by_ingress(request)

    def refresh(self) -> None:
        """Another process may have set the password meanwhile."""
        self._password.refresh()

    def by_ingress(self, request: Request) -> bool:
        """Whether a proxy that the owner named has signed in who asks."""
        return self._settings.ingress is not None and same_address(request.peer, self._settings.ingress)

    def session(self, request: Request) -> str | None:
        """The session's word, empty where nobody needs to sign in, None for somebody who must."""
        if self.by_ingress(request):
            return ""
        if not self._password.is_set:
            return None if password_needed(self._settings) else ""
        word = request.cookies.get(self._cookie, "")
        return word if word and self._sessions.valid(word, self._password.version) else None

    def required(self, request: Request) -> str:
        """The session's word; Refused for somebody who must sign in first."""
        word = self.session(request)
        if word is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "sign in first")
        return word

    def valid(self, word: str) -> bool:
        """Whether a session that was good a while ago still is."""
        if not word:  # only what came by ingress has none while a password is set
            return not self._password.is_set or self._settings.ingress is not None
        return self._sessions.valid(word, self._password.version)

    def still(self, word: str) -> bool:
        """The same, with a password that another process may have set meanwhile."""
        self.refresh()
        return self.valid(word)

    def token(self, word: str) -> str:
        """What a post of this session must bring along."""
        return self._sessions.token(word)

    def check_token(self, request: Request, word: str) -> None:
        """Refused for a post that our page did not make."""
        if not self._sessions.token_fits(word, request.headers.get("x-csrf-token", "")):
            raise Refused(HTTPStatus.FORBIDDEN, "the service was restarted: reload the page")

    def page(self, request: Request) -> Answer:
        """Where one signs in."""
        return self._page(request, HTTPStatus.OK)

    async def sign_in(self, request: Request) -> Answer:
        """With the right password a session begins."""
        given = request.form().get("password", "")
        if not self._password.is_set:
            return redirect("./")
        client = client_address(request.peer, request.headers, trust_proxy=self._settings.trust_forwarded_for)
        wait = self._attempts.allow(client)
        if wait > 0.0:
            self._once.say(logging.WARNING, f"too many attempts to sign in to the page from {client}")
            retry = {"Retry-After": str(int(wait) + 1)}
            return self._page(request, HTTPStatus.TOO_MANY_REQUESTS, "sign_in.wait", retry, seconds=f"{wait:.0f}")
        version = self._password.version
        right = await asyncio.get_running_loop().run_in_executor(self._work, self._password.matches, given)
        if not right:
            self._once.say(logging.WARNING, f"a wrong password for the page came from {client}")
            return self._page(request, HTTPStatus.FORBIDDEN, "sign_in.wrong")
        self._attempts.succeeded(client)
        log.info("somebody signed in to the page from %s", client)
        secure = "; Secure" if self._settings.behind_tls else ""
        cookie = (
            f"{self._cookie}={self._sessions.open(version)}; HttpOnly; SameSite=Strict; Path=/; Max-Age={LONGEST_S:.0f}"
        )
        return redirect("./", {"Set-Cookie": cookie + secure})

    def _page(
        self,
        request: Request,
        status: HTTPStatus,
        message: str = "",
        headers: dict[str, str] | None = None,
        **values: str,
    ) -> Answer:
        """The form with a message of the catalogue."""
        page = self._files.page("login", request)
        text = words(self._files.language(request))[message].format(**values) if message else ""
        body = page.body.replace(b"{message}", html.escape(text).encode())
        return Answer(body, page.kind, status, {**page.headers, **(headers or {})})

    def sign_out(self, word: str) -> None:
        self._sessions.close(word)


def password_needed(settings: schema.DashboardConfig) -> bool:
    """Whether the page could be reached from elsewhere."""
    return (
        settings.ingress is not None or settings.behind_tls or bool(settings.names) or not is_loopback(settings.listen)
    )


def checked_password(settings: schema.DashboardConfig, state: Path) -> Password:
    """The stored password. ConfigError when there is none and the page could be reached from elsewhere."""
    password = Password(file_in(state))
    if password_needed(settings) and not password.is_set and settings.ingress is None:
        raise ConfigError(
            f"dashboard.listen: the page at {settings.listen} would be open to everybody who can reach it; "
            'set a password with `emotion-edge passwd`, or leave dashboard.listen at "127.0.0.1" '
            "and dashboard.names and dashboard.behind_tls unset"
        )
    return password


def redirect(path: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": path, **(headers or {})})
