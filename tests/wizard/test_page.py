"""The wizard's page without a browser: who may use it, what privacy closes, what is tried and saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import MqttConfig
from edge.device.descriptors import open_devices
from edge.mqtt.session import connect
from tests.dashboard.web import Web
from tests.helpers.broker import Broker, wait_for
from tests.helpers.wizard import WORD, Rig, wizard


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with wizard(tmp_path / "state") as one:
        Web(one.port).wait()
        yield one


@pytest.fixture
def owner(rig: Rig) -> Web:
    """Somebody who saw the word."""
    return signed_in(rig)


def signed_in(rig: Rig) -> Web:
    web = Web(rig.port)
    web.sign_in(WORD)
    web.token = web.get("/values").json["token"]
    return web


def told_until(web: Web, path: str, good: Callable[[Any], bool]) -> Any:
    found: list[Any] = []

    def there() -> bool:
        found.append(web.get(path).json)
        return good(found[-1])

    wait_for(there, 40, path)
    return found[-1]


def retain(broker: Broker, topic: str, text: str) -> None:
    with connect(MqttConfig(host="127.0.0.1", port=broker.port), None) as session:
        session.publish(topic, text, retain=True)


def test_nobody_gets_in_without_the_word(rig: Rig) -> None:
    stranger = Web(rig.port)
    assert stranger.get("/").headers["location"] == "login"
    for path in ("/values", "/camera", "/aim.jpg", "/microphone"):
        assert stranger.get(path).status == HTTPStatus.UNAUTHORIZED
    for path in (
        "/camera",
        "/microphone",
        "/broker",
        "/home-assistant",
        "/privacy",
        "/privacy/test",
        "/save",
        "/check",
    ):
        assert stranger.post(path, {}).status == HTTPStatus.UNAUTHORIZED, path
    assert stranger.sign_in("wrong").status == HTTPStatus.FORBIDDEN
    assert not stranger.cookie
    stranger.sign_in(f" {WORD[:5].upper()} {WORD[5:]}")
    assert stranger.get("/").status == HTTPStatus.OK


def test_a_post_needs_the_pages_own_token_and_origin(rig: Rig, owner: Web) -> None:
    good, owner.token = owner.token, "another"
    assert owner.post("/privacy", {"on": True}).status == HTTPStatus.FORBIDDEN
    owner.token = good
    assert owner.post("/privacy", {"on": True}, {"Origin": "http://elsewhere"}).status == HTTPStatus.FORBIDDEN
    assert not rig.gate.now().on


def test_aiming_says_what_the_face_is_like_and_shows_it(owner: Web) -> None:
    assert owner.get("/aim.jpg").status == HTTPStatus.NO_CONTENT
    assert owner.post("/camera", {"on": True, "camera": "sample"}).status == HTTPStatus.OK
    told = told_until(owner, "/camera", lambda told: told["look"] is not None and told["look"]["verdict"] == "good")
    assert told["look"]["size"] >= told["look"]["wanted"]
    assert all(0.0 <= share <= 1.0 for share in told["look"]["box"])
    assert "SAMPLE" in told["reason"]
    assert owner.get("/aim.jpg").body[:2] == b"\xff\xd8"
    owner.post("/camera", {"on": False})
    assert owner.get("/camera").json["look"] is None
    assert owner.get("/aim.jpg").status == HTTPStatus.NO_CONTENT


def test_where_the_config_forbids_the_picture_there_are_words_alone(tmp_path: Path) -> None:
    with wizard(tmp_path / "state", shows=False) as rig:
        Web(rig.port).wait()
        web = signed_in(rig)
        web.post("/camera", {"on": True, "camera": "sample"})
        told = told_until(web, "/camera", lambda told: told["look"] is not None)
        assert told["shows"] is False
        assert web.get("/aim.jpg").status == HTTPStatus.NO_CONTENT


def test_hearing_shows_the_level_and_finds_the_voice(owner: Web) -> None:
    owner.post("/microphone", {"on": True, "microphone": "sample"})
    told = told_until(owner, "/microphone", lambda told: told["verdict"] == "good")
    assert -80.0 < told["level_db"] < 0.0


def test_privacy_closes_at_once_and_nothing_opens_under_it(rig: Rig, owner: Web) -> None:
    owner.post("/camera", {"on": True, "camera": "sample"})
    told_until(owner, "/camera", lambda told: told["look"] is not None)
    rig.gate.switch(True)  # by somebody else: `emotion-edge privacy on`, or the service
    told = owner.get("/camera").json
    assert (told["look"], told["privacy"]) == (None, "privacy is on")
    assert owner.get("/aim.jpg").status == HTTPStatus.NO_CONTENT
    told_until(owner, "/camera", lambda told: not told["running"])
    assert not rig.wizard.camera.running
    for path in ("/camera", "/microphone"):
        got = owner.post(path, {"on": True, "camera": "sample", "microphone": "sample"})
        assert (got.status, got.json["error"]) == (HTTPStatus.CONFLICT, "privacy is on")
    assert owner.post("/privacy", {"on": False}).json == {"privacy": ""}
    assert not rig.gate.now().on


def test_the_privacy_test_closes_looks_and_puts_the_switch_back(rig: Rig, owner: Web) -> None:
    owner.post("/camera", {"on": True, "camera": "sample"})
    told = owner.post("/privacy/test", {}).json
    assert (told["verdict"], told["open"], told["was"], told["privacy"]) == ("good", [], "", "")
    assert not rig.wizard.camera.running
    assert open_devices() == []
    owner.post("/privacy", {"on": True})
    assert owner.post("/privacy/test", {}).json["privacy"] == "privacy is on"


def test_a_broker_is_tried_and_its_words_are_told(owner: Web, broker: Broker) -> None:
    good = owner.post("/broker", {"host": "127.0.0.1", "port": broker.port}).json
    assert good == {"verdict": "good", "reason": ""}
    bad = owner.post("/broker", {"host": "127.0.0.1", "port": 1}).json
    assert bad["verdict"] == "bad"
    assert "127.0.0.1:1" in bad["reason"]
    assert owner.post("/broker", {}).json["error"].startswith("mqtt.host")
    assert owner.post("/broker", {"host": "h", "port": 99_999}).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_what_went_wrong_is_told_in_the_browsers_language(owner: Web) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    bad = owner.post("/broker", {"host": "127.0.0.1", "port": 1}, german).json
    assert bad["reason"] == "unter 127.0.0.1:1 nimmt niemand Verbindungen an; läuft der Broker?"
    assert owner.post("/broker", {}, german).json["error"] == "mqtt.host: Name oder Adresse des Brokers fehlt"
    saved = owner.post("/save", {"host": "h"}, german).json["lines"]
    assert saved == ["geschrieben: /etc/emotion-edge/config.toml", "weiter: systemctl enable --now emotion-edge"]
    checked = owner.post("/check", {}, german).json["findings"]
    assert [each["name"] for each in checked] == ["Konfiguration", "Kamera", "Broker"]
    assert checked[2]["remedy"] == "läuft der Broker?"


def test_home_assistant_is_found_by_what_it_and_others_say(owner: Web, broker: Broker) -> None:
    here = {"host": "127.0.0.1", "port": broker.port}
    assert owner.post("/home-assistant", here).json["verdict"] == "silent"
    retain(broker, "homeassistant/sensor/kettle/config", '{"name": "kettle"}')
    assert owner.post("/home-assistant", here).json == {"verdict": "others", "reason": "", "count": 1}
    retain(broker, "homeassistant/status", "online")
    assert owner.post("/home-assistant", here).json["verdict"] == "good"


def test_what_is_wanted_is_saved_and_what_is_wrong_is_not(rig: Rig, owner: Web) -> None:
    half = owner.post("/save", {"host": "h", "quiet_from": "22:00"})
    assert half.json["error"].startswith("privacy.quiet_hours")
    assert owner.post("/save", {"host": "h", "nonsense": 1}).status == HTTPStatus.BAD_REQUEST
    assert rig.saved == []
    got = owner.post("/save", {"host": "h", "quiet_from": "22:00", "quiet_to": "07:00", "area": "Hall"})
    assert got.json["lines"][0].startswith("wrote ")
    assert (rig.saved[0].host, rig.saved[0].area) == ("h", "Hall")
    findings = owner.post("/check", {}).json["findings"]
    assert {finding["level"] for finding in findings} == {"green", "yellow", "red"}
