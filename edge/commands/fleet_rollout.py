"""`emotion-edge fleet model|upgrade|report`: a signed model, or our package, to many devices in waves."""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from edge.commands.collect import add_database, database
from edge.commands.fleet_orders import add_common, centre
from edge.errors import BrokerError, ConfigError, StorageError
from edge.fleet.rollout import JobStatus, Outcome, Plan, roll_out
from edge.fleet.store import Store
from edge.messages.desired import topic
from edge.messages.document import Unreadable
from edge.messages.job import parse
from edge.modelstore.store import NAMES
from edge.mqtt import session
from edge.printable import printable

T = TypeVar("T")
_NOTE = (  # the same once more, where the database had it and could not say so
    "insert into rollout (job, device, wave, state, reason) values (%s, %s, %s, %s, %s)"
    " on conflict (job, device) do update set state = excluded.state, reason = excluded.reason"
)
_FILE = re.compile(r"emotion-edge_([^_]+)_([a-z0-9]+)\.deb")


def add(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    model = parts.add_parser("model", help="roll a signed model out, in waves")
    model.add_argument("job", help="a name for it; each roll-out has another")
    model.add_argument("url", help="where devices fetch it: https://...")
    model.add_argument("--model", required=True, choices=NAMES, help="which one it is")
    model.add_argument("--sha256", required=True, metavar="HEX", help="of the archive")
    _add_plan(model)
    add_common(model)
    model.set_defaults(run=_model)
    upgrade = parts.add_parser("upgrade", help="roll the signed Debian package out, in waves")
    upgrade.add_argument("job", help="a name for it; each roll-out has another")
    upgrade.add_argument(
        "file",
        type=Path,
        nargs="+",
        help="emotion-edge_VERSION_ARCHITECTURE.deb, with its .sig beside it; one for each kind of device",
    )
    upgrade.add_argument("--at", required=True, metavar="URL", help="the folder where devices fetch them: https://...")
    _add_plan(upgrade)
    add_common(upgrade)
    upgrade.set_defaults(run=_upgrade)
    report = parts.add_parser("report", help="what became of a roll-out")
    report.add_argument("job", help="the name that it was given")
    add_database(report)
    report.set_defaults(run=_report)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", default="", help="only devices of this site")
    parser.add_argument("--group", default="", help="only devices of this group")
    parser.add_argument("--canary", type=int, default=1, help="devices of the first wave (default: %(default)s)")
    then = parser.add_mutually_exclusive_group()
    then.add_argument("--percent", type=float, default=25.0, help="of all, in each later wave (default: %(default)s)")
    then.add_argument(
        "--percent-a-minute",
        type=float,
        default=0.0,
        metavar="PERCENT",
        help="after the first wave, so many of all begin each minute, without waiting for those before them",
    )
    parser.add_argument(
        "--errors", type=int, default=0, help="failures allowed; one more stops it (default: %(default)s)"
    )
    parser.add_argument("--within", type=float, default=900.0, help="seconds that a device has (default: %(default)s)")
    parser.add_argument(
        "--watch", type=float, default=120.0, help="seconds it watches its own health afterwards (default: %(default)s)"
    )
    parser.add_argument("--ask", action="store_true", help="ask before each wave")


def _plan(arguments: argparse.Namespace) -> Plan:
    if not (arguments.percent_a_minute >= 0 and arguments.percent > 0):  # nan is neither
        raise ConfigError("--percent, --percent-a-minute: must be more than 0")
    return Plan(
        arguments.canary,
        arguments.percent,
        arguments.percent_a_minute,
        arguments.errors,
        deadline_s=arguments.within + arguments.watch + 60.0,
    )


def _model(arguments: argparse.Namespace) -> int:
    about = {"model": arguments.model, "url": arguments.url, "sha256": arguments.sha256.lower()}
    return _roll_out(arguments, about)


def _upgrade(arguments: argparse.Namespace) -> int:
    return _roll_out(arguments, {"packages": [_package(path, arguments.at) for path in arguments.file]})


def _package(path: Path, at: str) -> dict[str, str]:
    named = _FILE.fullmatch(path.name)
    if named is None:
        raise ConfigError(f"{path}: must keep the name that scripts/build-deb gave it")
    if not path.with_name(f"{path.name}.sig").is_file():
        raise ConfigError(f"{path}: is not signed; ssh-keygen -Y sign -n emotion-edge-package -f KEY {path.name}")
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    return {
        "version": named[1],
        "architecture": named[2],
        "url": f"{at.rstrip('/')}/{quote(path.name)}",
        "sha256": digest.hexdigest(),
    }


def _roll_out(arguments: argparse.Namespace, about: dict[str, Any]) -> int:
    payload = msgspec.json.encode(
        {
            "v": 1, "job": arguments.job, **about, "within_s": arguments.within, "watch_s": arguments.watch,
            "tenant": arguments.tenant,
        }
    )  # fmt: skip
    try:
        parse(payload, arguments.tenant)
    except Unreadable as unreadable:
        raise ConfigError(str(unreadable)) from None
    plan = _plan(arguments)
    job = arguments.job
    with database(arguments) as store, centre(arguments) as broker:
        devices = _devices(store, arguments)
        if not devices:
            raise ConfigError("no device of that tenant, site and group is online")
        if store.run("select 1 from rollout where job = %s limit 1", (job,)):
            raise ConfigError(f"{job}: there was a roll-out of that name; choose another")

        def note(wave: int, device: str, said: JobStatus) -> None:
            print(
                f"wave {wave}: {printable(device)}: {said.state}{f' ({printable(said.reason)})' if said.reason else ''}"
            )
            row = (job, device, wave, said.state, said.reason)
            patiently(lambda: store.run(_NOTE, row), store)

        def order(device: str, do: bool) -> None:
            where = topic(device.rpartition("/")[2], arguments.tenant, "job")
            patiently(lambda: broker.publish(where, payload if do else b"", retain=True), store)

        outcome = roll_out(
            job, devices, plan,
            order=order, states=lambda: patiently(lambda: _states(store), store), note=note,
            approve=lambda wave, names: not arguments.ask or _yes(f"wave {wave}: {len(names)} devices?"),
        )  # fmt: skip
    return _told(outcome)


def patiently(act: Callable[[], T], store: Store, pause: Callable[[float], object] = time.sleep) -> T:
    """What `act` gives: in the hours of a roll-out database and broker restart. After five minutes its error."""
    for _ in range(60):
        try:
            return act()
        except session.NotPermitted:
            raise
        except (StorageError, BrokerError) as error:
            print(f"{error}; trying again", file=sys.stderr)
        pause(5.0)
        with suppress(StorageError):
            store.connect()
    return act()


def _devices(store: Store, arguments: argparse.Namespace) -> list[str]:
    rows = store.run(
        "select device from device where availability = 'online' and tenant = %s and (%s = '' or site = %s)"
        " and (%s = '' or grp = %s) order by device",
        (arguments.tenant, arguments.site, arguments.site, arguments.group, arguments.group),
    )
    return [str(name) for (name,) in rows]


def _states(store: Store) -> dict[str, JobStatus]:
    rows = store.run(
        "select device, job ->> 'job', job ->> 'state', job ->> 'reason' from device where job is not null"
    )
    return {str(name): JobStatus(str(job), str(state), str(reason or "")) for name, job, state, reason in rows}


def _yes(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _told(outcome: Outcome) -> int:
    counts = Counter(said.state for said in outcome.devices.values())
    print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    if outcome.stopped:
        print(f"stopped after {outcome.waves} wave{'s' * (outcome.waves != 1)}: {printable(outcome.stopped, 500)}")
    return 1 if outcome.stopped else 0


def _report(arguments: argparse.Namespace) -> int:
    with database(arguments) as store:
        rows = store.run(
            "select wave, device, state, reason from rollout where job = %s order by wave, device", (arguments.job,)
        )
    if not rows:
        raise ConfigError(f"{arguments.job}: no such roll-out; `emotion-edge fleet jobs` shows what devices say")
    for wave, device, state, reason in rows:
        print(f"wave {wave}  {printable(device):<24} {state}{f'  {printable(reason)}' if reason else ''}")
    return 0
