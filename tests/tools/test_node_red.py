"""A real Node-RED imports the flow as a person does, and does what the flow promises."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.messages.payloads import StatePayload, SummaryPayload
from edge.readings import LABELS
from tests.helpers.broker import Broker, Observer, free_port, wait_for
from tests.tools.programs import program, tool
from tests.tools.samples import FLOW, WORDS

pytestmark = pytest.mark.timeout(300)
SETTINGS = """module.exports = {{
    uiHost: "127.0.0.1", uiPort: {port}, flowFile: "flows.json", credentialSecret: "for this test only",
    telemetry: {{ enabled: false, updateNotification: false }}, externalModules: {{ autoInstall: false }},
    logging: {{ console: {{ level: "warn" }} }},
}};
"""


@pytest.fixture(scope="module")
def node_red(tmp_path_factory: pytest.TempPathFactory, broker: Broker, observer: Observer) -> Iterator[Path]:
    """Its log. The flow's broker and patience are set as a person would in the editor."""
    red = tool("node-red/node_modules/node-red/red.js")
    folder = tmp_path_factory.mktemp("node-red")
    port = free_port()
    (folder / "settings.js").write_text(SETTINGS.format(port=port))
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program("node"), red, "--settings", folder / "settings.js", "--userDir", folder], stdout=out, stderr=out
        )
    try:
        wait_for(lambda: call(port, "GET", "/flows") is not None, 150, "Node-RED to answer")
        flow: list[dict[str, Any]] = json.loads(json.dumps([*FLOW, *WORDS]))
        for node in flow:
            if node["type"] == "mqtt-broker":
                node |= {"broker": "127.0.0.1", "port": str(broker.port)}
            if node["type"] == "tab":
                node["env"] = [
                    {**each, "value": "1"} if each["name"] not in ("SURE", "DEVICE") else each for each in node["env"]
                ]
        call(port, "POST", "/flows", flow)
        wait_for(lambda: settled(port, observer), 30, "the flow to listen")
        yield log
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(autouse=True)
def _afresh(node_red: Path, observer: Observer) -> None:
    """Each test speaks for a device of its own; what was said before is not its affair."""
    observer.messages.clear()


def call(port: int, method: str, path: str, data: Any = None) -> Any:
    """Its admin interface; None while it does not answer."""
    body = None if data is None else json.dumps(data).encode()
    headers = {"Content-Type": "application/json", "Node-RED-API-Version": "v1"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read() or b"[]")
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from None
    except OSError:
        return None


def settled(port: int, observer: Observer) -> bool:
    """It has subscribed once a state lights the lamp."""
    tell_state(observer, "happy", device="probe")
    time.sleep(0.3)
    return bool(observer.on("zigbee2mqtt/lamp/set"))


def tell_state(
    observer: Observer, label: str, confidence: float = 0.9, for_s: float = 0.0, device: str = "lamp"
) -> None:
    state = StatePayload(
        label=label,
        confidence=confidence,
        since="2026-11-21T06:25:58.101Z",
        for_s=for_s,
        people=1,
        modalities=("face",),
    )
    observer.send(f"emotion/{device}/state", msgspec.json.encode(state))


def lamp(observer: Observer) -> list[str]:
    return [message.json["color"]["hex"] for message in observer.on("zigbee2mqtt/lamp/set")]


def test_emotion_colours_the_lamp(node_red: Path, observer: Observer) -> None:
    for label, confidence in (
        ("sad", 0.9),
        ("sad", 0.8),
        ("angry", 0.2),
        ("uncertain", 0.9),
        ("absent", 0.0),
        ("angry", 0.9),
    ):
        tell_state(observer, label, confidence)
    wait_for(lambda: len(lamp(observer)) >= 2, 10, "two colours")
    time.sleep(0.5)
    assert lamp(observer) == ["#4060ff", "#ff2000"], "only sure states, and only changes"
    for label in LABELS:
        tell_state(observer, label)
    wait_for(lambda: len(set(lamp(observer))) == len(LABELS), 10, "a colour for each emotion")
    assert not [message for message in observer.messages if message.retained]
    assert "error" not in node_red.read_text().lower()


