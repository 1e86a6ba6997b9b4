"""Where messages come from: an MQTT broker, or a queue of RabbitMQ."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config.schema import MqttConfig
from edge.errors import BrokerError, MissingPackage
from edge.fleet.collect import Delivery
from edge.fleet.facts import BASE, TOPICS
from edge.mqtt import reasons
from edge.mqtt.client import UnusableFiles, new_client
from edge.mqtt.reasons import KEYS, Remedies

log = logging.getLogger(__name__)

IN_FLIGHT = 1_000
RETAINED = ("info", "availability", "reported", "job")
KEPT_S = 7 * 86_400  # how long the broker keeps our session, and with it what we have not taken


class MqttFeed:
    """A Feed from an MQTT 5 broker: a session that survives us, acknowledgements by hand.

    Copies of one `group` share the messages among each other.
    """

    def __init__(
        self,
        settings: MqttConfig,
        password: str | None,
        *,
        member: str,
        group: str = "",
        remedies: Remedies = KEYS,
    ) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue(2 * IN_FLIGHT)
        self.reading = threading.Event()
        self._connection = 0  # counts them: a message is acknowledged on the one it came by
        share = f"$share/{group}/" if group else ""
        # A broker sends retained messages to no shared subscription; of these the newest counts, whoever has it.
        self._topics = [
            (f"{'' if kind in RETAINED else share}{settings.base}/{levels}{kind}", 1)
            for kind in TOPICS
            for levels in _LEVELS
        ]
        self._settings = settings
        self._remedies = remedies
        try:
            client = new_client(settings, password, member, remedies=remedies)
        except UnusableFiles as unusable:
            raise BrokerError(unusable.trouble.reason) from None
        client.manual_ack_set(True)
        client.max_inflight_messages_set(IN_FLIGHT)
        client.reconnect_delay_set(1, 15)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._received
        self._client = client

    def start(self) -> None:
        """Connect; BrokerError if nobody answers. Later losses are mended by themselves."""
        asked: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.SessionExpiryInterval = KEPT_S
        asked.ReceiveMaximum = IN_FLIGHT
        try:
            self._client.connect(
                self._settings.host, reasons.port(self._settings), 30, clean_start=False, properties=asked
            )
        except (OSError, ValueError) as error:
            raise BrokerError(reasons.from_error(self._settings, error, self._remedies).reason) from None
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("%s", reasons.from_code(self._settings, reason.value, str(reason), self._remedies).reason)
            return
        self._connection += 1
        _empty(self.deliveries)
        client.subscribe(self._topics)

    def _subscribed(self, _client: paho.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = {str(reason) for reason in reasons if reason.is_failure}
        if refused:
            log.error(
                "the broker refuses subscriptions (%s): allow this user to read %s/#",
                ", ".join(sorted(refused)),
                self._settings.base,
            )
        self.reading.set()

    def _received(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        came_by = self._connection

        def acknowledge() -> None:
            # By another connection its number may be another message's. The broker sends this one again.
            if came_by == self._connection:
                client.ack(message.mid, message.qos)

        # Bounded by what the broker lets be unacknowledged.
        self.deliveries.put(Delivery(message.topic, bytes(message.payload), acknowledge))


# A device's topics have its name, and perhaps tenant, site and group, between the base and the kind.
_LEVELS = ("+/", "+/+/", "+/+/+/", "+/+/+/+/")


def _empty(deliveries: queue.Queue[Delivery]) -> None:
    """What came by the connection before: the broker sends it again."""
    with suppress(queue.Empty):
        while True:
            deliveries.get_nowait()


class AmqpFeed:
    """A Feed from RabbitMQ: one durable quorum queue that all copies read. Its loop runs in a thread of its own."""

    def __init__(self, urls: Sequence[str], queue_name: str, base: str = BASE) -> None:
        try:
            import aio_pika
        except ImportError:
            raise MissingPackage("RabbitMQ needs aio-pika: pip install 'emotion-edge[fleet]'") from None
        self.deliveries: queue.Queue[Delivery] = queue.Queue(2 * IN_FLIGHT)
        self.reading = threading.Event()
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # a lost connection is one line of ours
        self._aio_pika: Any = aio_pika
        self._urls = list(urls)
        self._queue_name = queue_name
        self._base = base.replace("/", ".")
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="amqp", daemon=True)

    def start(self) -> None:
        """Connect, as often as it takes."""
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            url = self._urls[attempt % len(self._urls)]
            attempt += 1
            try:
                async with await self._aio_pika.connect(url, timeout=10) as connection:
                    await self._consume(connection)
            except Exception as error:  # noqa: BLE001 - whatever breaks, another node is tried
                log.warning("RabbitMQ: %s: %s", type(error).__name__, error)
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), min(15.0, 0.5 * attempt))

    async def _consume(self, connection: Any) -> None:
        _empty(self.deliveries)
        channel = await connection.channel()
        await channel.set_qos(IN_FLIGHT)
        held = await channel.declare_queue(self._queue_name, durable=True, arguments={"x-queue-type": "quorum"})
        for kind in TOPICS:
            for levels in range(1, 5):
                await held.bind("amq.topic", f"{self._base}." + "*." * levels + kind)
        gone = asyncio.Event()
        connection.close_callbacks.add(lambda *_: gone.set())

        async def received(message: Any) -> None:
            topic = message.routing_key.replace(".", "/")
            self.deliveries.put_nowait(Delivery(topic, message.body, lambda: self._acknowledge(message)))

        await held.consume(received)
        self.reading.set()
        waits = [asyncio.create_task(each.wait()) for each in (gone, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    def _acknowledge(self, message: Any) -> None:
        asyncio.run_coroutine_threadsafe(message.ack(), self._loop)
