"""What every connection of ours has in common: websocket path, user, TLS. Service, `watch` and `setup` call it."""

from __future__ import annotations

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.config.schema import MqttConfig
from edge.mqtt.tls import tls_context


def new_client(
    settings: MqttConfig, password: str | None, client_id: str = "", *, reconnects: bool = True
) -> paho.Client:
    """A client for the broker of `settings`, not yet connected. UnusableFiles if a certificate cannot be used."""
    five = settings.protocol == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else True,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        transport=settings.transport,
        reconnect_on_failure=reconnects,
    )
    if settings.transport == "websockets":
        client.ws_set_options(path=settings.websocket_path)
    if settings.username:
        client.username_pw_set(settings.username, password)
    if settings.tls:
        client.tls_set_context(tls_context(settings))
    return client
