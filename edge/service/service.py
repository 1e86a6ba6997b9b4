"""The running service: starts the parts, decides in one loop, watches over the workers, stops everything.

The loop below is the only owner of the scene, the gate and the effective configuration.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from edge.config.load import Loaded
from edge.config.secrets import mqtt_password
from edge.device import systemd
from edge.device.board import Board
from edge.device.clock import Clock
from edge.device.gpio import Gpio
from edge.device.hardening import HeapTrimmer
from edge.device.privacy import Gate, PrivacyState
from edge.emotion.scene import Scene
from edge.errors import EdgeError, StorageError
from edge.face.budget import Budget
from edge.messages.commands import Command
from edge.messages.payloads import HealthPayload, SourcePayload
from edge.mqtt.publisher import Publisher
from edge.readings import FacesReading, SourceStatus, SpeechReading
from edge.service.background import BackgroundAnswer
from edge.service.health import CpuMeter, Latencies, resident_mb
from edge.service.observers import Observer, Outlet
from edge.service.queues import Inbox
from edge.service.request_handler import RequestHandler
from edge.service.senses import CameraSense, MicrophoneSense, Sense
from edge.service.settings import Settings
from edge.service.workers import Supervisor

log = logging.getLogger(__name__)

Item = FacesReading | SpeechReading | SourceStatus | Command | BackgroundAnswer
TICK_S = 0.1  # decisions are taken at least this often
CAPTURE_HUNG_S = 60.0  # a capture thread that shows no life: only a new process helps
FLOW_S = 300.0  # nothing from any source for this long, though there was before: likewise


class Service:
    """Put together by edge.service.build; `run` does not return until stopped."""

    def __init__(
        self,
        *,
        settings: Settings,
        board: Board,
        publisher: Publisher,
        scene: Scene,
        gate: Gate,
        gpio: Gpio,
        sight: CameraSense | None,
        hearing: MicrophoneSense | None,
        inbox: Inbox[Item],
        clock: Clock,
        models: Mapping[str, dict[str, str]] = MappingProxyType({}),
        observers: Sequence[Observer] = (),
    ) -> None:
        self.settings = settings
        self.board = board
        self.models = models  # in use: name -> version, sha256, origin
        self.publisher = publisher
        self.outlet = Outlet(publisher, observers)
        self.scene = scene
        self.gate = gate
        self.privacy = PrivacyState(True)  # the gate's last answer
        self.sight = sight
        self.hearing = hearing
        self.statuses: dict[str, SourceStatus] = {}
        self._gpio = gpio
        self._inbox = inbox
        self._clock = clock
        self._senses: list[Sense[Any]] = [sense for sense in (sight, hearing) if sense is not None]
        self._supervisor = Supervisor([*(sense.worker for sense in self._senses), publisher], clock)
        self._remote = RequestHandler(self, inbox.put, clock)
        self._cpu = CpuMeter(clock.monotonic())
        self._budget = Budget(settings.config.limits.max_cpu_percent, settings.config.limits.max_temperature_c)
        self._latencies = Latencies()
        self._heap = HeapTrimmer(clock.monotonic())
        self._started = clock.monotonic()
        self._frames_told = (self._started, 0)
        self._health_told = self._second = self._started
        self._cpu_percent = 0.0
        self._released: bool | None = None
        self._said = ""  # to systemd, as the unit's status
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
        self._start()
        end = None if seconds is None else self._clock.monotonic() + seconds
        try:
            while not self._stop and (end is None or self._clock.monotonic() < end):
                self._turn()
                if self._failure is not None:
                    break
        finally:
            self._shut_down()
        if self._failure is None:
            return 0
        log.error("%s: ending, so that the service is started anew", self._failure)
        logging.shutdown()
        os._exit(1)  # a hung thread would keep an ordinary exit waiting

    def _start(self) -> None:
        self.publisher.start()
        self.outlet.start()
        self._remote.announce()
        self._look_at_gate()
        for sense in self._senses:
            sense.worker.start()
            sense.capture.start()
        for name, present in (("camera", self.sight), ("microphone", self.hearing)):
            if present is None:
                reason = "switched off in the config"
                self.outlet.tell(f"status/{name}", SourcePayload(state="disabled", reason=reason))
        systemd.notify("READY=1")

    def _turn(self) -> None:
        """One round of the loop."""
        for item in self._inbox.take(TICK_S):
            if isinstance(item, FacesReading | SpeechReading):
                if not self.privacy.on:
                    self.scene.feed(item)
            elif isinstance(item, SourceStatus):
                reason = f" ({item.reason})" if item.reason else ""
                fields = {"EMOTION_EDGE_SOURCE": item.source, "EMOTION_EDGE_STATE": item.state}
                log.info("%s is %s%s", item.source, item.state, reason, extra=fields)
                self.statuses[item.source] = item
                self.outlet.tell(f"status/{item.source}", SourcePayload(state=item.state, reason=item.reason))
            elif isinstance(item, BackgroundAnswer):
                self._remote.answer_late(item)
            else:
                self._remote.obey(item)
        if self._reload:
            self._reload = False
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")
            self._remote.reload()
            self._renew_password()
            systemd.notify("READY=1")
        now = self._clock.monotonic()
        if not self.privacy.on:
            for message in self.scene.tick(now, self._clock.wall()):
                self.outlet.tell(message.topic, message.payload, message.captured)
                if message.topic == "reading":
                    self._latencies.add(now - message.captured)
        if now - self._second >= 1.0:
            self._second = now
            self._every_second(now)

    def _renew_password(self) -> None:
        """A broker that refused us is tried again at once with what the owner put right."""
        try:
            self.publisher.apply(password=mqtt_password(self.settings.config.mqtt))
        except EdgeError as error:
            log.warning("%s", error)

    def _every_second(self, now: float) -> None:
        if self._gpio.mute_pressed():
            self.switch_privacy(on=not self.privacy.on)
        self._look_at_gate()
        self._cpu_percent = self._cpu.percent(now)
        if self.sight is not None:
            stride = self._budget.step(self._cpu_percent, self.board.temperature(), self.board.throttled(), now)
            self.sight.thin(stride)
        self._heap.tick(now)
        self._tell_systemd()
        self._failure = self._supervisor.check() or self._hung_capture(now)
        if self._failure is None and self._flowing(now):
            systemd.notify("WATCHDOG=1")
        if now - self._health_told >= self.settings.config.publish.health_every_s:
            self._health_told = now
            self.outlet.tell("health", self.health())

    def switch_privacy(self, *, on: bool) -> str | None:
        """Throw the switch. Returns why it could not be stored, if so; it is on then."""
        problem = None
        try:
            self.gate.switch(on)
        except StorageError as error:
            problem = str(error)
            log.warning("%s", problem)
        return self._follow_gate() or problem

    def _look_at_gate(self) -> None:
        """The switch may have been thrown by another process, and quiet hours come and go."""
        self.gate.store_again()
        self._follow_gate()

    def _follow_gate(self) -> str | None:
        """Release or take the devices as the gate says, and tell it once it is done. Returns what could not be done."""
        self.privacy = self.gate.now()
        if self.privacy.on == self._released:
            return None
        problem = None
        now = self._clock.monotonic()
        self._released = self.privacy.on
        if self.privacy.on:
            closed = [sense.release(self.privacy.reason) for sense in self._senses]
            self.scene.reset(now)
            try:
                self.publisher.purge()
            except StorageError as error:
                problem = f"what waits for the broker could not be deleted: {error}"
                log.error("%s", problem)
            self.outlet.tell("state", self.scene.current_state(self._clock.wall(), now))
            self._heap.trim_soon(now)
            if not all(closed):
                self._failure = "a device could not be released for privacy"
        else:
            self.scene.reset(now)
            for sense in self._senses:
                sense.resume()
        self._gpio.light(not self.privacy.on)
        self.outlet.tell("privacy", "ON" if self.privacy.on else "OFF")
        log.info("privacy is %s", f"on ({self.privacy.reason})" if self.privacy.on else "off")
        return problem

    def apply(self, changed: Loaded) -> None:
        """Let the live part of a changed configuration take effect."""
        before = self.settings.config.limits
        config = self.settings.adopt(changed)
        self.scene.apply(config)
        self.gate.apply(config.privacy)
        for sense in self._senses:
            sense.apply(config)
        if config.limits != before:
            self._budget = Budget(config.limits.max_cpu_percent, config.limits.max_temperature_c)
        logging.getLogger().setLevel(config.log.level.upper())

    def resting(self) -> dict[str, float]:
        """What `face.rest` would have to be for the face in view."""
        return self.scene.resting(self._clock.monotonic())

    def health(self) -> HealthPayload:
        """How it fares, now."""
        now = self._clock.monotonic()
        broker = self.publisher.status()
        taken = self.sight.slot.taken if self.sight else 0
        then, before = self._frames_told
        if now - then >= 1.0:
            self._frames_told = (now, taken)
        return HealthPayload(
            uptime_s=round(now - self._started, 1),
            fps=round((taken - before) / (now - then), 2) if now > then else 0.0,
            frames=taken,
            frames_dropped=self.sight.slot.dropped if self.sight else 0,
            sound_dropped_s=round(self.hearing.queue.dropped_s, 2) if self.hearing else 0.0,
            queue=len(self._inbox),
            latency_ms=self._latencies.summary(),
            cpu_percent=round(self._cpu_percent, 1),
            rss_mb=round(resident_mb(), 1),
            temperature_c=self.board.temperature(),
            throttled=self.board.throttled(),
            outbox=broker.outbox,
            disk_bytes_today=broker.disk_bytes_today,
            degraded=broker.degraded,
            lost=broker.dropped,
            commands_refused=broker.commands_refused,
            connections=broker.connections,
            restarts=self._supervisor.restarts(),
        )

    def _tell_systemd(self) -> None:
        """One line for `systemctl status`: what we do, and what keeps us from the broker."""
        trouble = self.publisher.status().reason
        line = (self.privacy.reason or "watching") + (f"; no broker: {trouble}" if trouble else "")
        if line != self._said:
            self._said = line
            systemd.notify(f"STATUS={line}")

    def _hung_capture(self, now: float) -> str | None:
        for sense in self._senses:
            silent = now - sense.capture.heartbeat
            if silent > CAPTURE_HUNG_S:
                return f"the {sense.name}'s driver has been hanging for {silent:.0f} s"
        return None

    def _flowing(self, now: float) -> bool:
        """False when frames and sound have stopped for good: systemd's watchdog starts us anew then."""
        if self.privacy.on:
            for sense in self._senses:
                sense.last_item = None
            return True
        flowed = [sense.last_item for sense in self._senses if sense.last_item is not None]
        return not flowed or now - max(flowed) < FLOW_S

    def _shut_down(self) -> None:
        systemd.notify("STOPPING=1\nSTATUS=stopping")
        for sense in self._senses:
            sense.worker.stop()
        for sense in self._senses:
            try:
                sense.capture.stop()
            except Exception:  # nothing may keep the rest from being released
                log.exception("while stopping the %s", sense.name)
        for sense in self._senses:
            sense.worker.join(1.0)
        self._gpio.close()
        self.outlet.stop()
        self.publisher.stop(timeout=2.0)
