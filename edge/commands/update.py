"""`emotion-edge update`: carries out the fleet's job for this device: a signed model or package, with a way back."""

from __future__ import annotations

import argparse
import os
import shlex
import ssl
import subprocess
from pathlib import Path

import msgspec

from edge.commands import common
from edge.config.load import load
from edge.device import paths
from edge.device.files import folder_owner, write_atomically
from edge.device.service_user import service_user
from edge.errors import ConfigError, EdgeError, StorageError
from edge.inference import read_bounded
from edge.messages.document import Unreadable
from edge.messages.job import FINAL, ModelJob, PackageJob, State, parse
from edge.service.jobs import Condition, Progress
from edge.update import model, package
from edge.update.dpkg import Dpkg
from edge.update.health import Look, Tell

_REMEMBERED = 100  # jobs that were carried out: none of them is again


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("update")
    common.add_config(parser)
    parser.add_argument("--package", action="store_true", help="jobs about the package, and none about models")
    parser.add_argument("--signers", type=Path, help="whom you trust (default: in the folder of the config)")
    parser.add_argument("--ca-file", default="", help="the authority that signed the certificate of the file server")
    parser.add_argument("--restart", default="", metavar="COMMAND", help="how the service is started again (models)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config, state = arguments.config, common.state(arguments)
    progress = paths.job_progress(state)
    if arguments.package:
        interrupted = package.taken_back(paths.UPGRADE)
        if interrupted is not None:
            _teller(progress, interrupted)("rolled back", "it was interrupted")
            return 1
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
    before = _said(progress)
    if before is not None and before.job == job.job and before.state in FINAL:
        print(f"{job.job} is over already")
        return 0
    tell = _teller(progress, job.job)
    if before is not None and job.job in before.earlier:
        tell("refused", "a job of that name was carried out before; whoever wants it again gives it another name")
        return 1
    signers = arguments.signers or (config or paths.SYSTEM_CONFIG).with_name(
        "package-signers" if isinstance(job, PackageJob) else "model-signers"
    )
    context = ssl.create_default_context(cafile=arguments.ca_file or None)
    condition = paths.condition_file(state)
    if isinstance(job, ModelJob) and not arguments.package:
        ended = model.carry_out(
            job,
            store=paths.model_store(config, state),
            signers=signers,
            look=lambda: _look(condition, job.model),
            restart=lambda: _restart(arguments.restart or _usual(config)),
            tell=tell,
            context=context,
        )
    elif isinstance(job, PackageJob) and arguments.package:
        user = service_user() if os.geteuid() == 0 else None
        place = package.UpgradePlace(
            paths.UPGRADE, signers, config or paths.SYSTEM_CONFIG, (user.uid, user.gid) if user else None
        )
        ended = package.carry_out(job, place, Dpkg(), look=lambda: _look(condition), tell=tell, context=context)
    elif isinstance(job, PackageJob) and not signers.exists():
        tell("refused", f"this device takes no package from a job: {signers} is not there")
        ended = "refused"
    else:
        print(f"{job.job} is for `emotion-edge update{'' if arguments.package else ' --package'}`")
        return 0
    return 0 if ended == "done" else 1


def _teller(progress: Path, job: str) -> Tell:
    """Tells each step here, and by way of the service."""
    before = _said(progress)
    earlier = () if before is None else before.earlier
    if before is not None and before.job != job and before.state in FINAL:
        earlier = (*(each for each in earlier if each != before.job), before.job)[-_REMEMBERED:]

    def tell(step: State, reason: str) -> None:
        print(f"{job}: {step}{f': {reason}' if reason else ''}", flush=True)
        said = msgspec.json.encode(Progress(job, step, reason, earlier))
        try:
            write_atomically(progress, said, owner=folder_owner(progress.parent))
        except OSError as error:
            raise StorageError(f"{progress}: cannot be written: {error.strerror}; use sudo") from None

    return tell


def _said(progress: Path) -> Progress | None:
    """What was told last, and of which jobs."""
    try:
        return msgspec.json.decode(read_bounded(progress, follow=False), type=Progress)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _look(path: Path, name: str = "") -> Look | None:
    try:
        found = msgspec.json.decode(read_bounded(path, follow=False), type=Condition)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Look(found.pid, found.models.get(name, {}).get("sha256", ""), found.health)


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
