"""A device upgrades our package by job, with the real dpkg in a tree of its own: signed, tried apart, taken back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.errors import UpdateError
from edge.messages.document import Unreadable
from edge.messages.job import PackageJob, parse
from edge.messages.payloads import HealthPayload, Latency
from edge.update.dpkg import Dpkg
from edge.update.health import Look
from edge.update.package import UpgradePlace, carry_out, chosen, taken_back
from tests.helpers.files import FileServer, Signer
from tests.helpers.service import Run

pytestmark = pytest.mark.slow

HEALTH = HealthPayload(
    uptime_s=60, fps=15, frames=900, frames_dropped=0, sound_dropped_s=0, queue=0, latency_ms=Latency(20, 40),
    cpu_percent=9, rss_mb=105,
)  # fmt: skip
# What the new version's Python says when it is tried.
GOOD = '#!/bin/sh\ncase "$*" in *models*print*) echo /nowhere ;; *) echo good ;; esac\n'
BAD = '#!/bin/sh\ncase "$*" in *check*) echo "config.toml: line 3: unknown key" && exit 78 ;; esac\necho good\n'


@dataclass
class Device:
    """A Debian system in a folder, its service, and a server with packages for it."""

    folder: Path
    server: FileServer
    signer: Signer
    dpkg: Dpkg
    after: HealthPayload | None = HEALTH  # with a version other than the first
    steps: list[tuple[str, str]] = field(default_factory=list)
    now: float = 0.0

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def place(self) -> UpgradePlace:
        return UpgradePlace(self.folder / "upgrade", self.signer.list, self.folder / "config.toml", None)

    def build(
        self, version: str, *, python: str = GOOD, name: str = "emotion-edge", depends: str = "", postinst: str = ""
    ) -> Path:
        """A package, signed, on the server."""
        stage = self.folder / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        program = stage / "usr/lib/emotion-edge/bin/python"
        program.parent.mkdir(parents=True)
        program.write_text(python)
        program.chmod(0o755)
        (stage / f"usr/lib/emotion-edge/of-{version}").write_text(version)
        (stage / "usr/lib/emotion-edge/link").symlink_to("bin/python")
        (stage / "DEBIAN").mkdir()
        head = f"Package: {name}\nVersion: {version}\nArchitecture: {self.dpkg.architecture()}\n{depends}"
        (stage / "DEBIAN/control").write_text(f"{head}Maintainer: x <x@localhost>\nDescription: a\n of two lines\n")
        if postinst:
            (stage / "DEBIAN/postinst").write_text(f"#!/bin/sh\n{postinst}\n")
            (stage / "DEBIAN/postinst").chmod(0o755)
        deb = self.server.www / f"{name}_{version}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "--build", stage, deb], check=True, capture_output=True
        )
        self.signer.sign(deb)
        return deb

    def job(self, deb: Path, **more: Any) -> PackageJob:
        file = {
            "version": deb.stem.partition("_")[2],
            "architecture": self.dpkg.architecture(),
            "url": f"{self.server.root}/{deb.name}",
            "sha256": hashlib.sha256(deb.read_bytes()).hexdigest(),
        }
        document = {"v": 1, "job": "edge-2", "watch_s": 3, "packages": [{**file, **more}]}
        job = parse(json.dumps(document).encode(), None)
        assert isinstance(job, PackageJob)
        return job

    def look(self) -> Look | None:
        if "0.1" in self.dpkg.installed():
            return Look(1 + len(self.steps), "", HEALTH)
        return None if self.after is None else Look(1 + len(self.steps), "", self.after)

    def carry_out(self, job: PackageJob) -> str:
        def sleep(seconds: float) -> None:
            self.now += seconds

        return carry_out(
            job, self.place, self.dpkg, look=self.look, tell=lambda step, why: self.steps.append((step, why)),
            context=self.server.context, sleep=sleep, monotonic=lambda: self.now,
        )  # fmt: skip

    @property
    def files(self) -> set[str]:
        return {path.name for path in (self.root / "usr/lib/emotion-edge").iterdir()}

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.place.folder.iterdir())


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """With 0.1 installed."""
    for program, package in (("dpkg", "dpkg"), ("ssh-keygen", "openssh-client")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here: apt install {package}")
    root = tmp_path / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/updates").mkdir()
    (root / "var/lib/dpkg/status").touch()
    options = ["--force-script-chrootless", "--force-unsafe-io", *([] if os.geteuid() == 0 else ["--force-not-root"])]
    server = FileServer(tmp_path)
    one = Device(tmp_path, server, Signer(tmp_path, "emotion-edge-package"), Dpkg(root, options))
    one.dpkg.install(one.build("0.1~deb13"))
    yield one
    server.close()


def test_a_newer_package_is_installed(device: Device) -> None:
    assert device.carry_out(device.job(device.build("0.2~deb13"))) == "done"
    assert [step for step, _ in device.steps] == ["downloading", "trying", "watching", "done"]
    assert (device.dpkg.installed(), device.files) == ("0.2~deb13", {"bin", "link", "of-0.2~deb13"})
    assert device.left == []
    assert device.carry_out(device.job(device.build("0.2~deb13"))) == "done"
    assert device.steps[-1] == ("done", "0.2~deb13 is here already")


@pytest.mark.parametrize(
    ("after", "why"), [(replace(HEALTH, fps=2.0), "frames a second fell"), (None, "no sign of life")]
)
def test_one_that_makes_the_device_worse_is_taken_back(device: Device, after: HealthPayload | None, why: str) -> None:
    """From nothing but what was installed: the package before is on no server."""
    device.after = after
    assert device.carry_out(device.job(device.build("0.2~deb13"))) == "rolled back"
    assert why in device.steps[-1][1]
    assert (device.dpkg.installed(), device.files) == ("0.1~deb13", {"bin", "link", "of-0.1~deb13"})
    link = device.root / "usr/lib/emotion-edge/link"
    assert (link.is_symlink(), os.access(link, os.X_OK), device.left) == (True, True, [])


def test_one_that_does_not_end_its_installation_is_taken_back(device: Device) -> None:
    assert device.carry_out(device.job(device.build("0.2~deb13", postinst="echo no room; exit 3"))) == "rolled back"
    assert "dpkg ends with status 1" in device.steps[-1][1]
    assert device.dpkg.installed() == "0.1~deb13"
    assert device.carry_out(device.job(device.build("0.3~deb13"))) == "done"  # and dpkg is as before


def test_what_an_interruption_left_is_told_once(device: Device) -> None:
    """As the unit leaves it, after it went back by itself."""
    device.place.folder.mkdir()
    for name in ("taken-back", "previous.deb"):
        (device.place.folder / name).write_text("edge-2")
    assert (taken_back(device.place.folder), device.left, taken_back(device.place.folder)) == ("edge-2", [], None)


def test_the_unit_goes_back_by_itself(device: Device) -> None:
    """Its first line, with the names of a tree, after a power cut in the middle."""
    job = device.job(device.build("0.2~deb13"))

    def cut(step: str, _: str) -> None:
        if step == "watching":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(job, device.place, device.dpkg, look=device.look, tell=cut, context=device.server.context)
    assert device.dpkg.installed() == "0.2~deb13"
    text = (Path(__file__).parents[2] / "firmware_config/fleet/site/emotion-edge-upgrade.service").read_text("utf-8")
    line = text.split("ExecStartPre=")[1].split("\nExecStart=")[0].replace("\\\n", "")
    words = line.split("'")[1].replace("/opt/emotion-edge/upgrade", str(device.place.folder))
    subprocess.run(["sh", "-c", words.replace("dpkg ", f"dpkg --root={device.root} ")], check=True, capture_output=True)
    assert device.dpkg.installed() == "0.1~deb13"
    assert taken_back(device.place.folder) == "edge-2"
    subprocess.run(["sh", "-c", words], check=True)  # and nothing more to do


def test_what_may_not_be_installed_is_refused(device: Device) -> None:
    good = device.build("0.2~deb13")
    for job, why in (
        (device.job(good, sha256="0" * 64), "its sha256 is"),
        (device.job(good, architecture="mips"), "no package for"),
        (device.job(good, version="0.2~deb12"), "no package for"),
        (device.job(good, version="0.3~deb13"), "not what the job says"),
        (device.job(device.build("0.0.9~deb13")), "is older than 0.1~deb13"),
        (device.job(device.build("0.2~deb13", name="sudo")), "is sudo 0.2~deb13"),
        (device.job(device.build("0.4~deb13", python=BAD)), "config.toml: line 3: unknown key"),
        (device.job(device.build("0.5~deb13", depends="Depends: nothing-of-that-name\n")), "apt-get ends with status"),
    ):
        assert device.carry_out(job) == "refused"
        assert why in device.steps[-1][1]
        assert (device.dpkg.installed(), device.left) == ("0.1~deb13", [])


def test_what_nobody_vouches_for_is_refused(device: Device) -> None:
    deb = device.build("0.2~deb13")
    device.signer.sign(deb, namespace="emotion-edge-model")  # a key for models is none for packages
    assert device.carry_out(device.job(deb)) == "refused"
    device.signer.sign(deb)
    deb.write_bytes(deb.read_bytes() + b" ")
    assert device.carry_out(device.job(deb)) == "refused"
    assert "the signature is wrong" in device.steps[-1][1]
    deb.with_name(f"{deb.name}.sig").unlink()
    assert device.carry_out(device.job(deb)) == "refused"
    assert "cannot be fetched" in device.steps[-1][1]
    device.signer.list.unlink()
    assert device.carry_out(device.job(device.build("0.2~deb13"))) == "refused"
    assert "is not there: it lists whose packages" in device.steps[-1][1]
    assert (device.dpkg.installed(), device.left) == ("0.1~deb13", [])


def test_the_package_is_chosen_by_processor_and_release() -> None:
    files = [
        {
            "version": f"0.2~deb{release}",
            "architecture": processor,
            "url": f"https://x/{release}{processor}",
            "sha256": "a" * 64,
        }
        for release in (12, 13)
        for processor in ("amd64", "arm64")
    ]
    job = parse(json.dumps({"v": 1, "job": "j", "packages": files}).encode(), None)
    assert isinstance(job, PackageJob)
    assert chosen(job, "arm64", "0.1~deb13").url == "https://x/13arm64"
    with pytest.raises(UpdateError, match="no package for arm64 and deb14"):
        chosen(job, "arm64", "0.1~deb14")
    for wrong in ([], [{**files[0], "version": "../0"}], [{**files[0], "url": "http://x"}], [{**files[0], "more": 1}]):
        with pytest.raises(Unreadable):
            parse(json.dumps({"v": 1, "job": "j", "packages": wrong}).encode(), None)


def test_by_command_each_part_takes_its_own_jobs(run: Run, tmp_path: Path) -> None:
    config, state = tmp_path / "config.toml", tmp_path / "state"
    config.write_text('[mqtt]\nhost = "127.0.0.1"\n')
    state.mkdir()
    words = ("update", "--config", config, "--state", state)
    file = {"version": "0.2~deb13", "architecture": "arm64", "url": "https://x/y", "sha256": "a" * 64}
    (state / "job.json").write_text(json.dumps({"v": 1, "job": "edge-2", "packages": [file]}))
    status, out, _ = run(*words)
    assert (status, "this device takes no package from a job" in out) == (1, True)
    (state / "job-progress.json").unlink()
    (tmp_path / "package-signers").touch()
    assert run(*words) == (0, "edge-2 is for `emotion-edge update --package`\n", "")
    (state / "job.json").write_text(
        json.dumps({"v": 1, "job": "f", "model": "face", "url": "https://x/y", "sha256": "a" * 64})
    )
    assert run(*words, "--package") == (0, "f is for `emotion-edge update`\n", "")
