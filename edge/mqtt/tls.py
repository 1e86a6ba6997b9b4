"""The TLS settings of a connection, from the files that the config names."""

from __future__ import annotations

import ssl

from edge.config import schema
from edge.mqtt import reasons
from edge.mqtt.reasons import Trouble


class UnusableFiles(Exception):
    """A certificate or key cannot be used."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


def tls_context(settings: schema.MqttConfig) -> ssl.SSLContext:
    """Host name verified, TLS 1.2 at least. Read for every attempt: a renewed certificate needs no restart."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ValueError) as error:
        raise UnusableFiles(reasons.from_files(error, "mqtt.ca_file", settings.ca_file)) from None
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
