"""`emotion-edge update`: carries out the fleet's job for this device: a signed model, taken back if it does harm."""

from __future__ import annotations

import argparse
import shlex
import ssl
import subprocess
from pathlib import Path

import msgspec

from edge.commands import common
from edge.config.load import load
from edge.device import paths
from edge.device.files import folder_owner, write_atomically
from edge.errors import ConfigError, EdgeError, StorageError
from edge.inference import read_bounded
from edge.messages.desired import Unreadable
from edge.messages.job import FINAL, Job, State, parse
from edge.modelstore.update import Look, carry_out
from edge.service.jobs import Condition, Progress


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("update")
    common.add_config(parser)
    parser.add_argument("--signers", type=Path, help="whom you trust (default: model-signers beside the config)")
    parser.add_argument("--ca-file", default="", help="the authority that signed the certificate of the file server")
    parser.add_argument("--restart", default="", metavar="COMMAND", help="how the service is started again")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config, state = arguments.config, common.state(arguments)
    try:
        job = parse(read_bounded(paths.job_file(state), follow=False), load(config).config.device.tenant)
    except FileNotFoundError:
        job = None
    except OSError as error:
        raise StorageError(f"{paths.job_file(state)}: cannot be read: {error.strerror}; use sudo") from None
    except Unreadable as unreadable:
        raise ConfigError(str(unreadable)) from None
    if job is None:
        print("there is no job")
        return 0
    progress = paths.job_progress(state)
    if _is_over(progress, job):
        print(f"{job.job} is over already")
        return 0

    def tell(step: State, reason: str) -> None:
        print(f"{job.job}: {step}{f': {reason}' if reason else ''}", flush=True)
        said = msgspec.json.encode(Progress(job.job, step, reason))
        try:
            write_atomically(progress, said, owner=folder_owner(progress.parent))
        except OSError as error:
            raise StorageError(f"{progress}: cannot be written: {error.strerror}; use sudo") from None

    ended = carry_out(
        job,
        store=paths.model_store(config, state),
        signers=arguments.signers or (config or paths.SYSTEM_CONFIG).with_name("model-signers"),
        look=lambda: _look(paths.condition_file(state), job.model),
        restart=lambda: _restart(arguments.restart or _usual(config)),
        tell=tell,
        context=ssl.create_default_context(cafile=arguments.ca_file or None),
    )
    return 0 if ended == "done" else 1


def _is_over(progress: Path, job: Job) -> bool:
    """A job is carried out once; whoever wants it again gives it another name."""
    try:
        said = msgspec.json.decode(read_bounded(progress, follow=False), type=Progress)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return said.job == job.job and said.state in FINAL


def _look(path: Path, model: str) -> Look | None:
    try:
        found = msgspec.json.decode(read_bounded(path, follow=False), type=Condition)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Look(found.pid, found.models.get(model, {}).get("sha256", ""), found.health)


def _usual(config: Path | None) -> str:
    if not paths.is_of_system(config) or config is None:
        raise EdgeError("--restart: name the command that starts this service again")
    return "systemctl restart emotion-edge" + ("" if config == paths.SYSTEM_CONFIG else f"@{config.stem}")


def _restart(command: str) -> None:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EdgeError(f"{command}: {error}") from None
    if done.returncode != 0:
        raise EdgeError(f"{command}: status {done.returncode}: {(done.stderr.strip().splitlines() or [''])[-1]}")
