"""A gentle connect: what the broker has kept is not sent again, the rest in small steps, live messages after it."""

from __future__ import annotations

from collections.abc import Callable

from edge.messages.payloads import EventPayload, SettingsPayload
from tests.mqtt.parts import Ear, Mosquitto, Rig, until

KEYS = [f"decision.k{number}" for number in range(40)]


def told(rig: Rig, value: str = "0.5") -> None:
    for key in KEYS:
        rig.publisher.publish(f"config/{key}", value)
    rig.publisher.publish("settings", SettingsPayload(values=dict.fromkeys(KEYS, value)))
    rig.publisher.publish("privacy", "OFF")
    rig.publisher.publish("discovery/homeassistant/device/shelf/config", "{}")


def lost(rig: Rig) -> None:
    """The connection breaks and comes back."""
    before = rig.publisher.status().connections
    rig.publisher._reconnector._connection.abort()  # type: ignore[union-attr]
    until(lambda: rig.publisher.status().connections > before)


def settled(rig: Rig) -> None:
    """The broker has everything that is retained."""

    def delivered() -> bool:
        return all(each.delivered for each in list(rig.publisher._sender._retained._newest.values()))

    until(lambda: rig.publisher.connected and not rig.publisher._sender.settling and delivered())


def fresh(ear: Ear) -> list[str]:
    return [each.topic for each in list(ear.heard) if not each.retained]


def test_what_the_broker_has_kept_is_not_sent_again(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    rig = publish(broker.port).ready()
    told(rig)
    until(lambda: len(ear.heard) >= 44)
    settled(rig)
    until(lambda: len([topic for topic in fresh(ear) if topic.startswith("config/decision")]) == 40)
    ear.heard.clear()
    lost(rig)
    settled(rig)
    rig.publisher.publish("event", EventPayload(event="person_gone"))
    until(lambda: ear.on("event"))
    assert set(fresh(ear)) == {"availability", "privacy", "event"}
    assert ear.on("availability")[-1].text == b"online"

    ear.heard.clear()
    rig.publisher._reconnector.leaving = True  # away for a moment
    rig.publisher._reconnector._connection.abort()  # type: ignore[union-attr]
    until(lambda: not rig.publisher.connected)
    rig.publisher.publish(f"config/{KEYS[0]}", "0.7")
    rig.publisher._reconnector.leaving = False
    until(lambda: ear.on(f"config/{KEYS[0]}"))
    settled(rig)
    assert set(fresh(ear)) - {"backlog"} == {"availability", "privacy", f"config/{KEYS[0]}"}


def test_a_broker_that_forgot_gets_everything(
    broker: Mosquitto, listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    rig = publish(broker.port).ready()
    told(rig)
    until(lambda: len(rig.publisher._sender._retained._newest) == 44)
    settled(rig)
    broker.kill()
    until(lambda: not rig.publisher.connected)
    broker.start()
    rig.ready()
    settled(rig)
    ear = listen()
    until(lambda: len([each for each in ear.heard if each.retained and each.topic.startswith("config/")]) == 40)
    until(lambda: {"settings", "privacy", "availability"} <= {each.topic for each in ear.heard if each.retained})


def test_live_messages_come_after_what_is_retained(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    rig = publish(broker.port, start=False)
    rig.publisher.publish("event", EventPayload(event="person_gone"))
    told(rig)
    rig.publisher.start()
    until(lambda: ear.on("event"))
    order = fresh(ear)
    assert order.index("event") > order.index("availability") > order.index(f"config/{KEYS[-1]}")
    assert rig.publisher.status().dropped == 0
