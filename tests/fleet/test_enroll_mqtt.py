"""A device gets and renews its certificate over a broker that is set up as the samples say; nobody beside it can."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.commands import fleet
from edge.commands.fleet_orders import centre
from edge.config.load import load
from edge.config.schema import MqttConfig
from edge.device import resources
from edge.device.certificate import new_request
from edge.errors import EdgeError
from edge.fleet import enroll_mqtt
from edge.fleet.enroll import Proof
from edge.messages.topics import PRIVACY_COMMAND, TEXT_COMMAND, TOPICS
from edge.mqtt import session
from tests.helpers.authority import Authority
from tests.helpers.broker import Broker, Observer, free_port
from tests.helpers.service import Run
from tests.helpers.signing import Signing
from tests.mqtt.parts import unclosed_by_paho

pytestmark = [pytest.mark.slow, unclosed_by_paho]
SITE = resources.firmware_config() / "fleet" / "site"
ADDRESS = "127.0.0.1"


class SiteBroker(Broker):
    """certificates.conf with its access lists, on loopback."""

    def __init__(self, folder: Path, signing: Signing) -> None:
        super().__init__(folder)
        self.enrolling = free_port()
        text = (SITE / "certificates.conf").read_text("utf-8")
        for name, file in (
            ("fleet-ca.pem", signing.ca), ("fleet-crl.pem", f"{signing.folder}/crl.pem"),
            ("server.pem", f"{signing.folder}/{ADDRESS}.pem"), ("server.key", f"{signing.folder}/{ADDRESS}.key"),
            ("emotion-edge.acl", SITE / "emotion-edge.acl"), ("enroll.acl", SITE / "enroll.acl"),
        ):  # fmt: skip
            text = text.replace(f"/etc/mosquitto/{name}", str(file))
        assert "/etc/mosquitto/" not in re.sub("(?m)^#.*", "", text)
        text = text.replace("listener 8883\n", f"listener {self.port} {ADDRESS}\n")
        text = text.replace("listener 8884\n", f"listener {self.enrolling} {ADDRESS}\n")
        self._config.write_text(f"user root\n{text}")


@pytest.fixture
def site(tmp_path: Path, signing: Signing) -> Iterator[SiteBroker]:
    """Where the signing service listens."""
    signing.say("server", ADDRESS)
    one = SiteBroker(tmp_path, signing)
    one.start()
    signing.listen(one.port)
    yield one
    one.kill()


@pytest.fixture
def config(tmp_path: Path, site: SiteBroker) -> Path:
    path = tmp_path / "device" / "config.toml"
    path.parent.mkdir()
    path.write_text(f'[device]\nname = "door"\n[mqtt]\nhost = "{ADDRESS}"\nport = {site.port}\n')
    return path


@pytest.fixture
def enroll(run: Run, signing: Signing, site: SiteBroker, config: Path) -> Callable[..., tuple[int, str, str]]:
    def by(*words: str) -> tuple[int, str, str]:
        port = site.port if "--renew" in words else site.enrolling
        return run("enroll", f"mqtts://{ADDRESS}:{port}", "--ca-file", signing.ca, "--config", config, *words)

    return by


def settings(config: Path) -> MqttConfig:
    return load(config).config.mqtt


def anonymous(site: SiteBroker, signing: Signing) -> MqttConfig:
    return MqttConfig(host=ADDRESS, port=site.enrolling, tls=True, ca_file=signing.ca)


def test_a_device_without_a_certificate_gets_one_and_no_token_crosses_the_broker(
    enroll: Callable[..., tuple[int, str, str]], signing: Signing, site: SiteBroker, config: Path
) -> None:
    assert session.probe(replace(anonymous(site, signing), port=site.port), None) is not None
    token = signing.say("token", "door")
    own = str(signing.folder / "server.pem"), str(signing.folder / "server.key")
    reader = replace(anonymous(site, signing), port=site.port, cert_file=own[0], key_file=own[1])
    with session.connect(reader, None) as heard:
        heard.subscribe("enroll/+/request", qos=1)
        status, out, err = enroll("--token", token)
        message = heard.next(5)
        assert message is not None
        assert token not in message.payload.decode()
    assert (status, err) == (0, "")
    assert "door has a certificate until" in out
    with session.connect(settings(config), None) as broker:
        broker.publish("emotion/acme/north/hall/door/state", b"{}")
        with pytest.raises(session.NotPermitted):
            broker.publish("emotion/acme/north/hall/window/state", b"{}")
    before = config.read_text()
    for wrong in (token, "guessed"):
        status, out, err = enroll("--token", wrong)
        assert (status, out, len(err.splitlines())) == (1, "", 1)
        assert "used up or older than a day" in err
    assert config.read_text() == before


def test_it_is_renewed_with_the_certificate_in_use_until_that_is_revoked(
    enroll: Callable[..., tuple[int, str, str]], signing: Signing, site: SiteBroker, config: Path
) -> None:
    enroll("--token", signing.say("token", "door"))
    file = Path(settings(config).cert_file)
    before = file.read_text()
    assert "is good until" in enroll("--renew")[1]
    status, _, err = enroll("--renew", "--force")
    assert (status, err) == (0, "")
    assert file.read_text() != before
    assert session.probe(settings(config), None) is None
    assert signing.say("revoke", "door").startswith("2 certificates revoked")
    now = file.read_text()
    status, _, err = enroll("--renew", "--force")  # the broker does not know it yet
    assert (status, len(err.splitlines()), "is revoked" in err) == (1, 1, True)
    site.kill()
    site.start()
    status, _, err = enroll("--renew", "--force")
    assert (status, len(err.splitlines()), "with a new token" in err) == (1, 1, True)
    assert file.read_text() == now


def test_whoever_has_no_certificate_hears_nothing_but_his_own_answer(
    enroll: Callable[..., tuple[int, str, str]], site: SiteBroker, signing: Signing, config: Path
) -> None:
    """mosquitto grants any subscription, and delivers what the access list allows."""
    enroll("--token", signing.say("token", "door"))
    with session.connect(anonymous(site, signing), None, client_id="0123") as stranger:
        stranger.subscribe("#", "fleet/+/desired", "enroll/+/answer")
        with session.connect(settings(config), None) as door:
            door.publish("emotion/door/info", b"{}", retain=True)
        enroll("--token", "somebody else's")
        stranger.publish("enroll/0123/request", b"{}")
        assert {message.topic for message in stranger.messages(1.0)} == {"enroll/0123/answer"}


def test_whoever_has_no_certificate_writes_nothing_but_his_own_request(site: SiteBroker, signing: Signing) -> None:
    with session.connect(anonymous(site, signing), None, client_id="0123") as stranger:
        stranger.publish("enroll/0123/request", b"{}")
        for topic in ("enroll/4567/request", "enroll/0123/answer", "emotion/door/state", "fleet/all/desired"):
            with pytest.raises(session.NotPermitted):
                stranger.publish(topic, b"{}")


@pytest.fixture
def member(site: SiteBroker, signing: Signing, tmp_path: Path) -> Callable[[str], MqttConfig]:
    """How whoever has that name reaches the broker."""

    def one(name: str) -> MqttConfig:
        key, request = new_request(name)
        answer = enroll_mqtt.enroll(anonymous(site, signing), None, request, signing.say("token", name))
        file = tmp_path / f"{name}.pem"
        file.write_text(answer.certificate + key)
        return replace(anonymous(site, signing), port=site.port, cert_file=str(file), key_file=str(file))

    return one


@pytest.mark.parametrize("root", ["emotion/door", "emotion/acme/north/hall/door"])
def test_the_sites_access_list_lets_a_device_tell_and_hear_what_is_its_own(
    root: str, member: Callable[[str], MqttConfig]
) -> None:
    base = root.removesuffix("door")
    fleet = base.replace("emotion", "fleet").removesuffix("north/hall/")
    own = [f"{root}/{command}" for command in (PRIVACY_COMMAND, "config/decision.enter/set", "request/status",
           "config/decision/enter/set", TEXT_COMMAND)] + [f"{fleet}{name}/desired" for name in ("all", "hall", "door")]  # fmt: skip  # noqa: E501
    own.append(f"{fleet}door/job")
    others = [f"{base}window/{PRIVACY_COMMAND}", f"{base}window/request/status", f"{fleet}window/job"]
    with session.connect(member("door"), None) as door, session.connect(member("fleet"), None) as owner:
        door.subscribe("#", qos=1)
        for topic in (*others, *own):
            owner.publish(topic, b"{}")
        heard = [message.topic for message in door.messages(2.0)]
        assert sorted(heard) == sorted(own)
        for kind in TOPICS:
            if kind != "discovery":
                door.publish(f"{root}/{kind}", b"{}")
            with pytest.raises(session.NotPermitted):
                door.publish(f"{base}window/{kind}", b"{}")
        for topic in (f"{fleet}all/desired", f"{fleet}door/job"):
            with pytest.raises(session.NotPermitted):
                door.publish(topic, b"{}")


def test_a_seal_is_good_for_no_other_key(site: SiteBroker, signing: Signing, config: Path) -> None:
    """Of somebody who reads along and is quicker."""
    token = signing.say("token", "door")
    _, request = new_request("door")
    key = hashlib.sha256(token.encode()).hexdigest()
    stolen = {"v": 1, "request": new_request("door")[1], "seal": enroll_mqtt.seal(key, "request", request)}
    with session.connect(anonymous(site, signing), None, client_id="0123") as stranger:
        stranger.subscribe("enroll/0123/answer")
        for asked in (json.dumps(stolen), "{", "[" * 10_000, '{"renewal": "x"}', '{"request": 1, "seal": "é"}'):
            stranger.publish("enroll/0123/request", asked)
            message = stranger.next(5)
            assert message is not None
            assert set(json.loads(message.payload)) == {"v", "error"}
    answer = enroll_mqtt.enroll(anonymous(site, signing), None, request, token)  # it is not used up
    assert "BEGIN CERTIFICATE" in answer.certificate


def test_remedies_name_the_options_of_the_command(run: Run, site: SiteBroker, config: Path) -> None:
    status, _, err = run("enroll", f"mqtts://{ADDRESS}:{site.enrolling}", "--token", "t", "--config", config)
    assert (status, "; --ca-file must name the authority that signed it" in err) == (1, True)
    status, _, err = run("enroll", f"mqtts://{ADDRESS}:{free_port()}", "--token", "t", "--config", config)
    assert (status, "is the broker running?" in err) == (1, True)
    status, _, err = run("enroll", "mqtts://a:0", "--token", "t", "--config", config)
    assert (status, "URL: 'mqtts://a:0' is not a broker" in err) == (78, True)
    given = ("--broker", f"mqtts://{ADDRESS}:{site.port}", "--database", "postgresql://x@127.0.0.1:1/x")
    with pytest.raises(EdgeError, match="--ca-file must name"), centre(options("fleet", "config", "all", *given)):
        pass


def options(command: str, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    fleet.add(parser.add_subparsers())
    return parser.parse_args([command, *words])


@contextmanager
def answering(broker: Broker, answer: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Somebody who may publish answers and is no signing service."""
    with session.connect(MqttConfig(host=ADDRESS, port=broker.port), None) as other:
        other.subscribe("enroll/+/request")
        stop = threading.Event()

        def loop() -> None:
            while not stop.is_set():
                message = other.next(0.1)
                if message is not None:
                    other.publish(message.topic.replace("/request", "/answer"), json.dumps(answer()))

        thread = threading.Thread(target=loop)
        thread.start()
        yield
        stop.set()
        thread.join()


