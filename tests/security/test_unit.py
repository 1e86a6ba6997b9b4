"""The sandbox: what systemd still marks is justified, and the drop-in lets through what the config names, no more."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.config import systemd_dropin
from edge.config.schema import CameraConfig, Config, DashboardConfig, MqttConfig

UNITS = Path(__file__).parents[2] / "systemd"
ANALYZE = shutil.which("systemd-analyze")
NAMES = {
    "broker.example": ["192.0.2.7", "2001:db8::7"],
    "four.example": ["192.0.2.4"],
    "six.example": ["2001:db8::6"],
    "link.example": ["fe80::9%eth0"],
}


def marked(unit: Path) -> list[dict[str, Any]]:
    """What systemd-analyze holds against the unit."""
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--json=short", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze has no --offline (252 is the first)")
    return [item for item in json.loads(done.stdout) if item["set"] is False and item["exposure"] is not None]


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_every_relaxed_item_is_justified(unit: Path) -> None:
    items = marked(unit)
    assert items
    text = unit.read_text()
    block = text[text.index("# What `systemd-analyze security` still marks") : text.index("[Install]")]
    reasons = {line[2:].partition(": ")[0]: line for line in block.splitlines()[1:] if line}
    justified = " ".join(reasons)
    for item in items:
        setting, _, what = item["name"].partition("=~")
        for word in re.findall(r"AF_[A-Z0-9]+", what.replace("(INET|INET6)", "INET AF_INET6")) or [setting]:
            assert re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", justified), f"{item['name']} is not justified"
    known = " ".join(item["name"].replace("AF_(INET|INET6)", "AF_INET AF_INET6") for item in items)
    for setting in re.findall(r"[A-Za-z]+=|AF_[A-Z0-9]+", justified):
        assert setting in known.replace("=~", "= ") + "=", f"{setting} needs no reason any more"
    assert all(len(line) > len(setting) + 15 for setting, line in reasons.items())


def test_a_unit_that_lets_more_through_would_be_seen(tmp_path: Path) -> None:
    text = (UNITS / "emotion-edge.service").read_text()
    (tmp_path / "emotion-edge.service").write_text(text.replace("ProtectHome=yes\n", ""))
    assert "ProtectHome=" in {item["name"] for item in marked(tmp_path / "emotion-edge.service")}


def test_with_the_drop_in_the_network_is_no_finding_any_more(tmp_path: Path) -> None:
    shutil.copy(UNITS / "emotion-edge.service", tmp_path)
    folder = tmp_path / "emotion-edge.service.d"
    folder.mkdir()
    (folder / "10-network.conf").write_text(drop_in(Config(mqtt=MqttConfig(host="192.0.2.1"))))
    weights = {item["name"]: float(item["exposure"]) for item in marked(tmp_path / "emotion-edge.service")}
    assert weights.get("IPAddressDeny=", 0.0) <= 0.1


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name service of the test's own."""
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        if host in NAMES:
            return [
                (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0))
                for each in NAMES[host]
            ]
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def drop_in(config: Config) -> str:
    return systemd_dropin.drop_in(config, Path("/etc/emotion-edge/config.toml"))


def allowed(text: str) -> set[str]:
    """What may be reached, name servers left out."""
    before = text.partition("# name servers")[0]
    after = text.partition("# dashboard.listen")[2] if "# name servers" in text else ""
    return set(re.findall(r"(?m)^IPAddressAllow=(\S+)$", before + after))


@pytest.mark.parametrize(
    ("config", "reachable", "asks_names"),
    [
        (Config(), set(), False),
        (Config(mqtt=MqttConfig(host="192.0.2.1")), {"192.0.2.1"}, False),
        (Config(mqtt=MqttConfig(host="2001:db8::1")), {"2001:db8::1"}, False),
        (Config(mqtt=MqttConfig(host="broker.example")), {"192.0.2.7", "2001:db8::7"}, True),
        (Config(mqtt=MqttConfig(host="link.example")), {"fe80::9"}, True),
        (Config(mqtt=MqttConfig(host="192.0.2.1"), camera=CameraConfig(source="rtsp://u:p@[2001:db8::c]:554/x")),
         {"192.0.2.1", "2001:db8::c"}, False),
        (Config(mqtt=MqttConfig(host="four.example"), camera=CameraConfig(source="http://six.example/v.mjpg?u=http://evil.example")),
         {"192.0.2.4", "2001:db8::6"}, True),
        (Config(mqtt=MqttConfig(host="192.0.2.1"), camera=CameraConfig(source="rtsp://six.example/x", enabled=False)),
         {"192.0.2.1"}, False),
        (Config(mqtt=MqttConfig(host="192.0.2.1"), dashboard=DashboardConfig(enabled=True)), {"192.0.2.1"}, False),
        (Config(mqtt=MqttConfig(host="192.0.2.1"), dashboard=DashboardConfig(enabled=True, listen="::1")),
         {"192.0.2.1"}, False),
        (Config(mqtt=MqttConfig(host="192.0.2.1"), dashboard=DashboardConfig(listen="0.0.0.0")), {"192.0.2.1"}, False),  # noqa: S104
        (Config(mqtt=MqttConfig(host="four.example"), dashboard=DashboardConfig(enabled=True, listen="0.0.0.0")),  # noqa: S104
         {"192.0.2.4", *systemd_dropin.LOCAL_NETWORKS}, True),
        (Config(mqtt=MqttConfig(host="192.0.2.1"), dashboard=DashboardConfig(enabled=True, listen="192.168.1.9")),
         {"192.0.2.1", *systemd_dropin.LOCAL_NETWORKS}, False),
    ],
)  # fmt: skip
def test_what_the_config_names_can_be_reached_and_nothing_else(
    config: Config, reachable: set[str], asks_names: bool
) -> None:
    text = drop_in(config)
    assert "IPAddressDeny=any" in text.splitlines()
    assert allowed(text) == {"localhost"} | reachable
    assert ("# name servers" in text) is asks_names
    for each in re.findall(r"(?m)^IPAddressAllow=(\S+)$", text):
        if each != "localhost":
            ipaddress.ip_network(each)  # systemd takes no names and no scopes


def test_another_page_makes_the_drop_in_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.device import paths

    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "config.toml")
    before = Config(mqtt=MqttConfig(host="192.0.2.1"))
    folder = tmp_path / "emotion-edge.service.d"
    folder.mkdir()
    (folder / "10-network.conf").write_text(drop_in(before))
    assert systemd_dropin.stale(before, paths.SYSTEM_CONFIG, tmp_path) == []
    after = Config(mqtt=MqttConfig(host="192.0.2.1"), dashboard=DashboardConfig(enabled=True, listen="::"))
    assert "emotion-edge unit --write" in systemd_dropin.stale(after, paths.SYSTEM_CONFIG, tmp_path)[0]
