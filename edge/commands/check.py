"""`emotion-edge check`: is the config usable, what is in effect, and where does each value come from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.config import keys
from edge.config.advice import advice
from edge.config.load import Loaded, load
from edge.config.secrets import masked
from edge.config.systemd_dropin import stale
from edge.config.values import toml
from edge.device import paths
from edge.device.service_user import rights_of_service
from edge.errors import ConfigError


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("check")
    parser.add_argument("file", nargs="?", type=Path, help="the config file (default: the one that `run` would use)")
    parser.add_argument("--config", type=Path, help="the same, as for the other commands")
    parser.add_argument("--state", type=Path, help="folder with the live changes (default: the service's)")
    parser.add_argument("--quiet", action="store_true", help="only problems and warnings")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = arguments.file or arguments.config or paths.config_file()
    overrides = paths.overrides_file(arguments.state or paths.state_of(path))
    try:
        with rights_of_service(path):
            loaded = load(path, overrides=overrides)
            advised = advice(loaded.config, path)
    except ConfigError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        print(f"{path or 'the defaults'}: cannot be used", file=sys.stderr)
        return 1
    if not arguments.quiet:
        for line in listing(loaded, overrides):
            print(line)
    for warning in (*loaded.warnings, *advised, *stale(loaded.config, path)):
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def listing(loaded: Loaded, overrides: Path) -> Iterator[str]:
    """The effective configuration as lines of TOML, each with the origin of its value."""
    live = sum(origin == "overrides" for origin in loaded.origins.values())
    yield f"# {loaded.path or 'no config file'}: usable"
    yield f"# {overrides}: {live or 'no'} live change{'s' if live != 1 else ''}"
    section = ""
    for key, value in keys.values(loaded.config).items():
        table, _, name = key.rpartition(".")
        if table != section:
            section = table
            yield ""
            yield f"[{table}]"
        text = f"#{name} is unset" if value is None else f"{name} = {masked(toml(value))}"
        yield f"{text:<40} # {loaded.origins[key]}"
