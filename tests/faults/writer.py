"""Keeps an outbox busy for the tests of power cuts: a process to be stopped and killed at any instant."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from edge.config import schema
from edge.device.clock import SystemClock
from edge.mqtt.outbox import Outbox

DELIVER_EVERY = 50  # turns
KEEP = 300  # waiting messages from which on the oldest half is delivered


def main() -> int:
    path, per_s = Path(sys.argv[1]), float(sys.argv[2])
    clock = SystemClock()
    outbox = Outbox(path, schema.OutboxConfig(), "writer", clock)
    number = delivered = committed = 0
    while True:
        for _ in range(10):
            number += 1
            text = json.dumps({"number": number, "filler": "x" * (number * 7 % 900)}).encode()
            outbox.add(1 + number % 3, f"n{number}", text, clock.monotonic(), (clock.wall(), True))
        if number % (10 * DELIVER_EVERY) == 0 and len(outbox) > KEEP:
            for row in outbox.after(0, len(outbox) // 2):
                delivered = int(row.topic.removeprefix("n"))
                outbox.delivered(row.id)
        if number % 50 == 0:
            say(committed, delivered)  # what the commit may delete, before it does
            outbox.commit()
            committed = number
            say(committed, delivered)
        time.sleep(10 / per_s)


def say(committed: int, delivered: int) -> None:
    sys.stdout.write(json.dumps([committed, delivered]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
