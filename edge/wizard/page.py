"""The wizard's page: its own small server, for as long as somebody sets up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.capture.devices import cameras_found, microphones_found
from edge.config import schema
from edge.dashboard.files import Files
from edge.dashboard.sign_in import Secret, SignIn, redirect
from edge.device.clock import Clock
from edge.device.descriptors import open_devices
from edge.doctor.findings import Finding, finding_in, name_of
from edge.errors import EdgeError
from edge.language.catalogue import Language
from edge.language.lines import said
from edge.rate_limit import LogOnce, RateLimit
from edge.web.exchange import Answer, Refused, Request, json
from edge.web.guard import check_host, check_origin, check_site, own_names
from edge.web.thread import WebThread
from edge.web.wording import refusal_in, refused_in
from edge.wizard.devices import CameraTrial, MicrophoneTrial
from edge.wizard.network import look_for_home_assistant, try_broker
from edge.wizard.switch import Switch
from edge.wizard.wanted import Wanted, broker_of, wanted_of

log = logging.getLogger(__name__)

MOST = 20
COOKIE = "emotion_edge_setup"  # a browser sends cookies to every port: whoever is signed in to the page stays so
_TEND_S = 0.5
_STATIC = Path(__file__).parent / "static"

R = TypeVar("R")


class Wizard:
    """Serves until stopped. `before` is the config to start from; `save` writes what is wanted and says what it did;
    `password_for` is the stored password where one fits what is wanted; `examine` looks at everything once more."""

    def __init__(
        self,
        settings: schema.DashboardConfig,
        before: schema.Config,
        *,
        secret: Secret,
        switch: Switch,
        save: Callable[[Wanted], Sequence[str]],
        password_for: Callable[[Wanted], str | None],
        examine: Callable[[], Sequence[Finding]],
        shows: bool,
        clock: Clock,
    ) -> None:
        self._before = before
        self._switch = switch
        self._save = save
        self._password_for = password_for
        self._examine = examine
        self._clock = clock
        self.camera = CameraTrial(switch.why, clock, shows=shows)
        self.microphone = MicrophoneTrial(switch.why, clock)
        self._work = ThreadPoolExecutor(2, "wizard-work")
        self._changes = RateLimit(20, 0.5, clock.monotonic())
        self._names = own_names(settings.names)
        self._files = Files(before.device.language, _STATIC, leave_out=("ha.", "rooms.", "notice.", "doctor.", "line."))
        self._sign_in = SignIn(
            settings, secret, self._files, clock=clock, once=LogOnce(log, clock), work=self._work, cookie=COOKIE
        )
        self._gets: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/values": self._values,
            "/camera": self._camera_told,
            "/aim.jpg": self._picture,
            "/microphone": self._microphone_told,
        }
        self._posts: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/camera": self._try_camera,
            "/microphone": self._try_microphone,
            "/broker": self._try_broker,
            "/home-assistant": self._try_home_assistant,
            "/privacy": self._turn_privacy,
            "/privacy/test": self._try_privacy,
            "/save": self._save_wanted,
            "/check": self._check,
        }
        self.thread = WebThread(
            "dashboard", settings.listen, settings.port, self.handle, most=MOST, clock=clock, beside=self._tend
        )

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self.thread.start()

    def stop(self) -> None:
        """End, with every device closed."""
        self.thread.stop()
        self.thread.join(3.0)
        self._close_devices()
        self._work.shutdown(wait=False, cancel_futures=True)

    async def handle(self, request: Request) -> tuple[Answer, AsyncGenerator[bytes, None] | None]:
        """The answer to any request; Refused is one too."""
        check_host(request.headers, self._names)
        if request.method == "POST":
            check_origin(request.headers)
            language = self._files.language(request)
            with refused_in(language):
                return refusal_in(await self._post(request), language), None
        if request.path == "/":
            known = self._sign_in.session(request) is not None
            return self._files.page("index", request) if known else redirect("login"), None
        if request.path == "/login":
            known = self._sign_in.session(request) is not None
            return redirect("./") if known else self._sign_in.page(request), None
        if request.path in self._gets:
            check_site(request.headers)
            self._sign_in.required(request)
            return await self._gets[request.path](request), None
        file = self._files.get(request.path, request)
        if file is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        return file, None

    async def _post(self, request: Request) -> Answer:
        if request.path == "/login":
            return await self._sign_in.sign_in(request)
        if request.path not in self._posts:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        self._sign_in.check_token(request, self._sign_in.required(request))
        wait = self._changes.wait(self._clock.monotonic())
        if wait > 0.0:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many requests; wait a moment", {"Retry-After": "1"})
        self._changes.take()
        try:
            return await self._posts[request.path](request)
        except EdgeError as error:
            return json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(_TEND_S)
            await self._in_background(self.camera.tend)
            await self._in_background(self.microphone.tend)

    async def _values(self, request: Request) -> Answer:
        cameras, microphones = await self._in_background(_found)
        return json(
            {
                "values": wanted_of(self._before),
                "cameras": cameras,
                "microphones": microphones,
                "privacy": self._switch.why(),
                "password_known": bool(self._before.mqtt.password_file),
                "token": self._sign_in.token(self._sign_in.required(request)),
            }
        )

    async def _camera_told(self, request: Request) -> Answer:
        return self._told(self.camera.told(), request)

    async def _picture(self, _: Request) -> Answer:
        jpeg = None if self._switch.why() else await self._in_background(self.camera.aim.picture)
        if jpeg is None:
            return Answer(status=HTTPStatus.NO_CONTENT)
        return Answer(jpeg, "image/jpeg")

    async def _microphone_told(self, request: Request) -> Answer:
        return self._told(self.microphone.told(), request)

    async def _try_camera(self, request: Request) -> Answer:
        return await self._try(self.camera, request)

    async def _try_microphone(self, request: Request) -> Answer:
        return await self._try(self.microphone, request)

    async def _try(self, trial: CameraTrial | MicrophoneTrial, request: Request) -> Answer:
        """{"on": true | false, ...}"""
        content = request.document()
        if content.pop("on", None) is not True:
            await self._in_background(trial.stop)
            return json(trial.told())
        wanted = _wanted(content)
        camera = msgspec.structs.replace(self._before.camera, source=wanted.camera.strip() or "auto", enabled=True)
        sound = msgspec.structs.replace(
            self._before.microphone, source=wanted.microphone.strip() or "auto", enabled=True
        )
        config = msgspec.structs.replace(self._before, camera=camera, microphone=sound)
        why = await self._in_background(lambda: trial.start(config))
        if why:
            return json({"error": why, "privacy": self._switch.why()}, HTTPStatus.CONFLICT)
        return json(trial.told())

    async def _try_broker(self, request: Request) -> Answer:
        wanted = _wanted(request.document())
        mqtt, password = broker_of(wanted, self._before.mqtt), self._password_for(wanted)
        return self._told(await self._in_background(lambda: try_broker(mqtt, password)), request)

    async def _try_home_assistant(self, request: Request) -> Answer:
        wanted = _wanted(request.document())
        mqtt, password = broker_of(wanted, self._before.mqtt), self._password_for(wanted)
        prefix = self._before.home_assistant.prefix
        return self._told(await self._in_background(lambda: look_for_home_assistant(mqtt, password, prefix)), request)

    async def _turn_privacy(self, request: Request) -> Answer:
        """{"on": true | false}"""
        wanted = request.document().get("on")
        if not isinstance(wanted, bool):
            raise Refused(HTTPStatus.BAD_REQUEST, '"on" must be true or false')
        await self._in_background(lambda: self._turn(wanted))
        return json({"privacy": self._switch.why()})

    async def _try_privacy(self, _: Request) -> Answer:
        """On, a look at what is open, and back again."""
        return json(await self._in_background(self._tried_privacy))

    def _tried_privacy(self) -> dict[str, Any]:
        before = self._switch.why()
        if not before:
            self._turn(True)
        opened = open_devices()
        if not before:
            self._switch.turn(on=False)
        return {"verdict": "bad" if opened else "good", "open": opened, "was": before, "privacy": self._switch.why()}

    def _turn(self, on: bool) -> None:
        try:
            self._switch.turn(on=on)
        finally:
            if on:
                self._close_devices()

    async def _save_wanted(self, request: Request) -> Answer:
        wanted = _wanted(request.document())
        lines = await self._in_background(lambda: self._save(wanted))
        return json({"lines": [said(line, self._files.language(request)) for line in lines]})

    async def _check(self, request: Request) -> Answer:
        await self._in_background(self._close_devices)
        language = self._files.language(request)
        found = await self._in_background(lambda: list(self._examine()))
        return json({"findings": [{"name": name_of(each.check, language), **_plain(each, language)} for each in found]})

    def _told(self, content: dict[str, Any], request: Request) -> Answer:
        """What a test came to, its reason in the visitor's language."""
        return json({**content, "reason": said(content["reason"], self._files.language(request))})

    def _close_devices(self) -> None:
        self.camera.stop()
        self.microphone.stop()

    async def _in_background(self, function: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._work, function)


def _wanted(content: dict[str, object]) -> Wanted:
    try:
        return msgspec.convert(content, Wanted)
    except msgspec.ValidationError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None


def _plain(finding: Finding, language: Language) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(finding_in(finding, language))
    return plain


def _found() -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What this machine has, as (source, name)."""
    found: list[list[dict[str, str]]] = []
    for look in (cameras_found, microphones_found):
        try:
            found.append([{"source": each.stable or each.source, "name": each.name} for each in look()])
        except EdgeError:  # a package is missing; trying it says which
            found.append([])
    return found[0], found[1]
