"""Accepted or not, by whom, and what a person is told about it."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edge.config import schema
from edge.messages.payloads import EventPayload
from edge.mqtt.client import tls_context
from edge.mqtt.connection import Connection
from tests.mqtt.parts import QUICK, Ear, Mosquitto, Rig, unclosed_by_paho, until

pytestmark = unclosed_by_paho

RIGHT, WRONG, NEW = "open sesame", "close sesame", "another"


def _passwords(folder: Path, **users: str) -> Path:
    file = folder / "passwords"
    file.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
    subprocess.run(["mosquitto_passwd", "-U", file], check=True, capture_output=True)
    file.chmod(0o644)
    return file


@pytest.fixture
def guarded(mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> Mosquitto:
    _passwords(tmp_path, device=RIGHT)
    return mosquitto(access=f"allow_anonymous false\npassword_file {tmp_path / 'passwords'}")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_refused_password_is_told_and_its_correction_taken_up(
    guarded: Mosquitto, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    rig = publish(guarded.port, username="device", password=WRONG, protocol=protocol)
    until(lambda: rig.state == "refused")
    status = rig.publisher.status()
    assert not rig.publisher.connected
    assert "'device'" in status.reason
    assert "mqtt.username and its password" in status.reason
    time.sleep(1.0)  # several attempts at this pace
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 1
    assert WRONG not in caplog.text
    assert rig.state == "refused"
    rig.publisher.apply(password=RIGHT)
    rig.ready()
    assert rig.publisher.status().reason == ""


def test_a_password_put_right_at_the_broker(guarded: Mosquitto, publish: Callable[..., Rig], tmp_path: Path) -> None:
    rig = publish(guarded.port, username="device", password=NEW)
    until(lambda: rig.state == "refused")
    _passwords(tmp_path, device=NEW)
    guarded.send(1)  # SIGHUP: reads it again
    rig.ready()


def test_no_user_name_where_one_is_needed(guarded: Mosquitto, publish: Callable[..., Rig]) -> None:
    rig = publish(guarded.port)
    until(lambda: rig.state == "refused")
    assert "without a user name" in rig.publisher.status().reason


def test_nobody_there(publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    rig = publish(1)
    until(lambda: rig.state == "unreachable")
    assert "nothing is listening at 127.0.0.1:1" in rig.publisher.status().reason
    time.sleep(1.0)
    assert len(caplog.records) == 1


def test_an_unknown_host(publish: Callable[..., Rig]) -> None:
    rig = publish(1883, host="no-such-host.invalid")
    until(lambda: rig.state == "unreachable")
    assert "'no-such-host.invalid'" in rig.publisher.status().reason


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_broker_that_accepts_and_hangs(silent: socket.socket, publish: Callable[..., Rig], transport: str) -> None:
    rig = publish(silent.getsockname()[1], transport=transport)
    until(lambda: rig.state == "unreachable")
    assert "says nothing" in rig.publisher.status().reason or "not answer" in rig.publisher.status().reason
    began = time.monotonic()
    rig.publisher.stop()
    assert time.monotonic() - began < 2


def test_a_broker_that_hangs_up(silent: socket.socket, publish: Callable[..., Rig]) -> None:
    def hang_up() -> None:
        silent.accept()[0].close()

    threading.Thread(target=hang_up, daemon=True).start()
    rig = publish(silent.getsockname()[1])
    until(lambda: rig.state == "unreachable")
    assert "closed the connection before it answered" in rig.publisher.status().reason


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_session_taken_over_is_not_fought_over(
    broker: Mosquitto, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture, tmp_path: Path, protocol: str
) -> None:
    """Twins evict each other; neither mosquitto 2.0.11 nor MQTT 3.1.1 says why. One of them gives in, and tells."""
    calm = replace(QUICK, slow=1.0)
    twins = [publish(broker.port, folder=tmp_path / name, retry=calm, protocol=protocol) for name in ("a", "b")]
    until(lambda: any(each.state == "taken over" for each in twins))
    loser = next(each for each in twins if each.state == "taken over")
    (winner,) = set(twins) - {loser}
    assert "client id" in loser.publisher.status().reason
    winner.ready()
    assert [each.levelno for each in caplog.records if "client id" in each.message] == [logging.ERROR]
    winner.publisher.stop()
    loser.ready()


def test_a_broker_that_says_who_took_over(silent: socket.socket, publish: Callable[..., Rig]) -> None:
    """What MQTT 5 provides for: DISCONNECT with reason 142. The bytes are those of a newer mosquitto."""

    def serve() -> None:
        with silent.accept()[0] as client:
            client.recv(1000)
            client.sendall(b"\x20\x03\x00\x00\x00")  # CONNACK, success
            subscribe = client.recv(1000)
            client.sendall(b"\x90\x06" + subscribe[2:4] + b"\x00\x01\x01\x01")  # SUBACK
            client.recv(1000)
            client.sendall(b"\xe0\x02\x8e\x00")
            time.sleep(0.2)

    threading.Thread(target=serve, daemon=True).start()
    rig = publish(silent.getsockname()[1], retry=replace(QUICK, slow=60.0))
    until(lambda: rig.state == "taken over")
    assert "another client uses our client id" in rig.publisher.status().reason


def test_refused_by_the_brokers_access_list(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """mosquitto lets anybody subscribe and delivers nothing; what it refuses is to publish, and that is told.

    (With max_queued_messages 0, version 2.0.11 also cuts off whoever publishes what it denies.)
    """
    access = tmp_path / "acl"
    access.write_text("topic write emotion/shelf/availability\n")
    access.chmod(0o644)
    broker = mosquitto(access=f"allow_anonymous true\nacl_file {access}\nmax_queued_messages 1000")
    rig = publish(broker.port).ready()
    rig.publisher.publish("event", EventPayload(event="person_gone"))
    until(lambda: rig.publisher.status().dropped == 1)
    assert "publish on event" in caplog.text
    assert rig.publisher.connected


# TLS


@dataclass(frozen=True)
class Authority:
    folder: Path

    def __post_init__(self) -> None:
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority")  # fmt: skip

    def issue(self, name: str, subject: str) -> tuple[str, str]:
        """Paths of a certificate and its key; `subject` is its subjectAltName."""
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        (self.folder / "extensions").write_text(f"subjectAltName={subject}\n")
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-days", "2", "-extfile", "extensions", "-out", f"{name}.pem")  # fmt: skip
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")

    @property
    def file(self) -> str:
        return str(self.folder / "ca.pem")

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def secured(mosquitto: Callable[..., Mosquitto], authority: Authority) -> Mosquitto:
    certificate, key = authority.issue("broker", "IP:127.0.0.1")
    return mosquitto(listener=f"cafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\ntls_version tlsv1.2")


def test_tls_with_an_own_authority(secured: Mosquitto, publish: Callable[..., Rig], authority: Authority) -> None:
    publish(secured.port, tls=True, ca_file=authority.file).ready()


def test_tls_refuses_who_it_does_not_know(
    secured: Mosquitto, publish: Callable[..., Rig], authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    rig = publish(secured.port, tls=True, ca_file=other.file)
    until(lambda: rig.state == "unreachable")
    assert "not trusted" in rig.publisher.status().reason
    assert "mqtt.ca_file" in rig.publisher.status().reason

    by_name = publish(secured.port, tls=True, ca_file=authority.file, host="localhost")
    until(lambda: by_name.state == "unreachable")
    assert "mqtt.host must be a name in it" in by_name.publisher.status().reason


def test_a_certificate_of_another_device_is_one_line(
    mosquitto: Callable[..., Mosquitto],
    publish: Callable[..., Rig],
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The broker knows it by another name, and refuses each of its topics: some thirty, and all for one reason."""
    access = tmp_path / "acl"
    access.write_text("pattern readwrite emotion/%u/#\n")
    access.chmod(0o644)
    certificate, key = authority.issue("broker", "IP:127.0.0.1")
    listener = f"cafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
    broker = mosquitto(
        listener=f"{listener}use_identity_as_username true",
        access=f"allow_anonymous false\nacl_file {access}\nmax_queued_messages 1000",
    )
    theirs, their_key = authority.issue("kitchen", "DNS:kitchen")
    files = {"ca_file": authority.file, "cert_file": theirs, "key_file": their_key}
    rig = publish(broker.port, start=False, tls=True, **files)
    for number in range(35):
        rig.publisher.publish(f"config/decision.k{number}", "0.5")
    rig.publisher.publish("discovery/homeassistant/device/shelf/config", "{}")
    rig.publisher.start()
    rig.ready()
    for _ in range(3):
        rig.publisher.publish("config/decision.enter", "0.5")
        rig.publisher._reconnector._connection.abort()  # type: ignore[union-attr]
        connections = rig.publisher.status().connections
        until(lambda before=connections: rig.publisher.status().connections > before)  # type: ignore[misc]
    until(lambda: rig.publisher.status().dropped > 30)
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 1, errors
    assert "certificate is this device's own" in errors[0]


