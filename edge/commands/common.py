"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.device import paths


def add_config(parser: argparse.ArgumentParser, *, of_service: bool = False) -> None:
    """`--config` and `--state`. With `of_service` no state named means that of the service with that config."""
    parser.add_argument(
        "--config",
        type=Path,
        default=paths.config_file(),
        help="the config file (default: $EMOTION_EDGE_CONFIG, /etc/emotion-edge/config.toml, ~/.config/emotion-edge)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=None if of_service else paths.state_folder(),
        help=f"folder of what the service itself stores (default: {'its own' if of_service else '%(default)s'})",
    )
