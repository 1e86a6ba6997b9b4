"""What the page answers to whom: every path there is, and what one must be to get it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Executor
from http import HTTPStatus
from pathlib import Path
from typing import Any

from edge.config import schema
from edge.dashboard.attempts import Attempts
from edge.dashboard.exchange import Answer, Refused, Request, json
from edge.dashboard.guard import check_host, check_origin, check_site, own_names
from edge.dashboard.history import History
from edge.dashboard.live import Viewer, Viewers, encoded
from edge.dashboard.password import Password, file_in
from edge.dashboard.preview import Aim
from edge.dashboard.sessions import LONGEST_S, Sessions
from edge.dashboard.thresholds import Thresholds, names
from edge.device.clock import Clock
from edge.errors import ConfigError
from edge.messages.payloads import ResponsePayload
from edge.rate_limit import LogOnce, RateLimit

log = logging.getLogger(__name__)

COOKIE = "emotion_edge"
BEAT_S = 15.0  # a stream is never silent for longer
_CHECK_S = 10.0  # a stream ends so soon after its session did

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
Reply = tuple[Answer, AsyncGenerator[bytes, None] | None]
Ask = Callable[[str, str, Any], Awaitable[ResponsePayload]]


class Site:
    """Belongs to the page's thread. `ask` (kind, name, value) puts a command to the service and waits for its answer;
    `extras` is what a viewer is told beside the history."""

    def __init__(
        self,
        settings: schema.DashboardConfig,
        *,
        password: Password,
        history: History,
        viewers: Viewers,
        aim: Aim,
        ask: Ask,
        extras: Callable[[], dict[str, Any]],
        clock: Clock,
        once: LogOnce,
        work: Executor,
    ) -> None:
        self._settings = settings
        self._password = password
        self._history = history
        self._viewers = viewers
        self._aim = aim
        self._ask = ask
        self._extras = extras
        self._clock = clock
        self._once = once
        self._work = work
        self._names = own_names(settings.names)
        self._sessions = Sessions(clock)
        self._attempts = Attempts(clock)
        self._orders = RateLimit(10, 1.0, clock.monotonic())
        self._trials = RateLimit(10, 0.25, clock.monotonic())
        self._thresholds = Thresholds(history)
        self._files = _static_files()
        self._gets: dict[str, Callable[[Request], Reply]] = {
            "/": self._page,
            "/login": self._login_page,
            "/live": self._live,
        }
        self._posts: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/logout": self._logout,
            "/privacy": self._privacy,
            "/thresholds/try": self._try,
            "/thresholds/save": self._save,
            "/thresholds/reset": self._reset,
            "/aim": self._start_or_stop_aiming,
        }

    async def handle(self, request: Request) -> Reply:
        """The answer to any request; Refused is one too."""
        check_host(request.headers, self._names)
        self._password.refresh()
        if request.method == "GET":
            if request.path == "/aim.jpg":
                return await self._aim_picture(request), None
            if request.path in self._gets:
                return self._gets[request.path](request)
            if request.path in self._files:
                return self._files[request.path], None
        elif request.path == "/login":
            check_origin(request.headers)
            return await self._login(request), None
        elif request.path in self._posts:
            check_origin(request.headers)
            cookie = self._signed_in(request)
            if not self._sessions.token_fits(cookie, request.headers.get("x-csrf-token", "")):
                raise Refused(HTTPStatus.FORBIDDEN, "the page is older than the service: load it again")
            return await self._posts[request.path](request), None
        known = {*self._files, *self._gets, *self._posts, "/aim.jpg"}
        status = HTTPStatus.METHOD_NOT_ALLOWED if request.path in known else HTTPStatus.NOT_FOUND
        raise Refused(status, "there is nothing here")

    # Who is it

    def _cookie_of(self, request: Request) -> str | None:
        """The session's word, empty where nobody needs to sign in, None for somebody who must."""
        if not self._password.is_set:
            return None if password_needed(self._settings) else ""
        word = request.cookies.get(COOKIE, "")
        return word if word and self._sessions.valid(word, self._password.version) else None

    def _signed_in(self, request: Request) -> str:
        cookie = self._cookie_of(request)
        if cookie is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "sign in first")
        return cookie

    async def _login(self, request: Request) -> Answer:
        given = request.form().get("password", "")
        if not self._password.is_set:
            return _to("/")
        wait = self._attempts.allow(request.peer)
        if wait > 0.0:
            self._once.say(logging.WARNING, f"too many attempts to sign in to the page from {request.peer}")
            text = f"Too many attempts. Try again in {wait:.0f} seconds."
            answer = self._login_form(text, HTTPStatus.TOO_MANY_REQUESTS)
            return Answer(answer.body, answer.kind, answer.status, {"Retry-After": str(int(wait) + 1)})
        version = self._password.version
        right = await asyncio.get_running_loop().run_in_executor(self._work, self._password.matches, given)
        if not right:
            self._once.say(logging.WARNING, f"a wrong password for the page came from {request.peer}")
            return self._login_form("That is not the password.", HTTPStatus.FORBIDDEN)
        self._attempts.succeeded(request.peer)
        log.info("somebody signed in to the page from %s", request.peer)
        secure = "; Secure" if self._settings.behind_tls else ""
        cookie = f"{COOKIE}={self._sessions.open(version)}; HttpOnly; SameSite=Strict; Path=/; Max-Age={LONGEST_S:.0f}"
        return _to("/", {"Set-Cookie": cookie + secure})

    async def _logout(self, request: Request) -> Answer:
        cookie = self._signed_in(request)
        self._sessions.close(cookie)
        if cookie:
            self._viewers.signed_out(cookie)
        return json({})

    # What there is to see

    def _page(self, request: Request) -> Reply:
        cookie = self._cookie_of(request)
        if cookie is None:
            return _to("/login"), None
        return self._files["/index.html"], None

    def _login_page(self, request: Request) -> Reply:
        if self._cookie_of(request) is not None:
            return _to("/"), None
        return self._login_form("", HTTPStatus.OK), None

    def _login_form(self, text: str, status: HTTPStatus) -> Answer:
        page = self._files["/login.html"]
        return Answer(page.body.replace(b"{message}", text.encode()), page.kind, status)

    def _live(self, request: Request) -> Reply:
        check_site(request.headers)
        cookie = self._signed_in(request)
        viewer = self._viewers.add(cookie)
        if viewer is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many are looking at once", {"Retry-After": "30"})
        first = self._history.snapshot(self._clock.monotonic())
        first.update(
            self._extras(),
            can_aim=self._why_no_aim(request) is None,
            signed_in=bool(cookie),
            token=self._sessions.token(cookie),
        )
        return Answer(kind="text/event-stream", stream=True), self._stream(viewer, encoded("snapshot", first))

    async def _stream(self, viewer: Viewer, first: bytes) -> AsyncGenerator[bytes, None]:
        try:
            yield b"retry: 2000\n\n" + first
            checked = self._clock.monotonic()
            while True:
                try:
                    part = await asyncio.wait_for(viewer.queue.get(), BEAT_S)
                except (asyncio.TimeoutError, TimeoutError):
                    part = b"event: beat\ndata: {}\n\n"
                now = self._clock.monotonic()
                if now - checked >= _CHECK_S:
                    checked = now
                    self._password.refresh()
                    if not self._still_signed_in(viewer.cookie):
                        return
                if part is None:
                    return
                yield part
        finally:
            self._viewers.remove(viewer)

    def _still_signed_in(self, cookie: str) -> bool:
        if not cookie:
            return not self._password.is_set
        return self._sessions.valid(cookie, self._password.version)

    # What may be done

    def _ordered(self) -> None:
        wait = self._orders.wait(self._clock.monotonic())
        if wait > 0.0:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too much at once; wait a moment", {"Retry-After": "2"})
        self._orders.take()

    async def _privacy(self, request: Request) -> Answer:
        wanted = request.document().get("on")
        if not isinstance(wanted, bool):
            raise Refused(HTTPStatus.BAD_REQUEST, '"on" must be true or false')
        self._ordered()
        return _told(await self._ask("privacy", "", wanted))

    async def _try(self, request: Request) -> Answer:
        wait = self._trials.wait(self._clock.monotonic())
        if wait > 0.0:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too much at once; wait a moment", {"Retry-After": "1"})
        self._trials.take()
        try:
            settings = self._thresholds.candidate(request.document().get("values"))
        except ConfigError as error:
            return json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        trial = self._thresholds.trial(settings, self._clock.monotonic())
        return json(await asyncio.get_running_loop().run_in_executor(self._work, trial))

    async def _save(self, request: Request) -> Answer:
        values = request.document().get("values")
        try:
            self._thresholds.candidate(values)
        except ConfigError as error:
            self._once.say(logging.WARNING, f"thresholds from the page were refused: {error}")
            return json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        self._ordered()
        return _told(await self._ask("request", "set", {"values": values}))

    async def _reset(self, _: Request) -> Answer:
        self._ordered()
        for key in names():
            answer = await self._ask("request", "reset", {"key": key})
            if answer.error:
                break
        return _told(answer)

    async def _start_or_stop_aiming(self, request: Request) -> Answer:
        self._ordered()
        if request.document().get("on") is not True:
            self._aim.stop()
        else:
            why = self._why_no_aim(request) or self._aim.start()
            if why:
                raise Refused(HTTPStatus.FORBIDDEN, why)
            log.info("the aiming picture was switched on from %s", request.peer)
        self._viewers.tell([("aim", {"left": self._aim.left()})])
        return json({"left": self._aim.left()})

    async def _aim_picture(self, request: Request) -> Answer:
        check_site(request.headers)
        self._signed_in(request)
        why = self._why_no_aim(request)
        if why:
            raise Refused(HTTPStatus.FORBIDDEN, why)
        jpeg = await asyncio.get_running_loop().run_in_executor(self._work, self._aim.picture)
        if jpeg is None:
            return Answer(b"there is no picture\n", status=HTTPStatus.NOT_FOUND)
        return Answer(jpeg, "image/jpeg")

    def _why_no_aim(self, request: Request) -> str | None:
        """Media stay on the device unless the owner's file says otherwise."""
        if self._settings.preview == "off":
            return 'the aiming picture is off: dashboard.preview is "off" in the config'
        if self._settings.preview == "password" and self._password.is_set:
            return None
        if self._settings.behind_tls or not is_loopback(request.peer):
            return "the aiming picture is shown to a browser on the device only"
        return None


