"""The service and a real Home Assistant, which nobody told anything but where the broker is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any, get_args

import pytest

from edge.device import resources
from edge.homeassistant.device import Device
from edge.homeassistant.discovery import device_payload, discovery_message
from edge.homeassistant.places import MOST
from edge.messages.payloads import Reason
from edge.readings import LABELS
from edge.version import __version__
from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.service import DEVICE, Service
from tests.homeassistant.rig import HomeAssistant
from tests.homeassistant.rules import COMMON, OWN, SHORT

ROOT = f"emotion/{DEVICE}"
EMOTION = f"sensor.emotion_{DEVICE}"
PRIVACY = f"switch.emotion_{DEVICE}_privacy"
ENTER = f"number.emotion_{DEVICE}_decision_enter"
REASON = f"sensor.emotion_{DEVICE}_reason"
ANNOUNCED = f"homeassistant/device/{DEVICE}/config"
STATE = {
    "v": 1, "ts": "2026-11-21T06:26:07.412Z", "clock": "synced", "session": "x",
    "since": "2026-11-21T06:26:07.412Z", "for_s": 1.0, "people": 1, "modalities": ["face"], "reason": None,
    "valence": 0.0, "arousal": 0.0, "confidence": 0.9,
}  # fmt: skip

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("home", "service")]


def gone(state: str | None) -> bool:
    return state == "unavailable"


def shown(state: str | None) -> bool:
    return state in {*LABELS, "uncertain", "absent"}


def test_everything_appears_by_itself(home: HomeAssistant) -> None:
    home.wait(EMOTION, lambda state: state in LABELS, 40)
    home.wait(f"sensor.emotion_{DEVICE}_cpu", lambda state: state not in (None, "unknown", "unavailable"), 20)
    states = {name: one["state"] for name, one in home.states().items() if f"emotion_{DEVICE}" in name}
    assert states[f"sensor.emotion_{DEVICE}_people"] == "1"
    assert states[f"binary_sensor.emotion_{DEVICE}_presence"] == "on"
    home.wait(f"sensor.emotion_{DEVICE}_confidence", lambda state: state not in (None, "unknown", "unavailable"), 20)
    assert 0 < float(home.state(f"sensor.emotion_{DEVICE}_confidence") or 0) <= 100
    assert -1 <= float(states[f"sensor.emotion_{DEVICE}_valence"]) <= 1
    assert -1 <= float(states[f"sensor.emotion_{DEVICE}_arousal"]) <= 1
    assert states[f"sensor.emotion_{DEVICE}_camera"] == "online"
    assert states[f"sensor.emotion_{DEVICE}_microphone"] == "online"
    assert REASON in states
    assert states[PRIVACY] == "off"
    assert float(states[ENTER]) == 0.42
    assert 0 < float(states[f"sensor.emotion_{DEVICE}_cpu"]) < 400
    assert not [name for name in states if "probability" in name], "these are disabled until somebody wants them"
    attributes = home.attributes(EMOTION)
    assert attributes["options"] == [*LABELS, "uncertain", "absent"]
    assert attributes["device_class"] == "enum"
    assert set(attributes["modalities"]) <= {"face", "speech"}
    number = home.attributes(ENTER)
    assert (number["min"], number["max"], number["step"]) == (0, 1, 0.01)
    device = f"device_id('{EMOTION}')"
    assert home.render(f"{{{{ device_attr({device}, 'manufacturer') }}}}") == "Emotion Edge"
    info = json.loads(home.render(f"{{{{ {{'version': device_attr({device}, 'sw_version')}} | tojson }}}}"))
    assert info["version"]
    assert home.complaints() == []


def test_what_it_shows_is_what_the_device_says(home: HomeAssistant, observer: Observer) -> None:
    home.wait(EMOTION, lambda state: state in LABELS, 40)
    changes = 0
    for _ in range(3):
        seen = len(observer.on(f"{ROOT}/state"))
        wait_for(lambda seen=seen: len(observer.on(f"{ROOT}/state")) > seen, 10, "the state to be told")  # type: ignore[misc]
        told = observer.on(f"{ROOT}/state")[-1].json
        home.wait(EMOTION, told["label"], 3)
        shown_confidence = float(home.state(f"sensor.emotion_{DEVICE}_confidence") or 0)
        changes += abs(shown_confidence - 100 * told["confidence"]) < 0.1
    assert changes >= 2, "a newer state may have come in between, but not each time"


def test_the_switch_releases_the_devices_and_off_is_refused_in_words(
    home: HomeAssistant, service: Service, observer: Observer
) -> None:
    home.wait(EMOTION, lambda state: state in LABELS, 40)
    home.act("switch.turn_on", entity_id=PRIVACY)
    home.wait(PRIVACY, "on", 10)
    home.wait(EMOTION, gone, 5)
    home.wait(f"binary_sensor.emotion_{DEVICE}_presence", gone, 5)
    home.wait(f"sensor.emotion_{DEVICE}_camera", "disabled", 5)
    home.act("switch.turn_off", entity_id=PRIVACY)
    wait_for(lambda: "remote_off" in str(home.attributes(PRIVACY).get("refused")), 10, "the refusal to be shown")
    assert home.state(PRIVACY) == "on", "it shows what is, not what was asked for"
    observer.send(f"{ROOT}/config/privacy.remote_off/set", "true")
    time.sleep(0.5)
    assert home.state(PRIVACY) == "on"
    (service.state / "privacy").write_text("off\n")  # as `emotion-edge privacy off` at the device does
    home.wait(PRIVACY, "off", 10)
    home.wait(EMOTION, lambda state: state in LABELS, 30)


def test_a_number_changes_the_running_service_and_outlives_it(
    home: HomeAssistant, service: Service, observer: Observer
) -> None:
    home.wait(ENTER, lambda state: state is not None, 40)
    home.act("number.set_value", entity_id=ENTER, value=0.62)
    home.wait(ENTER, "0.62", 10)
    assert "0.62" in (service.state / "overrides.toml").read_text()
    home.act("number.set_value", entity_id=ENTER, value=0.1)  # below decision.exit
    observer.wait(f"{ROOT}/response/config", 10, lambda m: m.json["status"] == "error")
    assert home.state(ENTER) == "0.62"
    service.stop()
    home.wait(ENTER, gone, 10)
    service.start()
    home.wait(ENTER, "0.62", 40)
    observer.send(f"{ROOT}/request/reset", "{}")
    home.wait(ENTER, "0.42", 10)


def test_an_automation_by_device_trigger_and_one_by_event(home: HomeAssistant, observer: Observer) -> None:
    home.wait(EMOTION, shown, 40)
    device = home.render(f"{{{{ device_id('{EMOTION}') }}}}")
    began = {"trigger": "device", "domain": "mqtt", "device_id": device, "type": "began", "subtype": "angry"}
    appeared = {"trigger": "device", "domain": "mqtt", "device_id": device, "type": "appeared", "subtype": "person"}
    became = {"trigger": "state", "entity_id": [f"event.emotion_{DEVICE}_event"], "attribute": "event_type"}
    home.automate("angry", [began], "house/angry", "{{ trigger.payload_json.previous }}")
    home.automate("person", [appeared], "house/person", "yes")
    home.automate("event", [became | {"to": "became_angry"}], "house/event", "yes")
    head = {
        "v": 1,
        "ts": "2026-11-21T06:26:07.412Z",
        "clock": "synced",
        "session": "x",
        "lasted_s": None,
        "track": None,
    }
    event = head | {"event": "state_entered", "label": "angry", "previous": "sad", "people": 1}
    observer.send(f"{ROOT}/event", json.dumps(event | {"seq": 1, "label": "happy"}))
    observer.send(f"{ROOT}/event", json.dumps(event | {"seq": 2, "event": "state_left"}))
    time.sleep(1)
    assert not observer.on("house/angry")
    observer.send(f"{ROOT}/event", json.dumps(event | {"seq": 3}))
    observer.send(
        f"{ROOT}/event", json.dumps(event | {"seq": 4, "event": "person_appeared", "label": None, "track": 1})
    )
    assert observer.wait("house/angry", 10).payload == b"sad"
    observer.wait("house/person", 10)
    observer.wait("house/event", 10)


def test_why_it_is_uncertain_is_an_entity(home: HomeAssistant, observer: Observer) -> None:
    """A state that is sent in our name, until the service's own replaces it."""
    home.wait(EMOTION, shown, 40)
    assert home.attributes(REASON)["options"] == list(get_args(Reason))
    for reason, seen in (*zip(get_args(Reason), get_args(Reason), strict=True), (None, "unknown")):
        told = json.dumps(STATE | {"label": "uncertain", "reason": reason})

        def follows(told: str = told, seen: str = seen) -> bool:
            observer.send(f"{ROOT}/state", told)
            time.sleep(0.1)
            return home.state(REASON) == seen

        wait_for(follows, 20, f"the reason to be {reason}")


