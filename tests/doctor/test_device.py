"""The device and the software on it: each wrong set-up is named. systemctl, /sys and /proc are made up here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.device import resources
from edge.device.board import Board
from edge.doctor import disk, examine, software, system
from edge.doctor.findings import Finding, worst
from tests.helpers.clock import FakeClock
from tests.helpers.doctor import MakeSubject
from tests.helpers.service import toml


def one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def doctor(config: Path, state: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "edge", "doctor", "--json", "--config", str(config), "--state", str(state)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_an_unusable_config_is_named_and_the_rest_is_examined(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[decision]\nenter = 7\n")
    done = doctor(tmp_path / "config.toml", tmp_path / "state")
    assert done.returncode == 1
    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["config"]["level"] == "red"
    assert "decision.enter" in found["config"]["says"]
    assert found["models"]["level"] == found["runtime"]["level"] == "green"


def test_text_for_a_person(tmp_path: Path) -> None:
    sections: dict[str, dict[str, Any]] = {
        "camera": {"source": "sample"},
        "microphone": {"source": "sample"},
        "mqtt": {"host": "127.0.0.1", "port": 1},
    }
    (tmp_path / "config.toml").write_text(toml(**sections))
    words = ["doctor", "--config", str(tmp_path / "config.toml"), "--state", str(tmp_path / "state")]
    done = subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "✘ broker" in done.stdout
    assert "✔ camera" in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("1 not working")
    assert done.stderr == ""


def test_it_speaks_the_owners_language_and_to_programs_english(tmp_path: Path) -> None:
    """The config's word is the owner's; without one the terminal's counts, and JSON is for programs."""

    def said(*more: str, locale: str, config: str) -> str:
        (tmp_path / "config.toml").write_text(config)
        words = ["doctor", "--config", str(tmp_path / "config.toml"), "--state", str(tmp_path / "state"), *more]
        return subprocess.run(
            [sys.executable, "-m", "edge", *words],
            capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": locale},
        ).stdout  # fmt: skip

    quiet = toml(camera={"source": "none"}, microphone={"source": "none"})
    assert "es ist kein Broker eingestellt" in said(locale="de_AT.UTF-8", config=quiet)
    assert "no broker is configured" in said(locale="nl_NL.UTF-8", config=quiet)
    french = said(locale="de_AT.UTF-8", config='device.language = "fr"\n' + quiet)
    assert "mqtt.host : aucun broker" in french
    assert "✔ caméra" in french
    assert "hay ningún broker" in said("--language", "es", locale="de_AT.UTF-8", config=quiet)
    assert "no broker is configured" in said("--json", locale="de_AT.UTF-8", config=quiet)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "crashed (SIGSEGV)"),
        ("raise ImportError('numpy.core.multiarray failed to import')", "multiarray"),
    ],
)
def test_a_runtime_built_for_another_numpy(
    subject: MakeSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, says: str
) -> None:
    for name in ("ai_edge_litert", "tflite_runtime"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "interpreter.py").write_text(
            module.replace("raise ImportError", "raise RuntimeError") if "raise" in module else module
        )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = one(software.runtime(subject()))
    assert finding.level == "red"
    assert says in finding.says
    assert "numpy<2" in finding.remedy


