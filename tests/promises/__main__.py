"""Replay every promise against a real running service and print a line each. Status 1 if one is broken.

scripts/promises            all of them
scripts/promises 1 4 17     these
scripts/promises --list     what there is
scripts/promises --installed /opt/emotion-edge/current/bin/python
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults.rig import Rig
from tests.helpers import media
from tests.promises.registry import Promise, promises


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/promises", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER")
    parser.add_argument("--list", action="store_true", help="print the promises and replay none")
    parser.add_argument("--installed", metavar="PYTHON", help="the Python of an installed service, to try that one")
    arguments = parser.parse_args()
    if arguments.installed:
        os.environ["EMOTION_EDGE_INSTALLED_PYTHON"] = arguments.installed
    logging.disable(logging.CRITICAL)  # the service has a log of its own
    chosen = [one for one in promises() if not arguments.numbers or one.number in arguments.numbers]
    if arguments.list:
        for one in chosen:
            print(f"{one.number:>3}  {one.title}")
        return 0
    with tempfile.TemporaryDirectory(prefix="promises-") as folder:
        here = Path(folder)
        video, audio = media.write_video(here / "face.mp4"), media.write_speech(here / "voice.wav")
        kept = [tell(one, here, video, audio) for one in chosen]
    print(f"\n{sum(kept)} of {len(kept)} kept")
    return 0 if all(kept) else 1


def tell(one: Promise, folder: Path, video: Path, audio: Path) -> bool:
    """Replay one and print its line; False if it is broken."""
    began = time.monotonic()
    kept, mark = True, "\N{CHECK MARK}"
    try:
        seen = replay(one, Path(tempfile.mkdtemp(prefix=f"{one.number}-", dir=folder)), video, audio)
    except pytest.skip.Exception as skipped:
        mark, seen = "-", f"not tried: {skipped}"
    except Exception as error:  # noqa: BLE001 - whatever it is, the promise was not kept
        kept, mark, seen = False, "\N{BALLOT X}", f"BROKEN: {type(error).__name__}: {error}"
    print(
        f"{mark} {one.number:>3}  {one.title}: {' '.join(seen.split())} [{time.monotonic() - began:.0f} s]", flush=True
    )
    return kept


def replay(one: Promise, folder: Path, video: Path, audio: Path) -> str:
    """What was seen, with a service and a broker of its own."""
    rig = Rig(folder, video=video, audio=audio, broker=one.broker)
    try:
        return one.replay(rig)
    finally:
        rig.close()


if __name__ == "__main__":
    sys.exit(main())
