"""What others may ask: the privacy switch, thresholds, requests. Every refusal is answered."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import UNSET

from edge.config.load import Loaded
from edge.config.secrets import public
from edge.device import paths
from edge.device.board import Board
from edge.device.clock import Clock, SystemClock
from edge.emotion.scene import Scene
from edge.errors import EdgeError
from edge.messages import desired
from edge.messages.commands import REQUESTS, Command, ResetRequest, SetRequest, document
from edge.messages.payloads import HealthPayload, ResponsePayload
from edge.rate_limit import LogOnce, RateLimit
from edge.readings import SourceStatus
from edge.service.announcements import Announcements
from edge.service.background import BackgroundAnswer, BackgroundRequests
from edge.service.desired import DesiredDocuments
from edge.service.desired_signers import FILE_NAME, DesiredSigners
from edge.service.jobs import Condition, JobMailbox
from edge.service.outlets import Outlets
from edge.service.privacy import Privacy
from edge.service.settings import Settings

if TYPE_CHECKING:  # imported where it is switched on
    from edge.service.text import TextInput

log = logging.getLogger(__name__)

CHANGES = (60, 10.0)  # that are stored: so many at once, then one in so many seconds, or strangers wear out the card
_KNOWN = ", ".join(sorted(REQUESTS))


class Host(Protocol):
    """What commands act on: the running service."""

    settings: Settings
    outlets: Outlets
    privacy: Privacy
    background: BackgroundRequests
    board: Board
    models: Mapping[str, dict[str, str]]
    statuses: dict[str, SourceStatus]
    scene: Scene
    text: TextInput | None

    def health(self) -> HealthPayload: ...
    def resting(self) -> dict[str, float]: ...
    def apply(self, changed: Loaded) -> None: ...


class RequestHandler:
    """Carries out commands on behalf of the decision loop, in its thread."""

    def __init__(self, service: Host, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._log_once = LogOnce(log, SystemClock())
        self._changes = RateLimit(*CHANGES, clock.monotonic())
        self._announcements = Announcements(service.settings, service.outlets, service.board, service.models)
        where = service.settings.config.device
        names = desired.names(where, service.outlets.broker.device)
        self._jobs = JobMailbox(
            service.settings.folder, where.tenant, lambda told: service.outlets.tell("job", told)
        ) if names else None  # fmt: skip
        self._desired = DesiredDocuments(
            service.settings, names,
            DesiredSigners(
                (service.settings.loaded.path or paths.SYSTEM_CONFIG).with_name(FILE_NAME), clock.monotonic,
                required=where.signed_desired,
            ),
            change=self._change, privacy_on=lambda: service.privacy.switch(on=True),
            tell=lambda reported: service.outlets.tell("reported", reported),
        )  # fmt: skip
        self._answers: dict[str, Callable[[], Any]] = {
            "info": lambda: msgspec.to_builtins(self._announcements.info()),
            "health": lambda: msgspec.to_builtins(service.health()),
            "config": lambda: public(service.settings.config),
            "reload": self._reload_on_request,
            "calibrate": self._calibrate,
        }

    def announce(self) -> None:
        """Publish what is retained: info, the live values, and which documents hold."""
        self._announcements.tell_info()
        self._announcements.tell_values()
        self._desired.announce()

    def obey(self, command: Command) -> None:
        """Carry out one command, or say why not."""
        carry_out = {
            "privacy": self._privacy, "config": self._set, "request": self._request, "desired": self._take_document,
            "job": self._take_job,
        }[command.kind]  # fmt: skip
        try:
            carry_out(command)
        except Exception as error:  # one command must not end the loop that everything depends on
            log.exception("%s %s failed", command.kind, command.name)
            self._answer("error", command.transaction, error=f"{command.kind} {command.name}: {error}")

    def read(self, command: Command, *, fresh: bool) -> None:
        """Judge words, and forget them. `fresh`: privacy was not switched on since they came."""
        service, problem = self._service, None
        if service.text is None:
            problem = "text is switched off (text.enabled is false in the config)"
        elif not (service.privacy.open and fresh):
            problem = "privacy is on; the text was not read"
        elif not service.text.ready(self._clock.monotonic()):
            problem = "too many texts at once; try again in a second"
        else:
            reading = service.text.read(command.value, self._clock.monotonic())
            if reading is not None:
                service.scene.feed(reading)
        if not command.local:  # a satellite does not listen for answers
            self._answer("text", command.transaction, error=problem)

    def reload(self) -> str | None:
        """Read the config again (SIGHUP). A bad file keeps the old one; returns what is wrong with it."""
        settings = self._service.settings
        try:
            self._service.apply(settings.read())
        except EdgeError as error:
            settings.error = str(error)
            log.error("config not reloaded: %s", error)
        else:
            log.info("config reloaded; waiting for a restart: %s", ", ".join(settings.pending) or "nothing")
        self.announce()
        return settings.error

    def _privacy(self, command: Command) -> None:
        service = self._service
        if not (command.value or command.local or service.settings.config.privacy.remote_off):
            self._answer(
                "privacy",
                command.transaction,
                error="privacy may not be switched off over MQTT (privacy.remote_off is false in the config)",
            )
            service.outlets.tell("privacy", "ON" if service.privacy.holds else "OFF")
            return
        privacy = service.privacy
        counted = privacy.state.on and not command.value and not command.local  # on is never too often
        problem = self._too_often() if counted else None
        if problem is None:
            problem = privacy.switch(on=bool(command.value))
            if counted:
                self._changes.take()
        if problem is None and privacy.state.on and not command.value:
            problem = f"privacy stays on: {privacy.state.reason}"
        self._answer("privacy", command.transaction, {"privacy": "ON" if privacy.holds else "OFF"}, problem)

    def _set(self, command: Command) -> None:
        try:
            if command.value is None:
                self._change(lambda settings: settings.reset(command.name))
            else:
                self._change(lambda settings: settings.change({command.name: command.value}))
        except EdgeError as error:
            self._log_once.say(logging.WARNING, f"config/{command.name}/set refused: {error}")
            self._answer("config", command.transaction, error=str(error))
            self._announcements.tell_again(command.name)  # to whoever shows what was asked for
            return
        self._answer("config", command.transaction, {command.name: command.value})

    def _change(self, how: Callable[[Settings], Loaded]) -> None:
        """Store, apply and publish a change of the configuration; what is refused is not counted."""
        problem = self._too_often()
        if problem is not None:
            raise EdgeError(problem)
        self._service.apply(how(self._service.settings))
        self._changes.take()
        self._announcements.tell_values()

    def _take_document(self, command: Command) -> None:
        self._desired.take(command.name, command.value)

    def _take_job(self, command: Command) -> None:
        if self._jobs is not None:
            self._jobs.take(command.value)

    def look_at_jobs(self) -> None:
        """Publish how far the fleet's job is; call it about once a second."""
        if self._jobs is not None:
            self._jobs.look()

    def show_condition(self, health: HealthPayload) -> None:
        """For whoever installs a model for a fleet: how we are, with what we have."""
        if self._jobs is not None:
            self._jobs.show(Condition(os.getpid(), dict(self._service.models), health))

    def _too_often(self) -> str | None:
        """Why nothing may be stored now, if so."""
        if self._changes.wait(self._clock.monotonic()) > 0.0:
            return f"too many changes at once; the next may come in {CHANGES[1]:.0f} s"
        return None

    def answer_late(self, late: BackgroundAnswer) -> None:
        """Publish what a background request has found, or why a command was not carried out."""
        self._answer(late.command.answers_on, late.command.transaction, late.data, late.error)

    def _request(self, command: Command) -> None:
        if command.name not in REQUESTS:
            self._answer("error", command.transaction, error=f"no request {command.name!r}; there are: {_KNOWN}")
            return
        try:
            asked = document(command.name, command.value)
            if command.name == "doctor":
                self._service.background.run(command, self._doctor())
                return
            if isinstance(asked, SetRequest):
                data = self._set_all(asked.values)
            elif isinstance(asked, ResetRequest):
                data = self._reset(None if asked.key is UNSET else asked.key)
            else:
                data = self._answers[command.name]()
        except EdgeError as error:
            self._log_once.say(logging.WARNING, f"request/{command.name} refused: {error}")
            self._answer(command.name, command.transaction, error=str(error))
            return
        self._answer(command.name, command.transaction, data)

    def _doctor(self) -> Callable[[], Any]:
        """Everything but opening devices, which this very process holds."""
        from edge.doctor.examine import examine
        from edge.doctor.findings import Subject, worst

        service = self._service
        settings = service.settings
        subject = Subject(
            settings.loaded, settings.error, settings.loaded.path, settings.folder, service.board, SystemClock(),
            dict(service.statuses),
        )  # fmt: skip

        def look() -> Any:
            findings = list(examine(subject))
            return {"worst": worst(findings), "findings": msgspec.to_builtins(findings)}

        return look

    def _set_all(self, values: dict[str, Any]) -> dict[str, Any]:
        """Several config keys at once, all or none: two that bound each other cannot be set one by one."""
        if not values:
            raise EdgeError('"values" must name at least one key, such as {"values": {"decision.enter": 0.5}}')
        self._change(lambda settings: settings.change(values))
        return values

    def _reset(self, key: str | None) -> dict[str, Any]:
        self._change(lambda settings: settings.reset(key))
        return self._service.settings.live_values()

    def _calibrate(self) -> dict[str, Any]:
        """Keep what the face in view looks like at rest as the start for everybody in this seat."""
        before = dict(self._service.settings.config.face.rest)
        after = self._service.resting()
        self._change(lambda settings: settings.change({"face.rest": after}))
        return {"before": before, "after": after}

    def _reload_on_request(self) -> dict[str, Any]:
        problem = self._too_often()
        if problem is not None:
            raise EdgeError(problem)
        self._changes.take()
        problem = self.reload()
        if problem:
            raise EdgeError(problem)
        return {"pending_restart": list(self._service.settings.pending)}

    def _answer(self, name: str, transaction: str | int | None, data: Any = None, error: str | None = None) -> None:
        status: Any = "error" if error else "ok"
        response = ResponsePayload(status=status, data=data, error=error, transaction=transaction)
        self._service.outlets.tell(f"response/{name}", response)
