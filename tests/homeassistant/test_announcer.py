"""When the announcement is told, told again, and taken back."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from edge.config.schema import Config, HomeAssistantConfig, PublishConfig
from edge.config.secrets import public
from edge.homeassistant import announcer
from edge.homeassistant.announcer import FILE_NAME, Announcer
from edge.messages.payloads import EventPayload, InfoPayload
from edge.readings import LABELS
from tests.helpers.broker import wait_for
from tests.helpers.told import person

TOPIC = "discovery/homeassistant/device/shelf/config"


class Rig:
    """An announcer and what it published."""

    def __init__(self, folder: Path, *, enabled: bool = True, connected: bool = True, random: float = 0.0) -> None:
        self.said: list[tuple[str, str]] = []
        self.now = 0.0
        self.announcer = Announcer(
            lambda topic, text: self.said.append((topic, text)), folder,
            enabled=enabled, connected=lambda: connected, random=lambda: random,
            monotonic=lambda: self.now,
        )  # fmt: skip
        self.announcer.start()

    def hear_info(self, device: str = "shelf", prefix: str = "homeassistant", *, people: bool = False) -> None:
        config = Config(home_assistant=HomeAssistantConfig(prefix=prefix), publish=PublishConfig(people=people))
        info = InfoPayload(
            version="1", device=device, board="b", runtime="r", python="3", models={}, labels=LABELS,
            config=public(config),
        )  # fmt: skip
        self.announcer.notify("info", info, None)

    def hear_person(self, track: int) -> None:
        self.announcer.notify(f"person/{track}", person(track=track), None)

    def lose_person(self, track: int) -> None:
        self.announcer.notify("event", EventPayload(event="person_gone", track=track, people=0), None)

    @property
    def people(self) -> dict[str, str]:
        """Which topic each person's entity listens to, as last announced; empty for one that is taken back."""
        components = json.loads(self.said[-1][1])["cmps"]
        return {name: one.get("stat_t", "") for name, one in components.items() if re.fullmatch(r"person_\d+", name)}


def test_it_follows_info_and_what_changes_live(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hear_info()
    rig.hear_info()
    rig.announcer.notify("config/publish.state_every_s", "10.0", None)
    assert [topic for topic, _ in rig.said] == [TOPIC], "the same is not told twice"
    rig.announcer.notify("config/publish.state_every_s", "60.0", None)
    assert len(rig.said) == 2
    assert '"exp_aft":152' in rig.said[1][1]
    rig.announcer.stop()


def test_people_take_the_first_free_place_and_keep_it_until_they_leave(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hear_info(people=True)
    rig.hear_person(3)
    rig.hear_person(4)
    for _ in range(9):
        rig.hear_person(3)
    assert len(rig.said) == 3, "told when somebody comes, not with each of their readings"
    assert rig.people == {"person_1": "emotion/shelf/person/3", "person_2": "emotion/shelf/person/4"}
    rig.lose_person(3)
    assert len(rig.said) == 3, "the entity stays"
    rig.hear_person(5)
    assert rig.people == {"person_1": "emotion/shelf/person/5", "person_2": "emotion/shelf/person/4"}
    rig.announcer.notify("privacy", "ON", None)
    rig.hear_person(9)
    assert rig.people == {"person_1": "emotion/shelf/person/9", "person_2": "emotion/shelf/person/4"}
    rig.announcer.stop()


def test_people_are_announced_only_where_they_are_published_and_taken_back_afterwards(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hear_info()
    rig.hear_person(1)
    assert rig.people == {}
    rig.announcer.notify("config/publish.people", "true", None)
    assert rig.people == {"person_1": "emotion/shelf/person/1"}
    rig.announcer.stop()
    again = Rig(tmp_path)  # switched off in the file meanwhile
    again.hear_info()
    assert set(again.people.values()) == {""}
    again.announcer.stop()
    third = Rig(tmp_path)
    third.hear_info()
    assert third.people == {}
    third.announcer.stop()


def test_many_who_come_and_go_do_not_flood_the_broker(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hear_info(people=True)
    for track in range(200):
        rig.hear_person(track)
        rig.lose_person(track)
    assert len(rig.said) <= 22
    rig.now += 3.0
    rig.hear_person(777)
    assert rig.people["person_1"] == "emotion/shelf/person/777"
    rig.announcer.stop()


def test_it_is_told_again_when_home_assistant_starts(tmp_path: Path) -> None:
    rig = Rig(tmp_path, random=0.02)
    rig.announcer.on_birth(b"online")
    assert rig.said == [], "there is nothing to tell yet"
    rig.hear_info()
    rig.announcer.on_birth(b"offline")
    rig.announcer.on_birth(b"\xff nonsense")
    for _ in range(50):
        rig.announcer.on_birth(b"online")
    wait_for(lambda: len(rig.said) == 2, 5, "the announcement")
    assert rig.said[0] == rig.said[1]
    time.sleep(0.2)
    assert len(rig.said) == 2, "fifty births are answered once"
    rig.announcer.stop()


def test_it_waits_a_moment_and_not_beyond_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "JITTER_S", 0.4)
    rig = Rig(tmp_path, random=1.0)
    rig.hear_info()
    rig.announcer.on_birth(b"online")
    time.sleep(0.1)
    assert len(rig.said) == 1
    rig.announcer.stop()
    time.sleep(0.5)
    assert len(rig.said) == 1


def test_switched_off_it_takes_back_what_was_told_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hear_info()
    rig.announcer.stop()
    off = Rig(tmp_path, enabled=False, connected=False)
    assert off.said == [(TOPIC, "")]
    off.hear_info()
    off.announcer.on_birth(b"online")
    off.announcer.stop()
    assert off.said == [(TOPIC, "")]
    again = Rig(tmp_path, enabled=False)
    assert again.said == [(TOPIC, "")], "the broker was away the first time"
    again.announcer.stop()
    assert Rig(tmp_path, enabled=False).said == []


def test_nothing_is_taken_back_that_was_never_told(tmp_path: Path) -> None:
    assert Rig(tmp_path, enabled=False).said == []
    assert not (tmp_path / FILE_NAME).exists()


def test_another_name_takes_the_old_one_back(tmp_path: Path) -> None:
    first = Rig(tmp_path)
    first.hear_info()
    first.announcer.stop()
    second = Rig(tmp_path)
    second.hear_info(device="hall", prefix="ha")
    assert [topic for topic, text in second.said if not text] == [TOPIC]
    assert second.said[-1][0] == "discovery/ha/device/hall/config"
    second.announcer.stop()
    assert (tmp_path / FILE_NAME).read_text() == "ha/device/hall/config\n"


@pytest.mark.parametrize(
    "words", [b"\xff\xfe", b"emotion/other/info\n", b"a/+/device/x/config\n", b"x\0/device/a/config\n" * 100]
)
def test_a_damaged_memory_clears_nothing_of_others(tmp_path: Path, words: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(words)
    assert Rig(tmp_path, enabled=False).said == []


def test_a_disk_that_is_full_costs_only_the_memory(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "nowhere")
    rig.hear_info()
    assert len(rig.said) == 1
    rig.announcer.stop()
