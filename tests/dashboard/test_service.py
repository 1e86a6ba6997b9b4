"""The page of the real service, from outside: what it shows, what it may do, what it refuses."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.config.schema import DashboardConfig as Settings
from edge.dashboard.password import file_in
from edge.dashboard.sign_in import checked_password
from edge.errors import ConfigError
from tests.dashboard.web import PASSWORD, Web
from tests.helpers.broker import Broker, Observer, free_port, wait_for
from tests.helpers.service import DEVICE, Start

pytestmark = pytest.mark.slow


def until(told: Iterator[tuple[str, dict[str, Any]]], wanted: str, **fields: Any) -> dict[str, Any]:
    """The next event of that name with these fields."""
    for name, content in told:
        if name == wanted and all(content.get(key) == value for key, value in fields.items()):
            return content
    raise AssertionError(f"the stream ended without {wanted}")


def test_the_page_shows_what_the_broker_hears_and_changes_what_it_says(
    start: Start, observer: Observer, video: Path
) -> None:
    web = Web(free_port())
    service = start(dashboard={"enabled": True, "port": web.port})
    web.wait()
    observer.wait("/state", 60, lambda m: m.json["people"] == 1)
    web.snapshot()
    with web.live(60) as told:
        shown = until(told, "reading")
        face = shown["face"]["values"]
        heard = observer.wait(
            "/reading", 5, lambda m: list((m.json["face"] or {}).get("probabilities", {}).values()) == face
        ).json
        assert shown["people"] == heard["people"]
        assert until(told, "health")["fps"] > 0

        # Thresholds: tried, refused, kept.
        tried = web.post("/thresholds/try", {"values": {"decision.enter": 0.99, "decision.exit": 0.98}})
        assert tried.status == 200
        assert {label for _, label in tried.json["spans"]} <= {"absent", "uncertain"}
        bad = {"values": {"decision.dwell_s": 9.0, "decision.exit": 0.9}}
        for path in ("/thresholds/try", "/thresholds/save"):
            refused = web.post(path, bad)
            assert refused.status == 422
            assert "decision.exit: 0.9 is above decision.enter" in refused.json["error"]
        overrides = service.state / "overrides.toml"
        assert not overrides.exists(), "neither half of it was kept"
        values = {"decision.enter": 0.3, "decision.exit": 0.2}
        assert web.post("/thresholds/save", {"values": values}).status == 200
        observer.wait("/config/decision.exit", 5, lambda m: m.payload == b"0.2")
        assert "decision.enter = 0.3" in overrides.read_text()
        assert until(told, "config", **{"decision.exit": 0.2})
        assert web.post("/thresholds/reset", {}).status == 200
        observer.wait("/config/decision.exit", 5, lambda m: m.payload == b"0.32" and not m.retained)
        assert not overrides.exists()

        # Privacy, both ways: MQTT may not switch it off, the owner's page may.
        assert web.post("/privacy", {"on": True}).status == 200
        assert str(video) not in service.descriptors()
        assert until(told, "privacy", privacy="ON")
        snapshot = web.snapshot()
        assert snapshot["reading"] is snapshot["state"] is None
        assert [label for _, label in snapshot["spans"]] == ["privacy"]
        observer.send(f"emotion/{DEVICE}/privacy/set", "OFF")
        observer.wait("/response/privacy", 5, lambda m: m.json["status"] == "error")
        assert str(video) not in service.descriptors()
        assert web.post("/privacy", {"on": False}).json == {"data": {"privacy": "OFF"}}
        assert until(told, "privacy", privacy="OFF")
        until(told, "reading")
    for wrong in ({}, {"on": "no"}, {"on": 1}, {"on": None}):
        assert web.post("/privacy", wrong).status == 400
    assert web.get("/aim.jpg").status == 403, "no picture unless the owner's file allows it"
    assert web.post("/aim", {"on": True}).status == 403
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


def test_the_aiming_picture_is_small_grey_and_gone_with_privacy(start: Start, observer: Observer, video: Path) -> None:
    web = Web(free_port())
    service = start(dashboard={"enabled": True, "port": web.port, "preview": "device"})
    web.wait()
    observer.wait("/reading", 60)
    assert web.snapshot()["can_aim"] is True
    assert web.get("/aim.jpg").status == 404, "it is off until it is switched on"
    with web.live(30) as told:
        assert web.post("/aim", {"on": True}).json["left"] > 59
        assert 0 < until(told, "aim")["left"] <= 60
        wait_for(lambda: web.get("/aim.jpg").status == 200, 10, "a picture")
        got = web.get("/aim.jpg")
        assert got.headers["cache-control"] == "no-store"
        picture = cv2.imdecode(np.frombuffer(got.body, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.ndim == 2
        assert picture.shape == (240, 320)
        assert picture.std() > 20, "it shows something"
        assert web.post("/privacy", {"on": True}).status == 200
        assert web.get("/aim.jpg").status == 404
        assert web.post("/aim", {"on": True}).status == 403
        assert web.post("/privacy", {"on": False}).status == 200
        assert web.get("/aim.jpg").status == 404, "it does not go on by itself"
        assert web.post("/aim", {"on": True}).status == 200
        assert web.post("/aim", {"on": False}).json["left"] == 0
        assert web.get("/aim.jpg").status == 404
    service.stop()
    assert not [path for path in service.state.rglob("*") if path.suffix in (".jpg", ".png")]


@pytest.mark.timeout(240)
def test_open_to_the_network_it_needs_a_password(start: Start, tmp_path: Path) -> None:
    for settings in ({"listen": "0.0.0.0"}, {"listen": "::"}, {"behind_tls": True}, {"names": ("edge.example.org",)}):  # noqa: S104
        with pytest.raises(ConfigError, match="emotion-edge passwd"):
            checked_password(Settings(**settings), tmp_path)
    assert not checked_password(Settings(listen="::1"), tmp_path).is_set
    web = Web(free_port())
    service = start(dashboard={"enabled": True, "port": web.port, "listen": "0.0.0.0"})  # noqa: S104
    assert service.wait(60) == 78
    assert "emotion-edge passwd" in service.log.read_text()
    set_password = subprocess.run(
        [sys.executable, "-m", "edge", "passwd", "--state", str(service.state)],
        input=PASSWORD + "\n", text=True, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert PASSWORD not in set_password.stdout
    assert stat.S_IMODE(file_in(service.state).stat().st_mode) == 0o600
    service.start()
    web.wait()
    assert web.get("/").headers["location"] == "login"
    assert web.sign_in(PASSWORD).status == 303
    assert web.snapshot()["signed_in"] is True
    assert service.stop() == 0
    assert PASSWORD not in service.log.read_text()


def test_a_password_that_is_too_short_or_absent(tmp_path: Path) -> None:
    for given in ("short\n", "", "x" * 500 + "\n"):
        done = subprocess.run(
            [sys.executable, "-m", "edge", "passwd", "--state", str(tmp_path)],
            input=given, text=True, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 78
        assert "8 to 200" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_from_elsewhere_the_same_page_by_way_of_the_broker(
    start: Start, observer: Observer, broker: Broker, tmp_path: Path
) -> None:
    service = start()
    observer.wait("/reading", 60)
    web = Web(free_port())
    words = [
        "--broker",
        f"127.0.0.1:{broker.port}",
        "--device",
        DEVICE,
        "--port",
        str(web.port),
        "--state",
        str(tmp_path),
    ]
    with (tmp_path / "page.log").open("wb") as log:
        page = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "edge", "dashboard", *words], stdout=log, stderr=log
        )
        try:
            web.wait()
            wait_for(lambda: web.snapshot()["state"], 20, "a state")
            with web.live(60) as told:
                assert next(told)[1]["info"]["device"] == DEVICE
                until(told, "reading")
                assert until(told, "health")["fps"] > 0
                assert (
                    web.post("/thresholds/save", {"values": {"decision.enter": 0.2, "decision.exit": 0.1}}).status
                    == 200
                )
                until(told, "config", **{"decision.exit": 0.1})
                assert web.post("/privacy", {"on": True}).status == 200
                refused = web.post("/privacy", {"on": False})
                assert refused.status == 409
                assert "privacy.remote_off" in refused.json["error"]
                service.stop()
                until(told, "service", state="offline")
                broker.kill()
                until(told, "broker", state="unreachable")
            answer = web.post("/privacy", {"on": False})
            assert answer.status == 409
            assert "does not respond" in answer.json["error"]
            page.terminate()
            assert page.wait(15) == 0
        finally:
            if page.poll() is None:
                page.kill()
                page.wait()
    assert "Traceback" not in (tmp_path / "page.log").read_text()


def test_the_command_says_where_the_service_serves_it(start: Start, tmp_path: Path) -> None:
    web = Web(free_port())
    service = start(dashboard={"enabled": True, "port": web.port})
    web.wait()
    words = ["--config", str(service.config), "--state", str(service.state)]
    done = subprocess.run(
        [sys.executable, "-m", "edge", "dashboard", *words], text=True, capture_output=True, timeout=60, check=True
    )
    assert done.stdout == f"the page is at http://127.0.0.1:{web.port}/\n"


def test_a_flood_changes_nothing_for_the_decision_loop(start: Start, observer: Observer) -> None:
    """Thousands of connections and posts from several sides: as many readings, none of them late, none lost."""
    web = Web(free_port())
    start(dashboard={"enabled": True, "port": web.port}, publish={"max_hz": 10.0})
    web.wait()
    observer.wait("/reading", 60)
    time.sleep(1)

    def rate(seconds: float) -> float:
        before = len(observer.on("/reading"))
        time.sleep(seconds)
        return (len(observer.on("/reading")) - before) / seconds

    calm = rate(4)
    flood = subprocess.Popen([sys.executable, str(Path(__file__).with_name("flood.py")), str(web.port), "6"])
    try:
        time.sleep(0.5)
        flooded = rate(4)
    finally:
        flood.wait(30)
    assert flooded > 0.7 * calm, f"{calm:.1f} readings a second, {flooded:.1f} in the flood"
    numbers = [message.json["seq"] for message in observer.on("/reading")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "nothing was lost"
    assert web.get("/page.css").status == 200


def test_past_days_outlive_the_service_and_go_when_they_are_to(start: Start, observer: Observer) -> None:
    """Kept over a restart, as CSV on the page; the past hour goes with privacy, all of it with `forget`."""
    web = Web(free_port())
    service = start(
        dashboard={"enabled": True, "port": web.port}, history={"keep_days": 7}, privacy={"trust_clock": True},
        publish={"summary_every_s": 5.0},
    )  # fmt: skip
    file = service.state / "history.sqlite"

    def rows() -> list[str]:
        return web.get("/history.csv").body.decode().splitlines()[1:]

    observer.wait("/summary", 60)
    assert not file.exists(), "minutes are written together"
    assert service.stop() == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    service.start()
    web.wait()
    wait_for(lambda: web.snapshot()["privacy"] == "OFF", 20, "the page to know that privacy is off")
    (row,) = rows()
    assert float(row.split(",")[1]) == pytest.approx(5.0, abs=1.5)
    begin = int(time.time()) - 3_600
    seen = web.post("/history", {"start": begin, "end": begin + 7_200, "step": 900}).json
    assert sum(step["watched"] for step in seen["steps"]) == pytest.approx(5.0, abs=1.5)

    assert web.post("/privacy", {"on": True}).status == 200
    assert web.get("/history.csv").status == 409
    assert web.post("/privacy", {"on": False}).status == 200
    wait_for(lambda: web.get("/history.csv").status == 200, 10, "the history to be shown again")
    assert rows() == [], "what was recorded within the past hour is gone"

    observer.messages.clear()
    observer.wait("/summary", 60)
    assert service.stop() == 0
    words = ["--config", str(service.config), "--state", str(service.state)]
    done = subprocess.run(
        [sys.executable, "-m", "edge", "forget", *words], text=True, capture_output=True, timeout=60, check=True
    )
    assert f"deleted past days: {file}" in done.stdout
    assert not file.exists()


def test_days_that_are_not_wanted_any_more_go_at_the_next_start(start: Start, observer: Observer) -> None:
    service = start(history={"keep_days": 7}, privacy={"trust_clock": True}, publish={"summary_every_s": 5.0})
    observer.wait("/summary", 60)
    service.stop()
    file = service.state / "history.sqlite"
    assert file.exists()
    service.config.write_text(service.config.read_text().replace("keep_days = 7", "keep_days = 0"))
    observer.messages.clear()
    service.start()
    observer.wait("/state", 60)
    assert not file.exists()
