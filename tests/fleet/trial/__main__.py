"""Many devices with faults in the middle: nothing acknowledged may be lost, nothing stored twice: scripts/fleet-test.

Faults come at fixed shares of the time: a node killed with -9 and back after 20 s, a site cut off, a copy of the
collector killed, the database stopped at once and started again, a site's broker restarted, whose devices all return.
That broker ends in order: a mosquitto that is killed forgets what it had not handed on since it last saved.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from edge.fleet.store import Store
from tests.fleet.trial.brokers import TENANT, Centre, OneMosquitto, RabbitNodes, Site, cpu_seconds
from tests.fleet.trial.devices import Spec
from tests.fleet.trial.judge import Verdict, Window, judge
from tests.fleet.trial.record import finished
from tests.helpers.broker import wait_for
from tests.helpers.postgres import PROGRAMS, Postgres, connects

AFTER_S = 15.0  # a fault is felt for this long after its end
TABLES = ("fact", "seen", "health")


def main() -> int:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="emotion-fleet-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        record = Trial(arguments, folder).run()
    finally:
        if arguments.keep:
            print(f"everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return finished(record, arguments.record)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fleet-test", description=__doc__)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=3, help="of RabbitMQ; 0: a mosquitto in the middle")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long they tell (default: %(default)s)")
    parser.add_argument("--ramp", type=float, default=20.0, help="within which all start")
    parser.add_argument("--cut", type=float, default=300.0, help="how long a site is cut off")
    parser.add_argument("--reading-hz", type=float, default=0.2, help="readings, which stay at the site")
    parser.add_argument(
        "--restart",
        default="2 60",
        help="seconds, least and most, between attempts of a bridge (default: the sample's)",
    )
    parser.add_argument("--tree", type=Path, help="a Debian tree with rabbitmq-server in it")
    parser.add_argument("--record", type=Path, help="where to write the result")
    parser.add_argument("--keep", action="store_true", help="keep logs and data")
    arguments = parser.parse_args()
    if arguments.nodes and not arguments.tree:
        parser.error("--nodes needs --tree; scripts/fleet-test makes one")
    return arguments


class Trial:
    """One run from beginning to end; everything that it starts it stops."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._given = arguments
        self._folder = folder
        self._names = [f"s{number}" for number in range(1, arguments.sites + 1)]
        self._windows: list[Window] = []
        self._storms: list[Window] = []
        self._patience = float(arguments.restart.split()[1])  # a bridge comes back within
        self._collectors: dict[str, subprocess.Popen[bytes]] = {}
        self._cpu_of_dead: dict[str, float] = {"centre": 0.0, "sites": 0.0, "collectors": 0.0}

    def run(self) -> dict[str, Any]:
        """The record: conditions, result, cost."""
        with ExitStack() as stack:
            (self._folder / "postgres").mkdir()
            self._postgres = Postgres(self._folder / "postgres", PROGRAMS[-1])
            self._postgres.start()
            stack.callback(self._postgres.stop)
            self._centre = self._new_centre()
            stack.callback(self._centre.close)
            self._centre.start()
            ports, restart = self._centre.ports, self._given.restart
            self._sites = [  # each begins with another node
                Site(name, self._folder / name, ports[index % len(ports) :] + ports[: index % len(ports)], restart)
                for index, name in enumerate(self._names)
            ]
            for site in self._sites:
                stack.callback(site.close)
                site.start()
            self._store = Store(self._postgres.url)
            wait_for(lambda: connects(self._store), 20, "the database")
            stack.callback(self._store.close)
            self._store.create()
            stack.callback(self._stop_collectors)
            for member in ("a", "b"):
                self._collect(member)
            load = os.getloadavg()[0]
            results = self._play(stack)
            self._let_settle(results)
            # Where the middle is one broker, its end cuts everybody off.
            quick = "outside the cut" if len(self._centre.ports) > 1 else "outside all faults"
            verdict = judge(self._store, results, self._windows, self._storms, quick=quick)
            return self._record(verdict, results, load)

    def _new_centre(self) -> Centre:
        if not self._given.nodes:
            return OneMosquitto(self._folder / "centre")
        return RabbitNodes(self._given.tree, self._given.nodes, self._names, self._folder / "centre")

    def _play(self, stack: ExitStack) -> list[dict[str, Any]]:
        """The devices tell, and things break."""
        given = self._given
        workers = [self._worker(index, stack) for index in range(given.sites)]
        self._began = time.time()
        self._say(f"{given.devices} devices begin")
        self._storms.append(Window("start", "", self._began, self._began + given.ramp))
        self._cpu_before = self._cpu()
        self._busy = threading.Event()
        plan: list[tuple[float, str, Callable[[], None]]] = [
            (0.12, "node", self._kill_node), (0.3, "cut", self._cut), (0.45, "collector", self._kill_collector),
            (0.55, "database", self._restart_database), (0.85, "storm", self._storm),
        ]  # fmt: skip
        threads = []
        for share, name, what in plan:
            thread = threading.Timer(given.ramp + share * given.seconds, what)
            thread.name = name
            thread.daemon = True
            thread.start()
            threads.append(thread)
        for process, _ in workers:
            process.wait()
        for thread in threads:
            thread.join(given.cut + 60)
        return [json.loads(path.read_text("utf-8")) for _, path in workers]

    def _worker(self, index: int, stack: ExitStack) -> tuple[subprocess.Popen[bytes], Path]:
        given = self._given
        share, more = divmod(given.devices, given.sites)
        name = self._names[index]
        spec = Spec(
            site=name, base=f"emotion/{TENANT}/{name}/hall", hosts=(f"127.0.0.1:{self._sites[index].port}",),
            first=index * 10_000, devices=share + (index < more), seconds=given.seconds, ramp_s=given.ramp,
            drain_s=90.0, folder=str(self._folder / "devices"), seed=index, reading_hz=given.reading_hz,
        )  # fmt: skip
        path, result = self._folder / f"{name}.spec", self._folder / f"{name}.result"
        path.write_bytes(msgspec.json.encode(spec))
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.fleet.trial.devices", str(path), str(result)], stdout=log, stderr=log
            )
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process, result

    def _kill_node(self) -> None:
        began = time.time()
        self._cpu_of_dead["centre"] += cpu_seconds(self._centre.pids()[:1])
        self._say("a node in the middle ends")
        self._centre.kill_one()
        time.sleep(min(20.0, 0.1 * self._given.seconds))
        self._centre.bring_back()
        self._say("the node is back")
        # Where it is the only one, every bridge has to come back; else those that were connected to it try another.
        patience = self._patience if len(self._centre.ports) == 1 else 0.0
        self._windows.append(Window("node", "", began, time.time() + patience + AFTER_S))

    def _cut(self) -> None:
        site = self._sites[-1]
        began = time.time()
        self._say(f"{site.name} is cut off")
        site.wire.cut()
        time.sleep(self._given.cut)
        site.wire.mend()
        self._say(f"{site.name} is back")
        # The bridge tries again at most so much later, and then sends what waited.
        self._windows.append(Window("cut", site.name, began - 1.0, time.time() + self._patience + AFTER_S))

    def _kill_collector(self) -> None:
        began = time.time()
        self._say("a copy of the collector is killed")
        self._cpu_of_dead["collectors"] += cpu_seconds([self._collectors["a"].pid])
        self._collectors["a"].kill()
        self._collectors["a"].wait()
        time.sleep(2.0)
        self._collect("a")
        self._windows.append(Window("collector", "", began, time.time() + AFTER_S))

    def _restart_database(self) -> None:
        began = time.time()
        self._say("the database is stopped at once")
        self._postgres.stop()
        time.sleep(2.0)
        self._postgres.start()
        self._say("the database is back")
        self._windows.append(Window("database", "", began - 1.0, time.time() + AFTER_S))

    def _storm(self) -> None:
        site = self._sites[0]
        began = time.time()
        self._say(f"the broker of {site.name} ends")
        self._cpu_of_dead["sites"] += cpu_seconds([site.pid])
        site.kill(signal.SIGTERM)
        time.sleep(5.0)
        site.start()
        self._say(f"the broker of {site.name} is back, and its devices return")
        self._storms.append(Window("storm", site.name, time.time(), time.time()))
        self._windows.append(Window("storm", site.name, began - 1.0, time.time() + self._patience + AFTER_S))

    def _collect(self, member: str) -> None:
        words = [sys.executable, "-m", "edge", "collect", *self._centre.source, "--database", self._postgres.url]
        with (self._folder / f"collect-{member}.log").open("ab") as log:
            self._collectors[member] = subprocess.Popen([*words, "--member", member], stdout=log, stderr=log)
        log_file = self._folder / f"collect-{member}.log"
        wait_for(lambda: b"collecting" in log_file.read_bytes(), 30, "a collector")

    def _stop_collectors(self) -> None:
        for process in self._collectors.values():
            process.terminate()
        for process in self._collectors.values():
            process.wait(30)

    def _let_settle(self, results: list[dict[str, Any]]) -> None:
        """Until the database has as many as were told, or no more come."""
        told = sum(device["told"].get(kind, 0) for result in results for device in result["devices"].values() for kind in ("state", "event", "summary"))  # fmt: skip  # noqa: E501
        wait_for(lambda: connects(self._store), 20, "the database")
        last, since = -1, time.monotonic()
        while last < told and time.monotonic() - since < self._patience + 20.0:
            time.sleep(1.0)
            now = int(self._store.run("select count(*) from fact")[0][0])
            if now != last:
                last, since = now, time.monotonic()
        self._say(f"{last} of {told} facts are in the database")

    def _cpu(self) -> dict[str, float]:
        return {
            "centre": cpu_seconds(self._centre.pids()) + self._cpu_of_dead["centre"],
            "sites": cpu_seconds([site.pid for site in self._sites]) + self._cpu_of_dead["sites"],
            "collectors": cpu_seconds([each.pid for each in self._collectors.values()])
            + self._cpu_of_dead["collectors"],
        }

    def _record(self, verdict: Verdict, results: list[dict[str, Any]], load: float) -> dict[str, Any]:
        given = self._given
        seconds = given.seconds + given.ramp / 2
        after = self._cpu()
        sizes = {table: int(self._store.run("select pg_total_relation_size(%s::regclass)", (table,))[0][0]) for table in TABLES}  # fmt: skip  # noqa: E501
        devices = [device for result in results for device in result["devices"].values()]
        health = sum(device["told"].get("health", 0) for device in devices)
        return {
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "conditions": {
                "devices": given.devices, "sites": given.sites, "nodes": given.nodes, "seconds": given.seconds,
                "ramp_s": given.ramp, "cut_s": given.cut, "reading_hz": given.reading_hz, "cores": os.cpu_count(),
                "load_before": round(load, 2), "machine": platform.machine(),
                "centre": f"RabbitMQ, {given.nodes} nodes" if given.nodes else "mosquitto",
                "faults": [[window.name, round(window.begins - self._began), round(window.ends - self._began)]
                           for window in sorted(self._windows, key=lambda window: window.begins)],
            },
            "result": asdict(verdict),
            "cost": {
                "cpu_s": {part: round(after[part] - self._cpu_before[part], 1) for part in after},
                "device_seconds": round(given.devices * seconds),
                "facts": verdict.stored, "health": health,
                "connections": sum(device["connections"] for device in devices),
                "bytes_from_devices": sum(device["sent_bytes"] for device in devices),
                "bytes_to_centre": sum(site.wire.bytes for site in self._sites),
                "bytes_in_database": sizes,
                "devices_cpu_s": round(sum(result["cpu_s"] for result in results), 1),
            },
        }  # fmt: skip

    def _say(self, line: str) -> None:
        since = time.time() - self._began if hasattr(self, "_began") else 0.0
        print(f"{since:6.1f} s  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
