"""Puts the service together from its configuration."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
from msgspec import structs

from edge.config import schema
from edge.config.load import Loaded
from edge.config.secrets import mqtt_password
from edge.demo.sources import factories
from edge.device import paths
from edge.device.board import detect
from edge.device.clock import Clock, SystemClock, system_synced
from edge.device.database import remove
from edge.device.gpio import Gpio
from edge.device.identity import client_id, device_name, machine_id
from edge.device.privacy import Gate
from edge.device.privacy_log import PrivacyLog
from edge.emotion.fusion import learned_weights
from edge.emotion.scene import Scene
from edge.errors import StorageError
from edge.face.classify import FaceClassifier
from edge.face.finder import SingleShot
from edge.face.path import FacePath
from edge.homeassistant.announcer import Announcer
from edge.homeassistant.device import birth_topic
from edge.inference import Runtime
from edge.messages import desired
from edge.messages.commands import Command
from edge.messages.topics import TEXT_COMMAND
from edge.modelstore.store import NAMES, choose, log_chosen
from edge.mqtt.publisher import Publisher
from edge.service.inbox import Inbox
from edge.service.outlets import Observer
from edge.service.senses import CameraSense, MicrophoneSense, speech_settings
from edge.service.service import Service
from edge.service.settings import Settings
from edge.service.supervision import Supervised
from edge.speech.path import SpeechPath

if TYPE_CHECKING:  # imported where they are used: most devices show no page, keep no days and read no words
    from edge.dashboard.observer import DashboardObserver
    from edge.service.history import HistoryRecorder
    from edge.service.text import TextInput
    from edge.service.transcripts import TranscriptListener

log = logging.getLogger(__name__)


def build(loaded: Loaded, state: Path) -> Service:
    """A service that is ready to run. Raises EdgeError with what is missing."""
    config, clock = loaded.config, SystemClock()
    cv2.setNumThreads(1)  # pictures this small cost more when they are shared out
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{state}: cannot be made: {error.strerror}; name another folder with --state") from None
    chosen = {each: choose(each, paths.model_store(loaded.path, state)) for each in NAMES}
    log_chosen(chosen)
    inbox = Inbox()

    def send(command: Command) -> None:
        inbox.put(command)

    sight = hearing = None
    make_camera, make_microphone = factories(config, clock)
    if config.camera.enabled and config.camera.source != "none":
        runtime = Runtime(config.face.threads, config.face.delegate)
        classifier = FaceClassifier(chosen["face"].folder, runtime=runtime)
        find = partial(SingleShot, folder=chosen["finder"].folder, runtime=runtime, quick=True)
        path = FacePath(config.face, classifier, find=find)
        sight = CameraSense(config, make_camera, path, inbox.put, clock)
    if config.microphone.enabled and config.microphone.source != "none":
        voice = SpeechPath(speech_settings(config.speech), chosen["speech"].folder)
        hearing = MicrophoneSense(config, make_microphone, voice, inbox.put, clock)
    text = _text(chosen["text"].folder, clock) if config.text.enabled else None
    name = device_name(config.device.name, machine_id())
    publisher = Publisher(
        structs.replace(config.mqtt, base=config.topic_base),
        config.outbox,
        device=name,
        client_id=client_id(name, machine_id()),
        password=mqtt_password(config.mqtt),
        folder=state,
        clock=clock,
        on_command=inbox.put,
        more_commands=(TEXT_COMMAND,) if text else (),
    )
    board = detect()
    announcer = Announcer(
        publisher.publish, state, enabled=config.home_assistant.enabled, connected=lambda: publisher.connected,
        has_temperature=board.temperature() is not None, has_throttling=board.throttled() is not None,
    )  # fmt: skip
    if config.home_assistant.enabled:
        publisher.listen(birth_topic(config.home_assistant.prefix), announcer.on_birth)
    where = config.device
    for name_of_document in desired.names(where, name):
        hear = partial(_hand_on, inbox, name_of_document)
        publisher.listen(desired.topic(name_of_document, where.tenant), hear, retained=True)
    if desired.names(where, name):
        publisher.listen(
            desired.topic(name, where.tenant, "job"), partial(_hand_on, inbox, name, kind="job"), retained=True
        )
    history = _history(config, state, clock)
    listeners = _listeners(config.text, inbox.put, clock)
    pages: list[Observer] = [*listeners]
    supervised: list[Supervised] = [publisher, *(listener.worker for listener in listeners)]
    if config.dashboard.enabled:
        page = _page(config, state, publisher, send=send, sight=sight, history=history, clock=clock)
        pages.append(page)
        supervised.append(page.thread)
    if config.metrics.enabled:
        from edge.metrics.observer import MetricsObserver

        metrics = MetricsObserver(config.metrics, publisher.status, clock)
        pages.append(metrics)
        supervised.append(metrics.thread)
    gate = Gate(state, config.privacy, clock)
    record = PrivacyLog(
        paths.privacy_log(state), clock, synced=system_synced, reason=lambda: gate.now().reason or "switched off"
    )
    return Service(
        settings=Settings(loaded, paths.overrides_file(state)),
        board=board,
        broker=publisher,
        scene=Scene(config, learned_weights(chosen["fusion"].folder), clock.monotonic()),
        gate=gate,
        gpio=Gpio(config.privacy),
        sight=sight,
        hearing=hearing,
        text=text,
        inbox=inbox,
        clock=clock,
        models={each: choice.described() for each, choice in chosen.items()},
        observers=[announcer, record, *pages],
        supervised=supervised,
        history=history,
        on_reload=lambda config: publisher.apply(password=mqtt_password(config.mqtt)),
    )


def _hand_on(inbox: Inbox, name: str, payload: bytes, kind: Literal["desired", "job"] = "desired") -> None:
    inbox.put(Command(kind, name, payload))


def _listeners(text: schema.TextConfig, put: Callable[[Command], object], clock: Clock) -> list[TranscriptListener]:
    """For a satellite on this device, if the owner has one."""
    if not (text.enabled and text.source):
        return []
    from edge.service.transcripts import TranscriptListener

    return [TranscriptListener(text.source, put, clock)]


def _text(folder: Path, clock: Clock) -> TextInput:
    from edge.service.text import TextInput
    from edge.text.classifier import TextClassifier

    return TextInput(TextClassifier(folder), clock.monotonic())


def _history(config: schema.Config, state: Path, clock: Clock) -> HistoryRecorder | None:
    """What keeps the minutes of past days, or nothing: then what was kept before goes."""
    path = paths.history_file(state)
    if config.history.keep_days:
        from edge.service.history import HistoryRecorder

        synced = (lambda: True) if config.privacy.trust_clock else system_synced
        return HistoryRecorder(path, config.history.keep_days, clock, synced=synced)
    try:
        remove(path)
    except StorageError as error:
        log.warning("history.keep_days is 0, but %s", error)
    return None


def _page(
    config: schema.Config,
    state: Path,
    publisher: Publisher,
    *,
    send: Callable[[Command], None],
    sight: CameraSense | None,
    history: HistoryRecorder | None,
    clock: Clock,
) -> DashboardObserver:
    """The page's observer. ConfigError when it would be open to everybody."""
    from edge.dashboard.observer import DashboardObserver
    from edge.dashboard.preview import Aim
    from edge.dashboard.sign_in import checked_password

    settings = config.dashboard
    password = checked_password(settings, state)
    aim = Aim(clock, allowed=settings.preview != "off")
    if sight is not None and aim.allowed:
        sight.onlooker = aim.look
    return DashboardObserver(
        settings, password=password, device=publisher.device, send=send, broker=publisher.status, aim=aim, clock=clock,
        language=config.device.language, days=history,
    )  # fmt: skip


def obey_signals(service: Service) -> None:
    """SIGTERM and SIGINT stop it, SIGHUP reads the config again."""
    signal.signal(signal.SIGTERM, lambda *_: service.stop())
    signal.signal(signal.SIGINT, lambda *_: service.stop())
    signal.signal(signal.SIGHUP, lambda *_: service.reload())
