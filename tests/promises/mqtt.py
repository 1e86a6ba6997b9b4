"""Commands from strangers, brokers that misbehave, and a config that cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests.faults.rig import PREFIX, Rig
from tests.helpers.broker import Observer
from tests.mqtt.stub_broker import MANNERS, StubBroker
from tests.promises.registry import promise

FLOODERS, EACH = 3, 15_000
_FLOOD = f"""
import sys
import paho.mqtt.client as paho

port, count, qos = map(int, sys.argv[1:])
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", port)
client.loop_start()
for number in range(count):
    topic = ("request/no-such", "request/info", "config/decision.enter/set")[number % 3]
    last = client.publish("{PREFIX}/" + topic, "0.5" if topic.startswith("config") else "", qos)
last.wait_for_publish()
client.disconnect()
client.loop_stop()
"""


@promise(
    5, "a flood of commands does not drop an honest privacy ON", broker="allow_anonymous true\nmax_queued_messages 1000"
)
def flood(rig: Rig) -> str:
    rig.start()
    rig.wait("reading")
    honest = Observer(rig.broker.port, f"{PREFIX}/privacy")  # it does not hear the flood
    rig.on_close(honest.close)
    flooders = [
        subprocess.Popen([sys.executable, "-c", _FLOOD, str(rig.broker.port), str(EACH), str(number % 2)])
        for number in range(FLOODERS)
    ]
    try:
        rig.until(lambda: any("/response/" in m.topic for m in list(rig.observer.messages)), "the flood to begin")
        began = time.monotonic()
        honest.send(f"{PREFIX}/privacy/set", json.dumps({"value": "ON", "transaction": "honest"}))
        honest.wait(f"{PREFIX}/privacy", 60, lambda m: m.payload == b"ON")
        took = time.monotonic() - began
        for flooder in flooders:
            assert flooder.wait(60) == 0
    finally:
        for flooder in flooders:
            flooder.kill()
            flooder.wait()
    refused = rig.next("health", lambda m: m.json["commands_refused"] > 1_000).json["commands_refused"]
    told = [m for m in rig.observer.on("/response/info") if "too many" in str(m.json["error"])]
    assert told, "nobody was told"
    return f"{FLOODERS * EACH} commands: ON after {took:.1f} s, {refused} refused, {len(told)} of them answered"


@promise(6, "a config that cannot be used ends with status 78 within seconds, whatever the broker does")
def unusable_config(rig: Rig) -> str:
    seen = []
    for manner in MANNERS:
        broker = StubBroker(manner)
        rig.on_close(broker.close)
        config = rig.folder / "broken.toml"
        config.write_text(f'[decision]\nenter = "high"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
        began = time.monotonic()
        command = [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(rig.folder / "none")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        took = time.monotonic() - began
        assert done.returncode == 78, f"{manner}: status {done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        assert took < 20.0, f"{manner}: {took:.1f} s"
        seen.append(f"{manner} {took:.1f} s")
    return "; ".join(seen)


@promise(8, "requests with wrong shapes are refused and change nothing")
def wrong_shapes(rig: Rig) -> str:
    service = rig.start()
    rig.wait("reading")
    rig.observer.send(f"{PREFIX}/request/set", json.dumps({"values": {"decision.enter": 0.6}, "transaction": "set"}))
    rig.wait("response/set", lambda m: m.json["status"] == "ok")
    overrides = service.state / "overrides.toml"
    before = overrides.read_bytes()
    wrong = [
        ("reset", {"keys": "decision.enter"}), ("reset", [1, 2]), ("reset", {"key": 5}), ("reset", {"key": None}),
        ("reset", "decision.enter"), ("set", {"values": {}, "more": 1}), ("set", []), ("reload", {"now": True}),
        ("doctor", {"device": "camera"}), ("info", [1]), ("config", {"key": "mqtt"}), ("health", 5),
    ]  # fmt: skip
    for name, document in wrong:
        now = time.time()
        rig.observer.send(f"{PREFIX}/request/{name}", json.dumps(document))
        answer = rig.wait(f"response/{name}", lambda m, now=now: m.at > now)  # type: ignore[misc]
        assert answer.json["status"] == "error", f"{name} {document}: {answer.json}"
    assert overrides.read_bytes() == before
    rig.observer.send(f"{PREFIX}/request/reset", json.dumps({"key": "decision.enter"}))
    rig.wait("response/reset", lambda m: m.json["status"] == "ok")
    assert not overrides.exists()
    return f"{len(wrong)} wrong documents refused, one in good order obeyed"


@promise(9, "the doctor and reload are limited")
def limited(rig: Rig) -> str:
    rig.start()
    rig.wait("reading")
    asked = 300
    for number in range(asked):
        rig.observer.send_quickly(f"{PREFIX}/request/doctor", json.dumps({"transaction": number}).encode())
    rig.until(lambda: len(rig.observer.on("/response/doctor")) >= asked // 4, "answers")
    rig.observer.send(f"{PREFIX}/request/health", '{"transaction": "last"}')
    rig.wait("response/health", lambda m: m.json["transaction"] == "last")
    answers = [m.json for m in rig.observer.on("/response/doctor") if m.json["status"] == "ok"]
    examinations = len({json.dumps(each["data"]) for each in answers})
    for number in range(100):
        rig.observer.send(f"{PREFIX}/request/reload", json.dumps({"transaction": number}))
    rig.until(lambda: any("too many" in str(m.json["error"]) for m in rig.observer.on("/response/reload")), "a limit")
    reloaded = rig.log().count("config reloaded")
    assert examinations <= 3, f"{examinations} examinations"
    assert reloaded <= 62, f"{reloaded} reloads"
    return f"{asked} doctors: {len(answers)} answers from {examinations} examination(s); 100 reloads: {reloaded} done"
