"""Floods: of commands from strangers, of messages of our own. Privacy and the newest status find a place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import paho.mqtt.client as paho
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from edge.messages.commands import Command, Refusal
from edge.messages.payloads import EventPayload, ReadingPayload, ResponsePayload, SourcePayload
from edge.mqtt import request_queue
from edge.mqtt.connection import Requested
from edge.mqtt.publish_queue import MAX_MESSAGES, PublishQueue, QueuedMessage
from edge.mqtt.request_queue import PRIVACY, RequestQueue
from tests.mqtt.parts import QUICK, ROOT, Ear, Mosquitto, Rig, until

EVENT = EventPayload(event="person_gone")
READING = ReadingPayload(probabilities={}, label="sad", confidence=0, valence=0, arousal=0, people=0)


def switch(on: bool, transaction: int | None = None) -> Requested:
    return Requested(1, "privacy/set", Command("privacy", "", on, transaction), False)


def request(transaction: int | None = None) -> Requested:
    return Requested(1, "request/health", Command("request", "health", None, transaction), False)


def test_privacy_on_survives_a_flood_of_others() -> None:
    queue = RequestQueue(0.0)
    for number in range(5_000):
        queue.put(request(number), 0.0)
    queue.put(switch(True, 7), 0.0)
    for number in range(5_000):
        queue.put(request(number), 0.0)
        queue.put(switch(False), 0.0)
    taken = queue.take()
    commands = [each.command for each in taken if isinstance(each.command, Command)]
    refusals = [each.command for each in taken if isinstance(each.command, Refusal)]
    assert Command("privacy", "", True, 7) in commands
    assert commands[-1] == Command("privacy", "", False)  # what came last is what holds
    assert len(commands) <= request_queue.COMMANDS[0] + PRIVACY
    assert len(refusals) == request_queue.REFUSALS[0]
    assert {each.name for each in refusals} == {"health"}
    assert queue.refused == 15_001 - len(commands)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_the_last_switch_holds_and_an_on_is_never_lost(wanted: list[bool]) -> None:
    queue = RequestQueue(0.0)
    for number, on in enumerate(wanted):
        queue.put(switch(on, number), 0.0)
    left = [each.command for each in queue.take() if isinstance(each.command, Command)]
    assert len(left) <= PRIVACY
    assert left[-1] == Command("privacy", "", wanted[-1], len(wanted) - 1)
    assert any(each.value for each in left) == any(wanted)
    assert [each.transaction for each in left] == sorted(each.transaction for each in left)  # type: ignore[type-var]


def test_what_a_flood_refuses_is_answered_in_measure() -> None:
    queue = RequestQueue(0.0)
    answered = 0
    for moment in range(100):
        for number in range(1_000):
            queue.put(request(number), moment / 10)
        answered += sum(isinstance(each.command, Refusal) for each in queue.take())
    assert 100 <= answered <= 320
    assert queue.refused > 90_000


def test_the_newest_of_what_is_retained_is_never_dropped(clock: Any) -> None:
    queue = PublishQueue(clock)
    queue.publish(QueuedMessage("status/camera", SourcePayload(state="offline"), 0.0))
    queue.publish(QueuedMessage("privacy", "ON", 0.0))
    queue.publish(QueuedMessage("status/camera", SourcePayload(state="online"), 1.0))
    for number in range(3 * MAX_MESSAGES):
        queue.publish(QueuedMessage("event" if number % 2 else "reading", EVENT if number % 2 else READING, 2.0))
        queue.publish(QueuedMessage("response/info", ResponsePayload(status="ok"), 2.0))
    _, messages = queue.take(0)
    assert len(messages) == MAX_MESSAGES + 2
    assert QueuedMessage("privacy", "ON", 0.0) in messages
    assert QueuedMessage("status/camera", SourcePayload(state="online"), 1.0) in messages
    assert {each.topic for each in messages[-500:]} == {"event"}


def test_three_clients_with_thousands_of_commands_each(
    mosquitto: Callable[..., Mosquitto], listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    """At a broker with bounded queues. The honest one comes in the middle of it. (More of it: scripts/promises.)"""
    broker = mosquitto(access="allow_anonymous true\nmax_queued_messages 1000")
    rig = publish(broker.port, retry=replace(QUICK, answer=5.0)).ready()
    ear = listen(broker.port)
    flooders = [paho.Client(CallbackAPIVersion.VERSION2) for _ in range(3)]
    for client in flooders:
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
    begun = threading.Barrier(4)

    def flood(client: paho.Client, qos: int) -> None:
        begun.wait()
        for number in range(4_000):
            # A broker with a bounded queue may itself drop QoS 1 for the switch in a flood of QoS 1 for the switch.
            topic = ("request/info", "config/decision.enter/set", "request/no" if qos else "privacy/set")[number % 3]
            payload = "OFF" if topic == "privacy/set" else "0.5" if topic.startswith("config") else ""
            client.publish(f"{ROOT}/{topic}", payload, qos)

    threads = [threading.Thread(target=flood, args=(client, index % 2)) for index, client in enumerate(flooders)]
    for thread in threads:
        thread.start()
    begun.wait()
    time.sleep(0.1)
    ear.say("privacy/set", '{"value": "ON", "transaction": "honest"}')
    for thread in threads:
        thread.join()
    until(lambda: any(each.transaction == "honest" for each in rig.commands), 30, "the honest command")
    until(lambda: rig.publisher.status().commands_refused > 200, 30)
    for client in flooders:
        client.disconnect()
        client.loop_stop()
    until(lambda: any("too many" in str(each.json["error"]) for each in ear.on("response/info")))
    assert rig.publisher.connected
    assert len(ear.on("response/info") + ear.on("response/config")) < 2_000
