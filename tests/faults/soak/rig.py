"""The device under soak with its broker, a wire between them that fails, and an observer beside."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.faults.soak.tally import Run, Sample
from tests.helpers.broker import Broker, Heard, Observer, wait_for
from tests.helpers.service import toml

_OF_THE_UNIT = {  # of its environment
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "8388608",
    "MALLOC_TRIM_THRESHOLD_": "8388608",
}

PREFIX = "emotion/soak"
FAULT_EVERY_S = (3.0, 10.0)  # real
LONGEST_OUTAGE_S = 6.0
SMALL_FILE = 60_000  # bytes that a file may grow to while the disk is "full"
NONSENSE = (b"", b"{", b"\xff\xfe", b"[[[[", b'{"value": {}}', b"1e999", b"nan", b"[" * 500, b"A" * 70_000)


class Rig:
    """One process from start to end. `folder` is its own and empty."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.faults: dict[str, int] = {}
        self.samples: list[Sample] = []
        self.told: dict[str, Any] = {}
        self._folder = folder
        self._rng = random.Random(seed)
        self._ledger = Ledger(ages=False)  # its clock is not ours
        self._broker = Broker(folder)
        self._broker.start()
        self._wire = Proxy(self._broker.port)
        self._observer = _Listener(self._broker.port, self._ledger)
        config = folder / "config.toml"
        config.write_text(
            toml(
                device={"name": "soak"},
                camera={"stall_s": 4.0},
                mqtt={"host": "127.0.0.1", "port": self._wire.port},
                outbox={"max_mb": 8.0},
                privacy={"remote_off": True},
                publish={"state_every_s": 10.0, "summary_every_s": 60.0, "health_every_s": 5.0},
                limits={"max_cpu_percent": 400.0},
                log={"level": "error"},
            )
        )
        self._state = folder / "state"
        self._state.mkdir()
        self._log = (folder / "device.log").open("wb")
        self._device = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.faults.soak.device", "--config", str(config),
             "--state", str(self._state), "--seed", str(seed)],
            stdout=subprocess.PIPE, stderr=self._log, env=os.environ | _OF_THE_UNIT,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        self._began = time.monotonic()

    def run(self, seconds: float, enough: Callable[[dict[str, Any]], bool], progress: Callable[[str], None]) -> Run:
        """Soaks for so many real seconds, or until `enough`; always ends what it started."""
        wrong: list[str] = []
        try:
            wait_for(lambda: self.told or self._device.poll() is not None, 600, "the device to begin")
            end = time.monotonic() + seconds
            self._soak(lambda: time.monotonic() >= end or enough(self.told), progress)
            if self._device.poll() is None:
                self._settle()
            else:
                wrong.append(f"seed {self.seed}: the process ended with {self._device.returncode}")
        except AssertionError as error:
            wrong.append(f"seed {self.seed}: {error}")
        finally:
            status = self._end()
        if not wrong and status != 0:
            wrong.append(f"seed {self.seed}: it ended with {status}")
        wrong += [f"seed {self.seed}: {line}" for line in self._ledger.complaints + self._ledger.missing()]
        if b"Traceback" in self._unforeseen():
            wrong.append(f"seed {self.seed}: a traceback in {self._folder / 'device.log'}")
        for sense in ("camera", "microphone"):
            for kind, count in self.told.get(f"{sense}_faults", {}).items():
                self.faults[f"{sense} {kind}"] = count
        return Run(
            seed=self.seed,
            real_s=round(time.monotonic() - self._began, 1),
            device_s=self.told.get("device_s", 0.0),
            frames=self.told.get("frames", 0),
            frames_dropped=self.told.get("frames_dropped", 0),
            sound_s=self.told.get("sound_s", 0.0),
            sound_dropped_s=self.told.get("sound_dropped_s", 0.0),
            faults=self.faults,
            received=dict(self._ledger.received),
            doubles=self._ledger.doubles,
            wrong=wrong[:20],
            samples=self.samples,
        )

    def _soak(self, enough: Callable[[], bool], progress: Callable[[str], None]) -> None:
        """Faults, looks and lines, until `enough` or until the process is gone."""
        next_fault = time.monotonic() + 5.0
        sampled = said = 0.0
        while self._device.poll() is None and not enough():
            time.sleep(0.2)
            now = time.monotonic()
            if now - sampled >= 1.0:
                sampled = now
                self._look()
            if now - said >= 10.0:
                said = now
                progress(self._line())
            if now >= next_fault:
                self._fault()
                next_fault = time.monotonic() + self._rng.uniform(*FAULT_EVERY_S)

    def _fault(self) -> None:
        name = self._rng.choice(
            ["refuse", "swallow", "cut", "broker hangs", "full", "nonsense", "privacy", "reload", "set"]
        )
        self.faults[name] = self.faults.get(name, 0) + 1
        lasting = self._rng.uniform(0.3, LONGEST_OUTAGE_S)
        if name in {"refuse", "swallow"}:
            self._wire.set("refuse" if name == "refuse" else "swallow")
            time.sleep(lasting)
            self._wire.set("pass")
        elif name == "cut":
            self._wire.cut()
        elif name == "broker hangs":
            self._broker.pause()
            time.sleep(lasting)
            self._broker.resume()
        elif name == "full":
            self._wire.set("refuse")
            _, hard = resource.prlimit(self._device.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._device.pid, resource.RLIMIT_FSIZE, (SMALL_FILE, hard))
            time.sleep(lasting)
            resource.prlimit(self._device.pid, resource.RLIMIT_FSIZE, (hard, hard))
            self._wire.set("pass")
        elif name == "nonsense":
            for _ in range(300):
                topic = self._rng.choice(["privacy/set", "config/decision.enter/set", "config/x.y/set", "request/no"])
                self._observer.send(f"{PREFIX}/{topic}", self._rng.choice(NONSENSE), qos=0)
        elif name == "privacy":
            self._observer.send(f"{PREFIX}/privacy/set", "ON")
            time.sleep(lasting / 4)
            self._observer.send(f"{PREFIX}/privacy/set", "OFF")
        elif name == "reload":
            self._device.send_signal(signal.SIGHUP)
        else:
            value = round(self._rng.uniform(0.4, 0.6), 2)
            self._observer.send(f"{PREFIX}/config/decision.enter/set", str(value))

    def _settle(self) -> None:
        """The wire is whole: what waits must come before the end."""
        self._wire.set("pass")
        self._observer.send(f"{PREFIX}/privacy/set", "OFF")
        wait_for(lambda: self._observer.outbox == 0, 90, "the outbox to be empty")
        time.sleep(1.0)
        self._look()

    def _look(self) -> None:
        process = Path(f"/proc/{self._device.pid}")
        try:
            status = (process / "status").read_text()
            descriptors = len(list((process / "fd").iterdir()))
        except OSError:
            return
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        if "VmRSS" in fields:
            self.samples.append(
                Sample(
                    device_s=self.told.get("device_s", 0.0),
                    rss_mb=round(int(fields["VmRSS"].split()[0]) * 1024 / 1e6, 2),
                    threads=int(fields["Threads"]),
                    descriptors=descriptors,
                    files=len(list(self._state.iterdir())),
                    in_use_mb=self.told.get("in_use_mb", 0.0),
                    objects=self.told.get("objects", 0),
                )
            )

    def _line(self) -> str:
        told = self.told
        line = (
            f"{told.get('device_s', 0) / 3600:.2f} h at {told.get('rate', 0)}x: {told.get('frames', 0)} frames, "
            f"{told.get('sound_s', 0) / 3600:.2f} h of sound; {sum(self.faults.values())} faults"
        )
        if not self.samples:
            return line
        newest = self.samples[-1]
        return (
            f"{line}; {newest.rss_mb:.1f} MB, {newest.in_use_mb:.2f} of them lent; {newest.objects} objects, "
            f"{newest.threads} threads, {newest.descriptors} descriptors"
        )

    def _listen(self) -> None:
        assert self._device.stdout is not None
        for line in self._device.stdout:
            with contextlib.suppress(json.JSONDecodeError):
                self.told = json.loads(line)

    def _end(self) -> int:
        self._broker.resume()
        if self._device.poll() is None:
            self._device.send_signal(signal.SIGTERM)
        try:
            status = self._device.wait(30)
        except subprocess.TimeoutExpired:
            self._device.kill()
            status = self._device.wait()
        self._observer.close()
        self._wire.close()
        self._broker.kill()
        if self._device.stdout is not None:
            self._device.stdout.close()
        self._log.close()
        return status

    def _unforeseen(self) -> bytes:
        """The log without what was injected."""
        log = (self._folder / "device.log").read_bytes()
        kept, skipping = [], False
        for line in log.splitlines():
            if b"capture failed unexpectedly" in line:
                skipping = True
            elif skipping and b"ZeroDivisionError" in line and not line.startswith(b" "):
                skipping = False
            elif not skipping:
                kept.append(line)
        return b"\n".join(kept)


class _Listener(Observer):
    """An observer for long: what it hears goes to the ledger and is forgotten."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        self._ledger = ledger
        self.outbox: int | None = None
        super().__init__(port)

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        heard = Heard(message.topic, bytes(message.payload), message.retain, message.qos, time.time())
        below = heard.topic.removeprefix(PREFIX + "/")
        self._ledger.take(below, heard.payload, heard.at, retained=heard.retained)
        if below == "health":
            self.outbox = heard.json["outbox"]


def seed_of_today() -> int:
    return int.from_bytes(os.urandom(4), "big")
