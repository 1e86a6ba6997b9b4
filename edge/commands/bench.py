"""`emotion-edge bench`: each stage and the whole service, on this machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

import msgspec

from edge.bench.media import Media, sample_media
from edge.bench.stages import stages
from edge.bench.whole import measure
from edge.board import detect


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("bench", help="measure each stage and the whole service on this machine")
    parser.add_argument("--video", type=Path, help="instead of the sample scene")
    parser.add_argument("--audio", type=Path, help="instead of the sample's voice")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the service runs (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="emotion-edge-bench-") as name:
        folder = Path(name)
        if arguments.video and arguments.audio:
            media = Media(arguments.video.resolve(), arguments.audio.resolve())
        else:
            sample = sample_media(folder)
            media = Media(arguments.video or sample.video, arguments.audio or sample.audio)
        by_stage = stages(media)
        whole = measure(media, folder, arguments.seconds)
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
        f"{whole.rss_mb:.0f} MB, capture to subscriber {whole.latency_ms.median:.0f} ms "
        f"(p95 {whole.latency_ms.p95:.0f} ms)"
    )
    return 0


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
