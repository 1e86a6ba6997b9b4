"""Where the owner's config and the service's own state live."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/emotion-edge/config.toml")

# Root's, beside the releases: a model is software, and whoever breaks into the service must not be able to stay there.
SYSTEM_MODELS = Path("/opt/emotion-edge/models")
UPGRADE = Path("/opt/emotion-edge/upgrade")  # root's: the way back while the fleet upgrades the package


def config_file() -> Path | None:
    """The config to use when none is named: EMOTION_EDGE_CONFIG, else /etc, else the user's own, else none."""
    named = os.environ.get("EMOTION_EDGE_CONFIG")
    if named:
        return Path(named)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in (SYSTEM_CONFIG, home / "emotion-edge" / "config.toml"):
        if path.exists():
            return path
    return None


def is_of_system(config: Path | None) -> bool:
    """Whether it is the config of an installed service or of one of its instances."""
    return config is not None and config.absolute().parent == SYSTEM_CONFIG.parent


def state_of(config: Path | None) -> Path:
    """The state folder of the service that uses this config: systemd's, for a config of the system."""
    if config is not None and is_of_system(config) and not os.environ.get("STATE_DIRECTORY"):
        own = config.absolute() == SYSTEM_CONFIG
        return Path("/var/lib") / ("emotion-edge" if own else f"emotion-edge-{config.stem}")
    return state_folder()


def own_state(config: Path | None) -> Path:
    """The state folder for a service that somebody starts by hand: the installed one's, if that may be written."""
    folder = state_of(config)
    return folder if os.geteuid() == 0 or os.access(folder, os.W_OK) else state_folder()


def state_folder() -> Path:
    """Overrides, privacy, outbox and history: systemd's StateDirectory, else the user's state folder."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.split(":")[0])
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "emotion-edge"


def runtime_of(state: Path) -> Path:
    """Beside that state folder, in memory and until the next boot: what the disk could not take.

    systemd's RuntimeDirectory, else a folder that every process finds which knows the state folder.
    """
    given = os.environ.get("RUNTIME_DIRECTORY")
    if given:
        return Path(given.split(":")[0])
    if state.parent == Path("/var/lib"):
        return Path("/run") / state.name
    state = state.absolute()
    try:
        uid = state.stat().st_uid
    except OSError:
        uid = os.geteuid()
    own = Path(f"/run/user/{uid}")
    name = f"emotion-edge-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}"
    # Not tempfile.gettempdir(): it tries the folder by writing a file to it, and nothing of ours may touch the disk.
    return (own if own.is_dir() else Path(os.environ.get("TMPDIR") or "/tmp")) / name  # noqa: S108


def privacy_file(state: Path) -> Path:
    """The stored privacy switch."""
    return state / "privacy"


def privacy_log(state: Path) -> Path:
    """The record of when privacy was switched."""
    return state / "privacy.log"


def history_file(state: Path) -> Path:
    """The minutes of past days, where the owner keeps them."""
    return state / "history.sqlite"


def overrides_file(state: Path) -> Path:
    """What was changed live."""
    return state / "overrides.toml"


def job_file(state: Path) -> Path:
    """The fleet's job for this device, for `emotion-edge update`."""
    return state / "job.json"


def job_progress(state: Path) -> Path:
    """What `emotion-edge update` says about it."""
    return state / "job-progress.json"


def condition_file(state: Path) -> Path:
    """How the service is, in memory, for `emotion-edge update`."""
    return runtime_of(state) / "condition.json"


def model_store(config: Path | None, state: Path) -> Path:
    """The models that the owner installed for the service with this config."""
    if is_of_system(config):
        return SYSTEM_MODELS
    return state / "models"
