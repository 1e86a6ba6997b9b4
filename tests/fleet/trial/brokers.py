"""The brokers of a trial: mosquitto at each site, from the sample config; in the middle RabbitMQ, or mosquitto."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.device import resources
from tests.faults.proxy import Proxy
from tests.helpers.broker import MOSQUITTO, free_port, wait_for

SAMPLES = resources.firmware_config() / "fleet"
TENANT = "acme"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
TREE = CACHE / "emotion-edge" / "fleet-trixie"  # that scripts/fleet-test makes
PASSWORD = secrets.token_hex(8)


class Wire:
    """From a site's bridge to the nodes in the middle, one proxy for each; it can be cut, and counts."""

    def __init__(self, targets: Sequence[int]) -> None:
        self.bytes = 0
        self._proxies = [Proxy(target, change=self._count) for target in targets]

    def _count(self, data: bytes) -> bytes:
        self.bytes += len(data)
        return data

    @property
    def ports(self) -> list[int]:
        return [proxy.port for proxy in self._proxies]

    def cut(self) -> None:
        for proxy in self._proxies:
            proxy.set("refuse")

    def mend(self) -> None:
        for proxy in self._proxies:
            proxy.set("pass")

    def close(self) -> None:
        for proxy in self._proxies:
            proxy.close()


@dataclass(frozen=True)
class Tls:
    """Files in PEM form: the authority, a certificate and its key."""

    ca: str
    certificate: str
    key: str


class Site:
    """A site's mosquitto, as firmware_config/fleet/site/mosquitto.conf has it, on loopback.

    With TLS the centre knows it by its certificate.
    """

    def __init__(self, name: str, folder: Path, targets: Sequence[int], restart: str, tls: Tls | None = None) -> None:
        self.name = name
        self.port = free_port()
        self.wire = Wire(targets)
        self._folder = folder
        folder.mkdir(parents=True)
        addresses = " ".join(f"127.0.0.1:{port}" for port in self.wire.ports)
        text = (SAMPLES / "site" / "mosquitto.conf").read_text("utf-8").replace("SITE", name).replace("TENANT", TENANT)
        text = re.sub(r"(?m)^address .*$", f"address {addresses}", text)
        text = re.sub(r"(?m)^restart_timeout .*$", f"restart_timeout {restart}", text)
        text = text.replace("CHANGE-ME", PASSWORD)
        if tls is None:
            text = re.sub(r"(?m)^bridge_cafile .*\n", "", text)
        else:
            files = f"bridge_cafile {tls.ca}\nbridge_certfile {tls.certificate}\nbridge_keyfile {tls.key}"
            text = re.sub(r"(?m)^bridge_cafile .*", files, text)
            text = re.sub(r"(?m)^remote_(username|password) .*\n", "", text)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
            f"persistence_location {folder}/\n{text}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._process = _mosquitto(self._folder)
        wait_for(lambda: _answers(self.port), 10, "a site's mosquitto")

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def close(self) -> None:
        self.kill(signal.SIGTERM)
        self.wire.close()


class Centre(Protocol):
    """The brokers in the middle."""

    @property
    def ports(self) -> list[int]:
        """Where MQTT is spoken."""

    @property
    def source(self) -> list[str]:
        """How `emotion-edge collect` is told where to read."""

    def start(self) -> None: ...
    def pids(self) -> list[int]: ...
    def kill_one(self) -> None: ...
    def bring_back(self) -> None: ...
    def close(self) -> None: ...


