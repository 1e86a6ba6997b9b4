"""A session that ends while it begins."""

from __future__ import annotations

import threading

import pytest

from edge.config.schema import MqttConfig
from edge.errors import BrokerError
from edge.mqtt.session import Session
from tests.helpers.broker import Broker


def test_a_broker_may_hang_up_before_there_is_a_thread_to_end(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Session(
        MqttConfig(host="127.0.0.1", port=broker.port), None, client_id="", reconnect=False, on_message=None
    )  # fmt: skip
    ending, start = threading.Event(), threading.Thread.start

    def late(thread: threading.Thread) -> None:
        if thread.name.startswith("paho"):
            one._answer.put("hung up")
            ending.wait(0.3)  # long enough for whoever would not wait
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", late)
    with pytest.raises(BrokerError, match="hung up"):
        one.open(5.0)