def test_each_person_is_an_entity_where_the_owner_has_that_published(
    home: HomeAssistant, service: Service, observer: Observer
) -> None:
    """The place stays while the person in it changes: after privacy the same face is somebody new."""
    person, people = f"sensor.emotion_{DEVICE}_person_1", f"{ROOT}/config/publish.people/set"
    home.wait(EMOTION, shown, 40)
    assert home.state(person) is None
    observer.send(people, "true")
    home.wait(person, shown, 40)
    attributes = home.attributes(person)
    assert attributes["friendly_name"].endswith("Person 1")
    assert attributes["options"] == [*LABELS, "uncertain", "absent"]
    assert isinstance(attributes["speaking"], bool)
    home.act("switch.turn_on", entity_id=PRIVACY)
    home.wait(person, gone, 10)
    (service.state / "privacy").write_text("off\n")
    home.wait(PRIVACY, "off", 10)
    home.wait(person, shown, 40)
    observer.send(people, "false")
    home.wait(person, None, 20)
    home.wait(EMOTION, shown, 20)


def test_a_device_with_a_room_full_of_people_is_taken_in_one_message(home: HomeAssistant, observer: Observer) -> None:
    """The longest announcement: each of its entities is there."""
    crowd = Device(
        "emotion", "crowd", "homeassistant", __version__, "Raspberry Pi 5", LABELS, 10.0, 30.0, 2.0,
        people=tuple(range(1, MOST + 1)),
    )  # fmt: skip
    components = device_payload(crowd)["components"].values()
    shown_at_once = {
        one["default_entity_id"]
        for one in components
        if "default_entity_id" in one and one.get("enabled_by_default", True)
    }
    assert f"sensor.emotion_crowd_person_{MOST}" in shown_at_once
    observer.send(crowd.discovery_topic, discovery_message(crowd), retain=True)
    wait_for(lambda: shown_at_once <= home.states().keys(), 20, "all of its entities")
    observer.send(crowd.discovery_topic, "", retain=True)
    wait_for(lambda: not [name for name in home.states() if "emotion_crowd" in name], 20, "them to go")


