"""What was told against what the database has. Pure but for the queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.fleet.facts import FACTS
from edge.fleet.store import Store

LATEST_S = 5.0  # p99 of the delay, outside the cut
SETTLED_S = 60.0


@dataclass(frozen=True)
class Window:
    """A time in which one site, or all of them (empty), could not be expected to be quick."""

    name: str
    site: str
    begins: float
    ends: float

    def holds(self, site: str, at: float) -> bool:
        return self.site in ("", site) and self.begins <= at <= self.ends


@dataclass
class Verdict:
    """What came out."""

    told: int = 0
    stored: int = 0
    missing: int = 0
    surplus: int = 0  # in the database and never told, or more than once
    dropped: int = 0  # given up by the devices
    doubled: int = 0  # came twice and were recognised
    parked: int = 0
    delay_s: dict[str, dict[str, float]] = field(default_factory=dict)  # by which facts count
    settled_s: dict[str, float] = field(default_factory=dict)  # by storm and site, from when it begins
    connects: int = 0  # beyond one for each device and each storm: a second storm
    wrong: list[str] = field(default_factory=list)


def compare(told: Mapping[tuple[str, str, str], int], stored: Iterable[tuple[str, str, str, int, int]]) -> Verdict:
    """`told`: how many by device, session and kind, numbered from 1; `stored`: rows, and how many different numbers."""
    verdict = Verdict(told=sum(told.values()))
    there = {(device, session, kind): (rows, numbers) for device, session, kind, rows, numbers in stored}
    for key, count in told.items():
        rows, numbers = there.get(key, (0, 0))
        verdict.stored += rows
        verdict.missing += max(0, count - numbers)
        verdict.surplus += (rows - numbers) + max(0, numbers - count)
    verdict.surplus += sum(rows for key, (rows, _) in there.items() if key not in told)
    return verdict


def percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    picked = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in at.items()}
    return {name: round(value, 3) for name, value in picked.items()}


def settled(changes: Sequence[tuple[float, int]], devices: int, since: float) -> float | None:
    """Seconds from `since` until all devices were connected; None: they never were."""
    return next((max(0.0, at - since) for at, count in changes if at >= since and count == devices), None)


def judge(
    store: Store,
    results: Sequence[Mapping[str, Any]],
    windows: Sequence[Window],
    storms: Sequence[Window],
    *,
    quick: str = "outside the cut",
) -> Verdict:
    """Everything that must hold, and the figures; `quick` names the facts whose delay is judged."""
    told = {
        (name, device["session"], kind): device["told"].get(kind, 0)
        for result in results
        for name, device in result["devices"].items()
        for kind in FACTS
    }
    rows: Any = store.run("select device, session, kind, count(*), count(distinct seq) from fact group by 1, 2, 3")
    verdict = compare(told, rows)
    verdict.dropped = sum(device["dropped"] for result in results for device in result["devices"].values())
    verdict.doubled = int(store.run("select coalesce(sum(messages), 0) from doubled")[0][0])
    verdict.parked = int(store.run("select count(*) from parked")[0][0])
    site_of = {name: result["site"] for result in results for name in result["devices"]}
    delays = [
        (site_of.get(device, ""), float(ts), float(delay), bool(late))
        for device, ts, delay, late in store.run(
            "select device, extract(epoch from ts), extract(epoch from at - ts), late from fact"
        )
    ]
    cuts = [window for window in windows if window.site]
    outside = [delay for site, ts, delay, _ in delays if not any(cut.holds(site, ts) for cut in cuts)]
    calm = [delay for site, ts, delay, _ in delays if not any(window.holds(site, ts) for window in windows)]
    verdict.delay_s = {
        "all": percentiles([delay for _, _, delay, _ in delays]),
        "outside the cut": percentiles(outside),
        "outside all faults": percentiles(calm),
    }
    for storm in storms:
        for result in results:
            if storm.site not in ("", result["site"]):
                continue
            seconds = settled(result["online"], len(result["devices"]), storm.begins)
            verdict.settled_s[f"{storm.name} {result['site']}"] = -1.0 if seconds is None else round(seconds, 1)
    for result in results:
        expected = sum(storm.site in ("", result["site"]) for storm in storms)
        verdict.connects += sum(device["connections"] - expected for device in result["devices"].values())
    verdict.wrong = wrong(verdict, quick)
    return verdict


def wrong(verdict: Verdict, quick: str) -> list[str]:
    """What does not hold; empty when all is well."""
    found = []
    if verdict.missing:
        found.append(f"{verdict.missing} facts are missing")
    if verdict.surplus:
        found.append(f"{verdict.surplus} facts are stored more than once, or were never told")
    if verdict.dropped or verdict.parked:
        found.append(f"{verdict.dropped} messages were given up by devices, {verdict.parked} parked")
    if verdict.connects > 0:
        found.append(f"{verdict.connects} connects more than there were reasons for")
    if verdict.told == 0:
        found.append("nothing was told")
    late = verdict.delay_s.get(quick, {}).get("p99", 0.0)
    if late >= LATEST_S:
        found.append(f"p99 of the delay {quick} is {late:.1f} s")
    found += [
        f"{name}: not settled within {SETTLED_S:.0f} s"
        for name, seconds in verdict.settled_s.items()
        if not 0.0 <= seconds <= SETTLED_S
    ]
    return found
