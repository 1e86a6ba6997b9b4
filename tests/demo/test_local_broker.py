"""The broker of our own: on loopback only, leaves nothing behind, dies with us, and can be fetched."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge.demo import mosquitto
from edge.demo.local_broker import LocalBroker, find_mosquitto
from edge.errors import BrokerError
from tests.mqtt.parts import Ear, until


def test_it_runs_on_loopback_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with LocalBroker() as broker:
        ear = Ear(broker.port)
        ear.say("event", "heard")
        until(lambda: ear.on("event"))
        ear.close()
        pid = broker.pid
        assert pid
        assert list(tmp_path.iterdir())
        listening = Path(f"/proc/{pid}/net/tcp").read_text()
        assert f"0100007F:{broker.port:04X} 00000000:0000 0A" in listening
        assert f"00000000:{broker.port:04X}" not in listening
    assert not Path(f"/proc/{pid}").exists()
    assert not list(tmp_path.iterdir())
    broker.stop()  # twice is fine


def test_it_comes_back_on_its_port() -> None:
    with LocalBroker() as broker:
        port = broker.port
        broker.kill()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
        assert broker.start(port) == port


def test_a_port_that_is_taken_is_named() -> None:
    with LocalBroker() as broker, pytest.raises(BrokerError, match=f"port {broker.port}"):
        LocalBroker().start(broker.port)


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "from edge.demo.local_broker import LocalBroker as B; b = B(); b.start(); print(b.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:  # fmt: skip
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until(lambda: not Path(f"/proc/{pid}/exe").exists() or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def test_one_in_the_cache_is_found_and_gets_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = find_mosquitto()
    assert installed
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert find_mosquitto() is None
    cached = tmp_path / "emotion-edge" / "mosquitto" / "usr" / "sbin" / "mosquitto"
    cached.parent.mkdir(parents=True)
    shutil.copy(installed, cached)
    libraries = tmp_path / "emotion-edge" / "mosquitto" / "usr" / "lib" / "x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    assert find_mosquitto() == cached
    assert mosquitto.environment(cached)["LD_LIBRARY_PATH"] == str(libraries)
    with LocalBroker() as broker:
        assert Path(f"/proc/{broker.pid}/exe").readlink() == cached


def test_without_apt_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(BrokerError, match=r"sudo apt install mosquitto"):
        mosquitto.fetch()


def test_fetching_unpacks_the_package_and_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins for apt: what is asked of it, and that the result is found. The real way needs the network."""
    tools = tmp_path / "bin"
    tools.mkdir()
    _script(
        tools / "apt-cache", 'case "$*" in *" mosquitto") echo "  Depends: libnew1"; echo "  Depends: adduser";; esac'
    )
    _script(tools / "dpkg-query", "printf not-installed")
    _script(tools / "apt-get", 'shift; for package; do echo "$package" > "$package.deb"; done')
    _script(tools / "dpkg", 'mkdir -p "$3/usr/sbin"; cp "$2" "$3/usr/sbin/$(basename "$2" .deb)"; '
                            'chmod +x "$3/usr/sbin/"*')  # fmt: skip
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(mosquitto, "find_mosquitto", lambda: tmp_path / "found")
    mosquitto.fetch()
    unpacked = tmp_path / "cache" / "emotion-edge" / "mosquitto" / "usr" / "sbin"
    assert {each.name for each in unpacked.iterdir()} == {"mosquitto", "libnew1"}

    _script(tools / "apt-get", "echo 'E: Unable to locate package mosquitto' >&2; exit 100")
    with pytest.raises(BrokerError, match="Unable to locate"):
        mosquitto.fetch()


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
