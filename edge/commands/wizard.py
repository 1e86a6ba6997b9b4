"""`emotion-edge dashboard --setup`: a page that leads through the first setup, served from here until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edge.commands import common, setup
from edge.commands.answers import Answers
from edge.commands.broker import same_broker
from edge.config.load import load
from edge.config.schema import Config, DashboardConfig
from edge.config.secrets import mqtt_password
from edge.dashboard.observer import address
from edge.device import paths
from edge.device.board import detect
from edge.device.clock import SystemClock
from edge.device.files import make_folder
from edge.device.hardening import forbid_dumps, keep_out_of_swap
from edge.device.privacy import Gate
from edge.device.service_user import rights_of_service
from edge.doctor.examine import examine
from edge.doctor.findings import Finding, Subject
from edge.errors import ConfigError, StorageError
from edge.web.server import listen
from edge.wizard.page import Wizard
from edge.wizard.switch import Switch
from edge.wizard.wanted import Wanted, beside_broker
from edge.wizard.word import ShownWord

_PORTS = 10  # tried one after the other: the page itself may have the first


def run(arguments: argparse.Namespace, given: Mapping[str, Any]) -> int:
    """`given` are the settings of [dashboard] that the command line names."""
    logging.basicConfig(level="WARNING", format="%(message)s", force=True)
    forbid_dumps()
    keep_out_of_swap()
    path: Path = (arguments.config or setup.default_path()).expanduser().absolute()
    if paths.is_of_system(path) and os.geteuid() != 0:
        raise StorageError(f"{path}: only root may change it; use sudo, or name another file with --config")
    found = setup.existing(path, force=True)
    before, clock = found.config, SystemClock()
    state = arguments.state or paths.state_of(path)
    settings = replace(before.dashboard, ingress=None, **given)
    settings = replace(settings, port=_free_port(settings, fixed="port" in given))
    word = ShownWord()
    switch = Switch(Gate(state, before.privacy, clock), lambda: _made(state))
    wizard = Wizard(
        settings,
        before,
        secret=word,
        switch=switch,
        save=lambda wanted: _save(path, wanted),
        password_for=lambda wanted: _password(before, wanted),
        examine=lambda: _examined(path, state),
        shows=found.written.get("dashboard.preview") != "off",
        clock=clock,
    )
    wizard.start()
    try:
        print(f"open {address(settings)} and sign in with the word  {word.word}", flush=True)
        print("nothing is changed before you save there; Ctrl-C ends this page", flush=True)
        common.wait_for_the_end(arguments.seconds)
    finally:
        wizard.stop()
    return 0


def _free_port(settings: DashboardConfig, *, fixed: bool) -> int:
    """The first port that nobody has. ConfigError without one."""
    last: OSError | None = None
    for port in range(settings.port, settings.port + (1 if fixed else _PORTS)):
        try:
            listen(settings.listen, port).close()
        except OSError as error:
            last = error
        else:
            return port
    why = last.strerror if last is not None else ""
    raise ConfigError(f"--port: cannot listen on {settings.listen} port {settings.port}: {why}; choose another one")


def _made(folder: Path) -> None:
    if not folder.exists():
        make_folder(folder, mode=0o700)


def _password(before: Config, wanted: Wanted) -> str | None:
    """What was typed, or the stored one if it belongs to that broker and user."""
    if wanted.password:
        return wanted.password
    ours = before.mqtt
    same = same_broker(ours, wanted.host.strip(), wanted.port, tls=wanted.tls)
    return mqtt_password(ours) if same and wanted.username and wanted.username == ours.username else None


def _save(path: Path, wanted: Wanted) -> list[str]:
    found = setup.existing(path, force=True)
    before = found.config
    if not wanted.host.strip():
        raise ConfigError("mqtt.host: the broker's name or address is missing")
    more = beside_broker(wanted, before)
    answers = Answers(
        host=wanted.host.strip(),
        port=wanted.port,
        name=wanted.name.strip() or None,
        username=_changed(wanted.username.strip(), before.mqtt.username),
        password=wanted.password or None,
        tls=wanted.tls,
        ca_file=Path(wanted.ca_file.strip()) if wanted.ca_file.strip() else None,
        camera=_changed(wanted.camera.strip(), before.camera.source),
        microphone=_changed(wanted.microphone.strip(), before.microphone.source),
    )
    if answers.keeps_broker(before):  # an emptied field takes back what stood there
        emptied = {"port": wanted.port is None, "tls": not wanted.tls, "ca_file": not wanted.ca_file.strip()}
        more |= {f"mqtt.{key}": None for key, empty in emptied.items() if empty and f"mqtt.{key}" in found.written}
    loaded, lines = setup.stored(path, found, answers, more)
    return [*lines, *setup.next_steps(loaded, path)]


def _changed(said: str, before: str) -> str | None:
    return None if said == before else said


def _examined(path: Path, state: Path) -> list[Finding]:
    loaded = problem = None
    try:
        with rights_of_service(path):
            loaded = load(path, overrides=paths.overrides_file(state))
    except ConfigError as error:
        problem = str(error)
    return list(examine(Subject(loaded, problem, path, state, detect(), SystemClock())))
