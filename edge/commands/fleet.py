"""`emotion-edge fleet`: many devices at a glance, from the database that `collect` fills."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timedelta, timezone

from edge.commands import fleet_orders, fleet_rollout
from edge.commands.collect import add_database, database
from edge.errors import ConfigError
from edge.printable import printable

VIEWS = {
    "list": ("fleet_devices", "every device: site, version, availability, when it was last heard of"),
    "silent": ("fleet_silent", "devices of which nothing was heard for a while"),
    "versions": ("fleet_versions", "how many devices run which version"),
    "hot": ("fleet_hot", "devices above 75 degrees"),
    "unsynced": ("fleet_unsynced", "devices that do not know the time"),
    "lost": ("fleet_lost", "messages that are missing between others"),
    "doubled": ("doubled", "messages that came twice and were kept once"),
    "behind": ("fleet_behind", "devices that do not have the newest document for them, and why"),
    "jobs": ("fleet_jobs", "how far each device is with its last job"),
    "parked": ("parked", "messages that could not be read, and why"),
    "mood": ("group_mood", "moods of groups by the hour; never of few devices or few people"),
}


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("fleet", help="many devices at a glance, from the database of `collect`")
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True)
    for name, (_, words) in VIEWS.items():
        part = parts.add_parser(name, help=words)
        add_database(part)
        part.add_argument("--json", action="store_true", help="one JSON line per row")
        part.set_defaults(run=_show, view=VIEWS[name][0])
    init = parts.add_parser("init", help="make the tables and views, or upgrade them")
    add_database(init)
    init.add_argument("--k", type=int, help="no group figure from fewer devices or people than this")
    init.set_defaults(run=_init)
    roll = parts.add_parser("roll-up", help="sum up the last hours and drop what is too old; run it every ten minutes")
    add_database(roll)
    roll.add_argument("--hours", type=int, default=3, help="how far back (default: %(default)s)")
    roll.set_defaults(run=_roll_up)
    fleet_orders.add(parts)
    fleet_rollout.add(parts)
    forget = parts.add_parser("forget", help="remove everything of a device")
    add_database(forget)
    forget.add_argument("device", help="as `fleet list` shows it, such as acme/door-3")
    forget.set_defaults(run=_forget)


def _show(arguments: argparse.Namespace) -> int:
    with database(arguments) as store:
        found = store.run(
            "select column_name from information_schema.columns where table_name = %s and column_name <> 'payload'"
            " order by ordinal_position",
            (arguments.view,),
        )
        columns = [str(name) for (name,) in found]
        rows = store.run(f"select {', '.join(columns)} from {arguments.view} limit 10000")  # noqa: S608 - ours
    if arguments.json:
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=True)), default=str))
        return 0
    table = [columns, *([printable("" if value is None else str(value)) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0


def _init(arguments: argparse.Namespace) -> int:
    if arguments.k is not None and arguments.k < 2:
        raise ConfigError("--k: below 2 a group figure would be somebody's")
    with database(arguments) as store:
        store.create()
        if arguments.k is not None:
            store.run("update fleet_setting set k_devices = %s, k_people = %s", (arguments.k, arguments.k))
    print("tables and views are as this version wants them")
    return 0


def _roll_up(arguments: argparse.Namespace) -> int:
    since = datetime.now(timezone.utc) - timedelta(hours=arguments.hours)
    with database(arguments) as store:
        ((hours,),) = store.run("select roll_up(%s)", (since,))
        store.run("select forget_old()")
    print(f"{hours} device hours")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    with database(arguments) as store:
        if not store.run("select 1 from device where device = %s", (arguments.device,)):
            raise ConfigError(f"{arguments.device}: no such device; `emotion-edge fleet list` shows their names")
        store.run("select forget_device(%s)", (arguments.device,))
    print(f"nothing is left of {printable(arguments.device)}")
    return 0
