"""A device carries out a job: only signed models, and back again when it is worse off; then all of it for real."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.device import resources
from edge.messages.document import Unreadable
from edge.messages.job import ModelJob, parse
from edge.messages.payloads import HealthPayload, Latency
from edge.modelstore.store import NAMES, in_use
from edge.update.health import Look, worse
from edge.update.model import carry_out
from tests.helpers.broker import Observer
from tests.helpers.files import FileServer, Signer
from tests.helpers.service import DEVICE, Run, Start

SHA = "a" * 64
HEALTH = HealthPayload(
    uptime_s=60, fps=15, frames=900, frames_dropped=0, sound_dropped_s=0, queue=0, latency_ms=Latency(20, 40),
    cpu_percent=9, rss_mb=105,
)  # fmt: skip
WELL = Look(1, SHA, HEALTH)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (None, "no sign of life"),
        (Look(2, "b" * 64, HEALTH), "does not use it"),
        (Look(2, SHA, replace(HEALTH, fps=7.0)), "frames a second fell from 15 to 7"),
        (Look(2, SHA, replace(HEALTH, latency_ms=Latency(300, 600))), "the delay rose from 40 to 600 ms"),
        (Look(2, SHA, replace(HEALTH, thinned="every other frame")), "cannot keep up"),
        (Look(2, SHA, replace(HEALTH, restarts={"face": 2})), "face"),
    ],
)
def test_what_is_worse(after: Look | None, why: str) -> None:
    assert why in (worse(WELL, after, SHA) or "")


def test_what_is_not_worse() -> None:
    for health in (HEALTH, replace(HEALTH, fps=8.0), replace(HEALTH, latency_ms=Latency(60, 300))):
        assert worse(WELL, Look(2, SHA, health), SHA) is None
    assert worse(None, Look(2, SHA, replace(HEALTH, fps=1.0)), SHA) is None


def job_of(url: str, archive: bytes, **more: Any) -> ModelJob:
    job = parse(
        json.dumps({"v": 1, "job": "fusion-9", "model": "fusion", "url": url, "watch_s": 3,
                    "sha256": hashlib.sha256(archive).hexdigest(), **more}).encode(), None,
    )  # fmt: skip
    assert isinstance(job, ModelJob)
    return job


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"url": "http://x/y"}, {"url": "file:///etc/passwd"}, {"url": "https://"}, {"sha256": "abc"},
        {"model": "../face"}, {"job": "a/b"}, {"within_s": 0}, {"tenant": "rival"}, {"more": 1}, {"watch_s": 1e9},
    ],
)  # fmt: skip
def test_a_job_that_cannot_be_used_is_refused(change: dict[str, Any]) -> None:
    good = {"v": 1, "job": "j", "model": "face", "url": "https://x/y", "sha256": SHA}
    assert parse(json.dumps(good).encode(), None)
    with pytest.raises(Unreadable):
        parse(json.dumps({**good, **change}).encode(), None)


@pytest.mark.parametrize("name", NAMES)
def test_each_model_that_a_device_can_install_may_be_a_job(name: str) -> None:
    given = {"v": 1, "job": "j", "model": name, "url": "https://x/y", "sha256": SHA}
    job = parse(json.dumps(given).encode(), None)
    assert isinstance(job, ModelJob)
    assert job.model == name


class Files(FileServer):
    """With a signed model on it."""

    def __init__(self, folder: Path, *, signed: bool = True) -> None:
        super().__init__(folder)
        self.folder = folder
        model = folder / "fusion"
        model.mkdir()
        manifest = json.loads((resources.models() / "fusion" / "manifest.json").read_text())
        (model / "manifest.json").write_text(json.dumps({**manifest, "version": "9"}))
        signer = Signer(folder, "emotion-edge-model")
        self.signers = signer.list
        if signed:
            signer.sign(model / "manifest.json")
        with tarfile.open(self.www / "fusion.tar", "w") as archive:
            archive.add(model, arcname="fusion")
        self.archive = (self.www / "fusion.tar").read_bytes()
        self.url = f"{self.root}/fusion.tar"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Callable[..., Files]]:
    made: list[Files] = []

    def make(**given: bool) -> Files:
        made.append(Files(tmp_path / "files", **given))
        return made[-1]

    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not here: apt install openssh-client")
    yield make
    for each in made:
        each.close()


class Device:
    """A service that starts with the model in use, and is as well as it is told to be."""

    def __init__(self, folder: Path, files: Files, after: HealthPayload | None) -> None:
        self.store = folder / "models"
        self.steps: list[tuple[str, str]] = []
        self.restarts = 0
        self.now = 0.0
        self._files = files
        self._after = after
        manifest = (resources.models() / "fusion" / "manifest.json").read_bytes()
        self._shipped = hashlib.sha256(manifest).hexdigest()
        self._new = hashlib.sha256((files.folder / "fusion" / "manifest.json").read_bytes()).hexdigest()

    def look(self) -> Look | None:
        used = in_use("fusion", self.store).current
        health = HEALTH if used is None else self._after
        return None if health is None else Look(self.restarts, self._new if used else self._shipped, health)

    def restart(self) -> None:
        self.restarts += 1

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def carry_out(self, job: ModelJob) -> str:
        return carry_out(
            job, store=self.store, signers=self._files.signers, look=self.look, restart=self.restart,
            tell=lambda step, why: self.steps.append((step, why)), context=self._files.context, sleep=self.sleep,
            monotonic=lambda: self.now,
        )  # fmt: skip


@pytest.mark.slow
def test_a_good_model_is_used(tmp_path: Path, files: Callable[..., Files]) -> None:
    there = files()
    device = Device(tmp_path, there, HEALTH)
    assert device.carry_out(job_of(there.url, there.archive)) == "done"
    assert [step for step, _ in device.steps] == ["downloading", "trying", "watching", "done"]
    assert str(in_use("fusion", device.store).current).startswith("9-")
    assert device.restarts == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("after", "why"), [(replace(HEALTH, fps=2.0), "frames a second fell"), (None, "no sign of life")]
)
def test_one_that_makes_the_device_worse_is_taken_back(
    tmp_path: Path, files: Callable[..., Files], after: HealthPayload | None, why: str
) -> None:
    there = files()
    device = Device(tmp_path, there, after)
    assert device.carry_out(job_of(there.url, there.archive)) == "rolled back"
    assert why in device.steps[-1][1]
    assert in_use("fusion", device.store).current is None
    assert device.restarts == 2
    assert device.now <= 61


@pytest.mark.slow
def test_what_nobody_vouches_for_is_refused(tmp_path: Path, files: Callable[..., Files]) -> None:
    there = files(signed=False)
    device = Device(tmp_path, there, HEALTH)
    good = job_of(there.url, there.archive)
    for job, why in (
        (good, "is not signed"),
        (job_of(there.url, b"other"), "its sha256 is"),
        (job_of(there.url, there.archive, model="face"), "holds a model fusion, not face"),
        (job_of(there.url + "x", there.archive), "cannot be fetched"),
        (job_of("https://127.0.0.1:1/x", there.archive), "cannot be fetched"),
    ):
        assert device.carry_out(job) == "refused"
        assert why in device.steps[-1][1]
    assert device.restarts == 0
    assert in_use("fusion", device.store).current is None


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_from_the_broker_to_the_running_service(
    tmp_path: Path, files: Callable[..., Files], start: Start, observer: Observer
) -> None:
    there = files()
    given = {"device": {"name": DEVICE, "site": "north"}}
    service = start(**given)
    root = f"emotion/north/{DEVICE}"
    observer.wait(f"{root}/health", 30)
    document = {"v": 1, "job": "fusion-9", "model": "fusion", "url": there.url, "watch_s": 4,
                "sha256": hashlib.sha256(there.archive).hexdigest()}  # fmt: skip
    observer.send(f"fleet/{DEVICE}/job", json.dumps({**document, "tenant": "rival"}))
    observer.wait(f"{root}/job", 10, lambda m: m.json["state"] == "refused")
    observer.send(f"fleet/{DEVICE}/job", json.dumps(document), retain=True)
    observer.wait(f"{root}/job", 10, lambda m: m.json["state"] == "waiting")
    words = [sys.executable, "-m", "edge", "update", "--config", str(service.config), "--state", str(service.state)]
    stopping = f"sh -c 'kill {service.pid}; sleep 1'"
    with subprocess.Popen(
        [*words, "--signers", str(there.signers), "--ca-file", there.ca, "--restart", stopping],
        stdout=subprocess.PIPE, text=True,
    ) as update:  # fmt: skip
        assert service.wait(60) == 0
        start(**given)  # as systemd would
        assert update.wait(120) == 0
        assert update.stdout is not None
        assert "fusion-9: done" in update.stdout.read()
    told = observer.wait(f"{root}/job", 10, lambda m: m.json["state"] == "done").json
    assert told["job"] == "fusion-9"
    info = observer.wait(f"{root}/info", 10, lambda m: m.json["models"]["fusion"]["origin"] == "installed").json
    assert info["models"]["fusion"]["version"] == "9"
    again = subprocess.run(words, capture_output=True, text=True, check=True)
    assert again.stdout == "fusion-9 is over already\n"


@pytest.mark.slow
def test_where_the_service_could_write_root_follows_no_link(run: Run, tmp_path: Path) -> None:
    """Who broke into the service may put anything there: neither shown, nor waited for, nor believed."""
    config, state = tmp_path / "config.toml", tmp_path / "state"
    config.write_text('[mqtt]\nhost = "127.0.0.1"\n')
    state.mkdir()
    words = ("update", "--config", config, "--state", state)
    assert run(*words) == (0, "there is no job\n", "")
    for target in ("/etc/passwd", "/dev/zero"):
        (state / "job.json").symlink_to(target)
        status, out, err = run(*words)
        assert (status, out, len(err.splitlines())) == (1, "", 1)
        (state / "job.json").unlink()
    (state / "job.json").write_text("[" * 5_000)
    assert run(*words)[0] == 78


def test_a_job_of_former_times_is_not_carried_out_again(run: Run, tmp_path: Path) -> None:
    """A replay would bring a model back that was signed once."""
    config, state = tmp_path / "config.toml", tmp_path / "state"
    config.write_text('[mqtt]\nhost = "127.0.0.1"\n')
    state.mkdir()
    words = ("update", "--config", config, "--state", state, "--restart", "true")

    def ordered(name: str) -> tuple[int, str]:
        job = {"v": 1, "job": name, "model": "face", "url": "https://127.0.0.1:1/x", "sha256": SHA}
        (state / "job.json").write_text(json.dumps(job))
        return run(*words)[:2]

    for name in ("first", "second", "third"):
        status, out = ordered(name)
        assert (status, "refused: https://127.0.0.1:1/x: cannot be fetched" in out) == (1, True)
    for name in ("first", "second"):
        status, out = ordered(name)
        assert (status, "carried out before" in out) == (1, True)
        assert ordered(name) == (0, f"{name} is over already\n")
    assert "carried out before" in ordered("third")[1]
