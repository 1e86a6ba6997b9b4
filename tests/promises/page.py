"""What the page and the metrics promise: nothing dead is shown as living, nothing of strangers as it came."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from typing import Any

from edge.dashboard.password import file_in, store
from tests.dashboard.web import Web
from tests.faults.rig import DEVICE, PREFIX, Rig
from tests.helpers.broker import free_port
from tests.promises.registry import promise

EVIL = "\x1b[2J\x1b]0;owned\x07"


def _page_elsewhere(rig: Rig) -> Web:
    """`emotion-edge dashboard` on another machine, which knows the broker alone."""
    web = Web(free_port())
    words = ["--broker", f"127.0.0.1:{rig.wire.port}", "--device", DEVICE, "--port", str(web.port)]
    words += ["--state", str(rig.folder / "elsewhere")]
    page = subprocess.Popen([sys.executable, "-m", "edge", "dashboard", *words], stdout=subprocess.DEVNULL)

    def end() -> None:
        page.kill()
        page.wait()

    rig.on_close(end)
    web.wait()
    return web


def _nothing_of_anybody(shown: dict[str, Any]) -> bool:
    return shown["state"] is None and shown["reading"] is None and shown["service"] in ("silent", "offline")


def _seconds_until_dead(rig: Rig, web: Web, what: str) -> str:
    began = time.monotonic()
    rig.until(lambda: _nothing_of_anybody(web.snapshot()), f"the page to notice: {what}", 30)
    return f"{time.monotonic() - began:.1f} s"


@promise(16, "the page shows no feeling once the service is killed or hung, or the broker is gone")
def dead_feeling_on_the_page(rig: Rig) -> str:
    service = rig.start(camera={"source": str(rig.video)})
    web = _page_elsewhere(rig)

    def alive() -> bool:
        shown = web.snapshot()
        return shown["state"] is not None and shown["reading"] is not None and shown["service"] == "ok"

    rig.until(alive, "the page to show a state")
    service.signal(signal.SIGSTOP)
    hung = _seconds_until_dead(rig, web, "a service that hangs")
    service.signal(signal.SIGCONT)
    rig.until(alive, "the page to show a state again")
    service.signal(signal.SIGKILL)
    killed = _seconds_until_dead(rig, web, "a service that was killed")
    service.wait()
    service.start()
    rig.until(alive, "the page to show a state once more")
    rig.broker.kill()
    gone = _seconds_until_dead(rig, web, "a broker that is gone")
    assert web.snapshot()["broker"]["state"] != "connected"
    assert service.stop() == 0
    return f"hung: nothing after {hung}; killed: {killed}; no broker: {gone}"


@promise(16, "the service's own page and its metrics say that the broker is gone, and show nothing under privacy")
def own_page(rig: Rig) -> str:
    web, port = Web(free_port()), free_port()
    service = rig.start(
        camera={"source": str(rig.video)},
        dashboard={"enabled": True, "port": web.port},
        metrics={"enabled": True, "port": port},
    )
    web.wait()

    def metrics() -> dict[str, float]:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        return {name: float(value) for name, _, value in (each.rpartition(" ") for each in lines if each[0] != "#")}

    def state_shown() -> bool:
        with suppress(ConnectionRefusedError):  # the metrics may begin to listen after the page
            return "emotion_edge_state_age_seconds" in metrics()
        return False

    rig.until(state_shown, "the metrics to show a state")
    age = metrics()["emotion_edge_state_age_seconds"]
    assert 0.0 <= age < 3.0, age
    rig.broker.kill()
    rig.until(lambda: web.snapshot()["broker"]["state"] != "connected", "the page to notice")
    assert metrics()["emotion_edge_broker_connected"] == 0
    assert web.snapshot()["state"] is not None, "the service itself still sees"
    assert web.post("/privacy", {"on": True}).status == 200
    shown = web.snapshot()
    assert shown["state"] is shown["reading"] is None
    assert [label for _, label in shown["spans"]] == ["privacy"]
    left = [
        name for name in metrics() if name.startswith(("emotion_edge_state{", "emotion_edge_prob", "emotion_edge_val"))
    ]
    assert not left, left
    assert service.stop() == 0
    return "broker gone: said so, the state with its age; privacy: no state, no reading, no number"


@promise(15, "behind a TLS proxy one who guesses passwords does not lock out the others")
def attempts_of_each(rig: Rig) -> str:
    web = Web(free_port())
    settings = {"enabled": True, "port": web.port, "behind_tls": True, "trust_forwarded_for": True}
    store(file_in(rig.folder / "state"), "a long password")
    service = rig.start(dashboard=settings)
    web.wait()
    guesses = [web.sign_in("wrong", {"X-Forwarded-For": "203.0.113.9"}).status for _ in range(8)]
    assert guesses == [403] * 5 + [429] * 3, guesses
    assert web.sign_in("a long password", {"X-Forwarded-For": "203.0.113.10"}).status == 303
    assert service.stop() == 0
    return "one address refused after five guesses, the next one signs in"


@promise(10, "nothing that a stranger publishes reaches the page as it came")
def strangers_on_the_page(rig: Rig) -> str:
    service = rig.start(camera={"source": str(rig.video)})
    web = _page_elsewhere(rig)
    rig.until(lambda: web.snapshot()["state"] is not None, "the page to show a state")
    head = {"v": 1, "ts": "", "clock": "synced", "session": "x", "seq": 1}
    state = {"label": EVIL, "confidence": 1.0, "since": "", "for_s": 1.0, "people": 1, "modalities": ["face"]}
    rig.observer.send(f"{PREFIX}/state", json.dumps({**head, **state, "valence": 0.0, "arousal": 0.0}))
    rig.observer.send(f"{PREFIX}/event", json.dumps({**head, "event": "state_entered", "label": EVIL}))
    rig.observer.send(f"{PREFIX}/status/camera", json.dumps({**head, "state": "offline", "reason": EVIL * 1_000}))
    for number in range(200):
        rig.observer.send(f"{PREFIX}/status/x{number}", json.dumps({**head, "state": "online", "reason": "x"}))
        rig.observer.send(f"{PREFIX}/config/x.y{number}", "1")
    rig.until(lambda: "owned" in web.snapshot()["sources"]["camera"]["reason"], "the page to have it")
    shown = web.snapshot()
    assert "\x1b" not in json.dumps(shown, ensure_ascii=False)
    assert "\x07" not in json.dumps(shown, ensure_ascii=False)
    assert set(shown["sources"]) == {"camera", "microphone"}
    assert not [key for key in shown["config"] if key.startswith("x.")]
    assert len(shown["sources"]["camera"]["reason"]) < 3_000
    assert service.stop() == 0
    return "escapes are shown, not sent; unknown topics and states are not kept"
