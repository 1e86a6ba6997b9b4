"""The service itself, in a process of its own, on a clock that runs as fast as the machine keeps up with.

Everything is the product's own except the clock and the two devices. One JSON line a second tells how far it is.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

import edge.service.build
from edge.capture.soundfiles import read_sound
from edge.config.load import load
from edge.device import paths
from edge.mqtt.publisher import Publisher
from edge.mqtt.retry import RetryPolicy
from edge.readings import Frame, Samples
from edge.service import service, supervision
from edge.service.senses import CameraSense, MicrophoneSense
from tests.faults.soak.clock import HurriedClock
from tests.faults.soak.sources import Film, Troubles, Voice
from tests.helpers.media import write_speech
from tests.helpers.stage import HEIGHT, Person, frame, picture

FASTEST = 40.0
FPS = 24.0
TROUBLE_EVERY_S = 180.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    clock = HurriedClock()
    rng = random.Random(arguments.seed)
    film = Film(clock, Troubles(rng, TROUBLE_EVERY_S, clock.monotonic()), FPS, _somebody(), _nobody())
    voice = Voice(clock, Troubles(rng, TROUBLE_EVERY_S, clock.monotonic()), _tape())
    _real_patience()
    # The broker and the network live in real time.
    retry = RetryPolicy(most=4 * FASTEST, steady=FASTEST, accept=10 * FASTEST, answer=5 * FASTEST)
    loaded = load(arguments.config, overrides=paths.overrides_file(arguments.state))
    with (
        # Functions and no Mocks, which remember every call.
        mock.patch.object(edge.service.build, "SystemClock", new=_giving(clock)),
        mock.patch.object(edge.service.build, "factories", new=_giving((_giving(film), _giving(voice)))),
        mock.patch.object(edge.service.build, "Publisher", partial(Publisher, retry=retry, synced=lambda: True)),
    ):
        device = edge.service.build.build(loaded, arguments.state)
        edge.service.build.obey_signals(device)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the soak, which ends us
        assert device.sight is not None
        assert device.hearing is not None
        watch = (clock, device.sight, device.hearing, film, voice)
        threading.Thread(target=_hurry, args=watch, daemon=True).start()
        return device.run()


def _giving(thing: object) -> Callable[..., object]:
    return lambda *_: thing


def _real_patience() -> None:
    """What is judged by how long a thread really takes stays as long as in life."""
    supervision.HUNG_S *= FASTEST
    service.SLOW_HUNG_S *= FASTEST
    service.FLOW_S *= FASTEST


def _hurry(clock: HurriedClock, sight: CameraSense, hearing: MicrophoneSense, film: Film, voice: Voice) -> None:
    """As fast as nothing is left out; and once a second a line."""
    began = clock.monotonic()
    told = 0.0
    dropped = (0, 0.0)
    while True:
        time.sleep(0.25)
        late = (sight.slot.dropped, hearing.queue.dropped_s)
        missed = (late[0] - dropped[0]) / (FPS * clock.rate * 0.25)
        behind = missed > 0.1 or len(hearing.queue) > 20
        dropped = late
        clock.run_at(min(FASTEST, max(1.0, clock.rate * (0.9 if behind else 1.05))))
        if time.monotonic() - told >= 1.0:
            told = time.monotonic()
            line = {
                "device_s": round(clock.monotonic() - began, 1), "rate": round(clock.rate, 1),
                "frames": sight.slot.taken, "frames_dropped": sight.slot.dropped,
                "sound_s": round(voice.made * 0.1, 1), "sound_dropped_s": round(hearing.queue.dropped_s, 1),
                "camera_faults": film._troubles.met, "microphone_faults": voice._troubles.met,
                "in_use_mb": round(_in_use() / 1e6, 3), "objects": sys.getallocatedblocks(),
            }  # fmt: skip
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


class _Mallinfo2(ctypes.Structure):
    """As in malloc.h of glibc 2.33."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def _in_use() -> int:
    """Bytes that the allocator has lent and not got back: memory that grows without this growing is its pools."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _Mallinfo2
    told = ask()
    return int(told.uordblks + told.hblkhd)


def _somebody() -> list[Frame]:
    """A person who sways, with the noise of a sensor."""
    return [
        frame(picture([Person(320 + 50 * np.sin(n / 12), HEIGHT / 2 + 8 * np.sin(n / 7))], seed=n), n)
        for n in range(60)
    ]


def _nobody() -> list[Frame]:
    return [frame(picture([], seed=1000 + n), n) for n in range(20)]


def _tape() -> Samples:
    """Speech, a pause, and a quiet room."""
    with tempfile.TemporaryDirectory() as folder:
        speech = read_sound(write_speech(Path(folder) / "voice.wav"))
    quiet = np.random.default_rng(2).normal(0.0, 3e-4, len(speech)).astype(np.float32)
    return np.concatenate((speech, quiet))


if __name__ == "__main__":
    sys.exit(main())
