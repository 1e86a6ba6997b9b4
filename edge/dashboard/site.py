"""Every path of the page, and what one must be to get it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from edge.dashboard.actions import Actions
from edge.dashboard.days import Days
from edge.dashboard.files import Files
from edge.dashboard.history import History
from edge.dashboard.live import Viewers, stream
from edge.dashboard.sign_in import SignIn, redirect
from edge.device.clock import Clock
from edge.web.exchange import HEADERS, Answer, Refused, Request, json
from edge.web.guard import check_host, check_origin, check_site
from edge.web.wording import refusal_in, refused_in

# By ingress the page stands in a frame of the proxy's own page; that it shares its origin with.
IN_A_FRAME = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
Reply = tuple[Answer, AsyncGenerator[bytes, None] | None]


class Site:
    """Belongs to the page's thread. `names` are the host names it goes by; `extras` is what a viewer is sent at first
    beside the history."""

    def __init__(
        self,
        names: frozenset[str],
        files: Files,
        *,
        sign_in: SignIn,
        actions: Actions,
        days: Days,
        history: History,
        viewers: Viewers,
        extras: Callable[[], dict[str, Any]],
        clock: Clock,
    ) -> None:
        self._names = names
        self._files = files
        self._sign_in = sign_in
        self._actions = actions
        self._days = days
        self._history = history
        self._viewers = viewers
        self._extras = extras
        self._clock = clock
        self._gets: dict[str, Callable[[Request], Awaitable[Reply]]] = {
            "/": self._page,
            "/login": self._login_page,
            "/live": self._live,
            "/aim.jpg": self._picture,
            "/history.csv": self._csv,
        }
        self._posts: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/logout": self._logout,
            "/privacy": actions.privacy,
            "/thresholds/try": actions.try_thresholds,
            "/thresholds/save": actions.save_thresholds,
            "/thresholds/reset": actions.reset_thresholds,
            "/rest/calibrate": actions.calibrate,
            "/rest/reset": actions.forget_rest,
            "/aim": actions.aim,
            "/history": days.view,
            "/history/delete": days.delete,
        }

    async def handle(self, request: Request) -> Reply:
        """The answer to any request; Refused is one too."""
        if self._sign_in.by_ingress(request):
            answer, more = await self._handle(request)
            return replace(answer, headers={**answer.headers, **IN_A_FRAME}), more
        check_host(request.headers, self._names)
        if request.method == "POST":
            check_origin(request.headers)
        return await self._handle(request)

    async def _handle(self, request: Request) -> Reply:
        self._sign_in.refresh()
        if request.method == "GET":
            if request.path in self._gets:
                return await self._gets[request.path](request)
            file = self._files.get(request.path, request)
            if file is not None:
                return file, None
        elif request.path == "/login":
            return await self._sign_in.sign_in(request), None
        elif request.path in self._posts:
            language = self._files.language(request)
            with refused_in(language):
                self._sign_in.check_token(request, self._sign_in.required(request))
                return refusal_in(await self._posts[request.path](request), language), None
        known = request.path in {*self._gets, *self._posts} or self._files.get(request.path, request) is not None
        status = HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND
        raise Refused(status, "there is nothing here")

    async def _page(self, request: Request) -> Reply:
        if self._sign_in.session(request) is None:
            return redirect("login"), None
        return self._files.page("index", request), None

    async def _login_page(self, request: Request) -> Reply:
        if self._sign_in.session(request) is not None:
            return redirect("./"), None
        return self._sign_in.page(request), None

    async def _logout(self, request: Request) -> Answer:
        word = self._sign_in.required(request)
        self._sign_in.sign_out(word)
        if word:
            self._viewers.signed_out(word)
        return json({})

    async def _picture(self, request: Request) -> Reply:
        check_site(request.headers)
        self._sign_in.required(request)
        return await self._actions.picture(request), None

    async def _csv(self, request: Request) -> Reply:
        check_site(request.headers)
        self._sign_in.required(request)
        return self._days.csv()

    async def _live(self, request: Request) -> Reply:
        check_site(request.headers)
        word = self._sign_in.required(request)
        viewer = self._viewers.add(word)
        if viewer is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers at once", {"Retry-After": "30"})
        first = {
            **self._history.snapshot(self._clock.monotonic()),
            **self._extras(),
            "keep_days": self._days.keep_days,
            "can_aim": self._actions.why_no_aim(request) is None,
            "signed_in": bool(word),
            "token": self._sign_in.token(word),
        }
        return Answer(kind="text/event-stream", stream=True), stream(
            self._viewers, viewer, first, self._sign_in.still, self._clock
        )
