"""`emotion-edge unit`: the systemd drop-in that limits the service to what its config names."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from edge.config import systemd_dropin
from edge.config.load import load
from edge.device import paths
from edge.device.files import make_folder, write_atomically
from edge.errors import ConfigError, StorageError


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("unit")
    parser.add_argument("--instance", metavar="NAME", help="for emotion-edge@NAME.service")
    parser.add_argument("--config", type=Path, help="the config (default: /etc/emotion-edge/config.toml or NAME.toml)")
    parser.add_argument("--write", action="store_true", help="install it (as root) instead of printing it")
    parser.add_argument(
        "--units", type=Path, default=systemd_dropin.UNITS, help="folder of the units (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    instance = arguments.instance
    if instance is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", instance):
        raise ConfigError(
            f"--instance: {instance!r} is not a valid instance name; allowed: letters, digits, '_', '.', '-'"
        )
    config = arguments.config or paths.SYSTEM_CONFIG.parent / f"{instance or 'config'}.toml"
    text = systemd_dropin.drop_in(load(config).config, config)
    if not arguments.write:
        print(text, end="")
        return 0
    for line in write(text, systemd_dropin.folder(instance, arguments.units)):
        print(line, file=sys.stderr)
    return 0


def write(text: str, folder: Path) -> list[str]:
    """Install the drop-in in one step and let systemd read it. Returns what was done, as lines."""
    path = folder / "10-network.conf"
    try:
        make_folder(folder, mode=0o755)
        write_atomically(path, text, mode=0o644)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}; run it as root, with sudo") from None
    done = [f"wrote {path}"]
    if folder.parent == systemd_dropin.UNITS and Path("/run/systemd/system").is_dir() and os.geteuid() == 0:
        subprocess.run(["systemctl", "daemon-reload"], check=False)
        done.append(f"in effect after: systemctl restart {folder.name.removesuffix('.d').replace('@.', '.')}")
    return done
