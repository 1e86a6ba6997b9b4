"""One running service with a broker of its own, a wire between them that can be cut, and an observer beside."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ledger import Ledger, audited
from tests.faults.network import Wire
from tests.faults.proxy import Proxy
from tests.helpers.broker import MOSQUITTO, Broker, Heard, Observer, wait_for
from tests.helpers.service import Service, toml

DEVICE = "shelf"
PREFIX = f"emotion/{DEVICE}"
PASSWORD = "right"  # noqa: S105 - of the user "device" where the broker has a password file
KEEPALIVE_S = 5
PATIENCE_S = 60.0  # for what has no limit of its own: the machine may be busy


class Rig:
    """`folder` is its own. Everything that it started is ended by `close`."""

    repository = str(Path(__file__).parents[2])  # for PYTHONPATH where a prefix leaves the working folder

    def __init__(self, folder: Path, *, video: Path, audio: Path, broker: str = "allow_anonymous true") -> None:
        if MOSQUITTO is None:
            pytest.skip("mosquitto is not installed: apt install mosquitto")
        self.folder = folder
        self.video = video
        self.audio = audio
        if "password_file" in broker:
            command = ["mosquitto_passwd", "-b", "-c", str(folder / "passwords"), "device", PASSWORD]
            subprocess.run(command, check=True, capture_output=True)
        self.broker = Broker(folder, broker.replace("{folder}", str(folder)))
        self.broker.start()
        self.wire = Proxy(self.broker.port)
        self.observer = Observer(self.broker.port)
        self.service: Service | None = None
        self._closing = contextlib.ExitStack()

    def start(
        self,
        *words: str,
        env: dict[str, str] | None = None,
        module: str = "edge",
        prefix: Sequence[str] = (),
        **sections: dict[str, Any],
    ) -> Service:
        """The service on a voice and, unless told otherwise, no camera; sections are laid over that."""
        config: dict[str, dict[str, Any]] = {
            "device": {"name": DEVICE},
            "camera": {"source": "none"},
            "microphone": {"source": str(self.audio)},
            "mqtt": {"host": "127.0.0.1", "port": self.wire.port, "keepalive_s": KEEPALIVE_S},
            "publish": {"health_every_s": 1.0, "state_every_s": 1.0, "summary_every_s": 5.0},
        }
        for name, values in sections.items():
            config[name] = {**config.get(name, {}), **values}
        self.service = Service(self.folder, toml(**config), env, module=module, prefix=prefix).start(*words)
        return self.service

    def behind(self, wire: Wire) -> int:
        """The broker's port as seen from the other end of that wire."""
        relay = Proxy(self.broker.port, wire.listen())
        self.on_close(relay.close)
        return relay.port

    def online(self, after: float = 0.0) -> None:
        """Waits until it says so, later than that wall time."""
        self.wait("availability", lambda m: m.payload == b"online" and m.at > after and not m.retained)

    def back_after(self, remedy: Callable[[], Any]) -> float:
        """Ends what keeps it from the broker and waits until it says that it is online; when that was begun.

        The time is taken before: on a busy machine it may be back before this thread goes on.
        """
        began = time.time()
        remedy()
        self.online(after=began)
        return began

    def ask(self, topic: str, payload: str, answer: str, match: Callable[[Heard], Any] = lambda _: True) -> Heard:
        """Sends a command; its answer may be here before the broker's acknowledgement is."""
        asked = time.time()
        self.observer.send(f"{PREFIX}/{topic}", payload)
        return self.wait(f"response/{answer}", lambda m: m.at > asked and match(m))

    def wait(self, topic: str, match: Callable[[Heard], Any] = lambda _: True, seconds: float = PATIENCE_S) -> Heard:
        """The first message on that topic, past or coming, that matches."""
        try:
            return self.observer.wait(f"{PREFIX}/{topic}", seconds, lambda m: bool(match(m)))
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._condition()}") from None

    def next(self, topic: str, match: Callable[[Heard], Any] = lambda _: True, seconds: float = PATIENCE_S) -> Heard:
        """The first message from now on."""
        now = time.time()
        return self.wait(topic, lambda m: m.at > now and match(m), seconds)

    def health(self) -> dict[str, Any]:
        """As it tells next."""
        found: dict[str, Any] = self.next("health").json
        return found

    def drained(self) -> None:
        """Waits until nothing waits any more, here or at the broker, which lets `health` overtake what it queues."""
        self.next("health", lambda m: m.json["outbox"] == 0)
        self.until(lambda: not self.ledger(ages=False).missing(), "all that had waited")

    def waiting(self) -> int:
        """Messages that wait in the outbox's file."""
        file = self.folder / "state" / "outbox.sqlite"
        try:
            with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as outbox:
                return int(outbox.execute("SELECT count(*) FROM waiting").fetchone()[0])
        except sqlite3.OperationalError:  # there is no file, or no table in it yet
            return 0

    def ledger(self, *, ages: bool = True) -> Ledger:
        """What the observer holds against it."""
        return audited(self.observer.messages, PREFIX, ages=ages)

    def resident_mb(self) -> float:
        assert self.service is not None
        pages = int(Path(f"/proc/{self.service.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def log(self) -> str:
        assert self.service is not None
        return self.service.log.read_text()

    def _condition(self) -> str:
        """Of the service, for whoever waited in vain."""
        if self.service is None:
            return "no service was started"
        status = self.service.status
        runs = "the service runs" if status is None else f"the service has ended with status {status}"
        return "\n".join([f"{runs}; its log ends:", *self.log().splitlines()[-5:]])

    def until(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
        return wait_for(condition, seconds, what)

    def on_close(self, undo: Callable[[], Any]) -> None:
        self._closing.callback(undo)

    def close(self) -> None:
        try:
            if self.service is not None:
                self.service.stop(20)
        finally:
            self.observer.close()
            self.wire.close()
            self.broker.resume()
            self.broker.kill()
            self._closing.close()
