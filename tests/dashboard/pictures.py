"""`scripts/screenshots`: the page in each of its moods, as PNG files."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from edge.config.schema import Config
from edge.dashboard.password import file_in, store
from edge.messages.payloads import ModalityPart, ReadingPayload, SourcePayload, StatePayload
from edge.readings import LABELS
from tests.dashboard.web import Web
from tests.helpers.broker import free_port
from tests.helpers.browser import Browser
from tests.helpers.page import KeptDays, lived_in, page, told_at_start

ROOT = Path(__file__).parents[2]
DRESSES = {
    "desktop-light": (1280, 900, False),
    "desktop-dark": (1280, 900, True),
    "phone-light": (360, 740, False),
    "phone-dark": (360, 740, True),
    "tablet-light": (820, 1180, False),
    "iphone-light": (390, 844, False),
    "large-dark": (1920, 1080, True),
}
SHOWN = "document.querySelectorAll('#bars tbody tr').length === 7"
LIVE = "document.getElementById('link').dataset.state === 'live'"


def state_of(label: str, for_s: float = 5.0) -> StatePayload:
    return StatePayload(label=label, confidence=0.7, since="", for_s=for_s, people=1, modalities=("face",))


def reading_of(label: str, share: float) -> ReadingPayload:
    probabilities = {name: share if name == label else (1 - share) / 6 for name in LABELS}
    face = ModalityPart(probabilities, 0.1, 0.8, 1.0)
    return ReadingPayload(
        probabilities=probabilities, label=label, confidence=share, valence=0.5, arousal=0.3, people=1, face=face
    )  # fmt: skip


def shoot(browser: Browser, url: str, folder: Path, mood: str, dresses: list[str]) -> None:
    for dress in dresses:
        width, height, dark = DRESSES[dress]
        browser.view(width, height, dark=dark)
        browser.go(url)
        if not url.endswith("/login"):
            browser.wait(SHOWN, 60)
        time.sleep(1.2)
        if mood.startswith("trying"):
            browser.run("(() => { document.getElementById('settings').open = true })()")
            slider = "document.getElementById('decision-enter')"
            browser.run(f"(s => {{ s.value = 0.7; s.dispatchEvent(new Event('input')) }})({slider})")
            browser.wait("document.querySelectorAll('#trial .would').length > 1", 30)
        if mood == "week":
            browser.click("#days-week")
            browser.wait("document.querySelectorAll('#days-chart .block').length > 100", 30)
        browser.view(width, int(browser.run("document.documentElement.scrollHeight")), dark=dark)
        time.sleep(0.3)
        browser.screenshot(folder / f"{mood}-{dress}.png")
        print(folder / f"{mood}-{dress}.png")  # noqa: T201


def moods(browser: Browser, folder: Path) -> None:
    state = Path(tempfile.mkdtemp())
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with page(state, port, days=KeptDays(time.time())) as dashboard:
        Web(port).wait()
        shoot(browser, url, folder, "nothing", ["desktop-light"])
        for topic, payload in told_at_start(Config()):
            dashboard.notify(topic, payload, None)
        dashboard.notify("state", state_of("happy", 30.0), None)
        dashboard.notify("reading", reading_of("happy", 0.7), None)
        dashboard.notify("status/camera", SourcePayload(state="online", reason="sample scene"), None)
        shoot(browser, url, folder, "sample", ["desktop-light"])
        with lived_in(dashboard):
            shoot(browser, url, folder, "trying", list(DRESSES)[:4])
            shoot(browser, url, folder, "week", list(DRESSES))
            shoot(browser, url, folder, "living", ["tablet-light", "iphone-light", "large-dark"])
            for language in ("de", "fr", "es"):
                browser.speak(language)
                shoot(browser, url, folder, f"trying-{language}", ["desktop-light", "phone-light"])
            browser.speak("en")
        dashboard.notify("state", state_of("uncertain"), None)
        dashboard.notify("reading", reading_of("happy", 0.4), None)
        shoot(browser, url, folder, "uncertain", ["tablet-light", "desktop-light"])
        dashboard.notify("status/camera", SourcePayload(state="offline", reason="busy: another program has it"), None)
        dashboard.notify("privacy", "ON", None)
        shoot(browser, url, folder, "privacy", ["desktop-dark", "phone-light"])
        dashboard.notify("availability", "offline", None)
        dashboard.notify("privacy", "OFF", None)
        shoot(browser, url, folder, "offline", ["desktop-light"])
    time.sleep(1.0)
    browser.screenshot(folder / "lost-desktop-light.png")
    store(file_in(state), "only for this picture")
    with page(state, port):
        Web(port).wait()
        shoot(browser, url + "login", folder, "door", ["desktop-light", "phone-dark"])


def readme(browser: Browser) -> None:
    state, port = Path(tempfile.mkdtemp()), free_port()
    target = ROOT / "scripts" / "pictures" / "dashboard.png"
    target.parent.mkdir(exist_ok=True)
    with page(state, port) as dashboard:
        Web(port).wait()
        for topic, payload in told_at_start(Config()):
            dashboard.notify(topic, payload, None)
        with lived_in(dashboard):
            browser.view(1100, 1000)
            browser.go(f"http://127.0.0.1:{port}/")
            browser.wait(LIVE, 60)
            browser.wait("document.querySelectorAll('#field .trail path').length > 2", 30)
            time.sleep(2.0)
            browser.screenshot(target, whole=False)
    print(target)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/screenshots")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / ".cache" / "screenshots")
    parser.add_argument("--readme", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(Path(profile))
        try:
            if arguments.readme:
                readme(browser)
            else:
                arguments.folder.mkdir(parents=True, exist_ok=True)
                moods(browser, arguments.folder)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
