"""Fleet documents on a real configuration and state folder: what holds, what is refused, what is remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.config.load import Loaded, load
from edge.errors import EdgeError
from edge.messages.desired import sealed
from edge.messages.payloads import ReportedPayload
from edge.service.desired import FILE_NAME, DesiredDocuments
from edge.service.desired_signers import CHECKS, DesiredSigners
from edge.service.settings import Settings
from tests.helpers.files import Signer

QUIET = 'quiet_hours = [{ start = "22:00", end = "06:00" }]\n'


class Device:
    """Takes documents and notes what it reports."""

    def __init__(self, folder: Path, *, signed: bool = False) -> None:
        self.file = folder / "config.toml"
        if not self.file.exists():
            self.file.write_text(f'[device]\ngroup = "hall"\n[privacy]\n{QUIET}[mqtt]\nhost = "127.0.0.1"\n')
        overrides = folder / "state" / "overrides.toml"
        overrides.parent.mkdir(exist_ok=True)
        self.settings = Settings(load(self.file, overrides=overrides), overrides)
        self.told: list[ReportedPayload] = []
        self.changes = 0
        self.privacy_on = 0
        self.too_often = False
        self.signers = DesiredSigners(folder / "signers", lambda: 0.0, required=signed)
        self.documents = DesiredDocuments(
            self.settings,
            ("all", "hall", "door"),
            self.signers,
            change=self._change,
            privacy_on=self._switch,
            tell=self.told.append,
        )
        self.documents.announce()

    def _change(self, how: Any) -> None:
        if self.too_often:
            raise EdgeError("too many changes at once")
        changed: Loaded = how(self.settings)
        self.settings.adopt(changed)
        self.changes += 1

    def _switch(self) -> None:
        self.privacy_on += 1

    def take(self, name: str, version: int, values: dict[str, Any] | None = None, **more: Any) -> ReportedPayload:
        document = {"v": 1, "version": version, "values": values or {}, **more}
        self.documents.take(name, json.dumps(document).encode())
        return self.told[-1]

    def take_signed(self, signer: Signer, came_for: str, version: int, **fields: Any) -> ReportedPayload:
        """Signed as it is; `fields` may say another name."""
        document = {"v": 1, "version": version, "name": came_for, **fields}
        content = json.dumps({key: value for key, value in document.items() if value is not None}).encode()
        self.documents.take(came_for, sealed(content, signer.signature(content)))
        return self.told[-1]

    def value(self, key: str) -> Any:
        return self.settings.live_values()[key]


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_it_is_applied_and_reported(device: Device) -> None:
    told = device.take("all", 7, {"decision.enter": 0.6, "publish.max_hz": 1})
    assert (device.value("decision.enter"), device.value("publish.max_hz")) == (0.6, 1.0)
    assert (told.documents, told.refused, told.error) == ({"all": 7}, {}, None)
    assert told.values == {"decision.enter": 0.6, "publish.max_hz": 1}


def test_the_particular_wins_whatever_comes_first(device: Device) -> None:
    device.take("door", 1, {"decision.enter": 0.7})
    device.take("all", 9, {"decision.enter": 0.6, "decision.margin": 0.2})
    device.take("hall", 4, {"decision.enter": 0.65, "decision.margin": 0.3})
    assert (device.value("decision.enter"), device.value("decision.margin")) == (0.7, 0.3)
    assert device.told[-1].documents == {"door": 1, "all": 9, "hall": 4}


def test_what_a_newer_document_leaves_out_is_as_the_file_says_again(device: Device) -> None:
    before = device.value("decision.enter")
    device.take("all", 1, {"decision.enter": 0.6, "decision.margin": 0.2})
    device.settings.adopt(device.settings.change({"decision.margin": 0.25}))  # by somebody at the device
    device.take("all", 2, {})
    assert (device.value("decision.enter"), device.value("decision.margin")) == (before, 0.25)


@pytest.mark.parametrize(("version", "values"), [(6, {}), (6, {"decision.enter": 0.9}), (7, {"decision.enter": 0.9})])
def test_an_older_version_or_another_content_is_refused(device: Device, version: int, values: dict[str, Any]) -> None:
    device.take("all", 7, {"decision.enter": 0.6})
    told = device.take("all", version, values)
    assert told.error is not None
    assert "version 7 holds" in told.error
    assert (told.documents, told.version) == ({"all": 7}, version)
    assert device.value("decision.enter") == 0.6


def test_after_a_restart_a_replay_is_still_one_and_the_same_is_taken_for_known(device: Device, tmp_path: Path) -> None:
    device.take("all", 7, {"decision.enter": 0.6})
    again = Device(tmp_path)
    assert again.told[-1].documents == {"all": 7}
    again.take("all", 7, {"decision.enter": 0.6})  # as the broker shows it on every connect
    assert (again.changes, len(again.told)) == (0, 1)
    assert "version 7 holds" in (again.take("all", 6).error or "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("privacy.remote_off", True), ("privacy.quiet_hours", []), ("privacy.start", "off"),
        ("privacy.trust_clock", True), ("privacy.led_pin", 3), ("publish.people", True), ("publish.modalities", True),
        ("publish.people", "yes"), ("mqtt.host", "elsewhere"), ("mqtt.hosts", ["elsewhere"]), ("mqtt.tls", False),
        ("mqtt.ca_file", "/x"), ("dashboard.enabled", True), ("dashboard.preview", "password"),
        ("device.use", "home"), ("device.tenant", "rival"), ("camera.source", "rtsp://elsewhere"),
    ],
)  # fmt: skip
def test_what_would_loosen_privacy_is_refused_by_name_and_all_of_it(device: Device, key: str, value: Any) -> None:
    before = device.settings.config
    told = device.take("all", 1, {"decision.enter": 0.6, key: value})
    assert told.error is not None
    assert "would loosen privacy" in told.error
    assert key in told.error
    assert list(told.refused) == [key]
    assert "only the config file on the device may" in told.refused[key]
    assert device.settings.config == before
    assert told.documents == {}


def test_history_may_be_shortened_and_not_prolonged(device: Device) -> None:
    from edge.config import keys
    from edge.config.loosening import loosens

    for key in (key for key in keys.types() if key.startswith("history.")):
        days = keys.value_of(device.settings.config, key)
        assert loosens(device.settings.config, key, 0) is None
        assert loosens(device.settings.config, key, days + 1)


def test_privacy_may_be_switched_on_and_never_off(device: Device) -> None:
    told = device.take("all", 1, privacy="OFF")
    assert (list(told.refused), device.privacy_on) == (["privacy"], 0)
    assert device.take("all", 1, privacy="ON").error is None
    assert device.privacy_on == 1


def test_telling_less_is_allowed(device: Device) -> None:
    device.settings.adopt(device.settings.change({"publish.people": True}))
    assert device.take("all", 1, {"publish.people": False}).error is None
    assert device.value("publish.people") is False


def test_single_keys_that_cannot_be_set_are_left_out_and_named(device: Device) -> None:
    told = device.take("all", 1, {"decision.enter": 0.6, "decision.new": 1, "face.max_people": 0, "log.level": "loud"})
    assert (device.value("decision.enter"), told.error, told.values) == (0.6, None, {"decision.enter": 0.6})
    assert set(told.refused) == {"decision.new", "face.max_people", "log.level"}
    assert "no such key" in told.refused["decision.new"]


def test_values_that_do_not_fit_together_change_nothing(device: Device) -> None:
    before = device.settings.config
    told = device.take("all", 1, {"decision.enter": 0.2, "decision.exit": 0.8})
    assert "decision.exit" in (told.error or "")
    assert (device.settings.config, told.documents) == (before, {})


def test_too_often_is_told_and_the_same_may_come_again(device: Device) -> None:
    device.too_often = True
    assert device.take("all", 1, {"decision.enter": 0.6}).error == "too many changes at once"
    device.too_often = False
    assert device.take("all", 1, {"decision.enter": 0.6}).error is None


def test_a_damaged_memory_is_begun_anew(device: Device, tmp_path: Path) -> None:
    device.take("all", 7, {"decision.enter": 0.6})
    (tmp_path / "state" / FILE_NAME).write_bytes(b'{"all": {"version"')
    again = Device(tmp_path)
    assert again.told[-1].documents == {}
    assert again.take("all", 8, {"decision.enter": 0.5}).documents == {"all": 8}


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path, "emotion-edge-desired")


@pytest.mark.slow
def test_where_signatures_are_required_nothing_else_is_taken(tmp_path: Path, signer: Signer) -> None:
    device = Device(tmp_path, signed=True)
    told = device.take("all", 1, {"decision.enter": 0.6})
    assert "is not signed" in (told.error or "")
    assert (told.documents, told.version) == ({}, 1)
    told = device.take_signed(signer, "all", 1, values={"decision.enter": 0.6})
    assert (told.error, told.documents, device.value("decision.enter")) == (None, {"all": 1}, 0.6)
    (tmp_path / "another").mkdir()
    stranger = Signer(tmp_path / "another", "emotion-edge-desired")
    values = {"decision.enter": 0.7}
    assert "not by anybody in" in (device.take_signed(stranger, "all", 2, values=values).error or "")
    assert "would loosen" in (device.take_signed(signer, "all", 2, values={"publish.people": True}).error or "")
    assert "would loosen" in (device.take_signed(signer, "all", 2, privacy="OFF").error or "")
    assert 'must say by "name"' in (device.take_signed(signer, "all", 2, values=values, name=None).error or "")
    assert "is for all, and came for door" in (device.take_signed(signer, "door", 2, name="all").error or "")
    assert "of tenant rival" in (device.take_signed(signer, "all", 2, values=values, tenant="rival").error or "")
    content = b'{"v": 1, "version": 2, "name": "all", "values": {"decision.enter": 0.7}}'
    device.documents.take("all", sealed(content.replace(b"0.7", b"0.8"), signer.signature(content)))
    assert "altered" in (device.told[-1].error or "")
    device.documents.take("all", sealed(content, signer.signature(content, "emotion-edge-model")))
    assert "something else" in (device.told[-1].error or "")
    device.documents.take("all", sealed(content, b"no signature at all"))
    assert "not by anybody in" in (device.told[-1].error or "")
    assert (device.told[-1].documents, device.value("decision.enter"), device.privacy_on) == ({"all": 1}, 0.6, 0)
    device.documents.take("all", sealed(content, signer.signature(content)))
    assert (device.told[-1].error, device.value("decision.enter")) == (None, 0.7)
    assert "version 2 holds" in (device.take_signed(signer, "all", 1, values={"decision.enter": 0.6}).error or "")


@pytest.mark.slow
def test_what_held_unsigned_stands_in_no_signed_ones_way(tmp_path: Path, signer: Signer) -> None:
    """Whoever could publish before it was required may have counted to the end."""
    before = Device(tmp_path)
    start = before.value("decision.margin")
    before.take("all", 2**53 - 1, {"decision.enter": 0.6, "decision.margin": 0.2})
    device = Device(tmp_path, signed=True)
    assert "is not signed" in (device.take("all", 2**53 - 1).error or "")
    told = device.take_signed(signer, "all", 1, values={"decision.enter": 0.7})
    assert (told.error, told.documents) == (None, {"all": 1})
    assert (device.value("decision.enter"), device.value("decision.margin")) == (0.7, start)
    again = Device(tmp_path, signed=True)
    again.take_signed(signer, "all", 1, values={"decision.enter": 0.7})
    assert (again.changes, len(again.told)) == (0, 1)


@pytest.mark.slow
def test_without_a_need_a_signature_is_checked_where_there_is_a_list(tmp_path: Path, signer: Signer) -> None:
    device = Device(tmp_path)
    (tmp_path / "another").mkdir()
    stranger = Signer(tmp_path / "another", "emotion-edge-desired")
    assert "not by anybody in" in (device.take_signed(stranger, "all", 1).error or "")
    words = signer.list.read_text()
    signer.list.write_text(words.replace("namespaces=", 'valid-before="20200101",namespaces='))
    assert "not applied" in (device.take_signed(signer, "all", 1).error or "")
    signer.list.write_text(words)
    signer.list.chmod(0o666)
    assert "other users may change it" in (device.take_signed(signer, "all", 1).error or "")
    signer.list.unlink()
    assert device.take_signed(stranger, "all", 1).documents == {"all": 1}
    required = Device(tmp_path, signed=True)
    assert "it lists whose signatures you trust" in (required.take_signed(signer, "all", 2).error or "")


@pytest.mark.slow
def test_no_more_signatures_are_checked_than_the_device_can_bear(tmp_path: Path, signer: Signer) -> None:
    device = Device(tmp_path, signed=True)
    for version in range(1, CHECKS[0] + 1):
        assert device.take_signed(signer, "all", version).error is None
    assert "too many signed documents" in (device.take_signed(signer, "all", 99).error or "")
