"""The samples for other tools name topics, fields and metrics that exist. No tool is needed for that."""

from __future__ import annotations

import re

from edge.config.schema import MetricsConfig
from edge.messages.commands import MAX_CHARACTERS
from edge.messages.status import BrokerStatus
from edge.messages.topics import TEXT_COMMAND, TOPICS
from edge.metrics.values import Values
from tests.helpers.metrics import heard
from tests.tools.samples import DASHBOARD, FLOW, RARE, SAMPLES, TELEGRAF, WORDS


def names(page: str) -> set[str]:
    return set(re.findall(r"(?m)^# TYPE (\S+)", page))


def test_the_flow_hangs_together_and_listens_to_our_topics() -> None:
    ids = {node["id"] for node in FLOW}
    assert len(ids) == len(FLOW)
    for node in FLOW:
        assert {to for wire in node.get("wires", []) for to in wire} <= ids
        assert node.get("z", "emotion-edge") == "emotion-edge"
        if node["type"] == "mqtt in":
            base, device, topic = node["topic"].split("/")
            assert (base, device) == ("emotion", "+")
            assert topic in TOPICS
        if node["type"].startswith("mqtt "):
            assert node["broker"] in ids
    assert not any(node.get("retain") == "true" for node in FLOW), "an old mood must not light a lamp"


def test_the_flow_for_words_sends_to_the_device_and_never_retained() -> None:
    ids = {node["id"] for node in WORDS}
    assert not ids & {node["id"] for node in FLOW}, "both can be imported"
    assert all({to for wire in node.get("wires", []) for to in wire} <= ids for node in WORDS)
    (function,) = [node["func"] for node in WORDS if node["type"] == "function"]
    assert f"/{TEXT_COMMAND}" in function
    assert f"slice(0, {MAX_CHARACTERS})" in function
    assert [node["retain"] for node in WORDS if node["type"] == "mqtt out"] == ["false"]


def test_every_query_of_the_dashboard_asks_for_what_is_there() -> None:
    known = names(heard().page(100.0, BrokerStatus())) | RARE
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    asked = set()
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            found = set(re.findall(r"emotion_edge_\w+", target["expr"]))
            assert found, target
            assert found <= known, found - known
            asked |= found
    assert len(asked) >= 15
    assert "emotion_edge_info" in names(heard().page(100.0, BrokerStatus()))
    assert "emotion_edge_info" not in names(Values().page(100.0, BrokerStatus()))


def test_telegraf_reads_fields_that_exist() -> None:
    inputs = TELEGRAF["inputs"]["mqtt_consumer"]
    assert len(inputs) == 3
    for one in inputs:
        (topic,) = one["topics"]
        kind = topic.removeprefix("emotion/+/")
        payload = TOPICS[kind].payload
        assert payload is not None
        assert one["topic_parsing"][0]["topic"] == topic
        (parser,) = one["json_v2"]
        paths = [each["path"] for part in ("tag", "field", "object") for each in parser.get(part, [])]
        assert {parser["timestamp_path"], *paths} <= set(payload.__struct_fields__)


def test_prometheus_is_told_our_port() -> None:
    text = (SAMPLES / "prometheus" / "emotion-edge.yml").read_text()
    assert f'"{MetricsConfig().listen}:{MetricsConfig().port}"' in text
