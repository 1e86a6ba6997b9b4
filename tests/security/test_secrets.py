"""A secret stays one: marked passwords go in, and everything that the process says or leaves behind is searched."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edge.config.advice import advice
from edge.config.schema import CameraConfig, Config, MqttConfig
from edge.config.secrets import exposed
from tests.helpers.broker import MOSQUITTO, Broker, Observer, free_port, wait_for
from tests.helpers.service import DEVICE, Start

PREFIX = f"emotion/{DEVICE}"
MARK = "zx81qv"  # in every secret
PASSWORD = f"{MARK}-password"


@pytest.fixture
def two_doors(tmp_path: Path) -> Iterator[tuple[Broker, int]]:
    """A broker that asks the service for a password, and a port for the observer."""
    passwd = shutil.which("mosquitto_passwd")
    if MOSQUITTO is None or passwd is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    folder = tmp_path / "broker"
    folder.mkdir()
    (folder / "users").touch(0o600)
    subprocess.run([passwd, "-b", str(folder / "users"), "edge", PASSWORD], check=True, capture_output=True)
    port = free_port()
    one = Broker(
        folder,
        f"allow_anonymous false\npassword_file {folder / 'users'}\nlistener {port} 127.0.0.1\nallow_anonymous true",
    )
    config = folder / "mosquitto.conf"
    config.write_text("per_listener_settings true\n" + config.read_text())
    one.start()
    yield one, port
    one.kill()


def children(pid: int) -> list[int]:
    found = [pid]
    for task in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(task.read_text().rpartition(")")[2].split()[1]) == pid:
                found += children(int(task.parent.name))
        except (OSError, IndexError):
            continue
    return found


SOURCES = {
    "stream": f"http://cam:{MARK}-cam@127.0.0.1:PORT/live.mjpg?token={MARK}-token",
    "pipeline": f"gst:rtspsrc location=rtsp://cam:{MARK}-cam@127.0.0.1:PORT/x user-pw={MARK}-pw ! appsink",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_nothing_that_is_said_holds_a_secret(
    start: Start, two_doors: tuple[Broker, int], tmp_path: Path, kind: str
) -> None:
    broker, door = two_doors
    observer = Observer(door)
    password = tmp_path / "password"
    password.write_text("wrong-" + PASSWORD)
    password.chmod(0o600)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    source = SOURCES[kind].replace("PORT", str(free_port()))
    service = start(
        "--view",
        env={"TMPDIR": str(temporary)},
        camera={"source": source},
        mqtt={"port": broker.port, "username": "edge", "password_file": str(password)},
        log={"level": "debug"},
    )
    # Refused, then with the right password; configs that cannot be used, with secrets at wrong places.
    wait_for(lambda: b"refuse" in service.log.read_bytes(), 20, "the refusal")
    listed = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(service.pid))
    assert b"watch" in listed
    service.stop()
    password.write_text(PASSWORD)
    service.start("--for", "600")
    observer.wait("/status/camera", 20, lambda m: m.json["state"] == "offline" and m.json["reason"] != "")
    good = service.config.read_text()
    for number, bad in enumerate(
        (
            good.replace("[mqtt]", f'[mqtt]\npassword = "{MARK}-inline"'),
            good.replace("[mqtt]", f"[mqtt]\nbase = {MARK}-unquoted"),
            good.replace('host = "127.0.0.1"', f'host = "edge:{MARK}-host@127.0.0.1"'),
            good.replace("[camera]", f'[camera]\nsauce = "rtsp://u:{MARK}-sauce@h"'),
            good.replace(source, source + "\\u0007"),
            f'camera = "{source}"\n',
        )
    ):
        service.config.write_text(bad)
        service.signal(signal.SIGHUP)
        wait_for(partial(_reloads, service.log, number + 1), 8, f"reload {number}")
    service.config.write_text(good)
    for topic, payload in (
        ("request/info", '{"transaction": 1}'), ("request/config", '{"transaction": 2}'),
        ("config/mqtt.password_file/set", '"/x"'), ("config/camera.source/set", '"x"'), ("request/nothing", "{}"),
        ("request/doctor", '{"transaction": 3}'),
    ):  # fmt: skip
        observer.send(f"{PREFIX}/{topic}", payload)
    observer.wait("/response/config", 10, lambda m: m.json["transaction"] == 2)
    observer.wait("/response/info", 10)
    listed += b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(service.pid))
    assert service.stop() == 0

    said = {
        "log": service.log.read_bytes(),
        "command lines": listed,
        **{f"{m.topic} {number}": m.payload + m.topic.encode() for number, m in enumerate(observer.messages)},
        **{str(file): file.read_bytes() for file in service.state.rglob("*") if file.is_file()},
        **{str(file): file.read_bytes() for file in temporary.rglob("*") if file.is_file()},
    }
    observer.close()
    leaks = {name: content[max(0, content.find(MARK.encode()) - 100) :][:200] for name, content in said.items()
             if MARK.encode() in content}  # fmt: skip
    assert not leaks
    assert len(said) > 20
    assert b"DEBUG" in said["log"] or b"config not reloaded" in said["log"]


def _reloads(log: Path, wanted: int) -> bool:
    return log.read_text().count("config not reloaded") >= wanted


def emotion_edge(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


def test_nor_what_the_commands_say(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[camera]\nsource = "rtsp://u:{MARK}@127.0.0.1:1/x"\n[mqtt]\nhost = "127.0.0.1"\nport = 1\nusername = "u"\n'
        f'password_file = "{MARK}"\n'  # the password itself, by mistake
    )
    config.chmod(0o600)
    for words in (
        ("check", config), ("run", "--config", config, "--state", tmp_path / "s", "--for", "1"),
        ("watch", "--config", config, "--for", "1"), ("unit", "--config", config),
    ):  # fmt: skip
        done = emotion_edge(*words)
        said = done.stdout + done.stderr
        if words[0] == "check":  # shows the owner's own file to its owner, the name of the password file included
            said = "\n".join(line for line in said.splitlines() if not line.startswith("password_file = "))
        assert MARK not in said, words
        assert "Traceback" not in said
    done = emotion_edge("setup", "--broker", f"u:{MARK}@host", "--config", tmp_path / "new.toml")
    assert done.returncode == 78
    assert MARK not in done.stdout + done.stderr


def test_a_password_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    config = tmp_path / "config.toml"
    config.write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = 1\nusername = "u"\npassword_file = "{password}"\n')
    done = emotion_edge("run", "--config", config, "--state", tmp_path / "state")
    assert done.returncode == 78
    assert f"chmod 600 {password}" in done.stderr
    assert PASSWORD not in done.stderr
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    config.write_text(config.read_text().replace(str(password), str(fifo)))
    done = emotion_edge("run", "--config", config, "--state", tmp_path / "state")
    assert done.returncode == 78
    assert "is not a file" in done.stderr


def test_files_with_secrets_that_everybody_can_read_are_told(tmp_path: Path) -> None:
    path, key = tmp_path / "config.toml", tmp_path / "key.pem"
    for file in (path, key):
        file.touch()
        file.chmod(0o644)
    config = Config(
        camera=CameraConfig(source="rtsp://u:p@cam/x"),
        mqtt=MqttConfig(host="broker", username="u", tls=True, cert_file="/c", key_file=str(key)),
    )
    assert [line.partition(": ")[0] for line in exposed(config, path)] == [str(path), "mqtt.key_file"]
    assert set(exposed(config, path)) <= set(advice(config, path))
    for file in (path, key):
        file.chmod(0o640)  # root's, and the service's group
    assert exposed(config, path) == []
    path.chmod(0o644)
    assert exposed(Config(), path) == []


def test_a_password_without_tls_is_told_unless_it_stays_on_the_device(tmp_path: Path) -> None:
    def told(host: str, username: str = "u", tls: bool = False) -> bool:
        lines = advice(Config(mqtt=MqttConfig(host=host, username=username, tls=tls)), None)
        return any(line.startswith("mqtt.tls: ") for line in lines)

    assert told("broker")
    assert not told("broker", tls=True)
    assert not told("broker", username="")
    assert not told("localhost")
    assert not told("127.0.0.1")


# Memory


def _dies(words: list[str], folder: Path, ready: Path, number: int = signal.SIGSEGV) -> tuple[bool, list[str]]:
    """Whether the kernel dumped it, and what lies in its folder then."""

    def unlimited() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        os.chdir(folder)

    process = subprocess.Popen(words, preexec_fn=unlimited, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: PLW1509
    wait_for(ready.exists, 30, "it to run")
    time.sleep(0.3)
    os.kill(process.pid, number)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -number  # waited for
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == number
    return os.WCOREDUMP(status), [path.name for path in folder.iterdir() if "core" in path.name]


def test_a_crash_leaves_no_memory_behind(tmp_path: Path, broker: Broker) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("core dumps are forbidden here altogether")
    folder = tmp_path / "crash"
    folder.mkdir()
    code = f"open({str(tmp_path / 'up')!r}, 'w'); import time; time.sleep(60)"
    if not _dies([sys.executable, "-c", code], folder, tmp_path / "up")[0]:
        pytest.skip("this kernel dumps nobody")
    for file in folder.iterdir():
        file.unlink()
    config = tmp_path / "config.toml"
    config.write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[camera]\nsource = "none"\n')
    root = Path(__file__).parents[2]
    words = ["env", f"PYTHONPATH={root}", sys.executable, "-m", "edge", "run", "--config", str(config),
             "--state", str(tmp_path / "state")]  # fmt: skip
    observer = Observer(broker.port)
    # It has said `online` by the time it is killed.
    up = tmp_path / "online"
    observer._client.on_message = lambda *_: up.touch()
    dumped, left = _dies(words, folder, up)
    observer.close()
    assert not dumped
    assert left == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user twice")
def test_others_of_the_same_user_see_neither_memory_nor_environment(tmp_path: Path) -> None:
    """On a desktop many programs run as the same user."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        pytest.skip("needs the system's Python, which any user may run")
    shutil.copy(Path(__file__).parents[2] / "edge" / "device" / "hardening.py", tmp_path / "hardening.py")
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and str(folder).startswith("/tmp/"):  # noqa: S108
            folder.chmod(0o755)
    seen = []
    for first in ("", "import hardening; hardening.forbid_dumps(); "):
        code = f"{first}import sys, time; print('up', flush=True); time.sleep(30)"
        process = subprocess.Popen(
            [python, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path,
            env={"EMOTION_EDGE_MQTT_PASSWORD": PASSWORD}, **nobody,  # type: ignore[call-overload]
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        looks = [f"/proc/{process.pid}/{name}" for name in ("environ", "maps", "fd/0")]
        code = "import sys\nfor f in sys.argv[1:]:\n try: open(f, 'rb').read(100); print(1)\n except OSError: print(0)"
        seen.append(
            subprocess.run([python, "-c", code, *looks], capture_output=True, text=True, check=True, **nobody).stdout  # type: ignore[call-overload]
        )
        process.kill()
        process.wait()
        process.stdout.close()
    assert seen[0].split()[:2] == ["1", "1"]  # or this test would prove nothing
    assert seen[1].split() == ["0", "0", "0"]
