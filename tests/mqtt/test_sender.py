"""When the sender has something to do that nobody tells it of, so that thousands of them can wait for one broker."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import OutboxConfig
from edge.messages.numbering import Stamp
from edge.messages.payloads import SettingsPayload
from edge.messages.topics import LIVE_AGE_S
from edge.mqtt.outbox import Outbox
from edge.mqtt.publish_queue import QueuedMessage
from edge.mqtt.requests import ResponseRouter
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.sender import Sender
from edge.rate_limit import LogOnce
from tests.helpers import told
from tests.helpers.clock import FakeClock


class FakeConnection:
    """Takes everything, and acknowledges nothing by itself."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, *_: Any, **__: Any) -> int:
        self.sent += 1
        return self.sent


def made(folder: Path) -> tuple[Sender, Outbox, FakeClock]:
    clock = FakeClock()
    outbox = Outbox(folder / "outbox.sqlite", OutboxConfig(), "s", clock)
    sender = Sender(
        Stamp("s", clock, lambda: True), outbox, ResponseRouter(), clock=clock, retry=RetryPolicy(),
        log_once=LogOnce(logging.getLogger(__name__), clock),
    )  # fmt: skip
    return sender, outbox, clock


def test_what_is_nearly_too_old_is_not_sent_live_because_the_way_takes_time(tmp_path: Path) -> None:
    sender, outbox, clock = made(tmp_path)
    connection: Any = FakeConnection()
    sender.connected(connection, 20)
    captured = clock.monotonic()
    clock.pass_time(0.5 * LIVE_AGE_S)
    sender.handle(QueuedMessage("reading", told.reading(), captured))
    sender.handle(QueuedMessage("state", told.state("happy"), captured))
    assert (connection.sent, len(outbox)) == (2, 0)
    clock.pass_time(0.2 * LIVE_AGE_S)
    sender.handle(QueuedMessage("reading", told.reading(), captured))
    sender.handle(QueuedMessage("state", told.state("happy"), captured))
    assert (connection.sent, len(outbox)) == (2, 1), "a reading is dropped, a state comes as backlog"


def test_while_it_settles_it_waits_for_acknowledgements(tmp_path: Path) -> None:
    sender, outbox, clock = made(tmp_path)
    connection: Any = FakeConnection()
    assert sender.wait() == math.inf
    sender.connected(connection, 20)
    sender.handle(QueuedMessage("settings", SettingsPayload(values={}), clock.monotonic()))
    sender.acknowledge(connection.sent, "")
    sender.disconnected()
    outbox.add(1, "event", b"{}", clock.monotonic(), (clock.wall(), True))
    sender.connected(connection, 20)
    assert sender.wait() == RetryPolicy().kept  # for what the broker may still have of us
    clock.pass_time(0.4)
    assert sender.wait() == pytest.approx(RetryPolicy().kept - 0.4)
    sender.kept("another session", 1)
    assert sender.settling
    assert sender.wait() == math.inf
    sender.acknowledge(connection.sent, "")
    assert not sender.settling
    assert sender.wait() < 0.1  # what waited is sent at a rate
