"""A device gets a certificate from the sample signing service, renews it, and is told in a line when it is refused."""

from __future__ import annotations

import json
import logging
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.config.load import load
from edge.config.schema import MqttConfig, OutboxConfig
from edge.device.certificate import Validity, validity
from edge.device.clock import SystemClock
from edge.errors import EdgeError
from edge.mqtt import session
from edge.mqtt.publisher import Publisher
from tests.helpers.broker import Broker, wait_for
from tests.helpers.service import Run
from tests.helpers.signing import Signing
from tests.mqtt.parts import QUICK, unclosed_by_paho

pytestmark = [pytest.mark.slow, unclosed_by_paho]


@pytest.fixture
def guarded(tmp_path: Path, signing: Signing) -> Iterator[Broker]:
    """Lets nobody in without a certificate of the fleet; its common name is the user."""
    signing.serve()
    (tmp_path / "acl").write_text("pattern write emotion/%u/#\npattern read emotion/%u/#\n")
    one = Broker(
        tmp_path,
        f"cafile {signing.ca}\ncertfile {signing.folder}/server.pem\nkeyfile {signing.folder}/server.key\n"
        f"crlfile {signing.folder}/crl.pem\nrequire_certificate true\nuse_identity_as_username true\n"
        f"acl_file {tmp_path}/acl",
    )
    one.start()
    yield one
    one.kill()


Enroll = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path, guarded: Broker) -> Path:
    path = tmp_path / "device" / "config.toml"
    path.parent.mkdir()
    path.write_text(f'# mine\n[device]\nname = "door"\n[mqtt]\nhost = "127.0.0.1"\nport = {guarded.port}\n')
    return path


@pytest.fixture
def enroll(run: Run, signing: Signing, config: Path) -> Enroll:
    return lambda *words: run("enroll", signing.url, "--ca-file", signing.ca, "--config", config, *words)


def settings(config: Path) -> MqttConfig:
    return load(config).config.mqtt


def test_a_key_is_made_here_and_the_broker_knows_the_device(
    enroll: Enroll, signing: Signing, config: Path, guarded: Broker
) -> None:
    refused = session.probe(settings(config), None)
    assert refused is not None
    status, out, err = enroll("--token", signing.say("token", "door"))
    assert (status, err) == (0, "")
    assert "door has a certificate until" in out
    assert config.read_text().startswith("# mine\n")
    mqtt = settings(config)
    assert mqtt.tls
    assert Path(mqtt.key_file).stat().st_mode & 0o777 == 0o600
    assert all("PRIVATE KEY" not in path.read_text() for path in (signing.folder / "issued").iterdir())
    with session.connect(mqtt, None) as broker:
        broker.publish("emotion/door/state", b"{}")
        with pytest.raises(session.NotPermitted):
            broker.publish("emotion/window/state", b"{}")


def test_a_token_is_good_once_and_for_one_name(enroll: Enroll, signing: Signing, config: Path) -> None:
    token = signing.say("token", "window")
    assert enroll("--token", token)[0] == 0
    names = subprocess.run(["openssl", "x509", "-noout", "-subject", "-in", settings(config).cert_file], capture_output=True, text=True, check=True)  # fmt: skip  # noqa: E501
    assert "CN = window" in names.stdout  # whatever the device calls itself
    old = signing.say("token", "door")
    known = signing.folder / "tokens.json"
    known.write_text(json.dumps({key: {**each, "until": each["until"] - 86_401} for key, each in json.loads(known.read_text()).items()}))  # fmt: skip  # noqa: E501
    for wrong in (token, old, "guessed", "x" * 10_000):
        status, out, err = enroll("--token", wrong)
        assert (status, out) == (1, "")
        assert len(err.splitlines()) == 1
        assert "used up or older than a day" in err


def test_it_is_renewed_in_time_and_only_then(enroll: Enroll, signing: Signing, config: Path, guarded: Broker) -> None:
    enroll("--token", signing.say("token", "door"))
    file = Path(settings(config).cert_file)
    before = file.read_text()
    status, out, _ = enroll("--renew")
    assert (status, file.read_text()) == (0, before)
    assert "is good until" in out
    assert enroll("--renew", "--force")[0] == 0
    assert file.read_text() != before
    assert session.probe(settings(config), None) is None
    assert Validity(0.0, 90.0).due(61.0)
    assert not Validity(0.0, 90.0).due(59.0)


@pytest.fixture
def told(config: Path, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the service says in its log within some attempts to connect."""

    def look() -> list[str]:
        caplog.clear()
        caplog.set_level(logging.INFO)
        publisher = Publisher(
            settings(config), OutboxConfig(), device="door", client_id="door", password=None,
            folder=config.parent / "state", clock=SystemClock(), on_command=lambda _: None, retry=QUICK,
        )  # fmt: skip
        publisher.start()
        wait_for(lambda: publisher.status().reason, 10, "a reason")
        time.sleep(1.0)
        publisher.stop()
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]

    return look


def test_a_revoked_certificate_is_one_line_with_the_remedy_and_cannot_be_renewed(
    enroll: Enroll, signing: Signing, config: Path, guarded: Broker, told: Callable[[], list[str]]
) -> None:
    enroll("--token", signing.say("token", "door"))
    assert session.probe(settings(config), None) is None
    assert signing.say("revoke", "door").startswith("1 certificates revoked")
    words = ["openssl", "crl", "-noout", "-nextupdate", "-in", str(signing.folder / "crl.pem")]
    until = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-2]
    assert int(until) >= time.gmtime().tm_year + 9  # a broker lets nobody in by a list that ended
    guarded.kill()
    guarded.start()
    (line,) = told()
    assert "revoked" in line
    assert "`emotion-edge enroll` with a new token" in line
    status, _, err = enroll("--renew", "--force")
    assert (status, len(err.splitlines())) == (1, 1)
    assert "revoked" in err
    assert enroll("--token", signing.say("token", "door"))[0] == 0
    assert session.probe(settings(config), None) is None


def test_a_certificate_that_ended_is_one_line_with_the_remedy(
    enroll: Enroll, signing: Signing, config: Path, guarded: Broker, told: Callable[[], list[str]]
) -> None:
    signing.serve("--days", "-0.001")
    enroll("--token", signing.say("token", "door"))
    (line,) = told()
    assert "this device's certificate expired on" in line
    assert "`emotion-edge enroll`" in line


def test_what_is_no_signing_service_is_told(run: Run, config: Path, signing: Signing) -> None:
    words = ("--token", "t", "--config", config)
    assert "https://" in run("enroll", "http://127.0.0.1:1", *words)[2]
    assert "is the signing service running?" in run("enroll", "https://127.0.0.1:1", *words)[2]
    assert "name its authority with --ca-file" in run("enroll", signing.url, *words)[2]
    assert "nothing here but" in run("enroll", f"{signing.url}/x", "--ca-file", signing.ca, *words)[2]
    status, _, err = run("enroll", signing.url, "--config", config)
    assert (status, "--token-file" in err) == (78, True)
    assert config.read_text().count("[mqtt]") == 1
    assert not list(config.parent.glob("*.pem"))


@pytest.mark.parametrize("text", ["", "x", f"{ssl.PEM_HEADER}\nAAAA\n{ssl.PEM_FOOTER}\n", ssl.PEM_HEADER])
def test_nonsense_is_no_certificate(text: str) -> None:
    with pytest.raises(EdgeError):
        validity(text)
