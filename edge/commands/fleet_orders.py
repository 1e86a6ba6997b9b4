"""`emotion-edge fleet config|model|watch|report`: what is wanted of many devices, and what became of it."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.broker import split_broker
from edge.commands.collect import add_database, database
from edge.config.schema import MqttConfig
from edge.config.secrets import password_in
from edge.errors import ConfigError
from edge.fleet.rollout import JobStatus, Outcome, Plan, roll_out
from edge.fleet.store import Store
from edge.messages.desired import Unreadable, parse, topic
from edge.messages.job import Job
from edge.mqtt import session
from edge.mqtt.session import Session
from edge.printable import printable


def add(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    config = parts.add_parser("config", help="set thresholds of all devices, of a group, or of one")
    config.add_argument("name", help="all, a group, or a device")
    config.add_argument(
        "values", nargs="*", metavar="KEY=VALUE", help="such as decision.enter=0.5; all that shall hold"
    )
    config.add_argument(
        "--privacy-on", action="store_true", help="close camera and microphone; nothing here opens them"
    )
    config.add_argument("--again", action="store_true", help="send the newest document once more, to those behind")
    _add_common(config)
    config.set_defaults(run=_config)
    model = parts.add_parser("model", help="roll a signed model out, in waves")
    model.add_argument("job", help="a name for it; each roll-out has another")
    model.add_argument("url", help="where devices fetch it: https://...")
    model.add_argument("--model", required=True, choices=("finder", "face", "speech", "fusion"))
    model.add_argument("--sha256", required=True, metavar="HEX", help="of the archive")
    model.add_argument("--site", default="", help="only devices of this site")
    model.add_argument("--group", default="", help="only devices of this group")
    model.add_argument("--canary", type=int, default=1, help="devices of the first wave (default: %(default)s)")
    model.add_argument("--percent", type=float, default=25.0, help="of all in each other wave (default: %(default)s)")
    model.add_argument("--errors", type=int, default=0, help="more than so many stop it (default: %(default)s)")
    model.add_argument("--within", type=float, default=900.0, help="seconds for one device (default: %(default)s)")
    model.add_argument("--watch", type=float, default=120.0, help="seconds in which it looks at its health afterwards")
    model.add_argument("--ask", action="store_true", help="ask before each wave")
    _add_common(model)
    model.set_defaults(run=_model)
    watch = parts.add_parser("watch", help="how the fleet is, a line every few seconds")
    watch.add_argument("--every", type=float, default=5.0, help="seconds (default: %(default)s)")
    watch.add_argument("--once", action="store_true", help="one line")
    add_database(watch)
    watch.set_defaults(run=_watch)
    report = parts.add_parser("report", help="what became of a roll-out")
    report.add_argument("job")
    add_database(report)
    report.set_defaults(run=_report)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", default="", help="whose devices (device.tenant)")
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="the centre's; mqtts://HOST for TLS")
    parser.add_argument("--username", default="", help="the user at the broker")
    parser.add_argument("--password-file", type=Path, help="file with the password, readable by nobody else")
    parser.add_argument("--ca-file", default="", help="the authority that signed the broker's certificate")
    add_database(parser)


@contextmanager
def _broker(arguments: argparse.Namespace) -> Iterator[Session]:
    host, port, tls = split_broker(arguments.broker)
    settings = MqttConfig(
        host=host, port=port, tls=tls or bool(arguments.ca_file), ca_file=arguments.ca_file, username=arguments.username
    )
    password = password_in(arguments.password_file, "--password-file") if arguments.password_file else None
    with session.connect(settings, password, reconnect=True) as connection:
        yield connection


def _config(arguments: argparse.Namespace) -> int:
    with database(arguments) as store, _broker(arguments) as broker:
        if arguments.again:
            return _again(arguments, store, broker)
        version = _next_version(store, arguments.tenant, arguments.name)
        document: dict[str, Any] = {"v": 1, "version": version, "tenant": arguments.tenant}
        document["values"] = dict(_value(text) for text in arguments.values)
        if arguments.privacy_on:
            document["privacy"] = "ON"
        payload = msgspec.json.encode(document)
        try:
            parse(payload, arguments.tenant)
        except Unreadable as unreadable:
            raise ConfigError(str(unreadable)) from None
        store.run(
            "insert into desired (tenant, name, version, document) values (%s, %s, %s, %s)",
            (arguments.tenant, arguments.name, version, payload.decode()),
        )
        broker.publish(topic(arguments.name, arguments.tenant), payload, retain=True)
    print(f"version {version} for {printable(arguments.name)} is sent; `emotion-edge fleet behind` shows who lacks it")
    return 0


def _again(arguments: argparse.Namespace, store: Store, broker: Session) -> int:
    """For brokers that keep retained messages on one node, and for sites that were away."""
    rows = store.run(
        "select distinct on (name) name, document from desired where tenant = %s and name in"
        " (select document from fleet_behind where tenant = %s) order by name, version desc",
        (arguments.tenant, arguments.tenant),
    )
    for name, document in rows:
        broker.publish(topic(name, arguments.tenant), msgspec.json.encode(document), retain=True)
    print(f"{len(rows)} documents are sent once more")
    return 0


def _next_version(store: Store, tenant: str, name: str) -> int:
    rows = store.run(
        "select coalesce(max(version), 0) + 1 from desired where tenant = %s and name = %s", (tenant, name)
    )
    return int(rows[0][0])


def _value(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError(f"{text!r}: must be KEY=VALUE, such as decision.enter=0.5")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _model(arguments: argparse.Namespace) -> int:
    try:
        job = msgspec.convert(
            {"v": 1, "job": arguments.job, "model": arguments.model, "url": arguments.url,
             "sha256": arguments.sha256.lower(), "within_s": arguments.within, "watch_s": arguments.watch,
             "tenant": arguments.tenant}, Job,
        )  # fmt: skip
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from None
    plan = Plan(arguments.canary, arguments.percent, arguments.errors, arguments.within + arguments.watch + 60.0)
    with database(arguments) as store, _broker(arguments) as broker:
        devices = _devices(store, arguments)
        if not devices:
            raise ConfigError("no device of that tenant, site and group is online")
        if store.run("select 1 from rollout where job = %s limit 1", (job.job,)):
            raise ConfigError(f"{job.job}: there was a roll-out of that name; choose another")
        payload = msgspec.json.encode(job)

        def note(wave: int, device: str, said: JobStatus) -> None:
            print(
                f"wave {wave}: {printable(device)}: {said.state}{f' ({printable(said.reason)})' if said.reason else ''}"
            )
            store.run(
                "insert into rollout (job, device, wave, state, reason) values (%s, %s, %s, %s, %s)",
                (job.job, device, wave, said.state, said.reason),
            )

        outcome = roll_out(
            job.job, devices, plan,
            order=lambda device, do: broker.publish(
                topic(device, arguments.tenant, "job"), payload if do else b"", retain=True
            ),
            states=lambda: _states(store), note=note,
            approve=lambda wave, names: not arguments.ask or _yes(f"wave {wave}: {len(names)} devices?"),
        )  # fmt: skip
    return _told(outcome)


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
        print(f"stopped after {outcome.waves} waves: {printable(outcome.stopped, 500)}")
    return 1 if outcome.stopped else 0


def _watch(arguments: argparse.Namespace) -> int:
    with database(arguments) as store:
        while True:
            ((devices, online),) = store.run(
                "select count(*), count(*) filter (where availability = 'online') from device"
            )
            ((silent,),) = store.run("select count(*) from fleet_silent")
            ((behind,),) = store.run("select count(distinct device) from fleet_behind")
            ((facts,),) = store.run("select count(*) from fact where at > now() - interval '1 minute'")
            print(
                f"{time.strftime('%H:%M:%S')}  {devices} devices, {online} online, {silent} silent, {behind} behind, "
                f"{facts} facts in the last minute",
                flush=True,
            )
            if arguments.once:
                return 0
            time.sleep(arguments.every)


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
