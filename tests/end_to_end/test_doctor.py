"""The doctor, asked by MQTT while the service runs, and from outside beside it."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.helpers.broker import Observer
from tests.helpers.service import DEVICE, Start


def test_the_running_service_examines_itself(start: Start, observer: Observer) -> None:
    start()
    observer.wait("/status/camera", 20, lambda m: b"online" in m.payload)
    observer.wait("/status/microphone", 20, lambda m: b"online" in m.payload)
    observer.send(f"emotion/{DEVICE}/request/doctor", '{"transaction": 7}')
    answer = observer.wait("/response/doctor", 20).json
    assert (answer["status"], answer["transaction"]) == ("ok", 7)
    found = {finding["check"]: finding for finding in answer["data"]["findings"]}
    assert {"config", "models", "camera", "microphone", "broker", "disk", "wear", "clock"} <= set(found)
    assert found["camera"]["says"] == found["microphone"]["says"] == "online"
    assert [check for check, finding in found.items() if finding["level"] == "red"] == []


def test_from_outside_beside_the_running_service(start: Start, observer: Observer) -> None:
    service = start()
    observer.wait("/reading", 20)
    words = ["doctor", "--json", "--config", str(service.config), "--state", str(service.state)]
    done = subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, check=False)
    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, found
    assert found["rights"]["level"] == "green"
    seen = len(observer.on("/reading"))
    observer.wait("/reading", 5, lambda m: observer.on("/reading").index(m) >= seen)  # it was not disturbed
    assert not [m for m in observer.on("/privacy") if m.payload == b"ON"]
