"""The broker's password, and the configuration without anything that must not be seen."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import msgspec

from edge.config.schema import Config, MqttConfig
from edge.errors import ConfigError

CREDENTIAL = "mqtt-password"
VARIABLE = "EMOTION_EDGE_MQTT_PASSWORD"

_MAX_BYTES = 65_535  # what MQTT can carry


def mqtt_password(settings: MqttConfig) -> str | None:
    """From systemd's credential, else the environment, else the file that the config names; None without any."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / CREDENTIAL).exists():
        return _read(Path(folder) / CREDENTIAL, f"credential {CREDENTIAL}", guarded=True)
    given = os.environ.get(VARIABLE)
    if given:
        return given
    if settings.password_file:
        return password_in(Path(settings.password_file))
    return None


def password_in(path: Path, key: str = "mqtt.password_file") -> str:
    """The password in a file of the owner, who named it by `key`; ConfigError if others can read it."""
    return _read(path, key, guarded=False)


def _read(path: Path, key: str, *, guarded: bool) -> str:
    """What a secret file holds. `guarded` means that systemd guards its permissions."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # a pipe may be empty
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{key}: {path} is not a file")
            if not guarded and status.st_mode & 0o077:
                raise ConfigError(f"{key}: other users can read {path}; protect it with `chmod 600 {path}`")
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        # Without a folder it may be the password itself that was written there.
        where = f"{key}: {path}" if path.parent.name else key
        raise ConfigError(
            f"{where}: no such file; it must name a file with the password; `emotion-edge setup` writes one"
        ) from None
    except PermissionError:
        raise ConfigError(
            f"{key}: {path}: no permission to read it; it must belong to the service's user "
            f"(sudo chown emotion-edge {path})"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{key}: {path}: cannot be read: {error}") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {path} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or len(raw) > _MAX_BYTES:
        raise ConfigError(f"{key}: {path} is {'too long' if text else 'empty'} for a password")
    return text


def exposed(config: Config, path: Path | None) -> list[str]:
    """One line for each file that holds a secret and that everybody on this machine can read."""
    sources = (config.camera.source, config.microphone.source)
    found = []
    if path is not None and any(masked(source) != source for source in sources) and _for_all(path):
        found.append(f"{path}: every user can read the camera's password in it; protect it with `chmod o-rwx {path}`")
    key = config.mqtt.key_file
    if key and _for_all(Path(key)):
        found.append(f"mqtt.key_file: every user can read {key}; protect it with `chmod o-rwx {key}`")
    return found


def _for_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IRWXO)
    except OSError:
        return False


def public(config: Config) -> dict[str, Any]:
    """The configuration as plain values for `info`: no password or key paths, no user, no credentials in URLs."""
    tables: dict[str, Any] = msgspec.to_builtins(config)
    for secret in ("username", "password_file", "key_file"):
        del tables["mqtt"][secret]
    for section in ("camera", "microphone"):
        tables[section]["source"] = masked(tables[section]["source"])
    return tables


def masked(text: str) -> str:
    """`text` with the credentials of any URL or GStreamer property in it replaced by ***."""
    text = re.sub(r"(://)[^\s\"'!]*@", r"\1***@", text)
    return re.sub(
        r"(?i)((?:user-?(?:id|name)?|pass(?:word)?|pwd|[\w-]*pw|[\w-]*token|[\w-]*key|secret)=)[^\s&\"'!]+",
        r"\1***",
        text,
    )
