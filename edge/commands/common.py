"""What several commands share: options, and waiting to be ended."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from edge.device import paths


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--state`."""
    parser.add_argument(
        "--config",
        type=Path,
        default=paths.config_file(),
        help="the config file (default: $EMOTION_EDGE_CONFIG, /etc/emotion-edge/config.toml, ~/.config/emotion-edge)",
    )
    parser.add_argument(
        "--state", type=Path, help="the service's state folder (default: that of the service with this config)"
    )


def state(arguments: argparse.Namespace) -> Path:
    """The folder of the service that is meant, also for root: its privacy switch is the one that counts."""
    given: Path | None = arguments.state
    return given or paths.state_of(arguments.config)


def wait_for_the_end(seconds: float | None) -> None:
    """Until Ctrl-C, SIGTERM, or so many seconds have passed."""
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    signal.signal(signal.SIGINT, lambda *_: done.set())
    done.wait(seconds)