def test_a_client_certificate(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], authority: Authority
) -> None:
    certificate, key = authority.issue("broker", "IP:127.0.0.1")
    listener = f"cafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true"
    broker = mosquitto(listener=listener)
    ours, our_key = authority.issue("device", "DNS:device")
    without = publish(broker.port, tls=True, ca_file=authority.file)
    until(lambda: without.state == "unreachable")
    publish(broker.port, tls=True, ca_file=authority.file, cert_file=ours, key_file=our_key, client_id="with").ready()


def test_what_is_wrong_with_tls_is_named(
    broker: Mosquitto, secured: Mosquitto, publish: Callable[..., Rig], authority: Authority, tmp_path: Path
) -> None:
    key = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-out", key], check=True, capture_output=True
    )
    subprocess.run(
        ["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", key],
        check=True,
        capture_output=True,
    )
    certificate, _ = authority.issue("device", "DNS:device")
    cases: list[tuple[int, dict[str, object], str]] = [
        (secured.port, {"ca_file": str(tmp_path / "absent.pem")}, "mqtt.ca_file"),
        (secured.port, {"ca_file": str(broker.config)}, "PEM"),
        (secured.port, {"cert_file": certificate, "key_file": str(key)}, "mqtt.key_file"),
        (broker.port, {"ca_file": authority.file}, "TLS"),
    ]
    for number, (port, settings, expected) in enumerate(cases):
        rig = publish(port, tls=True, client_id=f"case-{number}", **settings)
        until(lambda rig=rig: rig.state == "unreachable")  # type: ignore[misc]
        assert expected in rig.publisher.status().reason
        rig.publisher.stop()
    plain = publish(secured.port, client_id="plain")
    until(lambda: plain.state == "unreachable")
    assert "mqtt.tls" in plain.publisher.status().reason


