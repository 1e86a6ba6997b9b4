"""The decision loop: the only owner of the scene, the privacy switch and the effective configuration.

It takes what the other threads bring, decides, tells, and watches over all of them. What it starts it stops.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edge.config.load import Loaded
from edge.config.schema import Config
from edge.device import systemd
from edge.device.board import Board
from edge.device.clock import Clock
from edge.device.gpio import Gpio
from edge.device.hardening import HeapTrimmer
from edge.device.privacy import Gate, PrivacyState
from edge.emotion.scene import Scene
from edge.errors import EdgeError
from edge.face.budget import Budget
from edge.messages.payloads import HealthPayload, SourcePayload
from edge.readings import FacesReading, SourceStatus, SpeechReading
from edge.service.background import BackgroundAnswer, BackgroundRequests
from edge.service.health import HealthMonitor
from edge.service.inbox import Inbox, Item
from edge.service.outlets import Broker, Observer, Outlets
from edge.service.privacy import Privacy
from edge.service.request_handler import RequestHandler
from edge.service.senses import CameraSense, MicrophoneSense, Sense
from edge.service.settings import Settings
from edge.service.supervision import Supervised, Supervisor, stop_together

if TYPE_CHECKING:  # imported where they are switched on
    from edge.service.history import HistoryRecorder
    from edge.service.text import TextInput

log = logging.getLogger(__name__)

TICK_S = 0.2  # decisions are taken at least this often
SLOW_HUNG_S = 60.0  # a driver may take long to open, a disk to write, a request to be examined
FLOW_S = 300.0  # nothing from any source for this long, though there was before: only a new process helps
STOP_S = 4.0  # for everything together; systemd waits five seconds
FAIL_S = 0.6  # to say good-bye before the process ends because a device is still open
NO_RESTART = 78  # EX_CONFIG: systemd leaves it be


class Service:
    """Put together by edge.service.build; `run` does not return until stopped."""

    def __init__(
        self,
        *,
        settings: Settings,
        board: Board,
        broker: Broker,
        scene: Scene,
        gate: Gate,
        gpio: Gpio,
        sight: CameraSense | None,
        hearing: MicrophoneSense | None,
        inbox: Inbox,
        clock: Clock,
        text: TextInput | None = None,
        models: Mapping[str, dict[str, str]] = MappingProxyType({}),
        observers: Sequence[Observer] = (),
        supervised: Sequence[Supervised] = (),
        background: BackgroundRequests | None = None,
        history: HistoryRecorder | None = None,
        on_reload: Callable[[Config], None] = lambda _: None,
        end: Callable[[int], None] = os._exit,
    ) -> None:
        """`supervised` are the threads of broker and observers. `on_reload` hears the config after SIGHUP. `end` ends
        the process at once: a thread that hangs would keep an ordinary exit waiting.
        """
        self.settings = settings
        self.board = board
        self.models = models  # in use: name -> version, sha256, origin
        self.outlets = Outlets(broker, [*observers, *([history] if history else [])])
        self._history = history
        self.scene = scene
        self.statuses: dict[str, SourceStatus] = {}
        self.sight = sight
        self.hearing = hearing
        self.text = text
        self._senses: list[Sense[Any]] = [sense for sense in (sight, hearing) if sense is not None]
        self._gate = gate
        self._gpio = gpio
        self._inbox = inbox
        self._clock = clock
        self._on_reload = on_reload
        self._end = end
        self.privacy = Privacy(
            gate, self._senses, purge=self._purge, forget=self._forget_people, tell=self._tell_privacy
        )
        self.background = background or BackgroundRequests(inbox.put, clock)
        self.requests = RequestHandler(self, clock)
        self._supervisor = Supervisor(clock)
        self._supervisor.watch([sense.worker for sense in self._senses])
        self._supervisor.watch([*(sense.capture for sense in self._senses), self.background.worker], SLOW_HUNG_S)
        self._supervisor.watch([*supervised, *([history.worker] if history else [])], SLOW_HUNG_S)
        self._health = HealthMonitor(
            board, clock, inbox, sight=sight, hearing=hearing, broker=broker.status, history=history,
            restarts=self._supervisor.restarts,
        )  # fmt: skip
        self._budget = _budget(settings.config)
        self._heap = HeapTrimmer(clock.monotonic())
        self._health_told = self._second = clock.monotonic()
        self._systemd_told = ""
        self._stop = False
        self._reload = False
        self._failure: str | None = None

    def stop(self) -> None:
        """End soon; safe in a signal handler."""
        self._stop = True

    def reload(self) -> None:
        """Read the config again soon; safe in a signal handler."""
        self._reload = True

    def run(self, seconds: float | None = None) -> int:
        """Serve until `stop`, or for `seconds`. Returns the exit status."""
        end = None if seconds is None else self._clock.monotonic() + seconds
        try:
            self._start()
            while not self._stop and self._failure is None and (end is None or self._clock.monotonic() < end):
                self._turn()
        finally:
            in_time = self._shut_down()
        if self._failure is None and in_time:
            return 0
        if self._failure is not None:
            log.error("%s: ending, so that the service is started again", self._failure)
        # What no disk took would be forgotten by the next process, and the camera would open.
        status = 0 if self._failure is None else NO_RESTART if self._gate.lost_on_restart else 1
        logging.shutdown()
        self._end(status)
        return status

    def health(self) -> HealthPayload:
        """How it fares, now."""
        return self._health.report(thinned=self._budget.thinned)

    def resting(self) -> dict[str, float]:
        """What `face.rest` would have to be for the face in view."""
        return self.scene.resting(self._clock.monotonic())

    def apply(self, changed: Loaded) -> None:
        """Let the live part of a changed configuration take effect."""
        before = self.settings.config.limits
        config = self.settings.adopt(changed)
        self.scene.apply(config)
        self._gate.apply(config.privacy)
        for sense in self._senses:
            sense.apply(config)
        if config.limits != before:
            self._budget = _budget(config)
        logging.getLogger().setLevel(config.log.level.upper())

    def _start(self) -> None:
        self.outlets.start()
        self.requests.announce()
        self.background.worker.start()
        self.privacy.follow()
        for sense in self._senses:
            sense.worker.start()
            sense.capture.start()
        for name in {"camera", "microphone"} - {sense.name for sense in self._senses}:
            reason = "switched off in the config"
            self.outlets.tell(f"status/{name}", SourcePayload(state="disabled", reason=reason))
        systemd.notify("READY=1")

    def _turn(self) -> None:
        """One round of the loop."""
        before = self.privacy.closed_times
        for item in self._inbox.take(TICK_S):
            self._take(item, fresh=before == self.privacy.closed_times)
        if self._reload:
            self._reload = False
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")
            self.requests.reload()
            self._apply_secrets()
            systemd.notify("READY=1")
        now = self._clock.monotonic()
        if self.privacy.open:
            for message in self.scene.tick(now, self._clock.wall()):
                self.outlets.tell(message.topic, message.payload, message.captured)
                if message.topic == "reading":
                    self._health.latencies.add(now - message.captured)
        if now - self._second >= 1.0:
            self._second = now
            self._every_second(now)
        self._fail(self.privacy.failure)

    def _take(self, item: Item, *, fresh: bool) -> None:
        """Handle one item. `fresh`: nothing was closed for privacy since it lay in the inbox."""
        if isinstance(item, FacesReading | SpeechReading):
            if self.privacy.open and fresh:
                self.scene.feed(item)
        elif isinstance(item, SourceStatus):
            reason = f" ({item.reason})" if item.reason else ""
            fields = {"EMOTION_EDGE_SOURCE": item.source, "EMOTION_EDGE_STATE": item.state}
            log.info("%s is %s%s", item.source, item.state, reason, extra=fields)
            self.statuses[item.source] = item
            self.outlets.tell(f"status/{item.source}", SourcePayload(state=item.state, reason=item.reason))
        elif isinstance(item, BackgroundAnswer):
            self.requests.answer_late(item)
        elif item.kind == "text":
            self.requests.read(item, fresh=fresh)
        else:
            self.requests.obey(item)

    def _apply_secrets(self) -> None:
        """A broker that refused us is tried again at once with what the owner put right."""
        try:
            self._on_reload(self.settings.config)
        except EdgeError as error:
            log.warning("%s", error)

    def _every_second(self, now: float) -> None:
        if self._gpio.mute_pressed():
            self.privacy.switch(on=not self.privacy.state.on)
        self.privacy.follow()
        self._health.sample()
        self.requests.look_at_jobs()
        if self.sight is not None:
            cpu = self._health.cpu_percent
            self.sight.thin(self._budget.step(cpu, self.board.temperature(), self.board.throttled(), now))
        self._heap.tick(now)
        self._fail(self._supervisor.check())
        if self._failure is None and self._flowing(now):
            systemd.notify("WATCHDOG=1")
        self._tell_systemd()
        if now - self._health_told >= self.settings.config.publish.health_every_s:
            self._health_told = now
            health = self.health()
            self.outlets.tell("health", health)
            self.requests.show_condition(health)

    def _fail(self, reason: str | None) -> None:
        """The process has to end. The first reason stays."""
        self._failure = self._failure or reason

    def _forget_people(self) -> None:
        now = self._clock.monotonic()
        self.scene.reset(now)
        self._heap.trim_soon(now)

    def _purge(self, state: PrivacyState) -> None:
        """What waits for the broker goes, and of the history what was recorded just before; in a thread of its own.

        Quiet hours come every day, and nobody asked at that moment: past days stay whole.
        """
        try:
            if self._history is not None and not state.planned:
                self._history.forget_lately()
        finally:
            self.outlets.broker.purge()

    def _tell_privacy(self, state: PrivacyState) -> None:
        if state.on:
            current = self.scene.current_state(self._clock.wall(), self._clock.monotonic())
            self.outlets.tell("state", current)
        self._gpio.light(not state.on)
        self.outlets.tell("privacy", "ON" if state.on else "OFF")

    def _tell_systemd(self) -> None:
        """One line for `systemctl status`: what we do, and what keeps us from the broker."""
        trouble = self.outlets.broker.status().reason
        line = (self.privacy.state.reason or "watching") + (f"; no broker: {trouble}" if trouble else "")
        if line != self._systemd_told:
            self._systemd_told = line
            systemd.notify(f"STATUS={line}")

    def _flowing(self, now: float) -> bool:
        """False when frames and sound have stopped for good: systemd's watchdog starts us anew then."""
        if not self.privacy.open:
            for sense in self._senses:
                sense.last_item = None
            return True
        flowed = [sense.last_item for sense in self._senses if sense.last_item is not None]
        return not flowed or now - max(flowed) < FLOW_S

    def _shut_down(self) -> bool:
        """Everything at the same time, offline told first. Whether all of it ended in time."""
        systemd.notify("STOPPING=1\nSTATUS=stopping")
        seconds = FAIL_S if self.privacy.failure else STOP_S
        self.background.worker.stop()
        parts: list[Callable[[float], object]] = [self.outlets.broker.stop]
        parts += [partial(_stop_observer, observer) for observer in self.outlets.observers]
        parts += [sense.stop for sense in self._senses]
        in_time = stop_together(parts, seconds)
        self._gpio.close()
        return in_time


def _budget(config: Config) -> Budget:
    return Budget(config.limits.max_cpu_percent, config.limits.max_temperature_c, config.camera.fps)


def _stop_observer(observer: Observer, _seconds: float) -> None:
    observer.stop()
