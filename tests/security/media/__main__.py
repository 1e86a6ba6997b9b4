"""Runs the service on faces and voices for a while, with all that happens in a year, and searches what it wrote."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.helpers import media
from tests.helpers.broker import Broker, Observer, free_port
from tests.helpers.service import toml
from tests.security.media.calls import STRACE, Traced
from tests.security.media.messages import Account
from tests.security.media.network import Sniffer, alone
from tests.security.media.search import Known, Searched

DEVICE = "shelf"
ROOT = f"emotion/{DEVICE}"
WORDS = (
    "I am so very glad to see you here today, what a wonderful surprise. No, leave me alone, I have had enough. "
    "It is raining again, and nobody came."
)
# Where a process of ours may write: its own channels, the terminal or log, sockets that were captured as packets.
CHANNELS = ("/dev/null", "pipe", "anon_inode", "eventfd", "socket", "TCP", "UNIX", "NETLINK", "UDP")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/media-check", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: %(default)g)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="also write the result (JSON) there")
    arguments = parser.parse_args()
    if STRACE is None:
        sys.stderr.write("media-check: needs strace: apt install strace\n")
        return 2
    try:
        alone()
    except OSError as error:
        sys.stderr.write(f"media-check: {error.strerror}; run it as root, or allow user namespaces\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="media-check-") as folder:
        result = watched(Path(folder), arguments.minutes * 60)
    text = json.dumps(result, indent=1)
    sys.stdout.write(text + "\n")
    if arguments.record:
        arguments.record.write_text(text + "\n")
    return 1 if result["findings"] else 0


def watched(folder: Path, seconds: float) -> dict[str, Any]:
    """One run, and what was found in what it wrote."""
    long = seconds > 120
    video = media.write_video(folder / "face.mp4", seconds=20 if long else 4)
    audio = media.write_speech(folder / "voice.wav", WORDS)
    known = Known.of(video, audio)
    door = free_port()
    broker = Broker(folder, f"allow_anonymous true\nlistener {door} 127.0.0.1\nallow_anonymous true")
    account, said = Account(ROOT), Searched(known, "said to the broker")

    def heard(source: int, target: int, content: bytes) -> None:
        if target == broker.port:
            said.feed(content)
            account.take(source, content)

    sniffer = Sniffer(heard)
    broker.start()
    observer = Observer(door)
    config = toml(
        device={"name": DEVICE}, camera={"source": str(video)}, microphone={"source": str(audio)},
        mqtt={"host": "127.0.0.1", "port": broker.port}, log={"level": "debug"},
        publish={"health_every_s": 1.0, "state_every_s": 1.0, "summary_every_s": 5.0, "modalities": True},
    )  # fmt: skip
    (folder / "config.toml").write_text(config)
    disk = Searched(known, "on disk")
    files: set[str] = set()
    began = time.monotonic()
    state = folder / "state"
    words = [sys.executable, "-m", "edge", "run", "--config", str(folder / "config.toml"), "--state", str(state)]
    service = Traced(words, folder, known)
    try:
        observer.wait("/reading", 240, lambda m: bool(m.json["face"]))
        observer.wait("/reading", 240, lambda m: bool(m.json["speech"]))
        while True:
            _a_while(
                service, observer, broker, partial(_keep, state, disk, files), seconds - (time.monotonic() - began)
            )
            if time.monotonic() - began >= seconds:
                break
        health = observer.wait("/health", 30, lambda m: m.at > time.time() - 3).json
    except AssertionError as error:
        raise SystemExit(f"media-check: {error}; the service says:\n{service.log.read_text()[-3000:]}") from None
    finally:
        status = service.stop()
        observer.close()
        broker.kill()
        sniffer.stop()
    _keep(state, disk, files)
    result = _result(
        seconds=time.monotonic() - began, health=health, account=account, said=said, sniffer=sniffer, traced=service,
        disk=disk, files=files, state=state, known=known,
    )  # fmt: skip
    return result if status == 0 else {**result, "findings": [*result["findings"], f"it ended with status {status}"]}


def _a_while(service: Traced, observer: Observer, broker: Broker, keep: Callable[[], None], left: float) -> None:
    """What may happen to it: questions, nonsense, a reload, privacy, a broker that is away."""
    for name in ("info", "health", "config", "doctor"):
        observer.send(f"{ROOT}/request/{name}", json.dumps({"transaction": name}))
    observer.send(f"{ROOT}/config/decision.enter/set", "0.5")
    observer.send(f"{ROOT}/config/camera.source/set", '"/dev/video0"')
    observer.send(f"{ROOT}/request/picture", "{}")
    service.signal(signal.SIGHUP)
    time.sleep(min(20.0, max(2.0, left / 4)))
    broker.kill()
    end = time.monotonic() + min(20.0, max(4.0, left / 4))
    while time.monotonic() < end:
        time.sleep(1.0)
        keep()
    broker.start()
    time.sleep(min(20.0, max(4.0, left / 4)))


def _keep(state: Path, disk: Searched, files: set[str]) -> None:
    """Search what lies in the state folder now."""
    for file in state.rglob("*"):
        try:
            if file.is_file():
                disk.feed(file.read_bytes())
                files.add(file.name)
        except OSError:
            continue  # gone with what was delivered


def _result(
    *,
    seconds: float, health: dict[str, Any], account: Account, said: Searched, sniffer: Sniffer, traced: Traced,
    disk: Searched, files: set[str], state: Path, known: Known,
) -> dict[str, Any]:  # fmt: skip
    log = Searched(known, "in the log")
    log.feed(traced.log.read_bytes())
    found = said.look() | disk.look() | log.look()
    for target, stream in traced.streams.items():
        stream.found.clear()
        stream.look()
        found |= stream.found
        if not target.startswith(CHANNELS) and not target.startswith((str(state), str(traced.log))):
            found.add(f"written to {target}")
    for path in traced.opened:
        if not path.startswith((str(state), "/dev/null", "/dev/tty")):
            found.add(f"opened for writing: {path}")
    found |= {f"a message that is no message of ours: {line}" for line in account.wrong[:20]}
    found |= {f"{count} packets of {what}" for what, count in sniffer.elsewhere.items()}
    found |= {f"{call} moves bytes unseen" for call in traced.unseen}
    if sniffer.lost:
        found.add(f"{sniffer.lost} packets were not captured, so this says nothing")
    payloads = sum(count for kind, count in account.bytes.items() if kind)
    if said.total != payloads + account.bytes[""] + account.closed():
        found.add("not every byte to the broker belongs to an MQTT packet")
    raw = health["frames"] * 640 * 480 * 3 + int(seconds) * 32_000
    written = sum(stream.total for stream in traced.streams.values())
    if payloads < 10_000 or written < payloads:
        found.add(f"too little was captured: {payloads} bytes of messages, {written} bytes written")
    return {
        "minutes": round(seconds / 60, 2),
        "frames": health["frames"],
        "seen_and_heard_mb": round(raw / 1e6, 1),
        "to_the_broker_bytes": said.total,
        "of_that_messages_bytes": payloads,
        "messages": dict(sorted(account.messages.items())),
        "packets_captured": sniffer.packets,
        "written_bytes": written,
        "written_to": {_renamed(target, state): stream.total for target, stream in sorted(traced.streams.items())},
        "files_in_the_state_folder": sorted(files),
        "disk_searched_bytes": disk.total,
        "pieces_searched_for": len(known.pieces),
        "bytes_written_per_million_seen_and_heard": round(1e6 * written / raw),
        "findings": sorted(found),
    }


def _renamed(target: str, state: Path) -> str:
    """Without folders that are gone when this is read."""
    return target.replace(str(state), "STATE").replace(str(state.parent), "FOLDER")


if __name__ == "__main__":
    shutil.which("mosquitto") or sys.exit("media-check: needs mosquitto: apt install mosquitto")
    sys.exit(main())