def test_no_runtime_at_all(subject: MakeSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ai_edge_litert", "tflite_runtime"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = one(software.runtime(subject()))
    assert finding.level == "red"
    assert "no TFLite runtime" in finding.says


def test_an_altered_model(subject: MakeSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in resources.models().iterdir():
        if (folder / "manifest.json").exists():
            (tmp_path / folder.name).mkdir()
            for file in [*folder.glob("*.json"), *folder.glob("*.tflite")]:
                (tmp_path / folder.name / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(resources, "models", lambda: tmp_path)
    assert one(software.model_files(subject())).level == "green"
    altered = tmp_path / "face" / "face.tflite"
    altered.write_bytes(altered.read_bytes()[:-1] + b"!")
    finding = one(software.model_files(subject()))
    assert finding.level == "red"
    assert "face.tflite" in finding.says


def test_a_clock_that_nobody_set(subject: MakeSubject) -> None:
    unset = subject({"clock": FakeClock(wall=86_400.0)})
    assert one(system.clock(unset)).level == "red"
    assert one(system.clock(subject(), synced=lambda: False)).level == "yellow"
    assert one(system.clock(subject(), synced=lambda: True)).level == "green"


@pytest.mark.parametrize(("millidegrees", "level"), [(50_000, "green"), (87_000, "yellow"), (91_000, "red")])
def test_heat(subject: MakeSubject, tmp_path: Path, millidegrees: int, level: str) -> None:
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n")
    (zone / "temp").write_text(f"{millidegrees}\n")
    finding = one(system.heat(subject({"board": Board("pi4", "Raspberry Pi 4", tmp_path)})))
    assert finding.level == level
    assert f"{millidegrees // 1000} °C" in finding.says


@pytest.mark.parametrize(
    "case",
    [
        ("LoadState=not-found\nActiveState=inactive", "yellow", "not installed"),
        ("LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=78", "red", "status 78"),
        ("LoadState=loaded\nActiveState=failed\nResult=watchdog\nExecMainStatus=6", "red", "watchdog"),
        ("LoadState=loaded\nActiveState=inactive\nResult=success", "yellow", "not running"),
        ("LoadState=loaded\nActiveState=active\nNRestarts=9\nUnitFileState=enabled", "yellow", "restarted 9 times"),
        ("LoadState=loaded\nActiveState=active\nNRestarts=0\nUnitFileState=disabled", "yellow", "not enabled"),
        ("LoadState=loaded\nActiveState=active\nNRestarts=0\nUnitFileState=enabled", "green", "running"),
    ],
)
def test_the_unit(
    subject: MakeSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str]
) -> None:
    shown, level, part = case
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\ncat <<END\n{shown}\nEND\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    finding = one(system.unit(subject()))
    assert finding.level == level
    assert part in finding.says


def test_a_disk_that_is_full(subject: MakeSubject, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(full)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        (full / "ballast").write_bytes(b"0" * 12_288)
        assert one(disk.room(subject({"state": full}))).level == "red"
        subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
        finding = one(disk.room(subject({"state": full})))
        assert (finding.level, "Read-only" in finding.says) == ("red", True)
    finally:
        subprocess.run(["umount", str(full)], check=True)


def test_a_card_that_is_worn(subject: MakeSubject, tmp_path: Path) -> None:
    process = tmp_path / str(os.getpid())
    process.mkdir()
    (process / "io").write_text("read_bytes: 1\nwrite_bytes: 900000000\ncancelled_write_bytes: 100000000\n")
    (process / "stat").write_text(f"1 (a b) S {'0 ' * 18}100000 0\n")
    (tmp_path / "uptime").write_text("80000.0 1.0\n")
    running = replace(subject(), statuses={})
    finding = one(disk.wear(running, tmp_path))
    hours = (80_000 - 100_000 / os.sysconf("SC_CLK_TCK")) / 3600
    assert finding.level == "yellow"
    assert f"800.0 MB written in {hours:.1f} h" in finding.says
    (process / "io").write_text("read_bytes: 1\nwrite_bytes: 2000000\ncancelled_write_bytes: 0\n")
    assert one(disk.wear(running, tmp_path)).level == "green"


def test_an_examination_that_fails_itself_is_a_finding(subject: MakeSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Iterator[Finding]:
        raise ValueError("odd")
        yield

    monkeypatch.setattr(examine, "CHECKS", (broken, system.board))
    found = list(examine.examine(subject()))
    assert [finding.level for finding in found] == ["yellow", "green"]
    assert worst(found) == "yellow"