def test_nobody_else_can_answer(broker: Broker, tmp_path: Path) -> None:
    """At a broker that lets everybody do everything."""
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    certificate, key_file = ours.issue("door")
    lax = MqttConfig(host=ADDRESS, port=broker.port)
    key, request = new_request("door")

    def forged(authority: Authority, name: str) -> dict[str, Any]:
        document = {"certificate": Path(authority.issue(name)[0]).read_text(), "ca": "", "host": "evil.example"}
        return {"v": 1, "answer": json.dumps(document), "seal": "0" * 64}

    def renew() -> None:
        enroll_mqtt.renew(lax, request, key, Proof(Path(certificate), Path(key_file)), ours.file)

    with answering(broker, lambda: forged(other, "door")):
        with pytest.raises(EdgeError, match="does not know the token"):
            enroll_mqtt.enroll(lax, None, request, "token")
        with pytest.raises(EdgeError, match="no certificate for this device's new key"):
            renew()
    with answering(broker, lambda: forged(ours, "window")), pytest.raises(EdgeError, match="no certificate for this"):
        renew()
    with answering(broker, lambda: {"error": "\x1b[2J"}), pytest.raises(EdgeError, match=r"\\x1b\[2J"):
        renew()
    with answering(broker, lambda: {"answer": 1}), pytest.raises(EdgeError, match="no signing service"):
        renew()


def test_a_signing_service_that_does_not_listen_is_told(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enroll_mqtt, "TIMEOUT_S", 0.3)
    observer = Observer(broker.port, "enroll/#")
    with pytest.raises(EdgeError, match="is the signing service listening there"):
        enroll_mqtt.enroll(MqttConfig(host=ADDRESS, port=broker.port), None, new_request("door")[1], "token")
    observer.close()
    assert [message.retained for message in observer.messages] == [False]
