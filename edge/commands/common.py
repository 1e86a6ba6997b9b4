"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge import paths


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--state`."""
    parser.add_argument(
        "--config",
        type=Path,
        default=paths.config_file(),
        help="the config file (default: $EMOTION_EDGE_CONFIG, /etc/emotion-edge/config.toml, ~/.config/emotion-edge)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=paths.state_folder(),
        help="folder of what the service itself stores (default: %(default)s)",
    )
