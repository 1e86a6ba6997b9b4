"""What is sent after each connect, and what is not sent again."""

from __future__ import annotations

from edge.messages.payloads import SettingsPayload, SourcePayload
from edge.messages.topics import DISCOVERY
from edge.mqtt.publish_queue import QueuedMessage
from edge.mqtt.retained import RetainedMessages


def remembered(*topics: str) -> tuple[RetainedMessages, dict[str, QueuedMessage]]:
    messages = {topic: QueuedMessage(topic, payload(topic), 0.0) for topic in topics}
    retained = RetainedMessages()
    for message in messages.values():
        retained.remember(message)
    return retained, messages


def payload(topic: str) -> SettingsPayload | SourcePayload | str:
    if topic == "settings":
        return SettingsPayload(values={})
    return SourcePayload(state="online") if topic.startswith("status/") else "x"


def sent(retained: RetainedMessages, *, kept: bool) -> list[str]:
    return [message.topic for message in retained.to_send(kept=kept)]


def test_nobody_sees_us_online_with_old_values() -> None:
    retained, _ = remembered("availability", DISCOVERY + "x", "status/camera", "settings", "privacy")
    assert sent(retained, kept=False) == ["status/camera", "settings", "privacy", DISCOVERY + "x", "availability"]


def test_what_a_broker_kept_and_is_large_or_many_is_not_sent_again() -> None:
    retained, messages = remembered("privacy", "config/decision.enter", "config/log.level", DISCOVERY + "x", "settings")
    assert not retained.delivered_before
    for topic, message in messages.items():
        retained.acknowledged(topic, message, empty=False, refused=topic == "config/log.level")
    assert retained.delivered_before
    assert sent(retained, kept=True) == ["privacy", "config/log.level"]
    assert len(sent(retained, kept=False)) == 5
    retained.remember(QueuedMessage("settings", payload("settings"), 1.0))
    assert not retained.delivered_before, "the newest is not there yet"
    assert "settings" in sent(retained, kept=True)


def test_an_older_message_that_is_acknowledged_late_says_nothing_of_the_newest() -> None:
    retained, messages = remembered("settings")
    retained.sent("settings", 7)
    assert retained.number("settings") == 7
    retained.remember(QueuedMessage("settings", payload("settings"), 1.0))
    assert retained.number("settings") is None
    retained.acknowledged("settings", messages["settings"], empty=False, refused=False)
    assert not retained.delivered_before


def test_what_was_cleared_is_not_cleared_again_on_every_connect() -> None:
    retained, _ = remembered("privacy", DISCOVERY + "x")
    gone = QueuedMessage(DISCOVERY + "x", "", 1.0)
    retained.remember(gone)
    assert sent(retained, kept=False) == ["privacy", DISCOVERY + "x"]
    retained.acknowledged(gone.topic, gone, empty=True, refused=False)
    assert sent(retained, kept=False) == ["privacy"]
