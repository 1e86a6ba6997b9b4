"""The wizard in a real Chromium: led from the first step to the last, for everybody, in four languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.language.catalogue import LANGUAGES, Language, words
from tests.dashboard.web import Web
from tests.helpers.browser import Browser, needs_axe
from tests.helpers.wizard import WORD, Rig, wizard

pytestmark = pytest.mark.slow

STEPS = ("aim", "hear", "broker", "home", "privacy", "finish")
READY = "document.getElementById('steps')?.children.length === 6 && document.getElementById('camera').value !== ''"


@pytest.fixture
def rig(tmp_path: Path, browser: Browser) -> Iterator[Rig]:
    """The page is open at its first step."""
    with wizard(tmp_path / "state") as one:
        Web(one.port).wait()
        browser.errors.clear()
        browser.urls.clear()
        browser.speak("en")
        browser.view(1280, 900)
        browser.go(f"http://127.0.0.1:{one.port}/")
        browser.run(f"(() => {{ document.getElementById('password').value = {json.dumps(WORD)} }})()")
        browser.click("button")
        browser.wait(READY)
        yield one
        browser.go("about:blank")


def result(step: str, kind: str) -> str:
    return f"document.getElementById('{step}-result').dataset.result === '{kind}'"


def test_it_leads_from_aiming_to_the_saved_config(rig: Rig, browser: Browser) -> None:
    browser.click("#look")
    browser.wait(result("aim", "good"), 40)
    browser.wait("document.querySelector('#box .over')?.getBoundingClientRect().height > 20")
    browser.wait("document.getElementById('picture').naturalWidth > 0")
    browser.click("#next")
    browser.wait("!document.getElementById('picture').hasAttribute('src')")
    assert browser.run("document.activeElement.id") == "hear-title", "the keyboard goes along"
    browser.click("#listen")
    browser.wait(result("hear", "good"), 40)
    assert browser.run("document.getElementById('meter').getAttribute('aria-valuenow')") != "-80"
    browser.click("#next")
    browser.run("(() => { document.getElementById('port').value = '1' })()")
    browser.click("#connect")
    browser.wait(result("broker", "bad"), 20)
    assert "127.0.0.1:1" in browser.text("#broker-result")
    browser.click("#next")
    browser.run("(() => { document.getElementById('announce').checked = false })()")
    browser.click("#find")
    browser.wait(result("home", "good"))
    browser.click("#next")
    browser.click("#close")
    browser.wait(result("privacy", "good"))
    browser.click("#next")
    assert "mqtt://127.0.0.1:1" in browser.text("#summary")
    browser.click("#save")
    browser.wait(result("finish", "good"))
    assert "systemctl" in browser.text("#lines")
    assert (rig.saved[0].port, rig.saved[0].announce, rig.saved[0].camera) == (1, False, "sample")
    browser.click("#check")
    browser.wait("document.getElementById('findings').children.length === 3")
    assert browser.run("[...document.querySelectorAll('#steps .sign')].map(s => s.innerText).join('')") == "✔✔✘✔✔✘"
    assert browser.errors == []
    asked = {url.split("/")[2] for url in browser.urls if url.startswith("http")}
    assert asked == {f"127.0.0.1:{rig.port}"}, "nothing comes from elsewhere"


def test_privacy_takes_the_picture_away(rig: Rig, browser: Browser) -> None:
    browser.click("#look")
    browser.wait("document.getElementById('picture').naturalWidth > 0", 40)
    browser.click("#privacy")
    browser.wait("document.getElementById('privacy').getAttribute('aria-checked') === 'true'")
    assert browser.run("document.getElementById('picture').getAttribute('src')") is None
    assert browser.run("document.getElementById('look').disabled")
    assert rig.gate.now().on
    browser.click("#privacy")
    browser.wait("!document.getElementById('look').disabled")
    browser.click("#look")
    browser.wait("document.getElementById('picture').naturalWidth > 0", 40)
    rig.gate.switch(True)  # at the device
    browser.wait("document.getElementById('privacy').getAttribute('aria-checked') === 'true'")
    assert browser.run("document.getElementById('view').hidden")


@needs_axe
def test_every_step_is_accessible_and_fits_in_every_dress(rig: Rig, browser: Browser) -> None:
    for width, dark in ((320, False), (390, True), (1280, False), (1920, True)):
        browser.view(width, 900, dark=dark)
        for number, step in enumerate(STEPS):
            browser.run(f"(() => {{ document.querySelectorAll('#steps button')[{number}].click() }})()")
            assert browser.run("document.documentElement.scrollWidth") <= width, (step, width)
            assert browser.violations() == [], f"{step} at {width}{' dark' if dark else ''}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_browsers_language(rig: Rig, browser: Browser, language: Language) -> None:
    browser.speak(language)
    browser.go(f"http://127.0.0.1:{rig.port}/#hear")
    browser.run("window.before = true; location.reload()")
    browser.wait(f"!window.before && document.documentElement.lang === '{language}' && {READY}")
    assert words(language)["setup.aim"] in browser.text("#steps")
    shown = browser.run("document.body.innerText")
    assert "setup." not in shown
    assert words(language)["setup.listen"] in shown