def password_needed(settings: schema.DashboardConfig) -> bool:
    """Whether the page could be reached from elsewhere."""
    return settings.behind_tls or bool(settings.names) or not is_loopback(settings.listen)


def checked_password(settings: schema.DashboardConfig, state: Path) -> Password:
    """The stored password. ConfigError when there is none and the page could be reached from elsewhere."""
    password = Password(file_in(state))
    if password_needed(settings) and not password.is_set:
        raise ConfigError(
            f"dashboard.listen: the page at {settings.listen} would be open to everybody who can reach it; "
            'set a password with `emotion-edge passwd`, or leave dashboard.listen at "127.0.0.1" '
            "and dashboard.names and dashboard.behind_tls unset"
        )
    return password


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _told(answer: ResponsePayload) -> Answer:
    if answer.error:
        return json({"error": answer.error}, HTTPStatus.CONFLICT)
    return json({"data": answer.data})


def _to(path: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": path, **(headers or {})})


def _static_files() -> dict[str, Answer]:
    """Everything in the folder beside us, by its path; nothing else can be named."""
    files = sorted((Path(__file__).parent / "static").iterdir())
    return {
        f"/{file.name}": Answer(
            file.read_bytes(), f"{KINDS[file.suffix]}; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )
        for file in files
        if file.suffix in KINDS
    }
