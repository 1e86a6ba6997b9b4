"""With a real RabbitMQ, where scripts/fleet-test has made its tree: the sample's rights, both ways, the collector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.config.schema import MqttConfig
from edge.device.certificate import is_of, new_request
from edge.fleet import enroll_mqtt
from edge.fleet.store import Store
from tests.fleet.trial.brokers import PASSWORD, TENANT, TREE, RabbitNodes, Site, Tls
from tests.helpers.authority import Authority
from tests.helpers.broker import Observer, wait_for
from tests.helpers.postgres import Make, Postgres
from tests.helpers.service import Run
from tests.helpers.signing import Signing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RabbitNodes, Authority]]:
    """One node, as the sample has it, with TLS."""
    if not (TREE / "made").exists() or os.geteuid() != 0:
        pytest.skip("no RabbitMQ here: run scripts/fleet-test as root once")
    pytest.importorskip("aio_pika", reason="aio-pika is not here")
    folder = tmp_path_factory.mktemp("rabbit")
    authority = Authority(folder / "authority")
    node = RabbitNodes(TREE, 1, ["s1", "s2"], folder / "log", Tls(authority.file, *authority.issue("node")))
    try:
        node.start()
        yield node, authority
    finally:
        node.close()


@pytest.fixture
def site(rabbit: tuple[RabbitNodes, Authority], tmp_path: Path) -> Iterator[Site]:
    """Known to the centre by its certificate alone."""
    node, authority = rabbit
    one = Site("s1", tmp_path / "s1", node.ports, "1 2", Tls(authority.file, *authority.issue("s1")))
    one.start()
    yield one
    one.close()


@pytest.fixture
def collecting(rabbit: tuple[RabbitNodes, Authority], store: Store, postgres: Postgres) -> Iterator[None]:
    """A copy of the collector that reads RabbitMQ's queue."""
    words = [sys.executable, "-m", "edge", "collect", *rabbit[0].source, "--database", postgres.url]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "collecting\n"
        yield
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def order(
    rabbit: tuple[RabbitNodes, Authority], postgres: Postgres, run: Run, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """`emotion-edge fleet` as the user of that name."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    node, authority = rabbit
    given = ("--tenant", TENANT, "--broker", f"127.0.0.1:{node.ports[0]}", "--ca-file", authority.file, "--username",
             "fleet", "--password-file", secret, "--database", postgres.url)  # fmt: skip
    return lambda *words: run("fleet", *words, *given)


@pytest.mark.usefixtures("collecting")
def test_facts_go_up_once_and_documents_come_down(
    site: Site, store: Store, make: Make, order: Callable[..., tuple[int, str, str]]
) -> None:
    with closing(Observer(site.port, "fleet/#")) as device:
        root = f"emotion/{TENANT}/s1/hall/door"
        for number in range(1, 51):
            device.send(f"{root}/event", json.dumps(make(number, event="person_gone", people=0)))
        device.send(f"{root}/reading", json.dumps(make(1)))
        wait_for(lambda: store.run("select count(*) from fact")[0][0] == 50, 30, "50 facts")
        assert store.run("select count(*) from parked") == [(0,)]
        status, _, err = order("config", "hall", "decision.enter=0.5")
        assert (status, err) == (0, "")
        document = device.wait(f"fleet/{TENANT}/hall/desired", 10).json
        assert document["values"] == {"decision.enter": 0.5}


def test_a_site_may_speak_for_itself_alone(rabbit: tuple[RabbitNodes, Authority]) -> None:
    assert accepted(rabbit, f"emotion/{TENANT}/s1/hall/door/state")
    assert not accepted(rabbit, f"emotion/{TENANT}/s2/hall/door/state")
    assert not accepted(rabbit, "emotion/rival/s1/hall/door/state")
    assert not accepted(rabbit, f"fleet/{TENANT}/all/desired")
    assert accepted(rabbit, "enroll/0123/request")
    assert not accepted(rabbit, "enroll/0123/answer")


def test_a_device_at_a_site_gets_its_certificate_from_the_centre(
    rabbit: tuple[RabbitNodes, Authority], site: Site, signing: Signing, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    node, authority = rabbit
    signing.listen(
        node.ports[0], "--ca-file", authority.file, "--username", "signing-service", "--password-file", str(secret)
    )
    with closing(Observer(site.port, "fleet/#")) as seen:
        seen.wait("/bridge", 20, lambda message: message.payload == b"1")
    broker = MqttConfig(host="127.0.0.1", port=site.port)
    answer = enroll_mqtt.enroll(broker, None, new_request("door")[1], signing.say("token", "door"))
    assert is_of(answer.certificate, signing.ca)


def accepted(rabbit: tuple[RabbitNodes, Authority], topic: str) -> bool:
    """Whether the centre takes a message of the site s1 there."""
    answers: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="s1-probe", protocol=paho.MQTTv5)
    client.username_pw_set("s1", PASSWORD)
    client.on_publish = lambda *given: answers.append(not given[3].is_failure)
    client.on_disconnect = lambda *_: answers.append(False)
    client.tls_set(rabbit[1].file)
    client.connect("127.0.0.1", rabbit[0].ports[0])
    client.loop_start()
    client.publish(topic, b"{}", qos=1)
    wait_for(lambda: answers, 10, "an answer")
    client.disconnect()
    client.loop_stop()
    return answers[0]
