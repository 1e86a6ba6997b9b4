"""What a fleet costs, computed from what scripts/fleet-test measured: `python -m tests.fleet.trial.cost`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parents[1] / "records" / "fleet-test.json"
STORM = RECORD.with_name("storm.json")
FAULTS = {
    "node": "one of the nodes in the middle killed",
    "cut": "a site cut off",
    "collector": "a copy of the collector killed",
    "database": "the database stopped at once and started again",
    "storm": "a site's broker restarted, so that all its devices returned",
}
SIZES = (10, 1_000, 10_000, 100_000)
DAY_S = 86_400


@dataclass(frozen=True)
class Cost:
    """Of a fleet of so many devices, all of them watching somebody."""

    devices: int
    messages_per_s: float  # in the middle: states, events, summaries, health
    gb_to_centre: float  # a day
    gb_in_database: float  # a day, before retention
    centre_cores: float  # of the machine that measured
    collector_cores: float


def cost(record: Mapping[str, Any], devices: int) -> Cost:
    """Each part in proportion to devices and time."""
    measured = record["cost"]
    share = devices / measured["device_seconds"]
    stored = sum(measured["bytes_in_database"].values())
    return Cost(
        devices,
        (measured["facts"] + measured["health"]) * share,
        measured["bytes_to_centre"] * share * DAY_S / 1e9,
        stored * share * DAY_S / 1e9,
        measured["cpu_s"]["centre"] * share,
        measured["cpu_s"]["collectors"] * share,
    )


def table(record: Mapping[str, Any]) -> str:
    """As Markdown."""
    lines = [
        "| devices | messages a second | GB a day up | GB a day of database | cores: brokers | cores: collectors |",
        "|---|---|---|---|---|---|",
    ]
    for devices in SIZES:
        each = cost(record, devices)
        figures = (
            each.messages_per_s, each.gb_to_centre, each.gb_in_database, each.centre_cores, each.collector_cores
        )  # fmt: skip
        lines.append("| " + " | ".join([f"{devices:,}", *(shown(figure) for figure in figures)]) + " |")
    return "\n".join(lines)


def shown(value: float) -> str:
    """Two digits are all that is known."""
    if value >= 99.5:
        return f"{round(value, 2 - len(str(int(value)))):,.0f}"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def page() -> str:
    """The reference page."""
    record = json.loads(RECORD.read_text("utf-8"))
    given, result, measured = record["conditions"], record["result"], record["cost"]
    faults = ", ".join(FAULTS[name] for name, _, _ in given["faults"])
    delays = "\n".join(
        f"| {which} | {each['p50']} | {each['p99']} | {each['max']} |"
        for which, each in result["delay_s"].items()
        if each
    )
    settled = ", ".join(f"{name} {seconds:g} s" for name, seconds in result["settled_s"].items())
    held = f"\nWhat did not hold: {'; '.join(result['wrong'])}.\n" if result["wrong"] else ""
    return f"""# What many devices cost

From `scripts/fleet-test` of {record["at"][:10]}: {given["devices"]} simulated devices, made of the service's own client
and payloads, at {given["sites"]} sites with a mosquitto each, {given["centre"]} in the middle, PostgreSQL behind two
copies of `emotion-edge collect`, all on one machine with {given["cores"]} cores that had a load of {
        given["load_before"]
    }
from other work when it began. They sent for {given["seconds"]:.0f} seconds.

## With faults in the middle

{faults[0].upper()}{faults[1:]}. The cut lasted {given["cut_s"]:.0f} seconds.

| | |
|---|---|
| facts told | {result["told"]:,} |
| facts in the database | {result["stored"]:,} |
| missing | {result["missing"]} |
| stored twice | {result["surplus"]} |
| came twice and were recognised | {result["doubled"]} |
| connects beyond the expected ones | {result["connects"]} |

Seconds from what is told to the database:

| facts | p50 | p99 | longest |
|---|---|---|---|
{delays}

All devices of a site were connected so long after the trial began, or after their broker was back:
{settled}.
{held}
{returned()}## Computed from it

{table(record)}

`python -m tests.fleet.trial.cost` computes the table: everything in proportion to devices and time, each device
watching somebody all day. Facts are {measured["facts"] / measured["device_seconds"] * DAY_S:,.0f} a day and device.

## What was not measured

More than {
        given["devices"]
    } devices at once; what TLS costs; a disk that is asked to write (the trial's database does not wait for
it); TimescaleDB; a network between the machines; a fleet over days. Cores are of the machine that measured; they hold
the work that brokers do without any message, multiplied with the rest, and are too high for large fleets. A real
installation has idle rooms, which tell less.
"""


def returned() -> str:
    """What `scripts/fleet-test --storm --record` came to, where somebody ran it."""
    if not STORM.exists():
        return ""
    record = json.loads(STORM.read_text("utf-8"))
    given, result = record["conditions"], record["result"]
    times = "\n".join(f"| {each['name']} | {each['settled_s']:g} s |" for each in result["returns"])
    return f"""## All of them at once

`scripts/fleet-test --storm` of {record["at"][:10]}: {given["devices"]:,} devices at one mosquitto on one core; it is
stopped, and comes back with what it had kept, then with nothing. The devices share the machine's {given["cores"]} cores
with it (load before: {given["load_before"]}). Connects beyond one for each return: {result["connects"]}; messages lost:
{result["lost"]}.

| the broker has | all are connected after |
|---|---|
{times}

"""


if __name__ == "__main__":
    sys.stdout.write(table(json.loads(RECORD.read_text("utf-8"))) + "\n")
