"""Coverage-guided fuzzing of what strangers can hand us; run by scripts/fuzz, which installs atheris."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edge", "tomllib", "tomli"]):
    from tests.faults import fuzzing


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(fuzzing.TARGETS) + " (default: all)")
    parser.add_argument("--seconds", type=int, default=300, help="for each target (default: 300)")
    parser.add_argument(
        "--keep", type=Path, default=Path(".cache/fuzz"), help="corpus and findings (default: .cache/fuzz)"
    )
    parser.add_argument("--record", type=Path, help="append what was run to this file, one JSON line per target")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(fuzzing.TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    failed = False
    folder = fuzzing.folder()  # before forking, so that it can be removed afterwards
    for target in arguments.targets or list(fuzzing.TARGETS):
        child = os.fork()  # libFuzzer never returns
        if child == 0:
            _fuzz(target, arguments.seconds, arguments.keep)
        began = time.monotonic()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        failed |= status != 0
        line = {
            "target": target, "seconds": round(time.monotonic() - began), "status": status,
            "inputs": len(list((arguments.keep / target / "corpus").iterdir())),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
        if arguments.record:
            with arguments.record.open("a") as record:
                record.write(json.dumps(line) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


def _fuzz(target: str, seconds: int, keep: Path) -> None:
    warnings.simplefilter("error")
    corpus = keep / target / "corpus"
    findings = keep / target / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(fuzzing.seeds(target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = keep / target / "words"
    words.write_text("".join(f'"{word}"\n' for word in fuzzing.words(target)))
    options = [
        f"-max_total_time={seconds}", f"-artifact_prefix={findings}/", "-timeout=60", "-rss_limit_mb=800",
        "-max_len=20000", "-print_final_stats=1", "-verbosity=1",
        f"-dict={words}",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], fuzzing.TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
