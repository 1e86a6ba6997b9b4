"""Nothing but JSON leaves: everything that the process writes to sockets and to disk, looked at byte by byte."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.end_to_end.conftest import Start
from tests.helpers.broker import Observer

WRITES = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg"
CALL = re.compile(r"^(?:\[pid +)?(\d+)\]? *(?:[\d.]+ )?(\w+)\((\d+)<([^>]*)>")
LITERAL = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is needed to see what is written")
def test_no_picture_and_no_sound_leaves_the_process(
    start: Start, observer: Observer, video: Path, audio: Path, tmp_path: Path
) -> None:
    service = start()
    trace = tmp_path / "trace"
    tracer = subprocess.Popen(
        ["strace", "-f", "-q", "-y", "-xx", "-s", "1000000", "-e", WRITES, "-o", str(trace), "-p", str(service.pid)]
    )
    try:
        observer.wait("/reading", 30, lambda m: bool(m.json["face"]) and bool(m.json["speech"]))
        time.sleep(6)
    finally:
        service.stop()
        tracer.send_signal(signal.SIGTERM)
        tracer.wait(5)
    written: dict[str, bytes] = {}
    for line in trace.read_text().splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        target = (
            re.sub(r"\[?\d+\]?$", "", bytes.fromhex(call[4].replace("\\x", "")).decode())
            if "\\x" in call[4]
            else call[4]
        )
        content = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in LITERAL.findall(line[call.end() :]))
        written[target] = written.get(target, b"") + content
    everything = b"".join(written.values())
    heard = sum(len(message.payload) + len(message.topic) for message in observer.messages)
    assert len(everything) > heard / 2, "the trace must have seen what the subscriber saw"

    for target in written:
        kind = target.split(":")[0]
        known = ("/dev/null", "TCP", "socket", "pipe", "anon_inode", "UNIX", "eventfd")
        assert kind.startswith(known) or target == str(service.log), f"written to {target}"
    assert len(everything) < 3 * heard + 20_000, "more was written than the messages account for"
    for name, needle in known_media(video, audio):
        assert needle not in everything, f"{name} is in what was written"


def known_media(video: Path, audio: Path) -> list[tuple[str, bytes]]:
    """Pieces of the pictures and the sound that the service was given, raw and as they are commonly encoded."""
    pieces = [("the video file", video.read_bytes()[start : start + 24]) for start in range(500, 200_000, 5000)]
    with wave.open(str(audio)) as source:
        pcm = np.frombuffer(source.readframes(source.getnframes()), np.int16)
    for start in range(9000, 40_000, 1000):
        piece = pcm[start : start + 16]
        pieces.append(("16-bit sound", piece.tobytes()))
        pieces.append(("float sound", (piece.astype(np.float32) / 32768).tobytes()))
    capture = cv2.VideoCapture(str(video))
    for _ in range(40):
        _, picture = capture.read()
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        pieces.append(("a row of a picture", picture[200, 200:212].tobytes()))
        pieces.append(("a row of a grey picture", grey[200, 200:224].tobytes()))
    capture.release()
    signatures = [b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"fLaC", b"OggS", b"ftyp", b"WEBP"]
    return pieces + [(f"the beginning of a file {signature!r}", signature) for signature in signatures]
