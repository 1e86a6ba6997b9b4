"""`emotion-edge bench`: each stage and the whole service, on this machine; with --compare, others beside us."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

import msgspec

from edge.bench import projection
from edge.bench.contest import Result, compare, pictures, verdicts
from edge.bench.media import FPS, Media, sample_media, sample_pictures
from edge.bench.stages import stages
from edge.bench.whole import measure
from edge.device.board import detect


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("bench")
    parser.add_argument("--video", type=Path, help="instead of the sample scene")
    parser.add_argument("--audio", type=Path, help="instead of the sample's voice")
    parser.add_argument(
        "--people", type=int, choices=(1, 2, 3, 4, 8), default=1, help="of the sample scene (default: 1)"
    )
    parser.add_argument(
        "--fps", type=int, default=FPS, metavar="N", help="frames a second of the sample (default: %(default)s)"
    )
    parser.add_argument(
        "--limit", type=float, metavar="PERCENT", help="run the service with this limits.max_cpu_percent"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the service runs (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--compare", action="store_true", help="our face path beside what else is installed (fer)")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="for --compare: a folder for each label (or `smile` and `none`) with pictures; default: the sample scene",
    )
    parser.add_argument("--cropped", action="store_true", help="for --compare: each picture is one face")
    parser.add_argument("--peer-python", metavar="PYTHON", help="for --compare: the Python that has the others")
    parser.add_argument("--core", type=int, default=0, help="for --compare: the core that all run on (default: 0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="emotion-edge-bench-") as name:
        folder = Path(name)
        if arguments.compare:
            return _compare(arguments, folder)
        if arguments.video and arguments.audio:
            media = Media(arguments.video.resolve(), arguments.audio.resolve())
        else:
            sample = sample_media(folder, arguments.people, arguments.fps)
            media = Media(arguments.video or sample.video, arguments.audio or sample.audio)
        by_stage = stages(media)
        whole = measure(media, folder, arguments.seconds, fps=arguments.fps, limit=arguments.limit)
    if arguments.json:
        print(json.dumps({"machine": machine(), "stages": msgspec.to_builtins(by_stage),
                          "service": msgspec.to_builtins(whole)}))  # fmt: skip
        return 0
    print(machine())
    print(f"\n{'stage':<40} {'median ms':>10} {'p95 ms':>10} {'% of a core':>12}")
    for stage, result in by_stage.items():
        share = "" if result.core_percent is None else f"{result.core_percent:.1f}"
        print(f"{stage:<40} {result.median_ms:>10.3f} {result.p95_ms:>10.3f} {share:>12}")
    print(
        f"\nthe whole service, {whole.seconds:.0f} s: {whole.fps:.1f} fps, {whole.cpu_percent:.1f} % of a core, "
        f"{whole.rss_mb:.0f} MB ({whole.rss_mb - whole.rss_first_mb:+.1f}), {whole.wakeups:.0f} wake-ups a second, "
        f"{whole.people} in view, capture to subscriber {whole.latency_ms.median:.0f} ms (p95 "
        f"{whole.latency_ms.p95:.0f} ms); its first reading after {whole.first_reading_cpu_s:.2f} s of processor time"
    )
    if whole.thinned:
        print(f"left out to keep to a limit: {whole.thinned}")
    print("\nno measurement of this machine, but counted instructions of the real code (scripts/cost):")
    print("\n".join(f"  {line}" for line in projection.lines(projection.read())))
    return 0


def _compare(arguments: argparse.Namespace, folder: Path) -> int:
    where = arguments.pictures or sample_pictures(folder / "pictures")
    shown = pictures(where, cropped=arguments.cropped)
    results = []
    if not arguments.json:
        print(f"{machine()}, one core; {len(shown)} pictures\n\n{_HEAD}", flush=True)
    for result in compare(shown, cropped=arguments.cropped, peer_python=arguments.peer_python, core=arguments.core):
        results.append(result)
        if not arguments.json:
            print(_row(result), flush=True)
    if arguments.json:
        print(json.dumps({"machine": machine(), "results": msgspec.to_builtins(results)}))
    elif len({result.name for result in results}) == 1:
        print("\nnothing to compare with: pip install fer, here or in the environment of --peer-python")
    else:
        print("\n" + "\n".join(verdicts(results)))
    return 0


_HEAD = (
    "| | | faces found | accuracy | macro recall | smile area | median ms | p95 ms | start s | MB |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def _row(result: Result) -> str:
    """One line of a Markdown table."""
    shares = [_percent(value) for value in (result.found, result.accuracy, result.macro_recall)]
    area = "" if result.smile_area is None else f"{result.smile_area:.3f}"
    numbers = [f"{result.median_ms:.2f}", f"{result.p95_ms:.2f}", f"{result.start_s:.1f}", f"{result.resident_mb:.0f}"]
    return f"| {' | '.join([result.name, result.way, *shares, area, *numbers])} |"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def machine() -> str:
    """What this was measured on."""
    board = detect()
    model = board.model if board.name != "laptop" else ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            model = model or line.partition(":")[2].strip()
            break
    cores = f"{os.cpu_count()} cores"
    return f"{model or 'unknown machine'}, {cores}, {platform.machine()}, Python {platform.python_version()}"
