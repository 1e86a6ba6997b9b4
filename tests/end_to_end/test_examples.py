"""What the documentation tells people to type is typed here, as it stands, against the running service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.messages.topics import TOPICS
from tests.helpers.broker import Broker, Observer
from tests.helpers.service import Start

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "pages" / "how-to" / "shell.md").read_text("utf-8")
BLOCKS = re.findall(r"<!-- tested: shell -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
HOST, DEVICE = "192.168.1.10", "living-room"

needs = pytest.mark.skipif(
    not all(map(shutil.which, ("mosquitto_sub", "mosquitto_pub", "mosquitto_rr", "jq"))),
    reason="needs mosquitto-clients and jq: apt install mosquitto-clients jq",
)
pytestmark = [needs, pytest.mark.timeout(420)]


@pytest.fixture
def shell(tmp_path: Path, broker: Broker) -> dict[str, str]:
    """An environment in which mosquitto's clients know the port: they read their options from a folder."""
    folder = tmp_path / "clients"
    folder.mkdir()
    for name in ("mosquitto_sub", "mosquitto_pub", "mosquitto_rr"):
        (folder / name).write_text(f"-p {broker.port}\n" + ("" if name == "mosquitto_pub" else "-W 40\n"))
    return {**os.environ, "XDG_CONFIG_HOME": str(folder)}


def commands(block: str) -> list[tuple[str, str]]:
    """Each comment of a block with the command below it."""
    return [(words, code.strip()) for words, code in re.findall(r"(?m)^# (.*)\n((?:(?!# ).*\n)+)", block)]


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 2
    for block in BLOCKS:
        lines = [line for line in block.splitlines() if not line.startswith("# ")]
        assert "\n".join(lines).strip() == "\n".join(code for _, code in commands(block)), "each has a word above it"


def test_every_topic_is_lines_of_text_and_the_examples_work(
    start: Start, observer: Observer, shell: dict[str, str]
) -> None:
    start(device={"name": DEVICE}, publish={"modalities": True, "people": True})
    observer.wait("/availability", 60)
    check_topics(observer, shell)
    observer.wait("/state", 60, lambda m: m.json["label"] != "absent")
    for block in BLOCKS:
        for words, code in commands(block):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", code.replace(HOST, "127.0.0.1")],
                env=shell, capture_output=True, text=True, timeout=100, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{words}\n{code}\n{done.stderr}"
            assert done.stdout.strip(), f"{words}\n{code}\nsays nothing"
            assert "null" not in done.stdout, f"{words}\n{done.stdout}"


def check_topics(observer: Observer, shell: dict[str, str]) -> None:
    """Each message is a line of text: JSON goes through jq, plain words are words. (A backlog looks like the rest,
    `reported` and `job` come where a fleet has asked for something, and `text` where words are passed on.)"""
    wanted = set(TOPICS) - {"discovery", "backlog", "reported", "job", "text"}
    seen: set[str] = set()
    documents: list[str] = []
    listening = ["mosquitto_sub", "-h", "127.0.0.1", "-t", f"emotion/{DEVICE}/#", "-v", "-W", "90"]
    with subprocess.Popen(listening, env=shell, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            kind = topic.removeprefix(f"emotion/{DEVICE}/").split("/")[0]
            if kind == "request":
                continue
            if not seen:
                observer.send(f"emotion/{DEVICE}/request/info", '{"transaction": 1}')
            seen.add(kind)
            if TOPICS[kind].payload is None:
                assert payload.isprintable()
            else:
                documents.append(payload)
            if seen == wanted:
                break
        process.terminate()
    assert seen == wanted
    parsed = subprocess.run(["jq", "-c", ".v"], input="\n".join(documents), capture_output=True, text=True, check=True)
    assert parsed.stdout.split() == ["1"] * len(documents)
    assert all(json.loads(each)["seq"] > 0 for each in documents)
