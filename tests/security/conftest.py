"""The running service with recordings, as for the end-to-end tests, and a broker that guards itself."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import media
from tests.helpers.authority import Authority, Guard
from tests.helpers.broker import MOSQUITTO, Broker


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write_video(tmp_path_factory.mktemp("media") / "face.mp4", seconds=3.0)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed for certificates: apt install openssl")
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guard]:
    """Starts a broker with a certificate (paths of it and its key), and users with passwords where given."""
    passwd = shutil.which("mosquitto_passwd")
    if MOSQUITTO is None or passwd is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    running: list[Broker] = []

    def begin(pair: tuple[str, str] | None = None, extra: str = "", **users: str) -> Broker:
        folder = tmp_path / f"broker-{len(running)}"
        folder.mkdir()
        lines = [f"certfile {pair[0]}\nkeyfile {pair[1]}" if pair else "", extra]
        if users:
            passwords = folder / "users"
            passwords.touch(0o600)
            for name, password in users.items():
                subprocess.run([passwd, "-b", str(passwords), name, password], check=True, capture_output=True)
            lines.append(f"allow_anonymous false\npassword_file {passwords}")
        else:
            lines.append("allow_anonymous true")
        running.append(Broker(folder, "\n".join(lines)))
        running[-1].start()
        return running[-1]

    yield begin
    for one in running:
        one.kill()