def test_the_blueprints_do_what_they_say(home: HomeAssistant, observer: Observer) -> None:
    """A mood that is sent in our name, a lamp that is a topic, and actions that are messages."""
    home.wait(EMOTION, shown, 40)
    lamp = {
        "name": "Lamp", "unique_id": "lamp", "default_entity_id": "light.lamp", "schema": "json",
        "command_topic": "lamp", "brightness": True, "supported_color_modes": ["rgb"],
    }  # fmt: skip
    observer.send("homeassistant/light/lamp/config", json.dumps(lamp), retain=True)
    home.wait("light.lamp", lambda state: state is not None, 10)

    def say(topic: str) -> list[dict[str, Any]]:
        return [{"action": "mqtt.publish", "data": {"topic": topic, "payload": "{{ message | default('yes') }}"}}]

    emotion = {"emotion": EMOTION}
    folder = resources.firmware_config() / "home_assistant" / "blueprints"
    made = {file.stem: home.blueprint(file) for file in sorted(folder.glob("*.yaml"))}
    confidence = f"sensor.emotion_{DEVICE}_confidence"
    home.automate_with(
        "lamp", made["lamp_by_mood"], {**emotion, "confidence": confidence, "lamp": {"entity_id": "light.lamp"}}
    )
    soothe = {"soothe": say("house/soothe"), "afterwards": say("house/afterwards"), "lasting": {"seconds": 1}}
    home.automate_with("calm", made["calm_down"], {**emotion, **soothe})
    notify = {"notify": say("house/notify"), "lasting": {"seconds": 1}, "message": "How are you?"}
    home.automate_with("sad", made["notify_when_sad"], {**emotion, **notify})

    def feel(label: str, topic: str, part: bytes = b"") -> bytes:
        """That mood again and again, over what the service says, until `part` comes on `topic`."""
        observer.messages.clear()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            observer.send(f"{ROOT}/state", json.dumps(STATE | {"label": label}))
            time.sleep(0.1)
            for message in observer.on(topic):
                if part in message.payload:
                    return message.payload
        raise AssertionError(f"nothing came on {topic}")

    feel("sad", "lamp", b'"color":{"r":90,"g":140,"b":255}')
    feel("happy", "lamp", b'"color":{"r":255,"g":190,"b":70}')
    feel("angry", "house/soothe")
    feel("neutral", "house/afterwards")
    assert feel("sad", "house/notify") == b"How are you?"
    for name in ("lamp", "calm", "sad"):
        home.act("automation.turn_off", entity_id=f"automation.{name}")
    observer.send("homeassistant/light/lamp/config", "", retain=True)


