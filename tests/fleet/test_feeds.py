"""A feed says that it reads only when nothing that is published can pass it by, and acknowledges by the right link."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.config.schema import MqttConfig
from edge.fleet.collect import Delivery, listening
from edge.fleet.feeds import MqttFeed
from tests.helpers.broker import Broker, Observer, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def feed(broker: Broker) -> Iterator[MqttFeed]:
    one = MqttFeed(MqttConfig(host="127.0.0.1", port=broker.port), None, member="a", group="g")
    yield one
    one.stop()


def test_it_is_not_ready_before_the_broker_has_its_subscriptions(
    broker: Broker, feed: MqttFeed, caplog: pytest.LogCaptureFixture
) -> None:
    broker.pause()  # takes the connection, and answers nothing
    ready: list[bool] = []
    waiting = threading.Thread(target=lambda: ready.append(listening(feed, threading.Event(), patience_s=0.5)))
    waiting.start()
    wait_for(lambda: "has not taken our subscriptions yet" in caplog.text, 10, "a word on the wait")
    assert not ready
    broker.resume()
    waiting.join(20)
    assert ready == [True]
    with closing(Observer(broker.port, "nothing")) as device:
        device.send("emotion/door/info", b"{}")
        device.send("emotion/door/event", b"{}")
    assert {feed.deliveries.get(timeout=5).topic for _ in range(2)} == {"emotion/door/info", "emotion/door/event"}


def test_who_is_to_stop_does_not_wait_for_a_broker(broker: Broker, feed: MqttFeed) -> None:
    broker.pause()
    stop = threading.Event()
    stop.set()
    assert not listening(feed, stop)


def taken(feed: MqttFeed) -> Delivery:
    return feed.deliveries.get(timeout=10)


def test_a_message_of_a_lost_connection_acknowledges_none_of_the_next(broker: Broker, feed: MqttFeed) -> None:
    """A broker that forgot everything counts from one again: the old number is a new message's."""
    assert listening(feed, threading.Event())
    with closing(Observer(broker.port, "nothing")) as device:
        device.send("emotion/door/event", b"old")
    old = taken(feed)
    broker.kill()
    feed.reading.clear()
    broker.start()
    assert feed.reading.wait(20)
    with closing(Observer(broker.port, "nothing")) as device:
        device.send("emotion/door/event", b"new")
    assert taken(feed).payload == b"new"  # and it is not stored yet
    old.acknowledge()
    feed.stop()
    again = MqttFeed(MqttConfig(host="127.0.0.1", port=broker.port), None, member="a", group="g")
    assert listening(again, threading.Event())
    try:
        assert taken(again).payload == b"new"
    finally:
        again.stop()
