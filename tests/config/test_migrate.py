from __future__ import annotations

from typing import Any

from edge.config.migrate import migrate, move


def to_2(raw: dict[str, Any]) -> list[str]:
    return move(raw, "camera.speed", "camera.fps") + move(raw, "broker.host", "mqtt.host")


def to_3(raw: dict[str, Any]) -> list[str]:
    return move(raw, "camera.fps", "camera.rate")


STEPS = (to_2, to_3)


def test_old_keys_move_through_all_versions_with_a_warning() -> None:
    raw: dict[str, Any] = {"config_version": 1, "camera": {"speed": 9}, "broker": {"host": "h"}}
    warnings, newer = migrate(raw, STEPS, 3)
    assert raw == {"config_version": 3, "camera": {"rate": 9}, "mqtt": {"host": "h"}}
    assert [line.partition(":")[0] for line in warnings] == ["camera.speed", "broker.host", "camera.fps"]
    assert not newer


def test_only_the_steps_that_are_needed() -> None:
    raw: dict[str, Any] = {"config_version": 2, "camera": {"speed": 9, "fps": 5}}
    assert migrate(raw, STEPS, 3)[0] == ["camera.fps: was renamed to camera.rate; please rename it in the file"]
    assert raw["camera"] == {"speed": 9, "rate": 5}


def test_a_file_without_version_and_without_old_keys_is_left_alone() -> None:
    raw: dict[str, Any] = {"camera": {"rate": 9}}
    assert migrate(raw, STEPS, 3) == ([], False)
    assert raw == {"camera": {"rate": 9}}


def test_the_new_key_wins_over_the_old_one() -> None:
    raw: dict[str, Any] = {"camera": {"speed": 9, "fps": 5}}
    (line,) = migrate(raw, STEPS[:1], 2)[0]
    assert "ignored" in line
    assert raw == {"camera": {"fps": 5}}


def test_tables_that_are_none() -> None:
    raw: dict[str, Any] = {"camera": 3, "broker": {"host": "h"}, "mqtt": "x"}
    (line,) = migrate(raw, STEPS[:1], 2)[0]
    assert "mqtt is no table" in line
    assert raw == {"camera": 3, "mqtt": "x"}


def test_a_newer_file() -> None:
    warnings, newer = migrate({"config_version": 9}, STEPS, 3)
    assert newer
    assert "newer" in warnings[0]
