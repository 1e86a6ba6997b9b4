"""Reasons without a connection, in the words of who gave the settings."""

from __future__ import annotations

import socket
import ssl

import pytest
from paho.mqtt.client import WebsocketConnectionError

from edge.commands.broker import remedies
from edge.config.schema import MqttConfig
from edge.mqtt import reasons
from edge.mqtt.reasons import KEYS, Remedies

PLAIN = MqttConfig(host="hub", username="edge")
TLS = MqttConfig(host="hub", tls=True)


def untrusted(why: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, why)
    error.verify_message = why
    return error


def no_tls() -> ssl.SSLError:
    error = ssl.SSLError(1, "wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


def told(words: Remedies) -> list[str]:
    """One reason of each kind whose remedy is something to set."""
    errors = (
        untrusted("Hostname mismatch"), untrusted("unable to get local issuer certificate"),
        no_tls(), socket.gaierror(-2, "Name or service not known"),
        WebsocketConnectionError("handshake"), ConnectionResetError(), TimeoutError("handshake"), TimeoutError(),
    )  # fmt: skip
    return [
        *(reasons.from_error(settings, error, words).reason for error in errors for settings in (PLAIN, TLS)),
        *(reasons.closed_early(settings, words).reason for settings in (PLAIN, TLS)),
        *(reasons.from_code(PLAIN, code, "Not authorized", words).reason for code in (132, 134, 135)),
    ]


def test_a_config_s_keys_are_named() -> None:
    lines = told(KEYS)
    assert all("mqtt." in line and "--" not in line for line in lines), lines
    assert 'does not speak MQTT 5; set mqtt.protocol = "3.1.1"' in lines[-3]
    assert lines[-2].endswith("check mqtt.username and its password")


def test_a_command_s_options_are_named() -> None:
    lines = told(remedies("SOURCE"))
    assert not any("mqtt." in line for line in lines), lines
    assert "SOURCE: 'hub' is not a known name here (Name or service not known)" in lines
    assert lines[-3] == "the broker hub:1883 does not speak MQTT 5; this command needs a broker that does"


@pytest.mark.parametrize(("words", "key"), [(KEYS, "mqtt.ca_file"), (remedies(), "--ca-file")])
def test_of_a_file_that_is_no_certificate(words: Remedies, key: str) -> None:
    reason = reasons.from_files(FileNotFoundError(2, "No such file or directory"), words.authority_setting, "/x").reason
    assert reason == f"{key}: /x: No such file or directory"
