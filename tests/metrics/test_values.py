"""The page of numbers, read back by Prometheus' own client library."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from edge.messages.status import BrokerStatus
from edge.metrics.text import Page
from edge.metrics.values import Values
from edge.readings import LABELS
from tests.helpers.metrics import READING, STATE, heard

BROKER = BrokerStatus(state="connected", connections=2, outbox=3, dropped=1)


def read(values: Values, now: float = 100.0, broker: BrokerStatus = BROKER) -> dict[tuple[Any, ...], float]:
    """Samples by name and labels."""
    found = {}
    for family in text_string_to_metric_families(values.page(now, broker)):
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            key = (sample.name.removeprefix("emotion_edge_"), *sorted(sample.labels.values()))
            assert key not in found
            found[key] = sample.value
    return found


def test_everything_is_there_in_base_units() -> None:
    found = read(heard())
    assert found["state", "happy"] == 1
    assert sum(found["state", label] for label in (*LABELS, "uncertain", "absent")) == 1
    assert found["confidence",] == 0.86
    assert found["people",] == 2
    assert math.isclose(found["probability", "sad"], 1 / 7)
    assert found["valence",] == -0.2
    assert found["modality_weight", "face"] == 0.7
    assert found["modality_weight", "speech"] == 0
    assert found["latency_seconds", "95"] == 0.032
    assert found["cpu_ratio",] == 0.115
    assert found["resident_memory_bytes",] == 111e6
    assert found["frames_total",] == 45
    assert found["worker_restarts_total", "face"] == 1
    assert found["source_online", "camera"] == 1
    assert found["source_online", "microphone"] == 0
    assert found["privacy",] == 0
    assert found["events_total", "happy", "state_entered"] == 1
    assert found["events_total", "", "person_appeared"] == 1
    assert found["state_seconds_total", "happy"] == 41
    assert found["broker_connected",] == 1
    assert found["broker_connections_total",] == 2
    assert found["outbox_messages",] == 3
    assert found["info", "1", "b\nc", 'odd "name" \\ here'] == 1
    assert not [key for key in found if key[0] in ("temperature_celsius", "throttled")], "unknown here, so not told"


def test_an_old_feeling_is_not_shown() -> None:
    values = heard()
    people = {"state", "confidence", "people", "probability", "valence", "arousal", "modality_weight"}
    assert people <= {key[0] for key in read(values, 100.0)}
    later = {key[0] for key in read(values, 105.0)}
    assert "probability" not in later
    assert "state" in later
    assert read(values, 105.0)["state_age_seconds",] == 6
    assert not people & {key[0] for key in read(values, 127.0)}
    values.notify("config/publish.state_every_s", "60.0", 100.0)
    assert "state" in {key[0] for key in read(values, 127.0)}


def test_privacy_leaves_nothing_of_people() -> None:
    values = heard()
    values.notify("privacy", "ON", 99.5)
    values.notify("state", STATE, 99.6)  # was on its way
    values.notify("reading", READING, 99.6)
    found = read(values)
    assert found["privacy",] == 1
    assert not [key for key in found if key[0] in ("state", "people", "probability", "valence")]


def test_old_health_is_not_shown() -> None:
    values = heard()
    values.notify("config/publish.health_every_s", "10.0", 100.0)
    assert "cpu_ratio" in {key[0] for key in read(values, 110.0)}
    assert "cpu_ratio" not in {key[0] for key in read(values, 130.0)}
    assert "cpu_ratio" in {key[0] for key in read(heard(), 110.0)}


def test_before_anything_was_told_there_is_the_broker() -> None:
    found = read(Values(), broker=BrokerStatus())
    assert found["broker_connected",] == 0
    assert "state" not in {key[0] for key in found}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(value=st.floats(), label=st.text())
def test_any_number_and_any_text_survives(value: float, label: str) -> None:
    page = Page()
    page.add("x", "gauge", "An x.", ({"a": label}, value))
    if any(sign in label for sign in "\r\x85\x0b\x0c\x1c\x1d\x1e\u2028\u2029"):
        return  # the parser takes these for ends of lines; Prometheus does not, and no name of ours has them
    (family,) = text_string_to_metric_families(page.text())
    (sample,) = family.samples
    assert sample.labels["a"] == label
    assert sample.value == value or (math.isnan(value) and math.isnan(sample.value))