def test_an_update_is_shown_once_somebody_told_of_a_newer_version(home: HomeAssistant, observer: Observer) -> None:
    """Until then what is installed is the latest; and whichever is heard first, the newer number wins."""
    update, release = f"update.emotion_{DEVICE}_update", "emotion/release"
    home.wait(update, "off", 40)
    known = home.attributes(update)
    assert known["installed_version"] == known["latest_version"] == __version__
    observer.send(release, "0.0.1", retain=True)
    observer.send(release, "99.0.0", retain=True)
    home.wait(update, "on", 10)
    assert home.attributes(update)["latest_version"] == "99.0.0"
    home.stop()
    home.start()  # hears both anew
    home.wait(update, "on", 60)
    assert home.attributes(update)["installed_version"] == __version__
    observer.send(release, "", retain=True)
    home.wait(update, "off", 10)
    assert home.attributes(update)["latest_version"] == __version__


def test_a_dead_device_shows_no_emotion_and_a_living_one_again(home: HomeAssistant, service: Service) -> None:
    home.wait(EMOTION, shown, 40)
    service.signal(signal.SIGKILL)
    service.wait()
    home.wait(EMOTION, gone, 15)
    home.wait(ENTER, gone, 5)
    service.start()
    home.wait(EMOTION, shown, 40)


def test_a_hung_device_shows_no_emotion_before_the_broker_notices(home: HomeAssistant, service: Service) -> None:
    home.wait(EMOTION, shown, 40)
    service.signal(signal.SIGSTOP)
    try:
        home.wait(EMOTION, gone, 15)
    finally:
        service.signal(signal.SIGCONT)
    home.wait(EMOTION, shown, 40)


def test_the_broker_restarts(home: HomeAssistant, broker: Broker) -> None:
    home.wait(EMOTION, shown, 40)
    broker.kill()
    home.wait(EMOTION, gone, 20)
    broker.start()
    home.wait(EMOTION, shown, 60)


def test_home_assistant_restarts_even_if_the_broker_forgot_the_announcement(
    home: HomeAssistant, observer: Observer
) -> None:
    home.wait(EMOTION, shown, 40)
    home.stop()
    observer.send(ANNOUNCED, "", retain=True)
    observer.messages.clear()
    home.start()
    observer.wait("homeassistant/status", 30, lambda m: m.payload == b"online")
    observer.wait(ANNOUNCED, 10, lambda m: bool(m.payload))
    home.wait(EMOTION, shown, 30)


def test_nonsense_from_the_house_is_refused_and_told(home: HomeAssistant, service: Service, observer: Observer) -> None:
    home.wait(EMOTION, shown, 40)
    for number in range(200):
        home_topic = f"{ROOT}/config/decision.enter/set" if number % 2 else f"{ROOT}/privacy/set"
        home.act("mqtt.publish", topic=home_topic, payload="unavailable")
    wait_for(
        lambda: len([m for m in observer.on("/response/privacy") if "ON or OFF" in str(m.json["error"])]) >= 100,
        10,
        "a",
    )
    assert home.state(ENTER) == "0.42"
    assert home.state(PRIVACY) == "off"
    refusals = [line for line in service.log.read_text().splitlines() if "refused" in line and "unavailable" in line]
    assert len(refusals) <= 2, refusals
    before = len(observer.on(f"{ROOT}/reading"))
    wait_for(lambda: len(observer.on(f"{ROOT}/reading")) > before + 1, 10, "readings to go on")


def test_switched_off_forgotten_and_found_again(
    home: HomeAssistant, service: Service, broker: Broker, observer: Observer
) -> None:
    home.wait(EMOTION, shown, 40)
    service.stop()
    config = service.config.read_text()
    service.config.write_text(config + "[home_assistant]\nenabled = false\n")
    service.start()
    home.wait(EMOTION, None, 20)
    assert not [name for name in home.states() if f"emotion_{DEVICE}" in name]
    service.stop()
    service.config.write_text(config)
    service.start()
    home.wait(EMOTION, shown, 40)
    service.stop()
    words = ["--broker", f"127.0.0.1:{broker.port}", "--device", DEVICE]
    subprocess.run([sys.executable, "-m", "edge", "forget", *words], check=True, timeout=40)
    home.wait(EMOTION, None, 20)
    service.start()
    home.wait(EMOTION, shown, 40)


def test_our_copy_of_its_rules_is_true(home: HomeAssistant) -> None:
    assert SHORT.items() <= home.abbreviations().items()
    options = home.options()
    for platform, own in OWN.items():
        assert own | COMMON - {"value_template", "device_class"} <= options[platform], platform
    assert [line for line in home.complaints() if "connection was lost" not in line] == [], "one test kills the broker"
