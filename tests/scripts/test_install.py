"""scripts/install for real, into a tree of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Device:
    """A tree that stands for a device's disk."""

    def __init__(self, tree: Path, wheel: Path) -> None:
        self.tree = tree
        self.home = tree / "opt/emotion-edge"
        self.config = tree / "etc/emotion-edge/config.toml"
        self.units = tree / "etc/systemd/system"
        self._wheel = wheel

    def install(self, *words: str, status: int = 0) -> str:
        """Dependencies are borrowed from the environment of the tests, to be quick and offline."""
        packages = os.pathsep.join(path for path in sys.path if path.endswith("-packages"))
        result = subprocess.run(
            [str(ROOT / "scripts/install"), "--root", str(self.tree), *words],
            env={**os.environ, "PYTHON": sys._base_executable, "PYTHONPATH": packages},  # type: ignore[attr-defined]
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert result.returncode == status, result.stderr
        return str(result.stderr)

    def install_wheel(self, *words: str, status: int = 0) -> str:
        return self.install(
            "--wheel", str(self._wheel), "--unlocked", "--pip-args", "--no-deps --no-index", *words, status=status
        )

    def current(self) -> str:
        return str((self.home / "current").readlink())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    result = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if result.returncode and "hatchling" in result.stderr:
        pytest.skip("the build backend cannot be had offline")
    assert result.returncode == 0, result.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture
def device(tmp_path: Path, wheel: Path) -> Device:
    return Device(tmp_path / "device", wheel)


@pytest.mark.timeout(900)  # five virtual environments; seconds each unless the machine is busy
def test_install_upgrade_rollback_uninstall(device: Device) -> None:
    """One life of a device, in one test: every release takes seconds to make."""
    told = device.install_wheel()
    first = device.current()
    assert "no broker is configured" in told
    command = device.home / "current/bin/emotion-edge"
    assert (device.tree / "usr/local/bin/emotion-edge").readlink() == Path("/opt/emotion-edge/current/bin/emotion-edge")
    assert (device.units / "emotion-edge.service").exists()
    assert (device.units / "emotion-edge@.service").exists()
    drop_in = device.units / "emotion-edge.service.d/10-network.conf"
    assert "IPAddressDeny=any" in drop_in.read_text()
    assert device.config.read_text() == (ROOT / "firmware_config/default.toml").read_text()
    assert oct(device.config.stat().st_mode)[-3:] == "640"
    where = [str(command.parent / "python"), "-c", "import edge; print(edge.__file__)"]
    assert str(device.home) in subprocess.run(where, capture_output=True, text=True, check=True, cwd="/").stdout

    device.install_wheel("--broker", "127.0.0.1:1")  # an upgrade, and a config that nobody has touched
    second = device.current()
    assert second != first
    assert "\nport = 1\n" in device.config.read_text()
    assert "# hosts: 127.0.0.1" in drop_in.read_text()

    device.install("--rollback")
    assert device.current() == first
    device.install("--rollback")
    assert device.current() == second

    device.config.write_text("# mine\n[camera]\nfps = 0\n")
    told = device.install_wheel("--broker", "other", status=1)
    assert "camera.fps" in told
    assert "the release before stays" in told
    assert device.current() == second
    assert {f"releases/{path.name}" for path in (device.home / "releases").iterdir()} == {first, second}
    assert device.config.read_text() == "# mine\n[camera]\nfps = 0\n"

    told = device.install("--uninstall")
    assert not device.home.exists()
    assert list(device.units.iterdir()) == []
    assert not (device.tree / "usr/local/bin/emotion-edge").is_symlink()
    assert device.config.exists()
    assert "--purge" in told
    device.install("--uninstall", "--purge")
    assert not device.config.parent.exists()
    assert [path for path in device.tree.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("words", [["--wrong"], ["--purge"], ["--wheel"], ["--wheel", "/no/such.whl"], ["--rollback"]])
def test_wrong_words(device: Device, words: list[str]) -> None:
    assert device.install(*words, status=1)


def test_it_asks_for_root() -> None:
    if os.geteuid() == 0:
        pytest.skip("we are root")
    result = subprocess.run([str(ROOT / "scripts/install")], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert "sudo scripts/install" in result.stderr
