"""The unit under a real systemd, booted in a container on a copy-on-write copy of this machine's own system.

Slower cousins with Debian systems of their own, emulated processors and a virtual machine: scripts/device-test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]


def why_not() -> str | None:
    """What this machine lacks for it."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    for program in ("systemd-nspawn", "unshare", "mosquitto", "script"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not Path("/usr/lib/systemd/systemd").exists():
        return "systemd is not installed"
    asked = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys, ensurepip; print(*sys.version_info[:2], sep='.')"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if asked.stdout.strip() != ours:
        return f"the system's Python, which the service uses, is not the {ours} of these tests"
    private = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(private, capture_output=True, check=False).returncode != 0:
        return "this machine lets nobody mount"
    return None


@pytest.mark.timeout(900)
def test_the_unit_under_systemd(tmp_path: Path) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(f"{reason}; scripts/device-test is the whole of it")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        check=True, timeout=300,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    packages = Path(msgspec.__file__).parents[1]  # where the packages are, which need not be this environment
    words = ["--unit", "--borrow", str(packages), "--wheel", str(wheel), "--unlocked"]
    done = subprocess.run(
        [str(ROOT / "scripts/device-test"), *words, "--pip-args", "--no-deps --no-index --force-reinstall"],
        capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    report = done.stdout
    assert done.returncode == 0, report + done.stderr
    for promise in (
        "becomes ready (sd_notify)", "publishes its state", "SIGHUP reloads and keeps the process",
        "killed, it comes back by itself", "brings it back", "SIGTERM ends it within 5 s",
        "an unusable config ends it with 78", "the broker is told why", "seccomp is on",
    ):  # fmt: skip
        assert [line for line in report.splitlines() if line.startswith("  ok ") and promise in line], promise