def test_old_tls_is_not_spoken(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], authority: Authority
) -> None:
    context = tls_context(schema.MqttConfig(host="x", tls=True, ca_file=authority.file))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_a_cut_before_the_connection_stands(silent: socket.socket) -> None:
    """Giving up an attempt that is still dialling leaves no connection behind."""
    told: list[object] = []
    settings = schema.MqttConfig(host="127.0.0.1", port=silent.getsockname()[1])
    link = Connection(1, settings, QUICK, root="r", client_id="c", password=None, report=told.append)
    link.abort()
    link.open()
    accepted, _ = silent.accept()
    with accepted:
        accepted.settimeout(5)
        with suppress(ConnectionResetError):
            while accepted.recv(1000):  # until the end; a timeout would fail here
                pass
    until(lambda: len(told) == 2)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What waits for the garbage collector may wait for hours."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_reconnects_pile_up_neither_threads_nor_descriptors(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]
) -> None:
    rig = publish(broker.port).ready()
    before, open_before = threading.active_count(), descriptors()
    for count in range(2, 6):
        rig.publisher._reconnector._connection.abort()  # type: ignore[union-attr]
        until(lambda count=count: rig.publisher.status().connections == count)  # type: ignore[misc]
    until(lambda: threading.active_count() <= before)
    until(lambda: descriptors() <= open_before)


def test_the_log_tells_an_outage_and_its_end_and_no_more(
    broker: Mosquitto, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rig = publish(broker.port, retry=replace(QUICK, steady=0.0)).ready()
    for count in (2, 3, 4):
        broker.kill()
        until(lambda: not rig.publisher.connected)
        broker.start()
        until(lambda count=count: rig.publisher.status().connections == count)  # type: ignore[misc]
    lines = [each.message for each in caplog.records if each.name.startswith("edge.mqtt")]
    assert lines[0].startswith("connected")
    assert [line for line in lines if line.startswith("connected")] == lines[:1] * 2
    assert len(lines) == len(set(lines)) + 1
