"""What a visitor may do: switch privacy, try and save thresholds, calibrate a seat, aim the camera. Whether they
may ask is decided before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

from edge.config import schema
from edge.dashboard.history import History
from edge.dashboard.preview import Aim
from edge.dashboard.thresholds import Thresholds, names
from edge.device.clock import Clock
from edge.errors import ConfigError
from edge.messages.payloads import ResponsePayload
from edge.rate_limit import LogOnce, RateLimit
from edge.web.exchange import Answer, Refused, Request, json
from edge.web.guard import is_loopback

log = logging.getLogger(__name__)

Ask = Callable[[str, str, Any], Awaitable[ResponsePayload]]


class Actions:
    """Belongs to the page's thread. `ask` (kind, name, value) puts a command to the service and waits for its answer;
    `aim_changed` is called when the aiming picture was switched on or off, `knows_visitors` says whether a visitor had
    to sign in."""

    def __init__(
        self,
        settings: schema.DashboardConfig,
        *,
        history: History,
        aim: Aim,
        ask: Ask,
        aim_changed: Callable[[], None],
        knows_visitors: Callable[[Request], bool],
        clock: Clock,
        once: LogOnce,
        work: Executor,
    ) -> None:
        self._settings = settings
        self._history = history
        self._aim = aim
        self._ask = ask
        self._aim_changed = aim_changed
        self._knows_visitors = knows_visitors
        self._clock = clock
        self._once = once
        self._work = work
        self._changes = RateLimit(10, 1.0, clock.monotonic())
        self._trials = RateLimit(10, 0.25, clock.monotonic())
        self._thresholds = Thresholds(history)

    async def privacy(self, request: Request) -> Answer:
        """{"on": true | false}"""
        wanted = request.document().get("on")
        if not isinstance(wanted, bool):
            raise Refused(HTTPStatus.BAD_REQUEST, '"on" must be true or false')
        self._limit(self._changes)
        return _answer(await self._ask("privacy", "", wanted))

    async def try_thresholds(self, request: Request) -> Answer:
        """{"values": {key: value}}: what the last minutes would have been; nothing is changed."""
        self._limit(self._trials)
        try:
            settings = self._thresholds.candidate(request.document().get("values"))
        except ConfigError as error:
            return json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        trial = self._thresholds.trial(settings, self._clock.monotonic())
        forgotten = self._history.forgotten
        found = await asyncio.get_running_loop().run_in_executor(self._work, trial)
        if forgotten != self._history.forgotten:  # privacy was switched on meanwhile: this is not known any more
            return json({"error": "privacy is on"}, HTTPStatus.CONFLICT)
        return json(found)

    async def save_thresholds(self, request: Request) -> Answer:
        """{"values": {key: value}}, all or none of them."""
        values = request.document().get("values")
        try:
            self._thresholds.candidate(values)
        except ConfigError as error:
            self._once.say(logging.WARNING, f"thresholds from the page were refused: {error}")
            return json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        self._limit(self._changes)
        return _answer(await self._ask("request", "set", {"values": values}))

    async def reset_thresholds(self, _: Request) -> Answer:
        """Back to the values of the config file."""
        self._limit(self._changes)
        for key in names():
            answer = await self._ask("request", "reset", {"key": key})
            if answer.error:
                break
        return _answer(answer)

    async def calibrate(self, _: Request) -> Answer:
        """What the face in view looks like at rest becomes the start for everybody in this seat."""
        self._limit(self._changes)
        return _answer(await self._ask("request", "calibrate", None))

    async def forget_rest(self, _: Request) -> Answer:
        """Every face begins as most people's do again, or as the config file says."""
        self._limit(self._changes)
        return _answer(await self._ask("request", "reset", {"key": "face.rest"}))

    async def aim(self, request: Request) -> Answer:
        """{"on": true | false}: the aiming picture, for a minute."""
        self._limit(self._changes)
        if request.document().get("on") is not True:
            self._aim.stop()
        else:
            why = self.why_no_aim(request) or self._aim.start()
            if why:
                raise Refused(HTTPStatus.FORBIDDEN, why)
            log.info("the aiming picture was switched on from %s", request.peer)
        self._aim_changed()
        return json({"left": self._aim.left()})

    async def picture(self, request: Request) -> Answer:
        """The aiming picture as JPEG."""
        why = self.why_no_aim(request)
        if why:
            raise Refused(HTTPStatus.FORBIDDEN, why)
        jpeg = await asyncio.get_running_loop().run_in_executor(self._work, self._aim.picture)
        if jpeg is None:
            return Answer(b"there is no picture\n", status=HTTPStatus.NOT_FOUND)
        return Answer(jpeg, "image/jpeg")

    def why_no_aim(self, request: Request) -> str | None:
        """Media stay on the device unless the owner's file says otherwise."""
        if self._settings.preview == "off":
            return 'the aiming picture is off: dashboard.preview is "off" in the config'
        if self._settings.preview == "password" and self._knows_visitors(request):
            return None
        if self._settings.behind_tls or not is_loopback(request.peer):
            return "the aiming picture is shown to a browser on the device only"
        return None

    def _limit(self, limit: RateLimit) -> None:
        wait = limit.wait(self._clock.monotonic())
        if wait > 0.0:
            retry = {"Retry-After": str(int(wait) + 1)}
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many requests; wait a moment", retry)
        limit.take()


def _answer(answer: ResponsePayload) -> Answer:
    if answer.error:
        return json({"error": answer.error}, HTTPStatus.CONFLICT)
    return json({"data": answer.data})
