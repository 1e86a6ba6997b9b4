"""`emotion-edge setup`: writes a first config, by flags or by asking, and tries whether the broker accepts it."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import grp
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.capture.devices import cameras_found
from edge.commands.answers import Answers, ask
from edge.commands.broker import split_broker
from edge.commands.unit import write as write_unit
from edge.config import keys, systemd_dropin
from edge.config.advice import advice, neighbours, source_in
from edge.config.edit import with_values
from edge.config.files import read_toml
from edge.config.load import Loaded, checked, load
from edge.config.migrate import migrate
from edge.config.schema import Config
from edge.config.secrets import masked, mqtt_password
from edge.config.values import toml
from edge.device import paths, resources
from edge.device.files import make_folder, write_atomically
from edge.device.service_user import SERVICE_USER, rights_of_service
from edge.errors import ConfigError, EdgeError, StorageError
from edge.mqtt.session import probe
from edge.printable import printable


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("setup")
    parser.add_argument("--broker", metavar="HOST[:PORT]", help="the MQTT broker; mqtts://HOST for TLS")
    parser.add_argument("--name", help="the device's name in the topics")
    parser.add_argument("--username", metavar="U", help="the broker's user")
    parser.add_argument(
        "--password-file", metavar="F", type=Path, help="file with the password, readable by nobody else"
    )
    parser.add_argument("--tls", action="store_true", help="encrypt the connection")
    parser.add_argument("--ca-file", metavar="F", type=Path, help="the authority that signed the broker's certificate")
    parser.add_argument("--camera", metavar="SRC", help="as camera.source, such as auto, 0, rtsp://..., none")
    parser.add_argument("--microphone", metavar="SRC", help="as microphone.source, such as auto, part of a name, none")
    parser.add_argument(
        "--config", type=Path, help="where to write (default: /etc/emotion-edge as root, else ~/.config)"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument(
        "--force", action="store_true", help="change an existing config; the previous one is kept as .bak"
    )
    parser.add_argument("--no-test", action="store_true", help="do not try the broker")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = (arguments.config or default_path()).expanduser().absolute()
    found = existing(path, force=arguments.force)
    before = found.config
    answers = _from_flags(arguments)
    asking = sys.stdin.isatty() and not arguments.yes
    if asking:
        try:
            answers = ask(answers, input, getpass.getpass, before)
        except EOFError:
            raise ConfigError("setup: ended without an answer; nothing was written") from None
    elif not answers.host and not before.mqtt.host:
        raise ConfigError(
            "setup: needs --broker HOST[:PORT], or a terminal to ask on, or `emotion-edge dashboard --setup` "
            "to ask in a browser"
        )
    loaded, lines = stored(path, found, answers)
    for line in lines:
        print(line)
    if not arguments.no_test:
        tried = _tried(loaded)
        print(printable(tried))
        with rights_of_service(path):
            advised = advice(loaded.config, path)
        for line in advised:
            if line not in tried:
                print(f"warning: {line}", file=sys.stderr)
    for line in next_steps(loaded, path):
        print(line)
    return 0


@dataclass(frozen=True)
class Existing:
    """The text to start from, what it holds, and which keys are set in it: of the file, or the commented default."""

    text: str
    config: Config
    written: Mapping[str, Any]


def stored(
    path: Path, found: Existing, answers: Answers, more: Mapping[str, Any] | None = None
) -> tuple[Loaded, list[str]]:
    """Write what was answered and `more` keys; returns what is in effect then, and what to say about it."""
    before = found.config
    if answers.name is None and paths.is_of_system(path) and path != paths.SYSTEM_CONFIG and not before.device.name:
        answers.name = path.stem  # two instances on one device must not share a name
    lines = []
    if paths.is_of_system(path) and answers.camera is None and "camera.source" not in found.written:
        camera = _camera_of_its_own(path)
        if camera is not None:
            answers.camera, line = camera
            lines.append(line)
    if answers.password is not None:
        answers.password_file = path.with_name(
            "mqtt-password" if path.stem == "config" else f"{path.stem}-mqtt-password"
        )
    changes = {**answers.changes(before), **(more or {})}
    loaded = _written(path, with_values(found.text, changes), answers)
    return loaded, [*lines, f"wrote {path}", *_differences(changes, before, found.written, answers)]


def _camera_of_its_own(path: Path) -> tuple[str, str] | None:
    """For another service on this machine: a stable path of a camera that no other one takes, and what to say of it.
    None if none is left, or no other service has one."""
    claimed = [source_in(raw, "camera") for raw in neighbours(path).values()]
    if not any(source not in ("none", "sample") for source in claimed):
        return None
    cameras = cameras_found()
    if "auto" in claimed:
        cameras = cameras[1:]  # that one takes the first
    free = [camera for camera in cameras if not {camera.source, camera.stable} & set(claimed)]
    if not free:
        return None
    says = f"this service gets the camera {printable(free[0].name)}, as another one uses camera.source = {claimed[0]!r}"
    return free[0].stable or free[0].source, says


def default_path() -> Path:
    if os.geteuid() == 0:
        return paths.SYSTEM_CONFIG
    return paths.config_file() or Path("~/.config/emotion-edge/config.toml")


def _template() -> str:
    return (resources.firmware_config() / "default.toml").read_text("utf-8")


def existing(path: Path, *, force: bool) -> Existing:
    """What the file holds; ConfigError when there is one already, unless it may be changed."""
    try:
        path.lstat()
    except FileNotFoundError:
        return Existing(_template(), Config(), {})
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}; run it as root, with sudo") from None
    raw, text = read_toml(path)
    migrate(raw)
    values, _ = checked(raw)
    values.pop("config_version", None)
    if not force and any(value != {} for key, value in raw.items() if key != "config_version"):
        raise ConfigError(f"{path}: already exists; use --force to change it (the previous one is kept as .bak)")
    return Existing(text, keys.replaced(Config(), values), values)


def _from_flags(arguments: argparse.Namespace) -> Answers:
    answers = Answers(
        name=arguments.name, username=arguments.username, tls=arguments.tls, camera=arguments.camera,
        microphone=arguments.microphone,
    )  # fmt: skip
    if arguments.broker:
        answers.host, answers.port, tls = split_broker(arguments.broker)
        answers.tls = answers.tls or tls
    if arguments.password_file:
        answers.password_file = arguments.password_file.expanduser().absolute()
    if arguments.ca_file:
        answers.ca_file = arguments.ca_file.expanduser().absolute()
    return answers


def _written(path: Path, text: str, answers: Answers) -> Loaded:
    """Put the config in place, and the password that it names, once it is known to be usable."""
    draft = path.with_name(path.name + ".new")
    try:
        make_folder(path.parent, mode=0o755 if _for_service(path) else 0o700)
        _write(draft, text)
        try:
            load(draft)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(draft), str(path))) from None
        if answers.password is not None and answers.password_file is not None:
            _write(answers.password_file, answers.password + "\n", secret=True)
        if path.exists() and path.read_text("utf-8") != _template():
            status = path.stat()
            owner = (status.st_uid, status.st_gid) if os.geteuid() == 0 else None
            write_atomically(
                path.with_name(path.name + ".bak"), path.read_bytes(), mode=status.st_mode & 0o777, owner=owner
            )
        _write(path, text)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}; run it as root, with sudo") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return load(path)


def _write(path: Path, text: str, *, secret: bool = False) -> None:
    """The service may read both: the config by its group, the password, which must be nobody else's, as its owner."""
    owner = None
    if _for_service(path):
        with contextlib.suppress(KeyError):  # not installed yet; scripts/install sees to it
            owner = (pwd.getpwnam(SERVICE_USER).pw_uid if secret else 0, grp.getgrnam(SERVICE_USER).gr_gid)
    write_atomically(path, text, mode=0o640 if _for_service(path) and not secret else 0o600, owner=owner)


