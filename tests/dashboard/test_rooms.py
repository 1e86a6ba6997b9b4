"""All rooms on one page: what is known of each, how long, and nothing that is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config.schema import Config, DashboardConfig, MqttConfig
from edge.dashboard.password import Password, file_in, store
from edge.dashboard.rooms import MOST, Rooms
from edge.dashboard.rooms_page import RoomsPage
from edge.device.clock import SystemClock
from edge.messages.payloads import SettingsPayload, SourcePayload
from edge.messages.status import BrokerStatus
from edge.messages.topics import state_valid_s
from edge.mqtt.session import connect
from edge.mqtt.subscriber import device_and_topic
from tests.dashboard.web import PASSWORD, Web
from tests.helpers.broker import Broker, free_port
from tests.helpers.browser import AXE, Browser
from tests.helpers.told import state

VALID_S = state_valid_s(Config().publish.state_every_s)


def by_name(rooms: Rooms, now: float) -> dict[str, object]:
    return {room["device"]: room["state"] and room["state"]["label"] for room in rooms.all(now)}


def test_each_room_keeps_its_own_state_and_only_as_long_as_it_holds() -> None:
    rooms = Rooms()
    rooms.take("hall", "state", state("happy"), 0.0)
    rooms.take("attic", "state", state("sad"), VALID_S - 1.0)
    assert by_name(rooms, VALID_S - 0.5) == {"hall": "happy", "attic": "sad"}
    fell_silent = rooms.check(VALID_S + 0.5, cut_off=False)
    assert [room["device"] for room in fell_silent] == ["hall"]
    assert fell_silent[0]["service"] == "silent"
    assert by_name(rooms, VALID_S + 0.5) == {"hall": None, "attic": "sad"}


def test_without_the_broker_nothing_is_known_of_any_room() -> None:
    rooms = Rooms()
    for device in ("hall", "attic"):
        rooms.take(device, "state", state("happy"), 0.0)
    assert {room["service"] for room in rooms.check(1.0, cut_off=True)} == {"offline"}
    assert by_name(rooms, 1.0) == {"hall": None, "attic": None}


def test_a_device_that_repeats_its_state_less_often_is_given_that_time() -> None:
    rooms = Rooms()
    rooms.take("hall", "settings", SettingsPayload(values={"publish.state_every_s": 60.0, "nonsense": 1}), 0.0)
    rooms.take("hall", "state", state("happy"), 0.0)
    assert rooms.check(state_valid_s(60.0) - 1.0, cut_off=False) == []
    assert by_name(rooms, state_valid_s(60.0) - 1.0) == {"hall": "happy"}


def test_privacy_takes_the_state_away() -> None:
    rooms = Rooms()
    rooms.take("hall", "state", state("happy"), 0.0)
    told = rooms.take("hall", "privacy", "ON", 1.0)
    assert told is not None
    assert (told["privacy"], told["state"]) == ("ON", None)
    rooms.take("hall", "state", state("happy"), 1.1)  # was on its way
    assert by_name(rooms, 1.1) == {"hall": None}


def test_names_are_made_printable_and_many_devices_are_bounded() -> None:
    rooms = Rooms()
    told = rooms.take("\x1b[31mred", "privacy", "OFF", 0.0)
    assert told is not None
    assert "\x1b" not in told["device"]
    assert rooms.take("x" * 101, "privacy", "OFF", 0.0) is None
    for number in range(2 * MOST):
        rooms.take(f"room-{number}", "privacy", "OFF", 0.0)
    assert (len(rooms.all(0.0)), rooms.left_out) == (MOST, MOST)


@pytest.mark.parametrize(
    ("below", "device", "topic"),
    [
        ("hall/state", "hall", "state"),
        ("hall/status/camera", "hall", "status/camera"),
        ("acme/berlin/hall/state", "acme/berlin/hall", "state"),
        ("acme/berlin/hall/status/camera", "acme/berlin/hall", "status/camera"),
        ("hall/response/privacy", "", "hall/response/privacy"),
        ("hall/request/info", "", "hall/request/info"),
        ("state", "", "state"),
    ],
)
def test_devices_stand_below_any_levels(below: str, device: str, topic: str) -> None:
    assert device_and_topic(below) == (device, topic)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[RoomsPage, Web]]:
    port = free_port()
    one = RoomsPage(
        DashboardConfig(enabled=True, port=port), password=Password(file_in(tmp_path)), base="emotion",
        broker=lambda: BrokerStatus("connected"), clock=SystemClock(),
    )  # fmt: skip
    one.start()
    web = Web(port)
    web.wait()
    yield one, web
    one.stop()


def test_it_asks_for_the_pages_password(page: tuple[RoomsPage, Web], tmp_path: Path) -> None:
    _, web = page
    assert web.get("/").status == 200
    store(file_in(tmp_path), PASSWORD)
    assert web.get("/").headers["location"] == "login"
    assert web.get("/live").status == 401
    web.sign_in(PASSWORD)
    assert web.snapshot()["rooms"] == []
    assert web.post("/logout", {}).status == 200
    assert web.get("/live").status == 401
    assert web.get("/live", Host="elsewhere.example").status == 421


def test_it_cannot_change_anything(page: tuple[RoomsPage, Web]) -> None:
    _, web = page
    web.snapshot()
    assert {web.post(path, {}).status for path in ("/privacy", "/thresholds/save", "/aim")} == {404}


def test_a_card_for_each_room_in_every_dress_and_none_stale(page: tuple[RoomsPage, Web], browser: Browser) -> None:
    rooms, web = page
    rooms.hear("living-room", "state", state("happy", 70.0))
    rooms.hear("attic", "privacy", "ON")
    rooms.hear("<b>kitchen</b>", "state", state("angry"))
    rooms.hear("hall", "status/camera", SourcePayload(state="online", reason="SAMPLE scene: a drawn face"))
    rooms.hear("hall", "state", state("uncertain"))
    rooms.hear("porch", "availability", "offline")
    browser.errors.clear()
    browser.view(1280, 900)
    browser.go(f"http://127.0.0.1:{web.port}/")
    browser.wait("document.querySelectorAll('.room').length === 5", 30)
    shown = browser.run(
        "Object.fromEntries([...document.querySelectorAll('.room')]"
        ".map(r => [r.querySelector('h2').innerText, r.querySelector('.state').innerText]))"
    )
    assert shown == {
        "<b>kitchen</b>": "angry", "attic": "private", "hall": "uncertain", "living-room": "happy", "porch": "offline",
    }  # fmt: skip
    assert "SAMPLE" in browser.run("document.querySelector('.room:nth-child(3)').innerText")
    assert browser.run("document.querySelectorAll('.room b').length") == 0, "a name is text"
    if AXE.exists():
        for width, dark in ((320, False), (390, True), (1280, False), (1920, True)):
            browser.view(width, 900, dark=dark)
            assert browser.run("document.documentElement.scrollWidth") <= width
            assert browser.violations() == []
    assert browser.errors == []
    rooms.stop()
    gone = "[...document.querySelectorAll('.room .state')].every(s => ['offline', 'private'].includes(s.innerText))"
    browser.wait(gone, 20)
    assert browser.run("document.getElementById('link').dataset.state") == "lost"


@pytest.mark.slow
def test_the_command_reads_a_real_broker(broker: Broker, tmp_path: Path) -> None:
    port = free_port()
    here = MqttConfig(host="127.0.0.1", port=broker.port)
    happy = json.dumps(
        {"v": 1, "label": "happy", "confidence": 0.7, "since": "", "for_s": 3.0, "people": 1, "modalities": ["face"]}
    )
    command = [
        sys.executable, "-m", "edge", "dashboard", "--all", "--broker", f"127.0.0.1:{broker.port}", "--port", str(port),
        "--config", str(tmp_path / "none.toml"), "--state", str(tmp_path), "--for", "60",
    ]  # fmt: skip
    (tmp_path / "none.toml").write_text("")
    with connect(here, None) as session:
        session.publish("emotion/attic/state", happy, retain=True)  # a retained state is of some other time
        session.publish("emotion/attic/privacy", "OFF", retain=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
            web = Web(port)
            web.wait()
            end = time.monotonic() + 20
            found: dict[str, object] = {}
            while found.get("hall") != "happy" or len(found) < 3:
                assert time.monotonic() < end, found
                session.publish("emotion/hall/state", happy)
                session.publish("emotion/acme/berlin/porch/state", happy)
                session.publish("emotion/hall/privacy/set", "ON")
                found = {room["device"]: room["state"] and room["state"]["label"] for room in web.snapshot()["rooms"]}
            assert found == {"hall": "happy", "attic": None, "acme/berlin/porch": "happy"}
            process.terminate()
