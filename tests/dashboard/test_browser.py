"""The page in a real Chromium: it shows what is told, works for everybody, and asks nobody but the device."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.config.schema import Config
from edge.dashboard.observer import DashboardObserver
from edge.language.catalogue import LANGUAGES, words
from edge.messages.payloads import InfoPayload, Reason, SourcePayload
from edge.messages.status import BrokerStatus
from edge.readings import LABELS
from tests.dashboard.web import PASSWORD, Serve, Web
from tests.helpers.broker import Observer, free_port
from tests.helpers.browser import Browser, needs_axe
from tests.helpers.page import KeptDays, lived_in, page, told_at_start
from tests.helpers.service import Start
from tests.helpers.told import reading, state

pytestmark = pytest.mark.slow

LIVE = "document.getElementById('link').dataset.state === 'live'"
WIDE, NARROW = (1280, 900), (360, 740)


@pytest.fixture
def look(serve: Serve, browser: Browser) -> Iterator[Serve]:
    """Starts a page, with what `serve` takes, and opens it on a large screen."""

    def begin(**settings: Any) -> tuple[DashboardObserver, Web]:
        dashboard, web = serve(**settings)
        visit(browser, web)
        return dashboard, web

    yield begin
    browser.speak("en")
    browser.go("about:blank")


@pytest.fixture
def room(serve: Serve, browser: Browser) -> Iterator[tuple[DashboardObserver, Web]]:
    """Ten minutes of the scripted hour after some weeks, and what goes on; the page is open."""
    dashboard, web = serve(days=KeptDays(time.time()))
    with lived_in(dashboard, 600.0):
        visit(browser, web)
        yield dashboard, web
        browser.go("about:blank")


def visit(browser: Browser, web: Web) -> None:
    browser.errors.clear()
    browser.urls.clear()
    browser.view(*WIDE)
    browser.go(f"http://{web.host}/")
    browser.wait(LIVE, 60)


def test_it_shows_what_is_told(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    _, web = room
    browser.wait("document.getElementById('state').innerText !== '…'")
    word = browser.text("#state")
    assert word in (*LABELS, "uncertain", "nobody")
    assert "living-room" in browser.text("header")
    assert browser.run("document.title").startswith("living-room")
    browser.wait("[...document.querySelectorAll('#bars b')].filter(b => b.innerText.endsWith('%')).length >= 14")
    sums = browser.run(
        "[0, 1].map(c => [...document.querySelectorAll(`#bars tbody tr td:nth-child(${c + 2}) b`)]"
        ".reduce((sum, b) => sum + parseInt(b.innerText), 0))"
    )
    assert all(96 <= total <= 104 for total in sums), "each column is a distribution"
    assert "in view" in browser.text("#company")
    assert browser.run("document.querySelectorAll('#hour .block').length") >= 3
    assert browser.run("document.querySelectorAll('#field .trail path').length") >= 1
    for said in ("15.0 per second", "6 ms", "47 °C", "connected"):
        assert said in browser.text("#health")
    browser.click("summary")
    assert browser.run("document.querySelectorAll('#events li').length") >= 5
    assert browser.errors == []
    assert {url.split("/")[2] for url in browser.urls} == {web.host}, "nothing comes from anywhere else"
    assert browser.run("document.querySelectorAll('img[src], canvas, video').length") == 0, "there is no picture"


@needs_axe
def test_it_is_accessible_in_every_dress(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    dashboard, _ = room
    browser.run("(() => { for (const all of document.querySelectorAll('details')) all.open = true })()")
    for size in (WIDE, NARROW):
        for dark in (False, True):
            browser.view(*size, dark=dark)
            assert browser.violations() == [], f"{size} {'dark' if dark else 'light'}"
    dashboard.notify("privacy", "ON", None)
    browser.wait("document.getElementById('state').innerText === 'private'")
    assert browser.violations() == [], "privacy"


def test_on_a_small_phone_nothing_is_cut_and_fingers_find_it(
    room: tuple[DashboardObserver, Web], browser: Browser
) -> None:
    for width in (360, 320):
        browser.view(width, 740)
        time.sleep(0.3)
        assert browser.run("document.documentElement.scrollWidth") <= width
        small = browser.run(
            "[...document.querySelectorAll('button, summary, input')].filter(e => e.offsetParent)"
            ".map(e => [e.id || e.tagName, e.getBoundingClientRect().height]).filter(([, h]) => h < 24)"
        )
        assert small == []


def test_past_days_by_day_and_by_week(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    dashboard, _ = room
    blocks = "document.querySelectorAll('#days-chart .block').length"
    browser.wait("!document.getElementById('days-earlier').disabled")
    today = browser.text("#days-span")
    browser.click("#days-earlier")  # yesterday is a whole day at whatever time this runs
    browser.wait(f"document.getElementById('days-span').innerText !== {json.dumps(today)} && {blocks} > 30")
    browser.wait("document.querySelectorAll('#days-chart .present').length > 60")
    assert "for" in browser.text("#days-words")
    yesterday = browser.text("#days-span")
    browser.click("#days-week")
    browser.wait("document.getElementById('days-span').innerText.includes('\u2013')")
    browser.wait(f"{blocks} > 100")
    assert browser.run("document.getElementById('days-week').getAttribute('aria-pressed')") == "true"
    assert browser.run("document.getElementById('days-later').disabled"), "there is nothing after this week"
    browser.click("#days-day")
    browser.wait("!document.getElementById('days-span').innerText.includes('\u2013')")
    assert browser.text("#days-span") == today != yesterday
    assert browser.run("document.querySelector('a[download]').getAttribute('href')") == "history.csv"
    dashboard.notify("privacy", "ON", None)
    browser.wait("!document.getElementById('days').offsetParent")
    assert browser.run(blocks) == 0, "it is not even in the page's memory"
    dashboard.notify("privacy", "OFF", None)
    browser.wait("!!document.getElementById('days').offsetParent")
    assert browser.errors == []


def test_past_days_are_deleted_at_the_second_click(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    browser.click("#days-week")
    browser.wait("document.querySelectorAll('#days-chart .block').length > 100")
    browser.click("#days-delete")
    assert "again" in browser.text("#days-delete")
    assert browser.run("document.querySelectorAll('#days-chart .block').length") > 100
    browser.click("#days-delete")
    browser.wait("document.querySelectorAll('#days-chart .block').length === 0")
    browser.wait("document.getElementById('days-message').innerText.includes('deleted')")


def test_where_no_days_are_kept_the_page_says_nothing_of_them(look: Serve, browser: Browser) -> None:
    look()
    assert browser.run("document.getElementById('days').hidden")


def test_by_keyboard_alone(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.id") == "privacy"
    outline = browser.run("(s => s.outlineStyle + s.outlineWidth)(getComputedStyle(document.activeElement))")
    assert outline == "solid3px", "one sees where one is"
    browser.press(" ", 32, " ")
    browser.wait("document.getElementById('privacy').getAttribute('aria-checked') === 'true'")
    assert browser.text("#state") == "private"
    browser.wait("document.getElementById('spoken').textContent.includes('Privacy is on')")
    assert browser.run("document.querySelectorAll('#hour .block').length") == 0, "what was before is forgotten"
    assert browser.run("[...document.querySelectorAll('#bars b')].every(b => !b.innerText.includes('%'))")
    browser.press("Enter", 13, "\r")
    browser.wait("document.getElementById('privacy').getAttribute('aria-checked') === 'false'")


def slide(browser: Browser, slider: str, value: float) -> None:
    browser.run(
        f"(slider => {{ slider.value = {value}; slider.dispatchEvent(new Event('input')) }})"
        f"(document.getElementById({slider!r}))"
    )


def settings(browser: Browser) -> None:
    """Opens them, once the values in effect have arrived."""
    browser.run("(() => { document.getElementById('settings').open = true })()")
    browser.wait("document.getElementById('decision-enter').value === '0.42'")


def test_thresholds_are_tried_then_saved(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    dashboard, _ = room
    settings(browser)
    assert browser.run("document.getElementById('keep').disabled")
    browser.run("document.getElementById('decision-enter').focus()")
    for _ in range(10):
        browser.press("ArrowRight", 39)
    browser.wait("document.querySelectorAll('#trial .would').length > 1", 30)
    assert "would have been" in browser.text("#trial-words")
    assert browser.text("output[for=decision-enter]") == "42% → 52%"
    assert dashboard.history.config["decision.enter"] == 0.42, "nothing is changed by looking"
    browser.click("#discard")
    browser.wait("document.getElementById('keep').disabled")
    assert browser.run("document.getElementById('decision-enter').value") == "0.42"
    slide(browser, "decision-enter", 0.6)
    browser.wait("!document.getElementById('keep').disabled")
    browser.click("#keep")
    browser.wait("document.getElementById('keep').disabled")
    assert dashboard.history.config["decision.enter"] == 0.6
    dashboard.notify("config/decision.enter", "0.5", None)  # changed elsewhere: the slider follows
    browser.wait("document.getElementById('decision-enter').value === '0.5'")


def test_no_slider_allows_what_is_refused(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    """A state cannot end above where it starts: the other slider goes along, in both directions."""
    settings(browser)
    slide(browser, "decision-exit", 0.9)
    assert browser.run("document.getElementById('decision-enter').value") == "0.9"
    slide(browser, "decision-enter", 0.2)
    assert browser.run("document.getElementById('decision-exit').value") == "0.2"
    browser.wait("document.querySelectorAll('#trial .would').length > 1", 30)
    assert browser.text("#thresholds-message") == ""
    browser.run("(() => { document.getElementById('decision-exit').max = 9 })()")
    slide(browser, "decision-exit", 5)  # what no hand can do: the answer is in the page's words all the same
    browser.wait("document.getElementById('thresholds-message').textContent !== ''")
    assert "decision." not in browser.text("#thresholds-message")
    assert browser.run("document.getElementById('keep').disabled")


def test_before_a_value_is_known_its_slider_shows_none(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with page(tmp_path, port) as dashboard:
        Web(port).wait()
        browser.view(*WIDE)
        browser.go(f"http://127.0.0.1:{port}/")
        browser.wait("document.querySelectorAll('#bars tbody tr').length === 7")
        browser.run("(() => { document.getElementById('settings').open = true })()")
        assert browser.text("output[for=decision-enter]") == "\u2013"
        shown = "getComputedStyle(document.getElementById('decision-enter')).visibility"
        assert browser.run(shown) == "hidden"
        assert browser.run("document.getElementById('decision-enter').disabled")
        dashboard.notify("config/decision.enter", "0.45", None)
        browser.wait("document.querySelector('output[for=decision-enter]').innerText === '45%'")
        assert browser.run(shown) == "visible"
        browser.go("about:blank")


def test_words_have_a_column_once_some_were_read(look: Serve, browser: Browser) -> None:
    dashboard, _ = look()
    dashboard.notify("state", state("sad"), None)
    dashboard.notify("reading", reading("sad"), None)
    browser.wait("document.querySelector('#bars .strong th').innerText === 'sad'")
    shown = "getComputedStyle(document.querySelector('#bars td:nth-child(5)')).display !== 'none'"
    assert not browser.run(shown)
    dashboard.notify("reading", reading("sad", text_age=1.0), None)
    browser.wait(shown)
    assert browser.text("#text-weight") == "weight 30%"
    words = "document.querySelector('#bars tr[data-label=sad] td:nth-child(5) b').innerText"
    assert browser.run(words) == "70%"
    dashboard.notify("reading", reading("sad"), None)
    browser.wait("document.getElementById('text-weight').innerText === 'no words'")
    assert browser.run(shown)


def test_the_headline_says_what_the_bars_say(look: Serve, browser: Browser) -> None:
    dashboard, _ = look()
    dashboard.notify("state", state("absent"), None)
    dashboard.notify("reading", reading("sad"), None)
    browser.wait("document.getElementById('state').innerText === 'deciding …'")
    for label in ("happy", "uncertain"):
        dashboard.notify("state", state(label), None)
        browser.wait(f"document.getElementById('state').innerText === {label!r}")
        for _ in range(8):
            dashboard.notify("reading", reading("sad"), None)
            time.sleep(0.3)
        browser.wait("document.querySelector('#bars .strong th').innerText === 'sad'")
        bars = browser.run(
            "Object.fromEntries([...document.querySelectorAll('#bars tbody tr')]"
            ".map(row => [row.dataset.label, row.querySelector('b').innerText]))"
        )
        said = browser.text("#sentence")
        if label == "happy":
            assert f"{bars['happy']} sure" in said
            assert "It may be turning sad" in said
        else:
            assert "no emotion is dominant" in said
    assert browser.run("getComputedStyle(document.getElementById('bars')).getPropertyValue('--enter')") == "0.42"
    assert "42%" in browser.text("#bars-note")


def test_why_it_is_uncertain_and_whether_it_knows_the_face_at_rest(look: Serve, browser: Browser) -> None:
    dashboard, _ = look()
    reasons: tuple[tuple[Reason, str], ...] = (
        ("too dark", "too dark"), ("face covered", "partly covered"),
        ("face and voice disagree", "disagree"), ("still learning", "at rest"),
    )  # fmt: skip
    for reason, said in reasons:
        dashboard.notify("state", msgspec.structs.replace(state("uncertain"), reason=reason), None)
        browser.wait(f"document.getElementById('sentence').innerText.includes({said!r})")
    whole = reading()
    assert whole.face is not None
    dashboard.notify("state", msgspec.structs.replace(state("uncertain"), reason="no clear winner"), None)
    dashboard.notify("reading", whole, None)  # clear by itself, and not for long enough to be the state
    browser.wait("document.getElementById('sentence').innerText.includes('turning happy')")
    for known, said in ((False, "Learning the resting face"), (True, "The resting face is known")):
        face = msgspec.structs.replace(whole.face, rest_known=known)
        dashboard.notify("reading", msgspec.structs.replace(whole, face=face), None)
        browser.wait(f"document.getElementById('rest').innerText.includes({said!r})")
        assert browser.run("document.getElementById('rest').dataset.known") == str(known).lower()
    dashboard.notify("reading", whole, None)
    browser.wait("document.getElementById('rest').hidden")


def test_a_seat_is_calibrated_after_ten_seconds_and_the_calibration_forgotten(
    room: tuple[DashboardObserver, Web], browser: Browser
) -> None:
    dashboard, _ = room
    browser.run("(() => { document.getElementById('settings').open = true })()")
    browser.wait("!document.getElementById('calibrate').disabled")
    assert browser.run("document.getElementById('rest-forget').disabled"), "there is nothing to forget"
    browser.click("#calibrate")
    browser.wait("document.getElementById('rest-progress').innerText.includes('7 s to go')", 15)
    assert browser.run("document.getElementById('calibrate').disabled"), "one at a time"
    browser.wait("document.getElementById('rest-progress').innerText.includes('is calibrated')", 30)
    rows = browser.run("[...document.querySelectorAll('#rest-values tbody tr')].map(row => row.innerText.split('\\t'))")
    assert rows[:2] == [["neutral", "0.0", "-0.4"], ["happy", "0.0", "0.9"]]
    assert dashboard.history.config["face.rest"] == {"neutral": -0.4, "happy": 0.9}
    browser.wait("!document.getElementById('rest-forget').disabled")
    browser.click("#rest-forget")
    browser.wait("document.getElementById('rest-progress').innerText.includes('is forgotten')")
    assert dashboard.history.config["face.rest"] == {}
    browser.wait("document.getElementById('rest-forget').disabled")


def test_why_a_seat_cannot_be_calibrated_is_said_in_the_words_of_the_page(look: Serve, browser: Browser) -> None:
    browser.speak("de")
    look(refuses={"calibrate": "nobody is in view; sit down"})
    browser.run("(() => { document.getElementById('settings').open = true })()")
    browser.wait("!document.getElementById('calibrate').disabled")
    browser.click("#calibrate")
    browser.wait("document.getElementById('rest-message').innerText.includes('Niemand ist im Bild')", 30)
    assert browser.run("document.getElementById('rest-values').hidden")


def test_what_moved_it_and_what_comes_second(look: Serve, browser: Browser) -> None:
    dashboard, _ = look()
    because, sentence = (f"document.getElementById('{name}').innerText" for name in ("because", "sentence"))
    dashboard.notify("state", msgspec.structs.replace(state("happy"), modalities=("face", "speech", "text")), None)
    browser.wait(f"{sentence}.includes('from the face, the voice, and the words')")
    dashboard.notify("reading", reading("happy"), None)
    browser.wait(f"{because}.includes('From the face alone. Second:')")
    both = reading("happy", speech_age=0.1)
    dashboard.notify("reading", both, None)
    browser.wait(f"{because}.includes('Face and voice agree; the face alone would be 70%.')")
    assert both.face is not None
    seen = msgspec.structs.replace(both.face, probabilities=reading("sad").probabilities)
    dashboard.notify("reading", msgspec.structs.replace(both, face=seen), None)
    browser.wait(f"{because}.includes('The voice outweighs the face, which alone would be sad.')")
    dashboard.notify("reading", msgspec.structs.replace(both, face=seen, label="sad"), None)
    browser.wait(f"{because}.includes('The face outweighs the voice, which alone would be happy.')")
    read = msgspec.structs.replace(reading("happy"), text=seen)
    dashboard.notify("reading", read, None)
    browser.wait(f"{because}.includes('From the face alone. The words alone would be sad.')")
    assert "from the" not in browser.text("#sentence"), "one line says what it is from, not two"
    dashboard.notify("privacy", "ON", None)
    browser.wait(f"{because} === ''")


@pytest.mark.timeout(240)
def test_no_word_is_broken_and_nothing_is_cut_off(serve: Serve, browser: Browser) -> None:
    """Every state, every language, from a small phone to a large screen."""
    dashboard, web = serve(days=KeptDays(time.time(), 2))
    try:
        for language in LANGUAGES:
            browser.speak(language)
            browser.go(f"http://127.0.0.1:{web.port}/")
            browser.wait(LIVE, 60)
            for label in ("uncertain", "surprised"):
                dashboard.notify("state", state(label), None)
                word = words(language)[f"state.{label}"]
                browser.wait(f"document.getElementById('state').innerText === {word!r}")
                for width in (360, 390, 820, 1024, 1920):
                    browser.view(width, 900)
                    where = f"{word} at {width}"
                    fits = "(e => e.scrollWidth <= e.clientWidth && e.getClientRects().length === 1)"
                    assert browser.run(f"{fits}(document.getElementById('state'))"), where
                    assert browser.run("document.documentElement.scrollWidth") <= width, where
                    assert browser.run(OVERLAP) == [], where
    finally:
        browser.speak("en")
        browser.go("about:blank")


OVERLAP = """(() => {
  const parts = [...document.querySelectorAll('.name > span, #link, #privacy')].map(e => [e.className || e.id, e.getBoundingClientRect()]);
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return parts.flatMap(([name, a], i) => parts.slice(i + 1).filter(([, b]) => meet(a, b)).map(([other]) => `${name} over ${other}`));
})()"""  # noqa: E501


def test_the_hour_begins_with_the_first_thing_known(look: Serve, browser: Browser) -> None:
    dashboard, web = look()
    for seconds, heading in ((30, "The last minute"), (300, "The last 5 minutes"), (4_000, "The last hour")):
        dashboard.history.past.spans.clear()
        dashboard.notify("state", state("happy", float(seconds)), None)
        browser.go(f"http://{web.host}/")
        browser.wait(f"document.getElementById('hour-title').innerText === {heading!r}")
        browser.wait("document.querySelector('#hour .block') !== null")
        share = browser.run(
            "(svg => svg.querySelector('.block').getBBox().width / svg.getBBox().width)"
            "(document.getElementById('hour'))"
        )
        assert share > (0.4 if seconds < 60 else 0.8)


def test_the_sample_is_marked(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    dashboard, _ = room
    assert browser.run("document.getElementById('sample').hidden")
    dashboard.notify("status/camera", SourcePayload(state="online", reason="SAMPLE: no camera"), None)
    browser.wait("!document.getElementById('sample').hidden")
    assert browser.text("#sample").startswith("SAMPLE")


def test_it_does_not_talk_all_the_time(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    dashboard, _ = room
    time.sleep(0.5)
    browser.run(
        "(() => { window.said = []; new MutationObserver(() => said.push(performance.now()))"
        ".observe(document.getElementById('spoken'), {childList: true, characterData: true, subtree: true}) })()"
    )
    for i in range(60):
        dashboard.notify("state", state(LABELS[i % 7]), None)
        time.sleep(0.1)
    said = browser.run("said")
    assert 1 <= len(said) <= 3
    assert all(after - before > 4_500 for before, after in pairwise(said))


def test_words_from_outside_are_never_markup(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    dashboard, _ = room
    evil = "<img src=x onerror='window.harm=1'><script>window.harm=1</script>"
    dashboard.notify("status/camera", SourcePayload(state="offline", reason=evil), None)
    info = InfoPayload(version="", device=evil, board="", runtime="", python="", models={}, labels=(), config={})
    dashboard.notify("info", info, None)
    browser.wait("document.getElementById('health').innerText.includes('<script>')")
    assert "<img" in browser.text("#device")
    assert browser.run("window.harm") is None
    assert browser.run("document.querySelectorAll('#device img, #health script').length") == 0


def test_motion_only_for_those_who_like_it(room: tuple[DashboardObserver, Web], browser: Browser) -> None:
    script = "getComputedStyle(document.querySelector('.bar i')).transitionDuration"
    browser.view(*WIDE, calm=True)
    assert browser.run(script) == "0s"
    browser.view(*WIDE, calm=False)
    assert browser.run(script) != "0s"
    browser.view(*WIDE)


def test_a_service_that_goes_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with page(tmp_path, port) as dashboard:
        Web(port).wait()
        for topic, payload in told_at_start(Config()):
            dashboard.notify(topic, payload, None)
        browser.go(f"http://127.0.0.1:{port}/")
        browser.wait(LIVE, 60)
    browser.wait("document.getElementById('link').innerText.includes('no connection')")
    with page(tmp_path, port) as dashboard:
        for topic, payload in told_at_start(Config()):
            dashboard.notify(topic, payload, None)
        browser.wait(LIVE, 60)
        browser.click("#privacy")  # what it may do goes with the new service
        browser.wait("document.getElementById('privacy').getAttribute('aria-checked') === 'true'")
        browser.go("about:blank")


def test_no_view_shows_a_dead_feeling(browser: Browser, tmp_path: Path) -> None:
    """The stream breaks; the stream lives and the service is silent; the stream lives and the broker is gone."""
    port = free_port()
    with page(tmp_path, port) as dashboard:
        Web(port).wait()
        for topic, payload in told_at_start(Config()):
            dashboard.notify(topic, payload, None)
        dashboard.notify("config/publish.state_every_s", "1.0", None)
        browser.go(f"http://127.0.0.1:{port}/")
        browser.wait(LIVE, 60)
        feel(dashboard)
        browser.wait("document.getElementById('state').innerText === 'happy'")
        assert "70%" in browser.text("#sentence")
        browser.wait("document.getElementById('link').dataset.state === 'silent'", 15)  # 4.5 s, and a look every 2 s
        nothing_of_anybody(browser)
        feel(dashboard)
        browser.wait("document.getElementById('state').innerText === 'happy'")
        browser.wait(LIVE)
        dashboard._broker = lambda: BrokerStatus("unreachable", "the broker is away")
        browser.wait("document.getElementById('link').dataset.state === 'broker'")
        feel(dashboard)
        browser.wait("document.getElementById('state').innerText === 'happy'")
        assert browser.text("#link") != "live"
    browser.wait("document.getElementById('link').dataset.state === 'lost'")
    nothing_of_anybody(browser)
    browser.go("about:blank")


def feel(dashboard: DashboardObserver) -> None:
    dashboard.notify("state", state("happy", 3.0), None)
    dashboard.notify("reading", reading("happy"), None)


def nothing_of_anybody(browser: Browser) -> None:
    browser.wait("document.getElementById('state').innerText === 'offline'")
    assert "%" not in browser.text("#sentence")
    assert browser.run("[...document.querySelectorAll('#bars b')].every(b => !b.innerText.includes('%'))")
    assert browser.run("document.querySelector('#field .here').style.opacity") == "0"
    assert browser.text("#company") == ""


def test_by_way_of_the_broker_its_silence_is_silence(look: Serve, browser: Browser) -> None:
    dashboard, _ = look(over_mqtt=True)
    feel(dashboard)
    browser.wait("document.getElementById('state').innerText === 'happy'")
    dashboard._broker = lambda: BrokerStatus("unreachable", "the connection to the broker was lost")
    browser.wait("document.getElementById('link').dataset.state === 'offline'")
    nothing_of_anybody(browser)
    assert "connection to the broker was lost" in browser.text("#sentence")


def test_under_privacy_what_was_tried_on_the_past_goes_too(
    room: tuple[DashboardObserver, Web], browser: Browser
) -> None:
    settings(browser)
    slide(browser, "decision-enter", 0.6)
    browser.wait("document.getElementById('trial-words').textContent.includes('would have')", 30)
    browser.click("#privacy")
    browser.wait("document.getElementById('state').innerText === 'private'")
    browser.wait("!document.getElementById('trial-words').textContent.includes('would have')")
    assert browser.run("document.querySelectorAll('#trial .was:not(.key), #trial .would, #trial .curve').length") == 0
    assert browser.run("[...document.querySelectorAll('.people-only')].every(part => part.offsetParent === null)")
    assert browser.run("document.getElementById('decision-enter').value") == "0.42"
    assert browser.run("document.getElementById('health').innerText.includes('%')") is False


def test_through_the_door(serve: Serve, browser: Browser) -> None:
    _, web = serve(password=PASSWORD)
    browser.view(*NARROW)
    browser.go(f"http://127.0.0.1:{web.port}/")
    assert browser.run("location.pathname") == "/login"
    for given in ("something wrong", PASSWORD):
        browser.run("document.getElementById('password').focus()")
        browser.write(given)
        browser.press("Enter", 13, "\r")
        if given != PASSWORD:
            browser.wait("document.getElementById('message').innerText.includes('Wrong password')")
    browser.wait(f"location.pathname === '/' && {LIVE}", 60)
    assert browser.run("document.cookie") == "", "no script sees the cookie"
    browser.click("#logout")
    browser.wait("location.pathname === '/login'")
    browser.go("about:blank")


@pytest.mark.timeout(240)
def test_against_the_running_service(start: Start, observer: Observer, browser: Browser) -> None:
    web = Web(free_port())
    service = start(dashboard={"enabled": True, "port": web.port, "preview": "device"})
    web.wait()
    observer.wait("/reading", 60)
    visit(browser, web)
    told = observer.wait("/state", 60, lambda m: m.json["label"] != "absent").json["label"]
    browser.wait(f"document.getElementById('state').innerText !== 'nobody' && {told!r}", 60)
    browser.wait("document.getElementById('aim').hidden === false")
    browser.click("#aim-start")
    browser.wait(
        "!document.getElementById('aim-banner').hidden && document.getElementById('aim-picture').naturalWidth === 320",
        30,
    )
    assert "A picture of the room is being shown" in browser.text("#aim-banner")
    browser.click("#privacy")
    observer.wait("/privacy", 15, lambda m: m.payload == b"ON")
    browser.wait("document.getElementById('aim-banner').hidden")
    assert browser.text("#state") == "private"
    browser.click("#privacy")
    observer.wait("/privacy", 15, lambda m: m.payload == b"OFF" and not m.retained)
    browser.wait("document.getElementById('state').innerText !== 'private'")
    assert [error for error in browser.errors if "aim.jpg" not in error] == []
    browser.go("about:blank")
    assert service.stop() == 0
