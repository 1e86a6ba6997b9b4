"""The samples beside the default config do what they say."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.device import resources
from tests.helpers.broker import MOSQUITTO, free_port, wait_for

SAMPLES = resources.firmware_config()
PASSWD = shutil.which("mosquitto_passwd")


class Client:
    """Somebody with a name at the broker."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        self._paho = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._paho.username_pw_set(user, password)
        self._paho.on_connect = lambda _c, _d, _f, reason, _p: self._answers.put(reason)
        self._paho.on_subscribe = lambda _c, _d, _m, reasons, _p: self._answers.put(reasons[0])
        self._paho.on_publish = lambda _c, _d, _m, reason, _p: self._answers.put(reason)
        self._paho.on_message = lambda _c, _d, message: self.heard.put((message.topic, bytes(message.payload)))
        self._paho.connect("127.0.0.1", port)
        self._paho.loop_start()
        self.accepted = not self._answers.get(timeout=5).is_failure

    def subscribe(self, topic: str) -> bool:
        self._paho.subscribe(topic, 1)
        return not self._answers.get(timeout=5).is_failure

    def publish(self, topic: str) -> bool:
        """Whether the broker lets us."""
        self._paho.publish(topic, b"x", qos=1)
        return not self._answers.get(timeout=5).is_failure

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()


# What Debian 12 and 13 install as /etc/mosquitto/mosquitto.conf.
DEBIAN = """\
# Place your local configuration in /etc/mosquitto/conf.d/
#
# A full description of the configuration file is at
# /usr/share/doc/mosquitto/examples/mosquitto.conf.example

pid_file /run/mosquitto/mosquitto.pid

persistence true
persistence_location /var/lib/mosquitto/

log_dest file /var/log/mosquitto/mosquitto.log

include_dir /etc/mosquitto/conf.d
"""


def moved(text: str, folder: Path) -> str:
    """A broker's config with every file in a folder of the test."""
    for place in ("/run/mosquitto/", "/var/lib/mosquitto/", "/var/log/mosquitto/", "/etc/mosquitto/"):
        text = text.replace(place, f"{folder}/")
    return text


def test_debians_own_file_is_still_what_the_sample_is_tried_beside() -> None:
    installed = Path("/etc/mosquitto/mosquitto.conf")
    if not installed.exists():
        pytest.skip("mosquitto is not installed from Debian's package")
    assert installed.read_text() == DEBIAN


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """mosquitto with Debian's config and our sample in conf.d as its header says, moved to a free port of loopback."""
    if MOSQUITTO is None or PASSWD is None:
        pytest.skip("mosquitto is not installed")
    (tmp_path / "conf.d").mkdir()
    passwords, acl = tmp_path / "emotion-edge.passwd", tmp_path / "emotion-edge.acl"
    passwords.touch(0o600)
    for user in ("living-room", "kitchen", "home"):
        subprocess.run([PASSWD, "-b", str(passwords), user, f"{user}-password"], check=True, capture_output=True)
    shutil.copy(SAMPLES / "mosquitto" / "emotion-edge.acl", acl)
    acl.chmod(0o600)
    port = free_port()
    sample = moved((SAMPLES / "mosquitto" / "emotion-edge.conf").read_text(), tmp_path)
    assert "\nlistener 1883\n" in sample
    sample = sample.replace("\nlistener 1883\n", f"\nlistener {port} 127.0.0.1\n")
    (tmp_path / "conf.d" / "emotion-edge.conf").write_text(sample)
    config = tmp_path / "mosquitto.conf"
    config.write_text(moved(DEBIAN, tmp_path) + "user root\n")  # for root alone, else it may not read our folder
    process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port), 5, "mosquitto to answer")
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_device_writes_below_its_name_only_and_hears_what_it_is_asked(port: int) -> None:
    home = Client(port, "home", "home-password")
    device = Client(port, "living-room", "living-room-password")
    assert home.accepted
    assert device.accepted
    for topic in ("privacy/set", "config/+/set", "request/+"):
        assert device.subscribe(f"emotion/living-room/{topic}")
    assert device.subscribe("homeassistant/status")
    assert home.subscribe("emotion/#")

    assert device.publish("emotion/living-room/state")
    assert home.heard.get(timeout=5) == ("emotion/living-room/state", b"x")
    assert not device.publish("emotion/kitchen/state")
    assert device.publish("homeassistant/device/living-room/config")
    assert not device.publish("homeassistant/device/kitchen/config")
    assert not device.publish("anything/else")

    assert home.publish("emotion/living-room/privacy/set")
    assert device.heard.get(timeout=5) == ("emotion/living-room/privacy/set", b"x")
    assert not home.publish("emotion/living-room/state")  # nobody speaks in the device's name
    for client in (home, device):
        client.close()


def test_one_device_cannot_ask_another(port: int) -> None:
    device = Client(port, "living-room", "living-room-password")
    assert not device.publish("emotion/kitchen/privacy/set")
    device.close()


def test_strangers_are_refused(port: int) -> None:
    for user, password in (("living-room", "wrong"), ("nobody", "")):
        stranger = Client(port, user, password)
        assert not stranger.accepted
        stranger.close()


def test_the_udev_rules_are_well_formed() -> None:
    for line in (SAMPLES / "udev" / "99-emotion-edge.rules").read_text().splitlines():
        rule = line.removeprefix("#")
        if rule.startswith("SUBSYSTEM"):
            for part in rule.split(", "):
                name, value = part.replace("==", "=").split("=", 1)
                assert name.split("{")[0] in {"SUBSYSTEM", "KERNEL", "ATTR", "ATTRS", "GROUP", "MODE", "SYMLINK+"}, part
                assert value.startswith('"')
                assert value.endswith('"')


def test_alsa_reads_the_sound_sample() -> None:
    program = """
import ctypes
alsa = ctypes.CDLL("libasound.so.2")
assert alsa.snd_config_update() >= 0
top = ctypes.c_void_p.in_dll(alsa, "snd_config")
for key, value in {"pcm.microphone.type": b"dsnoop", "pcm.!default.capture.pcm.slave.pcm": b"microphone"}.items():
    node, text = ctypes.c_void_p(), ctypes.c_char_p()
    assert alsa.snd_config_search(top, key.replace("!", "").encode(), ctypes.byref(node)) == 0, key
    assert alsa.snd_config_get_string(node, ctypes.byref(text)) == 0
    assert text.value == value, text.value
"""
    if not list(Path("/usr/lib").glob("*-linux-gnu/libasound.so.2")):
        pytest.skip("libasound is not installed")
    config = f"/usr/share/alsa/alsa.conf:{SAMPLES / 'audio' / 'asound.conf'}"
    result = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "ALSA_CONFIG_PATH": config},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
