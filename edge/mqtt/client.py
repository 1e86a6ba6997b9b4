"""What every connection of ours has in common: websocket path, user, TLS."""

from __future__ import annotations

import ssl

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.config.schema import MqttConfig
from edge.mqtt import reasons
from edge.mqtt.reasons import KEYS, Remedies, Trouble


class UnusableFiles(Exception):
    """A certificate or key cannot be used."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


def new_client(
    settings: MqttConfig,
    password: str | None,
    client_id: str = "",
    *,
    reconnects: bool = True,
    remedies: Remedies = KEYS,
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
        client.tls_set_context(tls_context(settings, remedies))
    return client


def tls_context(settings: MqttConfig, remedies: Remedies = KEYS) -> ssl.SSLContext:
    """Host name verified, TLS 1.2 at least. Read for every attempt: a renewed certificate needs no restart."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ValueError) as error:
        raise UnusableFiles(reasons.from_files(error, remedies.authority_setting, settings.ca_file)) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file:
        # Python 3.13 began to refuse authorities without a key-usage extension, which home-made ones rarely have.
        # Signature, expiry and host name are verified as before.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.cert_file:
        try:
            # An encrypted key would ask for its password on the terminal: an empty one is refused instead.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        except (OSError, ValueError) as error:
            paths = f"{settings.cert_file} and {settings.key_file}"
            raise UnusableFiles(reasons.from_files(error, "mqtt.cert_file and mqtt.key_file", paths)) from None
    return context
