"""Past days on the page: summed up, as CSV, deleted, and never while privacy is on."""

from __future__ import annotations

import csv
import time

import pytest

from edge.history.minutes import STATES
from tests.dashboard.web import PASSWORD, Serve, Web
from tests.helpers.page import KeptDays


def asked(web: Web, start: int, end: int, step: int = 900) -> tuple[int, dict[str, object]]:
    got = web.post("/history", {"start": start, "end": end, "step": step})
    return got.status, got.json if got.status == 200 else {}


def test_a_day_in_quarters_of_an_hour(serve: Serve) -> None:
    days = KeptDays(time.time(), 3)
    _, web = serve(days=days)
    assert web.snapshot()["keep_days"] == 3
    first = days.minutes[0].begin
    got = web.post("/history", {"start": first, "end": first + 86_400, "step": 900})
    assert got.status == 200
    assert got.json["first"] == first
    assert got.json["states"] == list(STATES)
    steps = got.json["steps"]
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
    for step in steps:
        assert step["watched"] <= 900
        assert sum(step["states"]) == pytest.approx(step["watched"], abs=10)
    assert max(step["most"] for step in steps) == 3


@pytest.mark.parametrize(
    "question",
    [
        {}, {"start": 0, "end": 86_400}, {"start": 0, "end": 86_400, "step": 7}, {"start": 0, "end": 0, "step": 900},
        {"start": 0, "end": 10**9, "step": 900}, {"start": "0", "end": 900, "step": 900},
        {"start": -(2**60), "end": 900 - 2**60, "step": 900}, {"start": 0.5, "end": 900, "step": 900},
    ],
)  # fmt: skip
def test_what_is_asked_too_much_is_refused(serve: Serve, question: dict[str, object]) -> None:
    _, web = serve(days=KeptDays(time.time(), 1))
    web.snapshot()
    assert web.post("/history", question).status == 400


def test_every_minute_as_csv(serve: Serve) -> None:
    days = KeptDays(time.time(), 3)
    _, web = serve(days=days)
    web.snapshot()
    got = web.get("/history.csv")
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/csv")
    assert "attachment" in got.headers["content-disposition"]
    rows = list(csv.DictReader(got.body.decode().splitlines()))
    assert len(rows) == len(days.minutes)
    row, minute = rows[500], days.minutes[500]
    assert row["begin"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(minute.begin))
    assert [float(row[f"{state}_s"]) for state in STATES] == [tenths / 10 for tenths in minute.states]
    felt = next(row for row in rows if row["valence"])
    assert -1 <= float(felt["valence"]) <= 1
    nobody = next(row for row in rows if not row["valence"])
    assert nobody["p_happy"] == ""


def test_under_privacy_nothing_of_past_days_is_shown(serve: Serve) -> None:
    dashboard, web = serve(days=KeptDays(time.time(), 1))
    web.snapshot()
    assert web.get("/history.csv").status == 200
    dashboard.notify("privacy", "ON", None)
    web.snapshot()
    assert asked(web, 0, 900)[0] == 409
    assert web.get("/history.csv").status == 409
    dashboard.notify("privacy", "OFF", None)
    web.snapshot()
    assert asked(web, 0, 900)[0] == 200


def test_they_are_deleted_also_under_privacy(serve: Serve) -> None:
    days = KeptDays(time.time(), 1)
    dashboard, web = serve(days=days)
    dashboard.notify("privacy", "ON", None)
    web.snapshot()
    assert web.post("/history/delete", {}).status == 200
    assert days.minutes == []


def test_only_for_who_has_signed_in(serve: Serve) -> None:
    days = KeptDays(time.time(), 1)
    _, web = serve(days=days, password=PASSWORD)
    assert web.get("/history.csv").status == 401
    assert web.post("/history", {"start": 0, "end": 900, "step": 900}).status in (401, 403)
    assert web.post("/history/delete", {}).status in (401, 403)
    assert days.minutes
    assert web.sign_in(PASSWORD).status == 303
    assert web.post("/history/delete", {}).status == 403, "without the page's token"
    web.snapshot()
    assert asked(web, 0, 900)[0] == 200
    assert web.get("/history.csv").status == 200
    assert web.get("/history.csv", Sec_Fetch_Site="cross-site").status == 403


def test_where_nothing_is_kept_there_is_nothing(serve: Serve) -> None:
    _, web = serve()
    assert web.snapshot()["keep_days"] == 0
    assert asked(web, 0, 900)[0] == 404
    assert web.get("/history.csv").status == 404
    assert web.post("/history/delete", {}).status == 404
