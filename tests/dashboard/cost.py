"""`scripts/page-cost`: what the page costs, in processor time of its own threads and of the loop that tells it things.

Thread time does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge.config.schema import Config
from edge.dashboard.live import encoded
from edge.dashboard.observer import DashboardObserver
from tests.dashboard.web import Web
from tests.helpers.broker import free_port
from tests.helpers.page import HEALTH, ScriptedHour, page, told_at_start


def used(names: tuple[str, ...]) -> float:
    """Seconds of processor time of our threads with these names, so far."""
    total = 0.0
    for thread in threading.enumerate():
        if thread.name.startswith(names):
            fields = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
            total += int(fields[0]) / 1e9
    return total


def tell(dashboard: DashboardObserver, seconds: float) -> tuple[float, int]:
    """Two readings a second and what goes with them, in real time; seconds spent in `hear`, and messages."""
    began = time.monotonic()
    script = ScriptedHour(began, time.time(), 0.0)
    spent, messages = 0.0, 0
    while time.monotonic() < began + seconds:
        for topic, payload, at in script.until(time.monotonic()):
            before = time.thread_time()
            dashboard.notify(topic, payload, at)
            spent += time.thread_time() - before
            messages += 1
        time.sleep(0.1)
    return spent, messages


def measure(dashboard: DashboardObserver, what: str, seconds: float) -> None:
    threads = ("dashboard",)
    before = used(threads)
    spent, messages = tell(dashboard, seconds)
    share = 100 * (used(threads) - before) / seconds
    each = 1e6 * spent / max(messages, 1)
    line = f"{what}: the page's threads {share:.2f} % of a core; the decision loop {each:.0f} µs a message"
    print(f"{line} ({messages} messages, {100 * spent / seconds:.3f} %)", flush=True)  # noqa: T201


def read_on(told: Iterator[tuple[str, dict[str, Any]]], sent: list[int]) -> None:
    """Take all that comes; `sent` gathers how many bytes it were."""
    with contextlib.suppress(OSError):
        for name, content in told:
            sent.append(len(encoded(name, content)))


def size(web: Web) -> None:
    """What a browser that opens the page fetches, and what the stream sends it then."""
    names = ["/", "/page.css", "/icon.svg", "/catalogue.js", "/main.js"]
    for name in names:  # modules name the modules that they need
        if name.endswith(".js"):
            names += [f"/{each}" for each in re.findall(r'from "\./([a-z]+\.js)"', web.get(name).body.decode())
                      if f"/{each}" not in names]  # fmt: skip
    total = sum(len(web.get(name).body) for name in names)
    print(f"to open it: {len(names)} files, {total / 1000:.0f} kB, once", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/page-cost")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each line (default: 20)")
    seconds = parser.parse_args().seconds
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, page(Path(folder), port) as dashboard:
        web = Web(port)
        web.wait()
        for topic, payload in told_at_start(Config()):
            dashboard.notify(topic, payload, None)
        dashboard.notify("health", HEALTH, None)
        time.sleep(0.5)
        size(web)
        measure(dashboard, "nobody looks", seconds)
        with ExitStack() as stack:
            for viewers in (1, 8):
                while len(dashboard._viewers) < viewers:
                    told = stack.enter_context(web.live(10 * seconds))
                    next(told)
                    sent: list[int] = []
                    threading.Thread(target=read_on, args=(told, sent), name="reader", daemon=True).start()
                sent.clear()
                measure(dashboard, f"{viewers} looking", seconds)
                print(f"  to each of them {sum(sent) / seconds:.0f} bytes a second", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
