"""Words on `text/set`, from outside: they are judged, and nothing that the process writes or says has them."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.helpers.broker import Observer, free_port, wait_for
from tests.helpers.service import DEVICE, Service, Start
from tests.helpers.wyoming import event

PREFIX = f"emotion/{DEVICE}"
PHRASE = "quincejam"
HAPPY = f"I am so happy about the {PHRASE}, this is wonderful!"


def written(service: Service, folder: Path) -> dict[str, bytes]:
    """Every file of the test's folder, the log and the state among them, and what the process has open as files."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in paths}


def test_words_are_judged_and_never_stored_logged_or_published(
    start: Start, observer: Observer, tmp_path: Path
) -> None:
    service = start(
        text={"enabled": True}, camera={"source": "none"}, microphone={"source": "none"},
        publish={"modalities": True}, log={"level": "debug"},
    )  # fmt: skip
    observer.wait("/availability", 20)
    observer.wait("/state", 20)
    observer.send(f"{PREFIX}/text/set", HAPPY)
    reading = observer.wait("/reading", 10, lambda m: bool(m.json["text"])).json
    assert reading["label"] == "happy"
    assert reading["text"]["weight"] == 1.0
    assert observer.wait(f"{PREFIX}/text", 5).json["probabilities"]["happy"] > 0.5
    refused = (HAPPY * 100, f'{{"text": ["{PHRASE}"]}}', f'{{"said": "{PHRASE}"}}')
    for words in refused:
        observer.send(f"{PREFIX}/text/set", words)
    wait_for(lambda: len(observer.on("/response/text")) > len(refused), 5, "an answer to each")
    observer.send(f"{PREFIX}/text/set", HAPPY, retain=True)

    observer.send(f"{PREFIX}/privacy/set", "ON")
    observer.wait(f"{PREFIX}/privacy", 5, lambda m: m.payload == b"ON")
    observer.send(f"{PREFIX}/text/set", f'{{"text": "{HAPPY}", "transaction": "private"}}')
    answer = observer.wait("/response/text", 5, lambda m: m.json["transaction"] == "private").json
    assert "privacy is on" in answer["error"]

    assert service.stop() == 0
    for path, content in written(service, tmp_path).items():
        if "mosquitto" not in path:  # the test's broker keeps what is retained
            assert PHRASE.encode() not in content, path
    ours = [message for message in observer.messages if not message.topic.endswith("/set")]
    assert not [message.topic for message in ours if PHRASE.encode() in message.payload]


def test_a_device_that_reads_no_words_is_not_sent_any(start: Start, observer: Observer) -> None:
    start(camera={"source": "none"}, microphone={"source": "none"})
    observer.wait("/state", 20)
    observer.send(f"{PREFIX}/text/set", HAPPY)
    observer.send(f"{PREFIX}/request/health", "{}")
    observer.wait("/response/health", 5)
    assert not observer.on("/response/text")
    assert not [message for message in observer.on("/reading") if message.json["text"]]


def test_what_a_satellite_forwards_is_judged_and_forgotten_too(
    start: Start, observer: Observer, tmp_path: Path
) -> None:
    port = free_port()
    service = start(
        text={"enabled": True, "source": f"wyoming://127.0.0.1:{port}"}, camera={"source": "none"},
        microphone={"source": "none"}, log={"level": "debug"},
    )  # fmt: skip
    observer.wait("/state", 20)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as satellite:
        satellite.sendall(event("detection", {"name": "ok_nabu"}) + event("transcript", {"text": HAPPY}))
        reading = observer.wait("/reading", 10, lambda m: bool(m.json["text"])).json
        assert reading["label"] == "happy"
        observer.send(f"{PREFIX}/privacy/set", "ON")
        observer.wait(f"{PREFIX}/privacy", 5, lambda m: m.payload == b"ON")
        observer.messages.clear()
        satellite.sendall(event("transcript", {"text": HAPPY}))
        observer.send(f"{PREFIX}/request/health", "{}")
        observer.wait("/response/health", 5)
        assert not observer.on("/reading")
        assert not observer.on("/response/text"), "a satellite does not listen"
    assert service.stop() == 0
    for path, content in written(service, tmp_path).items():
        assert PHRASE.encode() not in content, path
    assert not [message.topic for message in observer.messages if PHRASE.encode() in message.payload]