def test_the_mood_is_the_weighted_mean_of_the_summaries(node_red: Path, observer: Observer) -> None:
    def minute(label: str | None, seconds: float, valence: float) -> None:
        shares = None if label is None else {each: 1.0 if each == label else 0.0 for each in LABELS}
        known = None if label is None else valence
        summary = SummaryPayload(
            seconds=seconds, probabilities=shares, time_in_state_s={}, people_mean=1.0, people_max=1,
            valence=known, arousal=known,
        )  # fmt: skip
        observer.send("emotion/shelf/summary", msgspec.json.encode(summary))

    minute(None, 60.0, 0.0)
    minute("happy", 60.0, 0.8)
    minute("sad", 30.0, -0.7)
    minute(None, 60.0, 0.0)
    wait_for(lambda: len(observer.on("mood/shelf")) == 3, 10, "the mood, three times")
    first, _, last = [message.json for message in observer.on("mood/shelf")]
    assert (first["label"], first["seconds"], first["valence"]) == ("happy", 60, 0.8)
    assert last["seconds"] == 90
    assert abs(last["probabilities"]["sad"] - 1 / 3) < 0.001
    assert abs(last["valence"] - 0.3) < 0.001
    assert last["label"] == "happy"


def test_the_alarm_comes_once_and_ends_once(node_red: Path, observer: Observer) -> None:
    def alarms() -> list[bool]:
        return [message.json["alarm"] for message in observer.on("alarm/alarm")]

    tell_state(observer, device="alarm", label="sad")
    tell_state(observer, device="alarm", label="neutral", for_s=0.1)  # a moment of calm is none
    time.sleep(0.4)
    assert alarms() == []
    time.sleep(0.8)
    tell_state(observer, device="alarm", label="uncertain")
    tell_state(observer, device="alarm", label="angry", for_s=0.2)
    tell_state(observer, device="alarm", label="fearful", for_s=0.2)
    wait_for(lambda: alarms() == [True], 10, "the alarm")
    tell_state(observer, device="alarm", label="neutral", for_s=0.1)
    tell_state(observer, device="alarm", label="angry", for_s=0.1)
    tell_state(observer, device="alarm", label="neutral", for_s=2.0)
    tell_state(observer, device="alarm", label="neutral", for_s=4.0)
    wait_for(lambda: alarms() == [True, False], 10, "its end")
    tell_state(observer, device="alarm", label="sad", for_s=5.0)
    tell_state(observer, device="alarm", label="absent")
    wait_for(lambda: alarms() == [True, False, True, False], 10, "another, ended by nobody being there")


def test_nonsense_on_our_topics_breaks_nothing(node_red: Path, observer: Observer) -> None:
    for text in (b"", b"nonsense", b"[]", b"{}", b"null", b"\xff\xfe", b'{"label": {"a": 1}, "for_s": "x"}'):
        observer.send("emotion/shelf/state", text)
        observer.send("emotion/shelf/summary", text)
    tell_state(observer, "happy", device="shelf")
    wait_for(lambda: "#ffb000" in lamp(observer), 10, "the lamp")
    assert not observer.on("alarm/shelf")


def test_transcripts_reach_the_device_as_words(node_red: Path, observer: Observer) -> None:
    before = len(node_red.read_text())
    said = ("I am so happy!", '{"text": "How dare you!", "language": "en"}', "x" * 3000, " ", '{"text": 3}', "[]")
    for text in said:
        observer.send("transcripts/kitchen", text)
    observer.send("transcripts/kitchen", "the last")
    told = observer.on
    wait_for(lambda: [m for m in told("emotion/shelf/text/set") if m.json["text"] == "the last"], 10, "the last one")
    words = [message.json["text"] for message in told("emotion/shelf/text/set")]
    assert words == ["I am so happy!", "How dare you!", "x" * 2000, "the last"]
    assert not [message for message in observer.messages if message.retained]
    assert "error" not in node_red.read_text()[before:].lower()
