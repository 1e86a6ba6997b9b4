"""What the unit needs beyond its strict defaults, derived from the config: a systemd drop-in as text."""

from __future__ import annotations

import grp
import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge.config.advice import named_files
from edge.config.schema import Config
from edge.device import board, paths
from edge.errors import ConfigError

UNITS = Path("/etc/systemd/system")
UNIT_FOLDERS = (UNITS, Path("/usr/lib/systemd/system"))  # of scripts/install, of the Debian package
HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108  what the unit does not see
# Who may open the page. systemd cannot tell incoming from outgoing connections, so not the whole Internet.
LOCAL_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
ARGUS = Path("/tmp/argus_socket")  # noqa: S108  where Jetson's camera daemon listens


@dataclass(frozen=True, slots=True)
class Needs:
    """What a config needs of the system."""

    hosts: tuple[str, ...]  # names or addresses
    files: tuple[str, ...]  # below folders that the unit does not see
    gpio: bool
    argus: bool  # a Jetson's CSI camera
    page: bool = False  # for browsers elsewhere


def needs(config: Config, *, jetson: bool) -> Needs:
    """What `config` needs beyond what every device gets."""
    source = config.camera.source if config.camera.enabled else "none"
    sound = config.microphone.source if config.microphone.enabled else "none"
    hosts = list(dict.fromkeys(mqtt.host for mqtt in config.mqtt.each() if mqtt.host))
    for url in re.findall(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'!]+", f"{source} {sound}"):
        host = _host_of(url)
        if host and host not in hosts:
            hosts.append(host)
    return Needs(
        hosts=tuple(hosts),
        files=tuple(sorted({name for name in named_files(config).values() if name.startswith(HIDDEN)})),
        gpio=config.privacy.led_pin is not None or config.privacy.mute_pin is not None,
        argus=jetson and (source == "auto" or source.startswith(("csi", "gst:"))),
        page=config.dashboard.enabled and not _is_loopback(config.dashboard.listen),
    )


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def resolve(host: str) -> list[str]:
    """The addresses of a host; ConfigError if it has none now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{host}: cannot be resolved ({error}); systemd needs addresses; try again when the name resolves"
        ) from None
    return sorted({str(item[4][0]).partition("%")[0] for item in found}, key=lambda text: (":" in text, text))


def name_servers(text: str) -> list[str]:
    """The addresses in a resolv.conf."""
    return [
        words[1].partition("%")[0]
        for words in map(str.split, text.splitlines())
        if words[:1] == ["nameserver"] and len(words) > 1
    ]


def render(
    wanted: Needs,
    *,
    addresses: Sequence[tuple[str, Sequence[str]]],
    servers: Iterable[str],
    groups: Iterable[str],
    devices: Iterable[str],
    origin: Path,
) -> str:
    """The drop-in. `addresses` are those of each host, in the order of `wanted.hosts`."""
    lines = [
        f"# Written by `emotion-edge unit --write` from {origin}; run it again after a change there,",
        "# or when a host named there has got another address.",
        _hosts_line(wanted),
        "[Service]",
        "# Nothing else can be reached, whatever happens inside the service.",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
    ]
    for host, found in addresses:
        lines += [f"# {host}", *(f"IPAddressAllow={address}" for address in found)]
    if any(not _is_address(host) for host in wanted.hosts):
        lines += ["# name servers", *(f"IPAddressAllow={address}" for address in servers)]
    if wanted.page:
        lines += [
            "# dashboard.listen: browsers in the local network",
            *(f"IPAddressAllow={network}" for network in LOCAL_NETWORKS),
        ]
    if wanted.gpio:
        # The GPIO library keeps a pipe in a folder of its choice, which must be writable.
        lines += ["# activity light, mute button", "DeviceAllow=char-gpiochip rw", "Environment=LG_WD=/tmp"]
    if wanted.argus:
        lines += ["# CSI camera of a Jetson", f"BindPaths=-{ARGUS}"]
        lines += [f"DeviceAllow={device} rw" for device in devices]
        # GStreamer's plugins compile at run time.
        lines += ["MemoryDenyWriteExecute=no"]
    lines += [f"SupplementaryGroups={group}" for group in groups]
    if wanted.files:
        lines += ["# files that the config names, in folders otherwise hidden", "ProtectHome=tmpfs"]
        lines += [f'BindReadOnlyPaths="-{_escaped(name)}"' for name in wanted.files]
    return "\n".join(lines) + "\n"


def drop_in(config: Config, origin: Path) -> str:
    """The drop-in for this device, now: hosts resolved, groups and device nodes looked up."""
    jetson = board.detect().name == "jetson" or config.device.board == "jetson"
    wanted = needs(config, jetson=jetson)
    addresses = [(host, resolve(host)) for host in wanted.hosts]
    groups = [name for name, used in (("gpio", wanted.gpio), ("render", wanted.argus)) if used and _group_exists(name)]
    nodes = sorted(str(node) for pattern in ("nvhost*", "nvmap", "nvgpu*") for node in Path("/dev").glob(pattern))
    try:
        servers = name_servers(Path("/etc/resolv.conf").read_text("utf-8", "replace"))
    except OSError:
        servers = []
    return render(wanted, addresses=addresses, servers=servers, groups=groups, devices=nodes, origin=origin)


def folder(instance: str | None, units: Path = UNITS) -> Path:
    """Where the drop-in of the service or of one of its instances lies."""
    return units / (f"emotion-edge@{instance}.service.d" if instance else "emotion-edge.service.d")


def stale(config: Config, path: Path | None, units: Path = UNITS) -> list[str]:
    """A warning if the installed drop-in was made for other hosts than those of `config`."""
    if path is None or path.parent != paths.SYSTEM_CONFIG.parent:
        return []
    instance = None if path == paths.SYSTEM_CONFIG else path.stem
    try:
        written = (folder(instance, units) / "10-network.conf").read_text("utf-8")
    except OSError:
        return []
    if _hosts_line(needs(config, jetson=False)) in written.splitlines():
        return []
    option = f" --instance {instance}" if instance else ""
    return [
        f"systemd does not let the service reach the hosts in the config; run `sudo emotion-edge unit{option} --write`"
    ]


def _hosts_line(wanted: Needs) -> str:
    return f"# hosts: {' '.join(wanted.hosts) or 'none'}" + (
        "; and browsers in the local network" if wanted.page else ""
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _escaped(name: str) -> str:
    """A path inside a quoted unit setting: no specifiers, no second path."""
    return name.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace(":", "\\:")