class OneMosquitto:
    """For a small trial. A mosquitto that is killed forgets what waits in it: it is told to end, and comes back."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._folder = folder
        folder.mkdir(parents=True)
        (folder / "mosquitto.conf").write_text(
            f"listener {self._port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 100000\n"
            f"max_inflight_messages 1000\npersistence true\npersistence_location {folder}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ports(self) -> list[int]:
        return [self._port]

    @property
    def source(self) -> list[str]:
        return [f"127.0.0.1:{self._port}", "--group", "collect"]

    def start(self) -> None:
        self._process = _mosquitto(self._folder)
        wait_for(lambda: _answers(self._port), 10, "the centre's mosquitto")

    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def kill_one(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)  # it writes down what it has kept

    def bring_back(self) -> None:
        self.start()

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


class RabbitNodes:
    """RabbitMQ from a Debian tree of its own, as firmware_config/fleet/centre has it, on loopback."""

    def __init__(self, tree: Path, nodes: int, sites: Sequence[str], logs: Path, tls: Tls | None = None) -> None:
        self._tree = tree
        self._logs = logs
        self._tls = tls
        self._place = Path("/srv") / f"fleet-test-{os.getpid()}"
        self._home = tree / self._place.relative_to("/")
        self._epmd = free_port()
        self._names = [f"r{number}@localhost" for number in range(1, nodes + 1)]
        self._mqtt = [free_port() for _ in self._names]
        self._amqp = [free_port() for _ in self._names]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._epmd_process: subprocess.Popen[bytes] | None = None
        self._home.mkdir(parents=True)
        cookie = self._home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self._home / "enabled").write_text("[rabbitmq_mqtt].\n")
        (self._home / "definitions.json").write_text(definitions(sites))
        if tls is not None:
            for file, name in ((tls.ca, "ca.pem"), (tls.certificate, "node.pem"), (tls.key, "node.key")):
                shutil.copy(file, self._home / name)
        for index in range(nodes):
            (self._home / f"r{index + 1}.conf").write_text(self._config(index))

    @property
    def ports(self) -> list[int]:
        return self._mqtt

    @property
    def source(self) -> list[str]:
        kind, more = ("amqp", "") if self._tls is None else ("amqps", f"&cafile={self._tls.ca}")
        return [",".join(f"{kind}://collect:{PASSWORD}@127.0.0.1:{port}/?heartbeat=10{more}" for port in self._amqp)]

    def start(self) -> None:
        self._epmd_process = subprocess.Popen(
            [*self._inside(), "epmd", "-port", str(self._epmd), "-address", "127.0.0.1"], stdout=subprocess.DEVNULL
        )
        for index in range(len(self._names)):
            self._start(index)
        for index in range(len(self._names)):
            self._wait(index)
        wait_for(lambda: self.running() == self._names, 60, "the nodes to form a cluster")

    def pids(self) -> list[int]:
        return [pid for process in self._processes.values() for pid in _beams(process.pid)]

    def kill_one(self) -> None:
        for pid in _beams(self._processes[0].pid):
            os.kill(pid, signal.SIGKILL)
        self._processes[0].wait(20)

    def bring_back(self) -> None:
        self._start(0)
        self._wait(0)

    def running(self) -> list[str]:
        """The nodes that the cluster counts as running."""
        ask = 'io:format("~p", [rabbit_nodes:list_running()]).'
        words = ["rabbitmqctl", "-q", "-n", self._names[-1], "eval", ask]
        said = subprocess.run([*self._inside(), *words], capture_output=True, text=True, check=True).stdout
        return sorted(set(re.findall(r"r\d+@localhost", said)))

    def close(self) -> None:
        for process in self._processes.values():
            for pid in _beams(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait(20)
        if self._epmd_process is not None:
            self._epmd_process.kill()
            self._epmd_process.wait()
        with contextlib.suppress(OSError):
            shutil.copytree(self._home / "log", self._logs)
        shutil.rmtree(self._home, ignore_errors=True)

    def _config(self, index: int) -> str:
        text = (SAMPLES / "centre" / "rabbitmq.conf").read_text("utf-8")
        ours_alone = r"(listeners\.ssl|mqtt\.listeners\.ssl|cluster_formation\.classic|load_def)"
        plain = r"(listeners\.tcp|mqtt\.listeners\.tcp|ssl_|mqtt\.ssl)"
        dropped = ours_alone if self._tls else f"{ours_alone}|{plain}"
        text = text.replace("/etc/rabbitmq/", f"{self._place}/")
        kept = [line for line in text.splitlines() if not re.match(dropped, line)]
        kind = "ssl" if self._tls else "tcp"
        nodes = [f"cluster_formation.classic_config.nodes.{n} = {name}" for n, name in enumerate(self._names, 1)]
        ours = [
            f"listeners.{kind}.1 = 127.0.0.1:{self._amqp[index]}",
            f"mqtt.listeners.{kind}.1 = 127.0.0.1:{self._mqtt[index]}",
            f"load_definitions = {self._place}/definitions.json",
            "log.console.level = warning",
            "log.file.level = warning",
        ]
        if len(self._names) == 1:
            kept = [line for line in kept if not line.startswith("cluster_")]
        return "\n".join([*kept, *ours, *(nodes if len(self._names) > 1 else []), ""])

    def _start(self, index: int) -> None:
        name = f"r{index + 1}"
        given = {
            "RABBITMQ_NODENAME": self._names[index],
            "RABBITMQ_CONFIG_FILE": f"{self._place}/{name}.conf",
            "RABBITMQ_MNESIA_BASE": f"{self._place}/{name}",
            "RABBITMQ_LOG_BASE": f"{self._place}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self._place}/enabled",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
        with (self._home / f"{name}.out").open("ab") as out:
            self._processes[index] = subprocess.Popen(
                [*self._inside(given), "/usr/lib/rabbitmq/bin/rabbitmq-server"], stdout=out, stderr=out
            )

    def _wait(self, index: int) -> None:
        wait_for(lambda: _answers(self._mqtt[index]), 120, f"RabbitMQ; see {self._home}/r{index + 1}.out")

    def _inside(self, given: dict[str, str] | None = None) -> list[str]:
        """A program in the tree, with /proc in a mount namespace of its own."""
        environment = {
            "PATH": "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self._place), "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd), "ERL_EPMD_ADDRESS": "127.0.0.1", **(given or {}),
        }  # fmt: skip
        mount = f'mount -t proc proc "{self._tree}/proc" && exec chroot "{self._tree}" env -i "$@"'
        settings = [f"{name}={value}" for name, value in environment.items()]
        return ["unshare", "--mount", "--propagation", "private", "bash", "-c", mount, "inside", *settings]


def definitions(sites: Sequence[str]) -> str:
    """The sample's users and rights, with a user for each site."""
    import json

    sample = json.loads((SAMPLES / "centre" / "definitions.json").read_text("utf-8"))

    def filled(entry: object, site: str) -> object:
        text = re.sub("(SITE|COLLECT|FLEET|SIGNING)-HASH", password_hash(PASSWORD), json.dumps(entry))
        text = text.replace("TENANT", TENANT).replace("SITE", site)
        return json.loads(text)

    for part in ("users", "permissions", "topic_permissions"):
        per_site = [entry for entry in sample[part] if "SITE" in json.dumps(entry)]
        others = [entry for entry in sample[part] if entry not in per_site]
        sample[part] = [filled(entry, "") for entry in others] + [
            filled(entry, site) for site in sites for entry in per_site
        ]
    return json.dumps(sample)


def password_hash(password: str) -> str:
    """As RabbitMQ wants it: a salt of four bytes, and SHA-256 of it and the password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time of processes that live."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _mosquitto(folder: Path) -> subprocess.Popen[bytes]:
    assert MOSQUITTO is not None
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([MOSQUITTO, "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=log)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _beams(pid: int) -> list[int]:
    """The Erlang machines below a process, or it."""
    numbers = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [each for each in numbers if _comm(each) == "beam.smp" and pid in _ancestors(each)]


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _ancestors(pid: int) -> list[int]:
    found = [pid]
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found
