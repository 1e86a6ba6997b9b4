"""Counts what the service costs on a Raspberry Pi; started by scripts/cost, which makes what this needs."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.bench.media import people_picture, sample_media
from edge.bench.projection import ASSUMED, BOARDS, FPS, RECORD, whole
from edge.bench.whole import measure
from edge.commands.bench import machine
from edge.demo import voice
from edge.readings import SAMPLE_RATE

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KINDS = ("all", "simd", "multiply", "memory", "branch", "calls")

# What is counted with every submission.
CHEAP = (
    "classify a face",
    "one look for faces",
    "prepare a frame",
    "prepare a frame, JPEG",
    "follow a frame",
    "a voiced second",
    "a second of other sound",
    "a quiet second",
    "decide",
)
SCALING = (
    *(f"follow a frame, {people} people" for people in (2, 4, 8)),
    *(f"{what} a frame, {size}" for size in ("320x240", "1280x720", "1920x1080") for what in ("prepare", "follow")),
    *(f"follow a frame, {fps} fps" for fps in (5, 30, 60)),
)
# People, frames a second, limits.max_cpu_percent.
MEASURED = ((1, 15, None), (4, 15, None), (8, 15, None), (1, 30, 5.0), (4, 30, 6.0), (8, 30, 5.0))
COUNTED = ("face", "finder", "speech")
OTHER_MODELS = 3  # exit status: there is nothing to compare with
GROWTH = 1.05  # a stage may cost so many times what the record says

# Seconds of the sample's sound: one that the voice detector takes for a voice all along, one that it refuses.
VOICE_S, REFUSED_S = 20.0, 52.0

Counts = dict[str, float]


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.record and (arguments.only or arguments.board):
        raise SystemExit("cost: a record is of all stages and boards, not of some")
    if arguments.measure:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        write({**record, "measured": measured()})
        return 0
    boards = [arguments.board] if arguments.board else ["a72"] if arguments.check else list(BOARDS)
    names = tuple(arguments.only) or CHEAP + (SCALING if arguments.scaling or arguments.record else ())
    make_material(arguments.environment / "material", names)
    if not (arguments.environment / "pycache").exists():
        dict(count(arguments.environment, boards[0], ()))  # what is compiled once does not belong to a start
    counted = {board: dict(count(arguments.environment, board, names)) for board in boards}
    result = {
        "assumed": ASSUMED,
        "models": models(),
        "stages": counted,
        "whole": {} if arguments.only else {board: whole(counted[board]) for board in boards},
    }
    print(json.dumps(result, indent=1) if arguments.json else table(result))
    if arguments.record:
        before = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
        write({**result, **{key: before[key] for key in ("measured",) if key in before}})
    if arguments.check:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        if record["models"] != result["models"]:
            print("the record is of other models: scripts/cost --record makes a new one", file=sys.stderr)
            return OTHER_MODELS
        grown = list(growth(record, result))
        print("\n".join(grown) or "no stage costs more than the record says", file=sys.stderr)
        return 1 if grown else 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/cost")
    parser.add_argument("environment", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--board", choices=BOARDS, help="only this one")
    parser.add_argument("--scaling", action="store_true", help="also more people, other sizes and rates")
    parser.add_argument("--only", action="append", default=[], metavar="STAGE", help="this stage alone; again for more")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the result as the record")
    parser.add_argument("--measure", action="store_true", help="run the service here and keep what it takes, too")
    parser.add_argument("--check", action="store_true", help="fail if a stage costs 5 %% more than the record says")
    return parser


def count(environment: Path, board: str, names: tuple[str, ...]) -> Iterator[tuple[str, Counts]]:
    """Million instructions of each stage, by kind; "start" is what it takes to import the service."""
    tree = environment / "tree"
    (tree / "proc").mkdir(exist_ok=True)
    (tree / "proc" / "cpuinfo").write_bytes((HERE / f"cpuinfo.{board}").read_bytes())  # the runtime looks there
    variables = {
        "PYTHONPATH": f"{environment / 'packages'}:{ROOT}",
        "PYTHONPYCACHEPREFIX": str(environment / "pycache"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LD_LIBRARY_PATH": "",  # that is the emulator's
        "HOME": "/nonexistent",
    }
    command = [
        environment / "qemu/usr/bin/qemu-aarch64", "-cpu", f"cortex-{board}", "-L", tree,
        "-plugin", environment / "count.so",
        *(word for name, value in variables.items() for word in ("-E", f"{name}={value}")),
        tree / "usr/bin/python3.11", "-S", HERE / "stages.py", environment / "material", *names,
    ]  # fmt: skip
    libraries = {"LD_LIBRARY_PATH": str(environment / "qemu/usr/lib/x86_64-linux-gnu")}
    done = subprocess.run([str(word) for word in command], env=libraries, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"cost: the emulated service failed:\n{done.stderr[-2000:]}")
    yield from parsed(done.stderr)


def parsed(lines: str) -> Iterator[tuple[str, Counts]]:
    """From the lines of the plugin and of the stages."""
    marks: dict[int, list[int]] = {}
    stages: list[tuple[int, int, str]] = []
    for line in lines.splitlines():
        words = line.split(maxsplit=3)
        if words[:1] == ["MARK"]:
            number, *values = map(int, line.split()[1:])
            marks[number] = values
        elif words[:1] == ["STAGE"]:
            stages.append((int(words[1]), int(words[2]), words[3]))
    for first, times, name in [(0, 1, "start"), *stages]:
        spent = [after - before for before, after in zip(marks[first], marks[first + 1], strict=True)]
        yield name, {kind: round(value / times / 1e6, 4) for kind, value in zip(KINDS, spent, strict=True)}


def models() -> dict[str, str]:
    """The models that are counted, by the hash of their files."""
    return {name: json.loads((ROOT / "models" / name / "manifest.json").read_text())["sha256"] for name in COUNTED}


def measured() -> dict[str, Any]:
    """The running service on this machine: some people, and some limits."""
    found: dict[str, Any] = {}
    for people, fps, limit in MEASURED:
        name = f"{people} {'person' if people == 1 else 'people'}" + (f", {fps} fps, limit {limit} %" if limit else "")
        with tempfile.TemporaryDirectory(prefix="emotion-edge-cost-") as folder:
            media = sample_media(Path(folder), people, fps)
            found[name] = msgspec.to_builtins(measure(media, Path(folder), 20.0, fps=fps, limit=limit))
        print(name, found[name])
    return {"machine": machine(), "service": found}


def write(record: dict[str, Any]) -> None:
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def growth(record: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for board, stages in now["stages"].items():
        for name, counts in stages.items():
            before = record["stages"].get(board, {}).get(name)
            if name != "start" and before and counts["all"] > GROWTH * before["all"]:
                yield f"{BOARDS[board].says}: {name}: {before['all']:.2f} -> {counts['all']:.2f} million instructions"


def table(result: dict[str, Any]) -> str:
    lines = []
    for board, stages in result["stages"].items():
        says = BOARDS[board]
        lines.append(f"{says.says}, million instructions{'':12} all   SIMD  multiply  memory  branch")
        for name, counts in stages.items():
            shares = [f"{100 * counts[kind] / counts['all']:6.0f} %" for kind in KINDS[1:5]]
            lines.append(f"  {name:38}{counts['all']:9.2f} {' '.join(shares)}")
        total = result["whole"].get(board)
        if total is None:
            continue
        best, worst = says.share(total)
        lines.append(
            f"  the whole service, a second: {total:.0f}; projected {best:.0f} to {worst:.0f} % of a core "
            f"({says.mhz} MHz, {says.ipc[0]} to {says.ipc[1]} instructions a cycle)"
        )
    return "\n".join([*lines, f"assumed: {result['assumed']}"])


def make_material(folder: Path, names: tuple[str, ...]) -> None:
    """Pictures and sound of the sample scene, made here and not by the emulated processor."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"people-1": (1, 640, 480)}
    for name in names:
        kind = name.rpartition(", ")[2]
        if kind.endswith(" people"):
            wanted[f"people-{kind.split()[0]}"] = (int(kind.split()[0]), 640, 480)
        elif "x" in kind and kind[0].isdigit():
            width, height = map(int, kind.split("x"))
            wanted[f"size-{kind}"] = (1, width, height)
    for name, (people, width, height) in wanted.items():
        many = (
            60 if name.startswith("people") else 24
        )  # both twice a round of looks, the first to get to know who is there
        np.save(folder / f"{name}.npy", np.stack([people_picture(people, width, height, i / FPS) for i in range(many)]))
    sound = voice.spoken(synthetic=True)
    np.save(folder / "voice.npy", seconds_of(sound, VOICE_S))
    np.save(folder / "other.npy", seconds_of(sound, REFUSED_S))
    np.save(folder / "quiet.npy", np.random.default_rng(0).normal(0, 0.0004, 4 * SAMPLE_RATE).astype(np.float32))


def seconds_of(sound: NDArray[np.float32], begin: float) -> NDArray[np.float32]:
    """Four seconds of it."""
    return sound[round(begin * SAMPLE_RATE) :][: 4 * SAMPLE_RATE]


if __name__ == "__main__":
    sys.exit(main())
