"""Whom we do not trust gets neither a password nor a reading, and its owner is told what is wrong with it."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.config.schema import MqttConfig, OutboxConfig
from edge.device.clock import SystemClock
from edge.mqtt.publisher import Publisher
from edge.mqtt.session import probe
from tests.helpers.authority import Authority, Guard
from tests.helpers.broker import free_port, observing, wait_for
from tests.helpers.listener import Listener
from tests.helpers.service import Start
from tests.mqtt.parts import QUICK, unclosed_by_paho

pytestmark = unclosed_by_paho
USER, SECRET = "hall", "open-sesame-5561"


@dataclass(frozen=True)
class Case:
    """A broker that must be refused, and what is told."""

    pair: Callable[[Authority], tuple[str, str]]
    told: tuple[str, ...]
    host: str = "127.0.0.1"


def _stranger(ours: Authority) -> tuple[str, str]:
    return Authority(ours.folder.parent / "stranger").issue("broker")


CASES = {
    "another authority": Case(_stranger, ("not trusted", "mqtt.ca_file")),
    "self-signed": Case(lambda ours: ours.self_signed("alone"), ("self-signed", "mqtt.ca_file")),
    "expired": Case(lambda ours: ours.issue("old", ends="20210101000000Z"), ("expired", "renew it")),
    "not yet valid": Case(lambda ours: ours.issue("young", begins="20980101000000Z"), ("not yet valid", "clock")),
    "another name": Case(
        lambda ours: ours.issue("other", "DNS:elsewhere.example"), ("mqtt.host must be a name in it",)
    ),
    "another address": Case(lambda ours: ours.issue("near", "IP:127.0.0.2"), ("mqtt.host must be a name in it",)),
    "name where an address is": Case(lambda ours: ours.issue("ip"), ("mqtt.host must be a name",), "localhost"),
    "name only as common name": Case(lambda ours: ours.issue("localhost", "DNS:x"), ("must be a name",), "localhost"),
}


class Tap:
    """Between client and broker: passes everything on and keeps what the client said."""

    def __init__(self, port: int) -> None:
        self.heard = b""
        self._to = port
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = Listener(self._connect)
        self.port = self._listener.port

    def _connect(self, client: socket.socket) -> None:
        there = socket.create_connection(("127.0.0.1", self._to))
        self._lines += client, there
        for given in ((client, there, True), (there, client, False)):
            self._threads.append(threading.Thread(target=self._pass_on, args=given, daemon=True))
            self._threads[-1].start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, ours: bool) -> None:
        try:
            while data := source.recv(65536):
                if ours:
                    self.heard += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)  # not closed: the other thread may wait for it

    def close(self) -> None:
        self._listener.close()
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for line in self._lines:
            line.close()


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Callable[[MqttConfig, str], Publisher]]:
    started: list[Publisher] = []

    def make(settings: MqttConfig, password: str) -> Publisher:
        started.append(
            Publisher(
                settings, OutboxConfig(),
                device="shelf", client_id="shelf", password=password, folder=tmp_path / "state",
                clock=SystemClock(), on_command=lambda _: None, retry=QUICK, synced=lambda: True,
            )
        )  # fmt: skip
        started[-1].start()
        return started[-1]

    yield make
    for publisher in started:
        publisher.stop()


@pytest.mark.parametrize("name", CASES)
def test_who_is_not_trusted_is_refused_and_told_why(
    name: str,
    guarded: Guard,
    authority: Authority,
    publish: Callable[[MqttConfig, str], Publisher],
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = CASES[name]
    broker = guarded(case.pair(authority), **{USER: SECRET})
    settings = MqttConfig(host=case.host, port=broker.port, username=USER, tls=True, ca_file=authority.file)
    publisher = publish(settings, SECRET)
    wait_for(lambda: publisher.status().state == "unreachable", 8, "the refusal")
    logged = "\n".join(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    for said in (publisher.status().reason, logged, probe(settings, SECRET) or ""):
        for words in case.told:
            assert words in said
        assert SECRET not in said
    assert not publisher.connected


def test_the_right_one_is_trusted(
    guarded: Guard, authority: Authority, publish: Callable[[MqttConfig, str], Publisher]
) -> None:
    """Or the refusals above would prove nothing. And nothing readable goes over the line."""
    broker = guarded(authority.issue("broker", "IP:127.0.0.1,DNS:localhost"), **{USER: SECRET})
    for host in ("127.0.0.1", "localhost"):
        settings = MqttConfig(host=host, port=broker.port, username=USER, tls=True, ca_file=authority.file)
        assert probe(settings, SECRET) is None
    tap = Tap(broker.port)
    publisher = publish(
        MqttConfig(host="127.0.0.1", port=tap.port, username=USER, tls=True, ca_file=authority.file), SECRET
    )
    wait_for(lambda: publisher.connected, 8, "the connection")
    assert len(tap.heard) > 500
    for word in (SECRET, USER, "availability", "shelf"):
        assert word.encode() not in tap.heard
    tap.close()


@pytest.fixture
def outdated(authority: Authority) -> Iterator[int]:
    """A server that speaks nothing newer than TLS 1.1; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("outdated"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = _old_versions()

    def serve(client: socket.socket) -> None:
        with client, context.wrap_socket(client, server_side=True) as wrapped:
            wrapped.recv(100)

    listener = Listener(serve)
    yield listener.port
    listener.close()


def _old_versions() -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    return ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_a_downgrade_is_refused(
    outdated: int,
    authority: Authority,
    publish: Callable[[MqttConfig, str], Publisher],
    caplog: pytest.LogCaptureFixture,
) -> None:
    lax = ssl.create_default_context(cafile=authority.file)
    lax.set_ciphers("ALL:@SECLEVEL=0")
    lax.minimum_version, lax.maximum_version = _old_versions()
    with lax.wrap_socket(socket.create_connection(("127.0.0.1", outdated)), server_hostname="127.0.0.1") as control:
        assert control.version() == "TLSv1.1"  # somebody less careful would have talked to it

    settings = MqttConfig(host="127.0.0.1", port=outdated, username=USER, tls=True, ca_file=authority.file)
    publisher = publish(settings, SECRET)
    wait_for(lambda: publisher.status().state == "unreachable", 8, "the refusal")
    for said in (publisher.status().reason, caplog.text, probe(settings, SECRET) or ""):
        assert "TLS 1.2 or newer" in said


def test_a_broker_without_tls_gets_no_password(guarded: Guard, authority: Authority) -> None:
    """Somebody in the middle who takes TLS away learns nothing."""
    tap = Tap(guarded(**{USER: SECRET}).port)
    said = probe(
        MqttConfig(host="127.0.0.1", port=tap.port, username=USER, tls=True, ca_file=authority.file), SECRET, 1.5
    )
    tap.close()
    assert said is not None
    assert "TLS" in said
    assert tap.heard
    assert SECRET.encode() not in tap.heard


def test_the_service_says_it_in_its_log_and_to_systemd(
    start: Start, guarded: Guard, authority: Authority, tmp_path: Path
) -> None:
    broker = guarded(authority.issue("stale", ends="20210101000000Z"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        service = start(
            env={"NOTIFY_SOCKET": str(tmp_path / "notify")},
            mqtt={"port": broker.port, "tls": True, "ca_file": authority.file},
        )
        said = ""
        while "no broker" not in said:
            said += systemd.recv(4096).decode()
    assert service.stop() == 0
    for text in (said, service.log.read_text()):
        assert "certificate has expired; renew it at the broker, or set this device's clock" in text


def test_a_config_that_cannot_be_used_is_told_over_tls_too(
    guarded: Guard, authority: Authority, tmp_path: Path
) -> None:
    door = free_port()
    broker = guarded(authority.issue("broker"), extra=f"allow_anonymous true\nlistener {door} 127.0.0.1")
    config = tmp_path / "config.toml"
    config.write_text(
        f'[device]\nname = "shelf"\n[camera]\nfps = 9000\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        f'tls = true\nca_file = "{authority.file}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(tmp_path / "state")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    with observing(door) as observer:
        told = observer.wait("/info", 5)
    assert told.retained
    assert "camera.fps" in told.json["config_error"]


def test_the_view_works_over_tls_as_scripts_run_starts_it(guarded: Guard, authority: Authority, tmp_path: Path) -> None:
    broker = guarded(authority.issue("broker"), **{USER: SECRET})
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[device]\nname = "shelf"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\ntls = true\n'
        f'ca_file = "{authority.file}"\nusername = "{USER}"\npassword_file = "{password}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(tmp_path / "state"),
         "--local-broker", "--sample", "always", "--view", "--for", "7"],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "started mosquitto" not in done.stderr
    assert "camera online" in done.stdout
    assert "people 1" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_watch_tells_what_is_wrong_with_the_certificate(guarded: Guard, authority: Authority, tmp_path: Path) -> None:
    broker = guarded(authority.self_signed("lonely"))
    done = subprocess.run(
        [sys.executable, "-m", "edge", "watch", "--config", "/dev/null", "--broker", f"mqtts://127.0.0.1:{broker.port}",
         "--ca-file", authority.file, "--device", "shelf", "--for", "1"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "self-signed" in done.stderr
    assert "Traceback" not in done.stderr


# Whom the password of the config is for


@pytest.fixture
def elsewhere() -> Iterator[Tap]:
    """A broker that is not the config's: takes the connection and listens."""
    silent = socket.create_server(("127.0.0.1", 0))
    tap = Tap(int(silent.getsockname()[1]))
    yield tap
    tap.close()
    silent.close()


def watch(tmp_path: Path, port: int, *words: str) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[device]\nname = "shelf"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\nusername = "{USER}"\n'
        f'password_file = "{password}"\n'
    )
    subprocess.run(
        [sys.executable, "-m", "edge", "watch", "--config", str(config), "--for", "0.3", *words],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip


def test_watch_sends_the_configs_password_to_the_configs_broker_alone(elsewhere: Tap, tmp_path: Path) -> None:
    watch(tmp_path, elsewhere.port + 1, "--broker", f"127.0.0.1:{elsewhere.port}")
    wait_for(lambda: b"MQTT" in elsewhere.heard, 5, "the connection")
    time.sleep(0.2)
    assert SECRET.encode() not in elsewhere.heard
    assert USER.encode() not in elsewhere.heard


@pytest.mark.parametrize("named", [(), ("--broker", "127.0.0.1"), ("--broker", "127.0.0.1:PORT")])
def test_and_to_that_one_it_does(elsewhere: Tap, tmp_path: Path, named: tuple[str, ...]) -> None:
    watch(tmp_path, elsewhere.port, *(word.replace("PORT", str(elsewhere.port)) for word in named))
    wait_for(lambda: SECRET.encode() in elsewhere.heard, 5, "the password")


def test_another_password_for_another_broker(elsewhere: Tap, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("friend-4471\n")
    other.chmod(0o600)
    words = ("--broker", f"127.0.0.1:{elsewhere.port}", "--username", "guest", "--password-file", str(other))
    watch(tmp_path, elsewhere.port + 1, *words)
    wait_for(lambda: b"friend-4471" in elsewhere.heard, 5, "the password")
    assert SECRET.encode() not in elsewhere.heard
