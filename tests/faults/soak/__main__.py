"""A day of life in a few hours, with faults all the time; run by scripts/soak. Stopped, it goes on where it was."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.faults.soak import tally as books
from tests.faults.soak.rig import Rig, seed_of_today


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time (default: when a day is full)")
    parser.add_argument("--one-run-h", type=float, default=24.0, help="simulated hours in one process (default: 24)")
    parser.add_argument("--keep", type=Path, default=Path(".cache/soak.json"), help="what the next run goes on from")
    parser.add_argument("--record", type=Path, help="where to write the result, too")
    parser.add_argument("--anew", action="store_true", help="forget earlier runs")
    arguments = parser.parse_args()
    if arguments.anew:
        arguments.keep.unlink(missing_ok=True)
    tally = books.load(arguments.keep)
    end = time.monotonic() + arguments.minutes * 60
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not (tally.done or stopped.is_set()) and time.monotonic() < end:
        before = (tally.frames, tally.sound_s)

        def enough(told: dict[str, Any], before: tuple[int, float] = before) -> bool:
            full = before[0] + told["frames"] >= books.FRAMES and before[1] + told["sound_s"] >= books.SOUND_S
            return full or stopped.is_set() or bool(told["device_s"] >= arguments.one_run_h * 3600)

        with tempfile.TemporaryDirectory() as folder:
            rig = Rig(Path(folder), seed_of_today())
            run = rig.run(end - time.monotonic(), enough, lambda line: print(line, flush=True))
        tally.runs.append(run)
        books.save(arguments.keep, tally)
        if run.wrong:
            break
    record = tally.record()
    print(books.shown(record))
    if arguments.record:
        arguments.record.parent.mkdir(parents=True, exist_ok=True)
        arguments.record.write_text(books.shown(record) + "\n")
    return int(bool(record["verdict"]))


if __name__ == "__main__":
    sys.exit(main())
