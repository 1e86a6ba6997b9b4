"""`emotion-edge setup`: writes a first config, by flags or by asking, and tries whether the broker takes us."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import shutil
import sys
from pathlib import Path

from edge.commands.answers import Answers, ask, split_broker
from edge.commands.unit import write as write_unit
from edge.config import systemd_dropin
from edge.config.edit import with_values
from edge.config.files import read_toml
from edge.config.load import Loaded, load
from edge.config.secrets import mqtt_password
from edge.device import paths, resources
from edge.errors import ConfigError, EdgeError, StorageError
from edge.mqtt.probe import probe

SERVICE_USER = "emotion-edge"


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("setup", help="write a first config", description=__doc__)
    parser.add_argument("--broker", metavar="HOST[:PORT]", help="the MQTT broker; mqtts://HOST for TLS")
    parser.add_argument("--name", help="the device's name in the topics")
    parser.add_argument("--username", metavar="U", help="the broker's user")
    parser.add_argument(
        "--password-file", metavar="F", type=Path, help="file with the password, readable by nobody else"
    )
    parser.add_argument("--tls", action="store_true", help="encrypt the connection")
    parser.add_argument("--ca-file", metavar="F", type=Path, help="authority of the broker's certificate")
    parser.add_argument("--camera", metavar="SRC", help="as camera.source, such as auto, 0, rtsp://..., none")
    parser.add_argument("--microphone", metavar="SRC", help="as microphone.source, such as auto, part of a name, none")
    parser.add_argument(
        "--config", type=Path, help="where to write (default: /etc/emotion-edge as root, else ~/.config)"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--force", action="store_true", help="change a config that is there already; keeps a .bak")
    parser.add_argument("--no-test", action="store_true", help="do not try the broker")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = (arguments.config or _default_path()).expanduser().absolute()
    text = _existing(path, force=arguments.force)
    answers = _from_flags(arguments)
    if not arguments.broker:
        if arguments.yes or not sys.stdin.isatty():
            raise ConfigError("setup: needs --broker HOST[:PORT], or a terminal to ask on")
        try:
            answers = ask(answers, input, getpass.getpass)
        except EOFError:
            raise ConfigError("setup: ended without an answer; nothing was written") from None
    if answers.name is None and path.parent == paths.SYSTEM_CONFIG.parent and path != paths.SYSTEM_CONFIG:
        answers.name = path.stem  # two instances on one device must not share a name
    if answers.password is not None:
        answers.password_file = path.with_name(
            "mqtt-password" if path.stem == "config" else f"{path.stem}-mqtt-password"
        )
        _write_private(answers.password_file, answers.password + "\n", mode=0o600)
    loaded = _written(path, with_values(text, answers.values()))
    print(f"wrote {path}")
    if not arguments.no_test:
        print(_tried(loaded))
    for line in _next_steps(loaded, path):
        print(line)
    return 0


def _default_path() -> Path:
    if os.geteuid() == 0:
        return paths.SYSTEM_CONFIG
    return paths.config_file() or Path("~/.config/emotion-edge/config.toml")


def _template() -> str:
    return (resources.firmware_config() / "default.toml").read_text("utf-8")


def _existing(path: Path, *, force: bool) -> str:
    """The text to start from: what is there, or the commented default."""
    try:
        path.lstat()
    except FileNotFoundError:
        return _template()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}; run it as root, with sudo") from None
    raw, text = read_toml(path)
    untouched = all(value == {} for key, value in raw.items() if key != "config_version")
    if not untouched and not force:
        raise ConfigError(f"{path}: is there already; --force changes it and keeps the old one as {path.name}.bak")
    return text


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


def _written(path: Path, text: str) -> Loaded:
    """Put the config in place, once it is known to be usable."""
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_private(draft, text, mode=0o640 if _for_service(path) else 0o600)
        try:
            load(draft)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(draft), str(path))) from None
        if path.exists() and path.read_text("utf-8") != _template():
            shutil.copy2(path, path.with_name(path.name + ".bak"))
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}; run it as root, with sudo") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return load(path)


def _write_private(path: Path, text: str, *, mode: int) -> None:
    """A file that was never readable by others, not even for a moment; of the service's user where it runs as that."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if _for_service(path):
            user = None if mode == 0o640 else SERVICE_USER  # the config belongs to root and its group may read it
            with contextlib.suppress(LookupError):  # not installed yet; scripts/install sees to it
                shutil.chown(path, user=user, group=SERVICE_USER)
        path.chmod(mode)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}; run it as root, with sudo") from None


def _for_service(path: Path) -> bool:
    return os.geteuid() == 0 and path.parent == paths.SYSTEM_CONFIG.parent


def _tried(loaded: Loaded) -> str:
    mqtt = loaded.config.mqtt
    try:
        problem = probe(mqtt, mqtt_password(mqtt))
    except ConfigError as error:
        problem = str(error)
    if problem is None:
        return f"the broker {mqtt.host} accepts us"
    return f"the broker does not work yet: {problem}"


def _next_steps(loaded: Loaded, path: Path) -> list[str]:
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
