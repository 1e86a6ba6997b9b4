"""The samples for a fleet ask for what is there: dashboard and metrics by the real tables, alerts by the metrics."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from edge.device import resources
from edge.fleet.store import Store
from tests.helpers.postgres import Make

FLEET = resources.firmware_config() / "fleet"


def dashboard() -> list[dict[str, Any]]:
    return list(json.loads((FLEET / "grafana" / "fleet.json").read_text())["panels"])


def metrics() -> dict[str, str]:
    """Names of the metrics with the query that they come from."""
    text = (FLEET / "prometheus" / "postgres-queries.yml").read_text()
    query = " ".join(line.strip() for line in text.split("query: >-")[1].split("metrics:")[0].splitlines())
    return {f"emotion_fleet_{name}": query for name in re.findall(r"(?m)^    - (\w+):", text)}


@pytest.mark.slow
def test_every_panel_and_metric_has_an_answer(store: Store, make: Make) -> None:
    for panel in dashboard():
        sql = panel["targets"][0]["rawSql"]
        store.run(re.sub(r"\$__timeFilter\(([\w.]+)\)", r"\1 > now() - interval '6 hours'", sql))
    (row,) = store.run(next(iter(metrics().values())))
    assert len(row) == len(metrics())
    assert all(value is not None for value in row)


def test_panels_have_a_place_of_their_own() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in dashboard()]
    assert len({place[:2] for place in places}) == len(places)
    assert len({panel["id"] for panel in dashboard()}) == len(places)


def test_alerts_are_of_metrics_that_are_there_and_name_a_remedy() -> None:
    text = (FLEET / "prometheus" / "alerts.yml").read_text()
    asked = set(re.findall(r"emotion_fleet_\w+", "\n".join(re.findall(r"expr: .*", text))))
    assert asked <= set(metrics())
    assert text.count("- alert:") == text.count("remedy:") == text.count("summary:")


def test_nothing_of_people_is_in_the_dashboard_but_groups() -> None:
    """The people's moods come from the view that hides small groups, and from no table."""
    for panel in dashboard():
        sql = panel["targets"][0]["rawSql"]
        assert "hour_of_device" not in sql
        if "document" in sql:
            assert re.search(r"from health\b", sql), "only health is shown of single devices"