def _for_service(path: Path) -> bool:
    return os.geteuid() == 0 and paths.is_of_system(path)


def _differences(
    changes: Mapping[str, Any], before: Config, written_before: Mapping[str, Any], answers: Answers
) -> Iterator[str]:
    """What was taken out of an existing config, and what stays in it."""
    removed = [key for key, value in changes.items() if value is None and key in written_before]
    if removed and not answers.keeps_broker(before):
        of = f"the broker {before.mqtt.host}" if before.mqtt.host else "another broker"
        yield f"removed, because it belongs to {of}: {', '.join(removed)}"
    elif removed:
        yield f"removed: {', '.join(removed)}"
    file = before.mqtt.password_file
    if "mqtt.password_file" in removed and str(answers.password_file) != file:
        yield f"the file {file} still holds the previous password; delete it when it is no longer needed"
    kept = {key: value for key, value in written_before.items() if key not in changes}
    if kept:
        yield "kept: " + ", ".join(f"{key} = {masked(toml(value))}" for key, value in kept.items())


def _tried(loaded: Loaded) -> str:
    mqtt = loaded.config.mqtt
    try:
        with rights_of_service(loaded.path):
            problem = probe(mqtt, mqtt_password(mqtt))
    except ConfigError as error:
        problem = str(error)
    if problem is None:
        return f"the broker {mqtt.host} accepts this device"
    if "mqtt.username" in problem:
        problem += "; set them with --username U and --password-file F (and --force)"
    return f"the broker does not work yet: {problem}"


def next_steps(loaded: Loaded, path: Path) -> list[str]:
    if not _for_service(path):
        return ["next: emotion-edge run, or `emotion-edge check` to see what is in effect"]
    instance = None if path == paths.SYSTEM_CONFIG else path.stem
    name = f"emotion-edge@{instance}" if instance else "emotion-edge"
    unit = "emotion-edge@.service" if instance else "emotion-edge.service"
    if not any((folder / unit).exists() for folder in systemd_dropin.UNIT_FOLDERS):
        return ["next: sudo scripts/install"]
    try:
        lines = write_unit(systemd_dropin.drop_in(loaded.config, path), systemd_dropin.folder(instance))
    except EdgeError as error:
        option = f" --instance {instance}" if instance else ""
        lines = [f"the unit cannot reach the broker yet: {error}; then run `emotion-edge unit{option} --write`"]
    return [*lines, f"next: systemctl enable --now {name}; systemctl restart {name}"]
